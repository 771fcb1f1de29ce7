"""Sessions: from the text of a file to its report, version after version."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.report import Status
from cwm_engine.errors import CwmError
from tests.checks import Desk, check
from tests.recordings import made, recorded, right_model

WALK = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state + action, 0.0, False
"""
ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A walk along the whole numbers."""
    with Desk(made(ROWS), folder=tmp_path_factory.mktemp("walk")) as desk:
        yield desk


def using(imports: str, sum_: str = "total(self.state, action)") -> str:
    """The walk, with the sum taken from elsewhere."""
    return f"{imports}\n{WALK.replace('self.state + action', sum_)}"


# Files that hold no model, or several


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "CWM102", "The file is empty."),
        ("# to do\n", "CWM102", "The file is empty but for comments."),
        ("def f(x):\n    return x\n", "CWM102", "The file holds no world model"),
        ("class Environment:\n    def step(self, action): pass\n", "CWM103", "has `step` but no `set_state`"),
        ("def transition(state, action): return state\n", "CWM103", "has the function `transition` but no `reward`"),
        ("def f(x:\n", "CWM101", "The file is not valid Python"),
        ("x = " + "(" * 5000 + ")" * 5000, "CWM101", "The file is not valid Python"),
        (
            WALK.replace("set_state(self, state)", "set_state(self)"),
            "CWM104",
            "`Environment.set_state` takes no argument",
        ),
        (
            WALK.replace("step(self, action)", "step(self, action, dt)"),
            "CWM104",
            "`Environment.step` needs 2 arguments",
        ),
        (
            f"{WALK}    def __init__(self, size):\n        pass\n",
            "CWM104",
            "The constructor of `Environment` needs one argument (`size`)",
        ),
    ],
    ids=[
        "empty",
        "comments",
        "no model",
        "half a class",
        "half the functions",
        "syntax",
        "depth",
        "set_state",
        "step",
        "init",
    ],
)
def test_a_text_without_a_model_that_could_run_says_what_is_missing(walk, text, code, message):
    checked = walk.check(text)
    assert checked.says(code, message)
    assert checked.report.status is Status.ERROR
    assert checked.report.transitions.checked == 0
    assert checked.report.transitions.total == len(ROWS)


def test_both_models_of_a_file_are_checked(walk):
    other = WALK.replace("Environment", "Other").replace("0.0", "1.0")
    checked = walk.check(f"{WALK}\n\n{other}")
    assert [(report.model, report.accuracy) for report in checked.reports] == [("Environment", 1.0), ("Other", 0.0)]
    assert [model["class"] for model in checked.document["models"]] == ["Environment", "Other"]


def test_one_model_of_a_file_can_be_asked_for():
    other = WALK.replace("Environment", "Other").replace("0.0", "1.0")
    checked = check(f"{WALK}\n\n{other}", made(ROWS), model="Other")
    assert (checked.report.model, checked.accuracy) == ("Other", 0.0)


def test_asking_for_a_model_that_is_not_there_names_those_that_are():
    with pytest.raises(CwmError, match=r"holds no model named `Nobody` \(the models of this file: `Environment`\)"):
        check(WALK, made(ROWS), model="Nobody")


def test_a_mistake_in_one_class_keeps_no_other_from_being_checked(walk):
    broken = WALK.replace("step(self, action)", "step(self)")
    checked = walk.check(f"{broken}\n\n{WALK.replace('Environment', 'Other')}")
    assert [report.status for report in checked.reports] == [Status.ERROR, Status.COMPLETE]
    assert [[finding.code for finding in report.findings] for report in checked.reports] == [["CWM104"], []]


def test_half_a_model_keeps_no_other_from_being_checked(walk):
    half = "class Environment:\n    def step(self, action):\n        pass\n"
    checked = walk.check(f"{half}\n\n{WALK.replace('Environment', 'Other')}")
    assert checked.accuracy == 1.0
    assert "CWM103" in checked.codes


# Imports


def test_a_missing_module_is_named_with_the_way_to_install_it(walk):
    checked = walk.check(using("import sklearn", "self.state + action"))
    assert checked.says("CWM105", "The module `sklearn` is not installed", line=1)
    assert "pip install scikit-learn" in checked.finding("CWM105").note


def test_a_module_that_is_not_for_models_is_named_with_the_reason(walk):
    checked = walk.check(using("import os", "self.state + action"))
    assert checked.says("CWM106", "The module `os` is not for models: it is for files and the environment", line=1)


@pytest.mark.parametrize("module", ["math", "numpy as np", "collections", "random", "dataclasses", "gymnasium"])
def test_modules_for_models_can_be_imported(walk, module):
    assert walk.check(using(f"import {module}", "self.state + action")).accuracy == 1.0


@pytest.mark.parametrize(
    ("imports", "files"),
    [
        ("from sums import total", {"sums.py": "def total(a, b):\n    return a + b\n"}),
        ("from .sums import total", {"sums.py": "def total(a, b):\n    return a + b\n"}),
        (
            "from parts.sums import total",
            {
                "parts/__init__.py": "",
                "parts/sums.py": "from .base import plus as total\n",
                "parts/base.py": "def plus(a, b):\n    return a + b\n",
            },
        ),
        (
            "from . import sums\ntotal = sums.total",
            {"sums.py": "from other import total\n", "other.py": "def total(a, b):\n    return a + b\n"},
        ),
    ],
    ids=["absolute", "relative", "package", "chain"],
)
def test_modules_beside_the_model_are_imported(tmp_path, imports, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert check(using(imports), made(ROWS), folder=tmp_path).accuracy == 1.0


def test_modules_of_the_project_are_imported_from_its_root(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "sums.py").write_text("def total(a, b):\n    return a + b\n")
    source = using("from shared.sums import total")
    assert check(source, made(ROWS), folder=tmp_path / "models", root=tmp_path).accuracy == 1.0


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("def total(a b):\n", "CWM101", "sums.py, imported here, line 1: the file is not valid Python"),
        ("import sklearn\n", "CWM105", "sums.py, imported here: the module `sklearn` is not installed"),
        ("import os\n", "CWM106", "sums.py, imported here: the module `os` is not for models"),
        ("1 / 0\n", "CWM107", "The model could not be loaded: ZeroDivisionError: division by zero"),
        ("x = 1\n", "CWM107", "The model could not be loaded: ImportError: cannot import name 'total' from 'sums'"),
    ],
    ids=["syntax", "missing", "forbidden", "raises", "no such name"],
)
def test_what_is_wrong_with_a_module_beside_the_model_is_said_at_its_import(tmp_path, text, code, message):
    (tmp_path / "sums.py").write_text(text)
    assert check(using("from sums import total"), made(ROWS), folder=tmp_path).says(code, message, line=1)


def test_an_exception_inside_a_module_beside_the_model_is_said_where_the_model_calls_it(tmp_path):
    (tmp_path / "sums.py").write_text("def total(a, b):\n    return a + b // 0\n")
    checked = check(using("from sums import total"), made(ROWS), folder=tmp_path)
    assert checked.says("CWM401", "ZeroDivisionError: integer division or modulo by zero", line=7)


def test_allowed_modules_can_be_imported_by_their_parts_too():
    source = using("from scipy.special import expit", "self.state + action + 0 * expit(0)")
    assert check(source, made(ROWS)).says("CWM106", "The module `scipy.special` is not among the modules")
    for allowed in ("scipy", "scipy.special"):
        assert check(source, made(ROWS), allow_modules=(allowed,)).accuracy == 1.0


def test_a_module_that_does_not_survive_its_own_import_is_named_with_the_reason():
    """One that is there, but for another operating system."""
    checked = check(
        using("import asyncio.windows_utils", "self.state + action"), made(ROWS), allow_modules=("asyncio",)
    )
    assert checked.says("CWM107", "the module `asyncio.windows_utils` cannot be imported here: ImportError: win32 only")


# What is compared


def test_a_field_that_is_ignored_is_not_held_against_the_model():
    source = WALK.replace("0.0", "5.0")
    checked = check(source, made(ROWS), ignore_fields=("reward",))
    assert (checked.accuracy, checked.codes) == (1.0, [])


def test_a_field_to_ignore_that_is_not_there_is_an_error():
    with pytest.raises(CwmError, match="'rewards', which is no field of the data"):
        check(WALK, made(ROWS), ignore_fields=("rewards",))


def test_the_tolerance_can_be_widened():
    rows = [(float(state), 0, state + 0.01, 0.0, False) for state in range(10)]
    assert check(WALK, made(rows)).accuracy == 0.0
    assert check(WALK, made(rows), tolerance=Tolerance(atol=0.02)).accuracy == 1.0


def test_the_cwmb_score_is_told_where_it_is_asked_for():
    assert check(WALK, made(ROWS)).report.cwmb_score is None
    assert check(WALK, made(ROWS), cwmb=True).report.cwmb_score == 1.0


# Dialects


def test_functions_with_goals_are_checked_for_the_goal_that_is_asked_for():
    source = """\
