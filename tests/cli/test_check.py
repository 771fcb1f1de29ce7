"""`cwm check`: files and options in, a report and an exit code out."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from cwm_engine.checking.report import report_schema
from cwm_engine.cli.check import CheckOptions, run_check, show
from cwm_engine.cli.check import check as check_all
from cwm_engine.cli.output import OutputFormat
from cwm_engine.findings import Severity
from cwm_engine.trajectories.load import save_dataset
from tests.cli.command import Running, cwm
from tests.recordings import made, recorded, right_model
from tests.sandbox.processes import descendants, is_alive, wait_until

WALK = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state + action, 0.0, False
"""
ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]
GOALS = """\
def transition(state, action): return state + action
REWARDS = {"a": lambda state, action, after: (1.0, False), "b": lambda state, action, after: (0.0, False)}
"""
CART_EDIT = ("4.0 / 3.0 -", "4.0 / 3.0 +")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty project with data for a walk, as the working directory."""
    save_dataset(made(ROWS), tmp_path / "walk.jsonl")
    (tmp_path / "cwm.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(folder, capsys):
    """Checks files of the project; exit code, text and document."""

    def check(*files, data: str | None = "walk.jsonl", **more):
        options = CheckOptions(files=files, trajectories=(data,) if data else (), **more)
        outcomes = check_all(options)
        code = show(outcomes, options)
        text = capsys.readouterr().out
        assert show(outcomes, replace(options, output_format=OutputFormat.JSON)) == code
        document = json.loads(capsys.readouterr().out)
        jsonschema.validate(document, report_schema())
        return code, text, document

    return check


def write(name: str, text: str = WALK) -> str:
    """A file of the project."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def said(checked, message: str) -> bool:
    """Whether the text and the document both say something, be it a finding or why there is none."""
    _, text, document = checked
    told = [str(model["message"]) for model in document["models"]]
    told += [finding["message"] for model in document["models"] for finding in model["findings"]]
    return message in text and any(message in item for item in told)


# Exit codes and reports


def test_a_right_model_passes(check):
    code, text, document = check(write("walk.py"))
    assert code == 0
    assert "walk.py::Environment: 30 right of 30 transitions in walk.jsonl" in text
    assert text.endswith("1 model: 1 right\n")
    assert (document["status"], document["models"][0]["accuracy"]) == ("complete", 1.0)


def test_a_wrong_model_fails_and_its_line_is_shown(check):
    code, text, document = check(write("walk.py", WALK.replace("0.0", "1.0")))
    assert code == 1
    assert "walk.py:6:37: CWM301 `reward` is wrong in 30 of 30 transitions" in text
    assert "6 |         return self.state + action, 1.0, False" in text
    assert document["models"][0]["findings"][0]["line"] == 6


def test_the_command_itself_prints_the_same_and_nothing_beside_it(folder):
    write("walk.py", WALK.replace("0.0", "1.0"))
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--output-format", "json", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "")
    jsonschema.validate(json.loads(done.stdout), report_schema())


@pytest.mark.parametrize("output_format", ["github", "junit", "sarif"])
def test_other_forms_of_the_report_hold_the_finding_too(folder, capsys, output_format):
    options = CheckOptions(
        (write("walk.py", WALK.replace("0.0", "1.0")),), ("walk.jsonl",), OutputFormat(output_format)
    )
    assert run_check(options) == 1
    assert "CWM301" in capsys.readouterr().out


# Files that cannot be checked


def test_a_file_that_is_not_there_is_named(check):
    checked = check("nowhere.py")
    assert checked[0] == 2
    assert said(checked, "no such file (check the spelling")
    assert checked[2]["models"][0]["file"] == "nowhere.py"


def test_a_class_of_a_file_that_is_not_there_is_no_better(check):
    checked = check("nowhere.py::Environment", data=None)
    assert (checked[0], checked[2]["models"][0]["file"]) == (2, "nowhere.py")


def test_a_folder_without_models_says_so(check):
    Path("empty").mkdir()
    checked = check("empty")
    assert checked[0] == 2
    assert said(checked, "holds no model with data")


def test_a_model_without_data_says_how_to_give_it_some(check):
    checked = check(write("alone.py"), data=None)
    assert checked[0] == 2
    assert said(checked, "there is no data to check this model against (give it with `--trajectories FILE`")


