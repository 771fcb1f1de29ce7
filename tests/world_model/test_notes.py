"""Notes from reading alone: NumPy on single numbers."""

from __future__ import annotations

import ast
import textwrap

import pytest

from cwm_engine.findings import Finding, Severity
from cwm_engine.world_model.notes import scalar_numpy
from cwm_engine.world_model.source import split_lines


def notes(source: str) -> list[Finding]:
    text = textwrap.dedent(source).lstrip("\n")
    return scalar_numpy(ast.parse(text), split_lines(text))


def step_with(*statements: str, imports: str = "import numpy as np") -> list[Finding]:
    body = "\n".join(f"        {statement}" for statement in statements)
    return notes(f"""{imports}
import math
class Environment:
    def __init__(self):
        self.gravity = 9.8
        self.masscart, self.masspole = 1.0, 0.1
        self.total = self.gravity * 2
        self.grid = np.zeros((5, 5)) if True else None
    def set_state(self, state):
        self.state = state
    def step(self, action):
        x, v = self.state
{body}
        return self.state, 0.0, False
""")


def test_one_finding_at_the_first_call_counts_them_all() -> None:
    (note,) = notes("""
        import numpy as np
        class Environment:
            limit = 2.4
            def set_state(self, state):
                self.state = np.array(state)
            def step(self, action):
                x, v = self.state
                y = np.clip(x + v, -self.limit, self.limit)
                w = self.force(y, v)
                self.state = np.array([y, v])
                return self.state, 0.0, bool(np.abs(y) > 1)
            def force(self, y, v):
                angle = float(y)
                return np.cos(angle)
    """)
    assert (note.code, note.severity, note.count) == ("CWM801", Severity.INFO, 0)
    assert (note.span.line, note.span.column) == (8, 13)
    assert note.message == (
        "`np.clip` works on a single number, here and in 3 more calls: "
        "a step takes about 4 to 6 times as long as with `math`."
    )
    assert note.note == (
        "Use `min(max(x, low), high)`, and a tuple where an array of a few numbers is only unpacked again."
    )


@pytest.mark.parametrize(
    ("statement", "replacement"),
    [
        ("y = np.sin(x)", "math.sin"),
        ("y = np.arctan2(x, v)", "math.atan2"),
        ("y = np.sqrt(x ** 2 + self.gravity)", "math.sqrt"),
        ("y = np.cos(self.state[0])", "math.cos"),
        ("y = np.maximum(-x, math.pi)", "max"),
        ("y = np.exp(float(action) if x > v else self.total)", "math.exp"),
        ("y = [np.floor(k) for k in ()] or np.deg2rad(np.pi)", "math.radians"),
        ("y = np.log(min(x, 1.0))", "math.log"),
    ],
)
def test_what_is_known_to_be_a_number_is_followed(statement: str, replacement: str) -> None:
    (note,) = step_with(statement)
    assert "more call" not in note.message
    assert note.note == f"Use `{replacement}`."


@pytest.mark.parametrize(
    "statements",
    [
        ("y = np.sin(self.grid)",),
        ("y = np.sin(self.state)",),
        ("y = np.clip(action, 0, 1)",),
        ("y = np.array([x, v])",),
        ("y = np.sum([x, v])",),
        ("x = np.zeros(3)", "y = np.sin(x)"),
        ("y = np.abs(x)", "z = x[0]"),
        ("y = np.abs(x)", "z = x.sum()"),
        ("for k in x:", "    pass", "y = np.sin(x)"),
        ("y = np.linalg.norm(x)",),
        ("y = math.sin(x)",),
    ],
)
def test_arrays_and_the_unknown_are_left_alone(statements: tuple[str, ...]) -> None:
    assert step_with(*statements) == []


def test_an_attribute_that_starts_as_a_number_and_is_never_a_container_is_one() -> None:
    source = """
        import numpy as np
        class Environment:
            def __init__(self):
                self.position, self.velocity = 0.0, 0.0
            def set_state(self, state):
                self.position, self.velocity = state
            def step(self, action):
                push = np.sign(action - 0.5) * 0.5
                self.velocity = np.clip(self.velocity + push, -1.0, 1.0)
                return (self.position, self.velocity), 0.0, False
    """
    (note,) = notes(source)
    assert "here and in 1 more call:" in note.message
    indexed = source.replace("np.sign(action - 0.5)", "self.velocity[0]")
    assert notes(indexed) == []


def test_functions_imported_by_name_are_recognized() -> None:
    (note,) = step_with("y = cosine(x)", imports="import numpy as np\nfrom numpy import cos as cosine")
    assert note.message.startswith("`cosine` works on a single number: ")


def test_code_that_no_step_runs_does_not_count() -> None:
    source = """
        import numpy as np
        LIMIT = np.sin(1.0)
        class Environment:
            def __init__(self): self.k = np.sqrt(2.0)
            def set_state(self, s): pass
            def step(self, a): return helper(a), 0.0, False
            def render(self): return np.cos(1.0)
        def helper(a): return a
    """
    assert notes(source) == []
    assert len(notes(source.replace("return a\n", "return np.cos(1.0)\n"))) == 1


def test_an_object_that_step_makes_brings_its_methods() -> None:
    source = """
        import numpy as np
        class Pole:
            def angle(self): return np.sin(0.5)
        def transition(state, action):
            return Pole()
        def reward(s, a, n): return 0.0, False
    """
    assert len(notes(source)) == 1


def test_a_model_without_numpy_costs_nothing() -> None:
    assert notes("import math\ndef transition(s, a): return math.sin(1.0)\n") == []
