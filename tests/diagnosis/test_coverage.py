"""Coverage by trajectories: the same that coverage.py's own tracer finds, and read by its own commands."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from coverage import CoverageData

from cwm_engine.diagnosis.coverage import write_coverage
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.trajectories.load import load_dataset, save_dataset
from tests.recordings import RIGHT, made, recorded, right_model

CROOKED = '''\
"""Every kind of statement that a tracer may stumble over."""
import contextlib
from math import floor

LIMIT = 3 if floor(2.5) == 2 else 4


def digits(number):
    while True:
        yield number % 2
        number //= 2
        if not number:
            return


class Environment:
    """A walk."""

    names = [name for name in ("left", "right")
             if name]

    def __init__(self):
        self.state = 0
        if self.names:
            self.count = len(self.names)

    def set_state(self, state):
        self.state = state

    def step(self, action):
        x = self.state + (
            action
        )
        try:
            if x == 7:
                raise ValueError
            y = 1 // action
        except ZeroDivisionError:
            y = 0
        except ValueError:
            with contextlib.suppress(KeyError):
                y = {}[x]
        finally:
            self.state = x
        total = sum(digits(x))
        for bit in digits(x):
            if bit:
                break
        else:
            total += 0
        match action:
            case 0:
                total = 0
            case 1 if x > 4:
                total = 1
            case 5:
                total = 2
        inner = lambda: total  # noqa: E731
        while total > 0:
            total -= 1
            if x == 9: continue
            if total == 1:
                total = 0
        if x > 11:
            raise IndexError(x)
        if x > LIMIT: return x, 0.0, False
        elif inner() < 0:
            return 0, 0.0, False
        return x, 0.0, False
'''
ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]
LENGTHS = [7, 1, 12, 10]
TRACED = """
import importlib.util, sys
from pathlib import Path
import coverage
from cwm_engine.trajectories.load import load_dataset

model, data, target = sys.argv[1:]
dataset = load_dataset([data])
measured = coverage.Coverage(data_file=target, branch=True, config_file=False, include=[model])
measured.start()
spec = importlib.util.spec_from_file_location("model", model)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
if hasattr(module, "Environment"):
    environment = module.Environment()
else:
    class environment:
        def set_state(state):
            environment.state = state
        def step(action):
            after = module.transition(environment.state, action)
            module.reward(environment.state, action, after)
columns = (dataset.observations, dataset.actions)
states, actions = (column.plain(0, len(dataset)) for column in columns)
for episode, state, action in zip(dataset.episode.tolist(), states, actions):
    measured.switch_context(f"{Path(data).name}::episode {episode}")
    try:
        environment.set_state(state)
        environment.step(action)
    except Exception:
        pass