def test_one_file_that_cannot_be_checked_leaves_the_others_their_reports(check):
    code, text, document = check(write("walk.py"), "nowhere.py")
    assert code == 2
    assert [model["status"] for model in document["models"]] == ["complete", "error"]
    assert "2 models: 1 right, 1 not checked" in text


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "CWM102", "The file is empty."),
        (b"\x7fELF\x02\x00\x00" * 50, "CWM111", "The file is binary: byte 5 is a null byte."),
        (b"x = 'gr\xfc\xdf'\n", "CWM111", "The file is not UTF-8 text: byte 0xfc at offset 7 (line 1)."),
        ("x = 1".encode("utf-16"), "CWM111", "The file is written in UTF-16; Python reads UTF-8."),
        (b"def f(:\n", "CWM101", "The file is not valid Python"),
        (b"x = 1\n", "CWM102", "The file holds no world model"),
    ],
    ids=["empty", "binary", "latin", "utf-16", "syntax", "no model"],
)
def test_a_file_that_is_no_model_says_what_it_is(check, content, code, message):
    Path("model.py").write_bytes(content)
    checked = check("model.py")
    assert checked[0] == 1
    assert said(checked, message)
    assert checked[2]["models"][0]["findings"][0]["code"] == code
    assert "1 model: 1 not checked; 1 error" in checked[1]


@pytest.mark.parametrize(
    "content",
    [
        WALK.replace("\n", "\r\n").encode(),
        WALK.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + WALK.encode(),
        ("# -*- coding: latin-1 -*-\n# grüße\n" + WALK).encode("latin-1"),
    ],
    ids=["CRLF", "CR", "BOM", "latin-1 declared"],
)
def test_a_file_may_be_written_as_python_allows(check, content):
    Path("model.py").write_bytes(content)
    assert check("model.py")[0] == 0


def test_a_file_of_fifty_thousand_lines_is_a_file(folder):
    write("long.py", "".join(f"x{number} = {number}\n" for number in range(50_000)) + WALK)
    done = cwm("check", "long.py", "-t", "walk.jsonl")
    assert (done.returncode, done.stderr) == (0, "")


def test_one_class_of_a_file_can_be_checked(check):
    name = write("two.py", f"{WALK}\n\n{WALK.replace('Environment', 'Other').replace('0.0', '1.0')}")
    assert check(name)[0] == 1
    assert check(f"{name}::Environment")[0] == 0
    code, _, document = check(f"{name}::Nobody")
    assert (code, document["models"][0]["message"]) == (
        2,
        "holds no model named `Nobody` (the models of this file: `Environment`, `Other`)",
    )


# Data that cannot be used


def test_data_that_is_not_there_is_named(check):
    checked = check(write("walk.py"), data="nowhere.sqlite")
    assert checked[0] == 2
    assert said(checked, "nowhere.sqlite: there is no such file")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.sqlite", b"SQLite format 3\0" + b"x" * 5000, "data.sqlite"),
        ("data.npz", b"PK\x03\x04 and no more", "data.npz"),
        ("data.jsonl", b'{"no": "transition"}\n', "data.jsonl"),
        ("data.jsonl", b"", "is empty: it holds no transitions"),
        ("data.pkl", b"\x80\x04K\x01.", "is a pickle, which is never loaded"),
    ],
    ids=["sqlite", "npz", "jsonl", "empty", "pickle"],
)
def test_data_that_cannot_be_read_says_why(check, name, content, message):
    Path(name).write_bytes(content)
    checked = check(write("walk.py"), data=name)
    assert checked[0] == 2
    assert said(checked, message)


@pytest.mark.parametrize("name", ["none.npz", "none.sqlite", "none.parquet", "none.jsonl"])
def test_a_dataset_without_transitions_is_never_a_pass(check, name):
    save_dataset(made(ROWS).rows(slice(0, 0)), name)
    checked = check(write("walk.py"), data=name)
    assert checked[0] == 2
    assert re.search(r"holds? no (transitions|episodes)|there are no transitions", checked[1])


def test_transitions_of_mixed_shapes_are_named_by_their_record(check):
    lines = Path("walk.jsonl").read_text().splitlines()
    spoiled = json.loads(lines[5])
    spoiled["obs" if "obs" in spoiled else "observation"] = [1, 2, 3]
    Path("mixed.jsonl").write_text("\n".join([*lines[:5], json.dumps(spoiled), *lines[6:]]))
    checked = check(write("walk.py"), data="mixed.jsonl")
    assert checked[0] == 2
    assert re.search(r"mixed\.jsonl.*line 6", checked[1])
    code, text, _ = check("walk.py", data="mixed.jsonl", skip_bad=True)
    assert code == 0
    assert "note: left out 1 bad record: mixed.jsonl, line 6" in text


