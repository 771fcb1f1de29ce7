"""A program runs as a fresh module, with its neighbours, its own errors and nothing it should not import."""

import errno
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.sandbox.program import (
    MODEL_FILENAME,
    ForbiddenImportError,
    Printed,
    error_of,
    is_forbidden,
    line_in_dump,
)

LOAD = """
import ast, json, sys
from cwm_engine.sandbox.program import load_program, error_of
request = json.load(sys.stdin)
if request.pop("as_tree", False):
    request["source"] = ast.parse(request["source"])
try:
    names = load_program(request.pop("source"), **request)
    print(json.dumps({"answer": names["answer"]}))
except BaseException as error:
    print(json.dumps(error_of(error)))
"""


def load(source, **more):
    """Load a program in a process of its own, which is what `load_program` is made for; its `answer` or its error."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=json.dumps({"source": source, **more}).encode(),
        capture_output=True,
        check=True,
    )
    told = json.loads(done.stdout)
    return told.get("answer", told)


def test_a_program_runs_as_a_module_of_its_own():
    """It is not the main program, and can be found as a module, which dataclasses and typing rely on."""
    source = "import sys\nanswer = [__name__, __file__, sys.modules[__name__].__dict__ is globals()]"
    assert load(source) == ["model", MODEL_FILENAME, True]


def test_dataclasses_with_deferred_annotations_work():
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import get_type_hints\n"
        "@dataclass\nclass State:\n    x: float = 1.0\nanswer = [get_type_hints(State)['x'] is float, State().x]"
    )
    assert load(source) == [True, 1.0]


def test_names_are_there_before_it_runs():
    assert load("answer = given + 1", namespace={"given": 41}) == 42


def test_a_tree_with_probes_can_be_run_as_well_as_text():
    assert load("answer = 1 + 1", as_tree=True) == 2


def test_it_can_read_its_own_source():
    """`inspect` asks for it; there is no file."""
    assert load("import inspect\ndef f():\n    return 1\nanswer = inspect.getsource(f)") == "def f():\n    return 1\n"


def test_future_imports_of_the_loader_do_not_leak_into_it():
    assert load("def f(x: 1 + 1): pass\nanswer = f.__annotations__['x']") == 2


# -- neighbours --------------------------------------------------------------------------------------------------------


def test_neighbours_are_imported_from_memory():
    siblings = {"helpers": "import constants\nG = constants.G + 1", "constants": "G = 9"}
    assert load("import helpers\nfrom constants import G\nanswer = [helpers.G, G]", siblings=siblings) == [10, 9]


def test_neighbours_are_imported_relatively_too():
    """The model belongs to the package of its folder."""
    siblings = {"game": "", "game.rules": "from .numbers import ONE", "game.numbers": "ONE = 1"}
    source = (
        "from .rules import ONE\nfrom . import numbers\nfrom game.numbers import ONE as S\nanswer = numbers.ONE + S"
    )
    assert load(source, siblings=siblings, package="game") == 2


def test_packages_hold_names_of_their_own():
    siblings = {"game": "from .rules import ONE\nTWO = 2", "game.rules": "ONE = 1"}
    assert load("import game.rules\nanswer = [game.ONE, game.TWO, game.rules.ONE]", siblings=siblings) == [1, 2, 1]


def test_neighbours_may_import_each_other_in_a_circle():
    siblings = {"a": "import b\nX = 1", "b": "import a\ndef f(): return a.X"}
    assert load("import a, b\nanswer = b.f()", siblings=siblings) == 1


def test_a_neighbour_called_like_the_program_is_itself():
    assert load("import model\nanswer = model.X", siblings={"model": "X = 5"}) == 5


def test_an_error_in_a_neighbour_is_told_on_the_importing_line():
    error = load("x = 1\nimport helpers\n", siblings={"helpers": "\n\n1 / 0"})
    assert (error["type"], error["line"]) == ("ZeroDivisionError", 2)


# -- what may be imported ----------------------------------------------------------------------------------------------


def test_only_allowed_modules_and_neighbours_can_be_imported():
    allowed = ["math", "collections"]
    assert load("import math\nimport collections.abc\nanswer = math.floor(1.5)", allowed=allowed) == 1
    assert load("import helpers\nanswer = helpers.X", allowed=[], siblings={"helpers": "X = 1"}) == 1
    for source in ("import os", "from os import path", "import os.path as p", "__import__('os')"):
        error = load("\n" + source, allowed=allowed)
        assert error["type"] == "ForbiddenImportError"
        assert error["message"] == "a world model may not import 'os'"
        assert error["line"] == 2
        assert error["forbidden"]


def test_neighbours_are_held_to_the_same_list():
    error = load("import helpers", allowed=["math"], siblings={"helpers": "import socket"})
    assert error["message"] == "a world model may not import 'socket'"


def test_what_an_allowed_module_imports_itself_is_its_own_business():
    assert load("import fractions\nanswer = str(fractions.Fraction(2, 4))", allowed=["fractions"]) == "1/2"


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("x = 1\nx +", "SyntaxError", 2),
        ("def f():\n  return g()\ndef g():\n  raise KeyError('k')\nf()", "KeyError", 4),
        ("import json\n\njson.loads('{')", "JSONDecodeError", 3),
        ("def f(): return f()\nf()", "RecursionError", 1),
        ("import sys\nsys.exit(3)", "SystemExit", 2),
        ("exec('1/0')", "ZeroDivisionError", 1),
        ("raise ValueError", "ValueError", 1),
    ],
)
def test_an_error_is_told_with_the_innermost_line_of_the_program(source, kind, line):
    error = load(source)
    assert (error["type"], error["line"], error["forbidden"]) == (kind, line, False)


def test_an_error_elsewhere_has_no_line():
    with pytest.raises(ValueError, match="math domain error") as raised:
        math.sqrt(-1)
    assert error_of(raised.value)["line"] is None


def test_a_syntax_error_of_other_text_is_told_on_the_line_that_ran_it():
    assert load("\neval('1 +')")["line"] == 2


class UnshowableError(Exception):
    def __str__(self):
        raise SystemError


def test_an_error_that_cannot_be_shown_is_told_all_the_same():
    assert error_of(UnshowableError())["message"] == "(its message cannot be shown: SystemError)"


def test_a_long_message_is_cut():
    assert len(error_of(ValueError("x" * 10_000_000))["message"]) == 2000


@pytest.mark.parametrize(
    ("error", "forbidden"),
    [
        (PermissionError(errno.EPERM, "refused"), True),
        (OSError(errno.ENOSYS, "no such call"), True),
        (OSError(errno.EMFILE, "no descriptors"), True),
        (ForbiddenImportError("os"), True),
        (RuntimeError("can't start new thread"), True),
        (FileNotFoundError(errno.ENOENT, "not there"), False),
        (ModuleNotFoundError("not there"), False),
        (RuntimeError("of the program"), False),
        (MemoryError(), False),
        (OSError("without a number"), False),
    ],
)
def test_what_the_sandbox_refuses_is_told_from_what_is_wrong(error, forbidden):
    assert is_forbidden(error) == forbidden


@given(st.binary())
def test_any_dump_gives_a_line_or_none(dump):
    line = line_in_dump(dump)
    assert line is None or line >= 0


def test_the_innermost_line_of_the_program_is_found_in_a_dump():
    dump = b"""Current thread 0x00007f (most recent call first):
  File "/lib/python3.11/re/__init__.py", line 166 in match
  File "<model>", line 12 in step
  File "<model>", line 40 in <module>
"""
    assert line_in_dump(dump) == 12


# -- what is printed ---------------------------------------------------------------------------------------------------


@given(st.lists(st.text()), st.integers(0, 20))
def test_printed_text_is_kept_up_to_the_limit_and_the_rest_counted(texts, limit):
    printed, whole = Printed(limit), "".join(texts)
    for text in texts:
        assert printed.write(text) == len(text)
    assert printed.text == whole[:limit]
    assert printed.dropped == len(whole) - len(printed.text)