measured.stop()
measured.save()
"""


@pytest.fixture
def covered(tmp_path):
    """Writes a model and data, and the coverage by a check; the three files."""

    def covered(text, dataset, mode="transition", source=None):
        model, data, target = source or tmp_path / "walk.py", tmp_path / "data.jsonl", tmp_path / ".coverage"
        if source is None:
            model.write_text(text)
        save_dataset(dataset, data)
        dataset = replace(dataset, provenance=replace(dataset.provenance, source=str(data)))
        with Session(Settings(file=str(model), path=model, mode=mode, repair=False), dataset) as session:
            session.check(text)
            write_coverage(session.coverage(), target)
        return model, data, target

    return covered


@pytest.fixture
def crooked(covered):
    return covered(CROOKED, made(ROWS, lengths=LENGTHS))


def by_context(file: Path, model: Path):
    """For each context of a data file, its arcs between different lines."""
    data = CoverageData(basename=str(file))
    data.read()
    found = {}
    for context in data.measured_contexts():
        data.set_query_context(context)
        found[context] = {(start, end) for start, end in data.arcs(str(model.resolve())) or () if start != end}
    return found


def line_of(beginning: str) -> int:
    """The line of the crooked model that begins so."""
    return next(n for n, line in enumerate(CROOKED.splitlines(), 1) if line.strip().startswith(beginning))


def coverage(*arguments, cwd) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "coverage", *arguments], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout


# The same as coverage.py finds


@pytest.mark.parametrize("environment", ["crooked", *RIGHT])
def test_each_episode_runs_what_coverage_py_sees_it_run(covered, environment, tmp_path):
    if environment == "crooked":
        model, data, ours = covered(CROOKED, made(ROWS, lengths=LENGTHS))
    else:
        model, data, ours = covered(right_model(environment), recorded(environment), source=RIGHT[environment])
    subprocess.run([sys.executable, "-c", TRACED, model, data, tmp_path / "theirs"], check=True)
    one, other = by_context(ours, model), by_context(tmp_path / "theirs", model)
    assert {name: (sorted(one[name] - other[name]), sorted(other[name] - one[name])) for name in one} == dict.fromkeys(
        other, ([], [])
    )


# The commands of coverage.py


def test_the_report_names_the_lines_and_branches_that_no_transition_runs(crooked, tmp_path):
    report = coverage("report", "--show-missing", cwd=tmp_path)
    row = next(line for line in report.splitlines() if line.startswith("walk.py"))
    missing = row.partition("%")[2].split(", ")
    assert {str(line_of("total = 2")), str(line_of("return 0, 0.0"))} <= {entry.strip() for entry in missing}
    assert f"{line_of('if self.names')}->exit" in row


def test_the_pages_name_the_episodes_that_run_a_line(crooked, tmp_path):
    coverage("html", "--show-contexts", "--directory=pages", cwd=tmp_path)
    page = next(path for path in (tmp_path / "pages").glob("*walk_py.html")).read_text()
    assert "data.jsonl::episode 2" in page


def test_the_other_forms_of_coverage_py_are_written_too(crooked, tmp_path):
    coverage("xml", cwd=tmp_path)
    coverage("lcov", cwd=tmp_path)
    coverage("json", "--show-contexts", cwd=tmp_path)
    assert 'branch-rate="0.' in (tmp_path / "coverage.xml").read_text()
    assert "BRDA:" in (tmp_path / "coverage.lcov").read_text()
    (file,) = json.loads((tmp_path / "coverage.json").read_text())["files"].values()
    assert set(file["contexts"][str(line_of("x = self.state + ("))]) == {
        f"data.jsonl::episode {episode}" for episode in range(4)
    }


def test_one_episode_can_be_looked_at_alone(crooked, tmp_path):
    whole = coverage("report", "--format=total", cwd=tmp_path)
    one = coverage("report", "--format=total", "--contexts=episode 1$", cwd=tmp_path)
    assert int(one) < int(whole)


def test_what_the_report_misses_is_what_the_findings_say(crooked, tmp_path):
    model, data, _ = crooked
    coverage("json", cwd=tmp_path)
    (file,) = json.loads((tmp_path / "coverage.json").read_text())["files"].values()
    missing = set(file["missing_lines"])
    with Session(Settings(file=str(model), path=model, repair=False), load_dataset([str(data)])) as session:
        (report,) = session.check(CROOKED)
    said = {code: [one.span for one in report.findings if one.code == code] for code in ("CWM601", "CWM603")}
    assert missing == {
        line for span in said["CWM601"] for line in range(span.line, span.end_line + 1) if line in file["missing_lines"]
    }
    assert all(span.line in missing for span in said["CWM601"])
    not_to_missing = {start for start, end in file["missing_branches"] if end not in missing}
    assert not_to_missing == {span.line for span in said["CWM603"]}


# What else there is


def test_what_runs_while_loading_is_in_the_context_without_a_name(crooked):
    model, _, target = crooked
    loading = by_context(target, model)[""]
    lines = {line for arc in loading for line in arc}
    assert {line_of("LIMIT ="), line_of("self.count =")} <= lines
    assert line_of("x = self.state + (") not in lines


def test_a_model_that_remembers_is_played_from_the_start_of_its_episodes(covered):
    text = (
        "class Environment:\n"
        "    def set_state(self, state):\n"
        "        self.state, self.turn = state, 0\n"
        "    def step(self, action):\n"
        "        self.turn += 1\n"
        "        if self.turn == 3:\n"
        "            self.state += 0\n"
        "        self.state += action\n"
        "        return self.state, 0.0, False\n"
    )
    rows = [(0, 1, 1, 0.0, False), (1, 1, 2, 0.0, False), (2, 1, 3, 0.0, False), (0, 1, 1, 0.0, False)]
    model, _, target = covered(text, made(rows, lengths=[3, 1]), mode="episode")
    found = by_context(target, model)
    assert (6, 7) in found["data.jsonl::episode 0"]
    assert (6, 7) not in found["data.jsonl::episode 1"]


def test_a_model_that_does_not_run_covers_nothing(covered):
    text = "class Environment:\n    def __init__(self):\n        raise ValueError\n"
    text += "    def set_state(self, state): ...\n    def step(self, action): ...\n"
    model, _, target = covered(text, made(ROWS))
    assert set(by_context(target, model)) <= {""}


def test_a_step_that_never_ends_is_left_out_and_the_others_are_told(covered):
    text = (
        "class Environment:\n"
        "    def set_state(self, state):\n"
        "        self.state = state\n"
        "    def step(self, action):\n"
        "        while self.state == 5:\n"
        "            pass\n"
        "        return self.state + action, 0.0, False\n"
    )
    model, _, target = covered(text, made(ROWS))
    assert (5, 7) in by_context(target, model)["data.jsonl::episode 0"]