def test_data_of_another_environment_says_so(check):
    save_dataset(recorded("CartPole-v1"), "cart.npz")
    checked = check(write("walk.py", right_model("Acrobot-v1")), data="cart.npz")
    assert checked[0] == 1
    assert said(
        checked, "Not one state of the trajectories of CartPole-v1 fits this model: they are arrays of shape (4,)."
    )


# Configuration


def configure(text: str) -> None:
    Path("cwm.toml").write_text(text)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("models = 3", "`models` is not a list of tables"),
        ("[[models]]\nfile = 'walk.py'\nmodus = 'episode'", "unknown key `models[0].modus`"),
        ("[[models]]\nfile = 'walk.py'\nmode = 'sideways'", "`models[0].mode`"),
        ("min_accuracy = 3", "`min_accuracy`"),
        ("not toml", "is not valid TOML"),
        ("[[models]]\nfile = 'walk.py'\nignore = ['obs[7]']", "`ignore` names 'obs[7]', which is no field of the data"),
    ],
    ids=["table", "key", "value", "range", "syntax", "field"],
)
def test_a_mistake_in_the_configuration_is_named(check, config, message):
    configure(config)
    checked = check(write("walk.py"))
    assert checked[0] == 2
    assert said(checked, message)


def test_models_and_data_are_matched_by_the_configuration(check):
    write("models/walk.py")
    configure("[[models]]\nfile = 'models/walk.py'\ntrajectories = 'walk.jsonl'\nenv = 'Walk-v0'\n")
    assert check("models/walk.py", data=None)[0] == 0
    assert check(data=None)[0] == 0


@pytest.mark.parametrize(
    ("settings", "source", "code"),
    [
        ("ignore = ['reward']", WALK.replace("0.0", "1.0"), 0),
        ("tolerance = {atol = 2.0}", WALK.replace("0.0", "1.0"), 0),
        ("stochastic = true", f"import random\n{WALK.replace('0.0', 'random.random() / 1e9')}", 0),
        ("stochastic = false", f"import random\n{WALK.replace('0.0', 'random.random() / 1e9')}", 1),
        ("allow_modules = ['wave']", f"import wave\n{WALK}", 0),
        ("env = 'Other-v0'", WALK, 0),
        ("goal = 'b'", GOALS, 0),
        ("mode = 'episode'", WALK.replace("self.state = state", "self.state = state; self.n = 0"), 1),
    ],
    ids=["ignore", "tolerance", "stochastic", "not stochastic", "modules", "environment", "goal", "mode"],
)
def test_settings_of_a_model_are_obeyed(check, settings, source, code):
    configure(f"[[models]]\nfile = 'walk.py'\n{settings}\n")
    assert check(write("walk.py", source))[0] == code


def test_pinned_transitions_are_checked_too(check):
    save_dataset(made([(50, 1, 52, 0.0, False)]), "pinned.jsonl")
    configure("[[models]]\nfile = 'walk.py'\npinned = ['pinned.jsonl']\n")
    code, _, document = check(write("walk.py"))
    assert (code, document["models"][0]["transitions"]["total"]) == (1, 31)


@pytest.mark.parametrize(
    ("setting", "statement", "code"),
    [
        ("loop_iterations = 100", "for _ in range(int('200')): pass", "CWM406"),
        ("memory_mb = 64", "bytes(200 << 20)", "CWM404"),
        ("wall_seconds = 0.3", "__import__('time').sleep(0.05)", "CWM402"),
    ],
)
def test_limits_can_be_configured(check, setting, statement, code):
    configure(setting)
    _, text, _ = check(write("walk.py", WALK.replace("        return", f"        {statement}\n        return")))
    assert code in text


# What fails


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, 1),
        ({"fail_on": Severity.ERROR}, 1),
        ({"ignore": ("CWM301",)}, 0),
        ({"select": ("CWM4",)}, 0),
        ({"min_accuracy": 0.6}, 0),
        ({"min_accuracy": 0.7}, 1),
        ({"select": ("E501",)}, 2),
    ],
    ids=str,
)
def test_options_move_the_bar(check, options, code):
    assert check(write("walk.py", WALK.replace("0.0", "float(action == 1)")), **options)[0] == code