def transition(state, action):
    return state + action

def stay(state, action, next_state):
    return float(next_state == state), False

def leave(state, action, next_state):
    return 0.0, False

REWARDS = {"stay": stay, "leave": leave}
"""
    assert check(source, made(ROWS), goal="leave").accuracy == 1.0
    assert check(source, made(ROWS), goal="stay").accuracy == pytest.approx(2 / 3)


GYMNASIUM = """\
import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Cart(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self):
        super().__init__()
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.position = np.zeros(2, dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return self.position, {}

    def set_state(self, state):
        self.position = state.copy()

    def step(self, action):
        self.position[1] += 0.5 if action == 1 else -0.5
        self.position[0] += self.position[1]
        return self.position.copy(), 1.0, bool(self.position[0] > 4), False, {"at": self.position[0]}
"""


def cart_rows(count: int = 60):
    """A cart that is pushed, as float32 arrays."""
    rng, rows, position = np.random.default_rng(0), [], np.zeros(2, dtype=np.float32)
    for _ in range(count):
        action = int(rng.integers(2))
        following = position.copy()
        following[1] += 0.5 if action == 1 else -0.5
        following[0] += following[1]
        rows.append((position, action, following, 1.0, bool(following[0] > 4)))
        position = np.zeros(2, dtype=np.float32) if following[0] > 4 else following
    return rows


def test_a_gymnasium_environment_is_checked_with_its_spaces_and_generator():
    checked = check(GYMNASIUM, made(cart_rows()))
    assert (checked.report.dialect, checked.accuracy) == ("gymnasium", 1.0)
    assert set(checked.codes) <= {"CWM601"}


def test_drawing_from_the_generator_of_gymnasium_is_randomness():
    checked = check(GYMNASIUM.replace("1.0, bool", "self.np_random.uniform(), bool"), made(cart_rows()))
    assert "CWM501" in checked.codes


def test_a_gymnasium_environment_has_to_return_five_values():
    checked = check(GYMNASIUM.replace(', False, {"at": self.position[0]}', ""), made(cart_rows()))
    assert checked.says(
        "CWM108", "`step` returned 3 values, not 5 values (observation, reward, terminated, truncated, info)"
    )


def test_valid_actions_may_be_returned_second(walk):
    assert walk.check(WALK.replace(", 0.0", ", [0, 1, 2], 0.0")).accuracy == 1.0


OBSERVATIONS = {
    "number": (lambda n: n, "state", "n"),
    "float": (lambda n: n / 2, "int(state * 2)", "n / 2"),
    "text": (str, "int(state)", "str(n)"),
    "tuple": (lambda n: (n, n % 2 == 0, n / 3), "state[0]", "(n, n % 2 == 0, n / 3)"),
    "dict": (
        lambda n: {"n": n, "at": (n, "x"), "grid": np.full((2, 2), n)},
        "state['grid'][0, 1]",
        "{'n': n, 'at': (n, 'x'), 'grid': np.full((2, 2), n)}",
    ),
    "list": (lambda n: [n, [n / 7] * n], "state[0]", "[n, [n / 7 + 1e-9] * n]"),
    "set": (
        lambda n: {("box", i) for i in range(n)},
        "len(state)",
        "frozenset(('box', i) for i in reversed(range(n)))",
    ),
    "image": (lambda n: np.full((9, 9, 3), n, np.uint8), "int(state[0, 0, 0])", "np.full((9, 9, 3), n, np.uint8)"),
    "flags": (lambda n: np.arange(12) < n, "int(state.sum())", "np.arange(12) < n"),
    "board": (lambda n: np.full((2, 2), str(n), object), "int(state[0, 0])", "np.full((2, 2), str(n), object)"),
}


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_observations_of_every_kind_are_compared_part_by_part(kind):
    observe, read, write = OBSERVATIONS[kind]
    rows = [(observe(n), a, observe(n + a), float(a), n + a > 8) for n in range(9) for a in range(3)]
    source = f"""\
import numpy as np

class Environment:
    def set_state(self, state):
        self.n = {read}

    def step(self, action):
        n = self.n + action
        return {write}, float(action), n > 8
"""
    with Desk(made(rows)) as desk:
        checked = desk.check(source)
        assert (checked.accuracy, checked.codes) == (1.0, [])
        wrong = desk.check(source.replace("self.n + action", "self.n + 2 * action"))
        assert wrong.accuracy < 1 / 2
        assert wrong.finding("CWM201").examples[0].differs[0].startswith("obs")
        assert wrong.document


def test_actions_of_a_box_come_as_arrays():
    checked = check(right_model("Pendulum-v1"), recorded("Pendulum-v1"))
    assert checked.accuracy == 1.0
    source = right_model("Pendulum-v1").replace("float(action[0])", "action.astype(float).item()")
    assert check(source, recorded("Pendulum-v1")).accuracy == 1.0


# Findings that are shown


def test_a_comment_silences_findings_on_its_line_but_mends_nothing(walk):
    source = WALK.replace("0.0, False", "1.0, False  # cwm: ignore[CWM301]")
    checked = walk.check(source)
    assert checked.codes == []
    assert checked.accuracy == 0.0


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({}, ["CWM112", "CWM301"]),
        ({"select": ("CWM3",)}, ["CWM301"]),
        ({"ignore": ("CWM3",)}, ["CWM112"]),
        ({"select": ("CWM301",), "ignore": ("CWM3",)}, ["CWM301"]),
    ],
)
def test_findings_are_chosen_by_code(settings, codes):
    checked = check(f"print('hello')\n{WALK.replace('0.0', '1.0')}", made(ROWS), **settings)
    assert sorted(checked.codes) == codes


def test_a_code_that_is_none_is_an_error():
    with pytest.raises(CwmError, match="no code of a finding starts with 'E501'"):
        check(WALK, made(ROWS), select=("E501",))


# Version after version


def test_what_is_known_is_told_as_soon_as_it_is_known(walk):
    told = []
    checked = walk.check(WALK.replace("0.0", "2.0"), on_report=told.append)
    assert len(told) >= 2
    assert {report.accuracy for report in told} == {0.0}
    assert told[-1].findings == checked.report.findings


def test_of_a_slow_model_is_told_what_its_first_transitions_show():
    rows = [(state, 1, state + 1, 0.0, False) for state in range(200)]
    slow = WALK.replace("        return", "        sum(range(100_000))\n        return").replace("0.0", "2.0")
    told = []
    with Desk(made(rows)) as desk:
        checked = desk.check(slow, on_report=told.append)
    first = told[0]
    assert (first.status, checked.report.status) == (Status.PARTIAL, Status.COMPLETE)
    assert 0 < first.transitions.checked < first.transitions.total == 200
    assert [finding.code for finding in first.findings] == ["CWM301"]


def test_the_first_mismatch_is_told_before_all_transitions_have_run():
    rows = [(state, state % 3, state + state % 3, 0.0, False) for state in range(20_000)]
    wrong, worse = (WALK.replace("0.0", reward) for reward in ("2.0", "3.0"))
    with Desk(made(rows)) as desk:
        desk.check(WALK)
        told = []
        desk.check(wrong, on_report=told.append)
        first, last = told[0], told[-1]
        assert (first.status, last.status) == (Status.PARTIAL, Status.COMPLETE)
        assert first.transitions.checked < 100
        assert [finding.code for finding in first.findings] == ["CWM301"]
        told.clear()
        desk.check(worse, on_report=told.append)
        assert {report.status for report in told} == {Status.COMPLETE}, "what was shown before says more"
        desk.check(WALK)
        told.clear()
        desk.check(worse, on_report=told.append)
        assert told[0].status is Status.PARTIAL


def test_what_could_be_right_in_another_form_is_not_told_too_soon():
    """A threshold of 0.7 lies above what is stored for 0.7 in single precision, but not above that as an array."""
    spots = [np.array([0.7 if row % 50 == 49 else 0.1], dtype=np.float32) for row in range(5_000)]
    rows = [(spot, 0, spot, float(spot[0] >= np.float32(0.7)), False) for spot in spots]
    model = WALK.replace("self.state + action, 0.0", "self.state, 1.0 if self.state[0] >= 0.7 else 0.0")
    told = []
    with Desk(made(rows)) as desk:
        checked = desk.check(model, on_report=told.append)
    assert checked.accuracy == 1.0
    assert all(not report.findings or report.accuracy == 1.0 for report in told)


def test_where_the_data_contradicts_itself_no_model_is_blamed_too_soon():
    rows = [(state // 2, 1, state // 2 + state % 2, 0.0, False) for state in range(200)]
    told = []
    with Desk(made(rows)) as desk:
        checked = desk.check(WALK, on_report=told.append)
    assert checked.accuracy == checked.report.ceiling == 0.5
    assert not any(finding.code == "CWM201" for report in told for finding in report.findings)


def test_an_edit_that_means_the_same_runs_nothing_again(walk):
    runs = []
    walk.check(WALK)
    checked = walk.check(f"# a comment\n\n{WALK}", on_progress=runs.append)
    assert (checked.accuracy, runs) == (1.0, [])


def test_an_edit_that_means_something_else_runs_all_again(walk):
    runs = []
    walk.check(WALK)
    checked = walk.check(WALK.replace("0.0", "3.0"), on_progress=runs.append)
    assert (checked.accuracy, runs[-1].checked) == (0.0, len(ROWS))


def test_a_module_beside_the_model_is_part_of_what_the_text_means(tmp_path):
    neighbour = tmp_path / "sums.py"
    neighbour.write_text("def total(a, b):\n    return a + b\n")
    with Desk(made(ROWS), folder=tmp_path) as desk:
        source = using("from sums import total")
        assert desk.check(source).accuracy == 1.0
        neighbour.write_text("def total(a, b):\n    return a - b\n")
        assert desk.check(source).accuracy < 1.0


def test_versions_of_all_kinds_follow_each_other(walk):
    """None leaves anything behind for the next."""
    versions = [WALK, "", "def f(:", using("import os"), WALK.replace("+", "-"), f"{WALK}\n1 / 0\n", WALK]
    accuracies = [walk.check(text).accuracy for text in versions]
    assert accuracies == [1.0, None, None, None, pytest.approx(1 / 3), None, 1.0]


def test_a_text_of_ten_thousand_lines_is_checked_and_edited(walk):
    many = "".join(f"x{number} = {number}\n" for number in range(10_000))
    assert walk.check(f"{many}{WALK}").accuracy == 1.0
    changed = many.replace("x77 = 77\n", "x77 = 78\ny = 1\n")
    assert walk.check(f"{changed}{WALK}").accuracy == 1.0


def test_what_was_observed_stays_out_of_the_programs_reach(walk):
    """Rewards are unlike any state or action; a program that looks through the frames below it finds none."""
    rows = [(float(n), n % 2, float(n + 1), 12345.678 + n, False) for n in range(30)]
    source = """\
import sys

class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        found = []
        frame = sys._getframe()
        while frame:
            seen = [*frame.f_locals.values(), *frame.f_globals.values()]
            found += [value for value in seen if isinstance(value, float) and 12000 < value < 13000]
            frame = frame.f_back
        return self.state + 1, found[0] if found else 0.0, False
"""
    assert check(source, made(rows)).report.fields["reward"] == 0.0


def test_reports_name_data_environment_and_isolation():
    dataset = recorded("FrozenLake-v1")
    dataset = replace(dataset, provenance=replace(dataset.provenance, source="lake.jsonl"))
    report = check(right_model("FrozenLake-v1"), dataset).report
    assert (report.environment, report.trajectories) == ("FrozenLake-v1", "lake.jsonl")
    assert report.isolation in {"full", "partial", "process"}
    assert report.baseline is not None
    assert report.seconds > 0