@pytest.mark.parametrize(("fail_on", "code"), [(None, 0), (Severity.WARNING, 0), (Severity.INFO, 1)])
def test_notes_fail_only_where_asked(check, fail_on, code):
    assert check(write("walk.py", f"print('hello')\n{WALK}"), fail_on=fail_on)[0] == code


def test_the_bar_can_be_configured(check):
    write("walk.py", WALK.replace("0.0", "float(action == 1)"))
    configure("min_accuracy = 0.6\n")
    assert check("walk.py")[0] == 0
    configure("fail_on = 'never'\n")
    assert check("walk.py")[0] == 0


def test_a_comment_silences_a_finding_on_its_line(check):
    source = WALK.replace("0.0, False", "1.0, False  # cwm: ignore[CWM301]")
    code, text, document = check(write("walk.py", source))
    assert (code, document["models"][0]["accuracy"]) == (0, 0.0)
    assert "CWM301" not in text


def test_silencing_everything_does_not_make_an_unchecked_model_pass(check):
    assert check(write("walk.py", "x = 1\n"), ignore=("ALL",))[0] == 2


def test_a_check_that_ran_out_of_time_has_not_passed(check):
    source = WALK.replace("        return", "        __import__('time').sleep(0.05)\n        return")
    code, text, document = check(write("walk.py", source), timeout=0.3)
    assert (code, document["status"]) == (1, "timeout")
    assert "The check took longer than 0.3 s" in text
    assert document["models"][0]["accuracy"] is None


# Several models


def test_a_folder_is_checked_at_once_with_one_summary(check):
    for number in range(5):
        write(f"models/walk_{number}.py", WALK if number else WALK.replace("0.0", "1.0"))
        save_dataset(made(ROWS), f"models/walk_{number}.npz")
    Path("models/trajectories").mkdir()
    for number in range(5):
        Path(f"models/walk_{number}.npz").rename(f"models/trajectories/walk_{number}.npz")
    code, text, document = check("models", data=None, workers=3)
    assert code == 1
    assert [Path(model["file"]).stem for model in document["models"]] == [f"walk_{number}" for number in range(5)]
    assert text.endswith("5 models: 4 right, 1 wrong; 1 error\n")


def test_models_of_a_folder_can_be_checked_against_data_that_is_given(check):
    configure("[[models]]\nfile = 'a.py'\n\n[[models]]\nfile = 'b.py'\n")
    write("a.py")
    write("b.py")
    code, _, document = check(".")
    assert (code, len(document["models"])) == (0, 2)


# Repairs


def test_a_repair_is_shown_and_the_file_left_alone(folder, capsys):
    write("walk.py", WALK.replace("+ action", "- action"))
    assert run_check(CheckOptions(("walk.py",), ("walk.jsonl",), diff=True)) == 1
    text = capsys.readouterr().out
    assert "-        return self.state - action, 0.0, False" in text
    assert "+        return self.state + action, 0.0, False" in text
    assert Path("walk.py").read_text() == WALK.replace("+ action", "- action")


@pytest.mark.parametrize("style", ["LF", "CRLF", "BOM", "latin-1"])
def test_a_repair_is_written_the_way_the_file_was(folder, capsys, style):
    def styled(text: str) -> bytes:
        text = text.replace("\n", "\r\n") if style == "CRLF" else text
        if style == "latin-1":
            return f"# -*- coding: latin-1 -*-\n# grüße\n{text}".encode("latin-1")
        return (b"\xef\xbb\xbf" if style == "BOM" else b"") + text.encode()

    path = Path("walk.py")
    path.write_bytes(styled(WALK.replace("+ action", "- action")))
    path.chmod(0o640)
    assert run_check(CheckOptions(("walk.py",), ("walk.jsonl",), fix=True)) == 0
    assert "fixed: line " in capsys.readouterr().out
    assert path.read_bytes() == styled(WALK)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_both_models_of_a_file_are_repaired(folder, capsys):
    wrong = WALK.replace("+ action", "- action")
    write("two.py", f"{wrong}\n\n{wrong.replace('Environment', 'Other')}")
    assert run_check(CheckOptions(("two.py",), ("walk.jsonl",), fix=True, output_format=OutputFormat.JSON)) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [[(repair["line"], repair["applied"]) for repair in model["repairs"]] for model in models] == [
        [(6, True)],
        [(14, True)],
    ]
    assert Path("two.py").read_text() == f"{WALK}\n\n{WALK.replace('Environment', 'Other')}"


def test_what_cannot_be_repaired_stays_as_it_is(folder):
    source = WALK.replace("self.state + action, 0.0", "0, 5.0")
    write("walk.py", source)
    assert run_check(CheckOptions(("walk.py",), ("walk.jsonl",), fix=True)) == 1
    assert Path("walk.py").read_text() == source


def test_a_repair_that_cannot_be_written_says_so(folder, capsys, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    write("walk.py", WALK.replace("+ action", "- action"))
    monkeypatch.setattr("cwm_engine.cli.writing.replacing", refuse)
    assert run_check(CheckOptions(("walk.py",), ("walk.jsonl",), fix=True)) == 1
    assert "note: the repair was not written: walk.py: cannot be written: Permission denied" in capsys.readouterr().out


def test_cartpole_is_repaired_from_its_recording(folder):
    save_dataset(recorded("CartPole-v1"), "cart.sqlite")
    write("cart.py", right_model("CartPole-v1").replace(*CART_EDIT))
    done = cwm("check", "cart.py", "-t", "cart.sqlite", "--fix")
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("cart.py").read_text() == right_model("CartPole-v1")


# Watching and interrupting


def test_watching_checks_again_after_every_edit_until_it_is_interrupted(folder):
    write("walk.py")
    with Running("check", "walk.py", "-t", "walk.jsonl", "--watch", cwd=folder) as watching:
        watching.wait_for_text("1 model: 1 right")
        write("walk.py", WALK.replace("0.0", "1.0"))
        watching.wait_for_text("1 model: 1 wrong")
        write("walk.py", "def f(:\n")
        watching.wait_for_text("CWM101")
        Path("walk.py").unlink()
        watching.wait_for_text("no such file")
        write("walk.py")
        watching.wait_for_text("1 model: 1 right", times=2)
        configure("models = 3\n")
        watching.wait_for_text("`models` is not a list of tables")
        configure("")
        watching.wait_for_text("1 model: 1 right", times=3)
        save_dataset(made([*ROWS, (17, 1, 3, 0.0, False)]), "walk.jsonl", overwrite=True)
        watching.wait_for_text("1 model: 1 wrong", times=2)
        children = descendants(watching.process.pid)
        assert watching.interrupt() == 1
        assert "Traceback" not in watching.printed
    assert wait_until(lambda: not any(map(is_alive, children)))


@pytest.mark.parametrize("module", ["sums", "parts.sums"])
def test_watching_notices_modules_that_the_model_imports(folder, module):
    path = f"{module.replace('.', '/')}.py"
    write(path, "def total(a, b):\n    return a + b\n")
    write("walk.py", f"from {module} import total\n" + WALK.replace("self.state + action", "total(self.state, action)"))
    with Running("check", "walk.py", "-t", "walk.jsonl", "--watch", cwd=folder) as watching:
        watching.wait_for_text("1 model: 1 right")
        write(path, "def total(a, b):\n    return a - b\n")
        watching.wait_for_text("1 model: 1 wrong")
        assert watching.interrupt() == 1


def test_an_interrupted_check_ends_at_once_and_leaves_no_process(folder):
    write("walk.py", WALK.replace("        return", "        __import__('time').sleep(1)\n        return"))
    with Running("check", "walk.py", "-t", "walk.jsonl", cwd=folder) as checking:
        checking.wait_for(lambda: len(descendants(checking.process.pid)) >= 2)
        children = descendants(checking.process.pid)
        assert checking.interrupt() == 130
        assert checking.printed == "stopped\n"
    assert wait_until(lambda: not any(map(is_alive, children)))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_colours_are_for_terminals(folder):
    write("walk.py", WALK.replace("0.0", "1.0"))
    assert "\x1b[" not in cwm("check", "walk.py", "-t", "walk.jsonl").stdout


def test_the_score_of_the_benchmark_is_printed_where_asked_for(check):
    _, text, document = check(write("walk.py"), cwmb=True)
    assert "cwmb score 1.000" in text
    assert document["models"][0]["cwmb_score"] == 1.0


def test_nothing_a_model_does_reaches_the_report_of_another(check):
    """Both run at once, one of them crashing."""
    configure("[[models]]\nfile = 'a.py'\n\n[[models]]\nfile = 'b.py'\n")
    write("a.py", WALK.replace("        return", "        __import__('sys').modules['os']._exit(1)\n        return"))
    write("b.py")
    code, _, document = check(".", workers=2)
    assert code == 1
    assert [model["status"] for model in document["models"]] == ["partial", "complete"]
    assert np.isclose(document["models"][1]["accuracy"], 1.0)
