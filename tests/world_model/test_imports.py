"""Imports: what the sandbox has to hold, which neighbours come along, and what is said about the rest."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cwm_engine.findings import Finding
from cwm_engine.world_model.imports import ALLOWED_MODULES, PRELOADED, Imports, resolve_imports
from cwm_engine.world_model.siblings import MAX_SIBLINGS
from cwm_engine.world_model.source import split_lines


def imports_of(source: str, path: Path | None = None, *allow: str, root: Path | None = None) -> Imports:
    text = textwrap.dedent(source)
    return resolve_imports(ast.parse(text), path, allow, root=root, lines=split_lines(text))


def problem_in(source: str, path: Path | None = None, *allow: str) -> Finding:
    (problem,) = imports_of(source, path, *allow).problems
    return problem


def files(folder: Path, **sources: str) -> Path:
    """Files by name, `__` for a slash; the path of the model among them."""
    for name, text in sources.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder / "model.py"


def package(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()


# -- what every model may import ---------------------------------------------------------------------------------------


def test_maths_data_modules_and_numpy_are_allowed_and_already_there() -> None:
    source = (
        "import math, json\nimport numpy as np\nfrom collections.abc import Sequence\nfrom numpy.linalg import norm\n"
    )
    assert imports_of(source) == Imports()


def test_sys_is_allowed_and_os_is_not() -> None:
    """`sys` gives nothing that a program does not have; `os` is files, processes and the environment."""
    assert not imports_of("import sys\n").problems
    for name in ("os", "os.path"):
        problem = problem_in(f"import {name}\n")
        assert problem.code == "CWM106"
        assert problem.message == f"The module `{name}` is not for models: it is for files and the environment."
        assert problem.note is not None
        assert problem.note.startswith("Remove the import")


@pytest.mark.parametrize(
    "name", ["subprocess", "socket", "ctypes", "threading", "pickle", "importlib", "multiprocessing"]
)
def test_what_reaches_outside_is_not_allowed(name: str) -> None:
    assert name not in ALLOWED_MODULES
    assert problem_in(f"import {name}\n").code == "CWM106"


def test_submodules_are_preloaded_however_they_are_reached() -> None:
    source = """
        import gymnasium as gym
        import numpy as np
        from gymnasium import spaces
        def f():
            from gymnasium.envs import classic_control
            return gym.wrappers.TimeLimit, np.testing.assert_allclose, np.cos, spaces
    """
    assert set(imports_of(source).preload) == {
        "gymnasium", "gymnasium.spaces", "gymnasium.envs", "gymnasium.envs.classic_control", "gymnasium.wrappers",
        "numpy.testing",
    }  # fmt: skip


def test_everything_preloaded_works_without_opening_a_file_later() -> None:
    """A closed sandbox opens nothing: neither the import of an allowed module nor what it does on first use."""
    program = f"""
import sys
for name in {PRELOADED!r}:
    __import__(name)
import collections.abc, copy, datetime, decimal, enum, functools, json, random, statistics, string, textwrap, time
import traceback, typing, warnings
import numpy as np

opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event in {{"open", "import"}} else None)
datetime.datetime.strptime("2026-11-21", "%Y-%m-%d"), time.strptime("12", "%H")
decimal.Decimal("1.1").quantize(decimal.Decimal("0.1")), statistics.NormalDist().cdf(0.3), statistics.median([1, 2])
random.Random(3).gauss(0, 1), random.shuffle([1, 2]), np.random.default_rng(0).normal(size=3), np.random.seed(0)
np.linalg.norm(np.ones(3)), np.fft.fft([1.0, 2.0]), np.polynomial.Polynomial([1, 2])(3), np.ma.array([1], mask=[0])
str(np.ones((2, 2))), repr(np.float32(1)), np.array(["a"]).astype(object), np.strings.upper(np.array(["a"]))
np.random.choice([1, 2]), np.unique([1, 1]), np.einsum("i,i", [1], [2]), np.clip(1, 0, 3), np.mean([1, 2]), np.std([1])
copy.deepcopy({{"a": [np.ones(1)]}}), json.loads(json.dumps([1])), textwrap.dedent(" a")
string.Template("$a").substitute(a=1), "{{:>8.3f}}".format(1.5), functools.singledispatch(len).register(int, abs)
exec("größe = '\\N{{GREEK SMALL LETTER ALPHA}}'"), typing.get_type_hints(enum.Enum)
try:
    1 / 0
except ZeroDivisionError:
    traceback.format_exc()
warnings.warn("x")
print([name for name in opened if not str(name).startswith("<")])
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_every_allowed_module_of_the_standard_library_exists() -> None:
    top = {name for name in ALLOWED_MODULES if name not in {"numpy", "gymnasium", "typing_extensions"}}
    assert top <= sys.stdlib_module_names


# -- imports that do not count -----------------------------------------------------------------------------------------


def test_imports_that_never_run_are_left_out() -> None:
    source = """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        import typing
        if TYPE_CHECKING:
            import torch
        if typing.TYPE_CHECKING:
            import os
        if __name__ == "__main__":
            import argparse, os
    """
    assert imports_of(source) == Imports()


def test_an_optional_import_is_no_problem() -> None:
    source = """
        try:
            import numba
        except ImportError:
            numba = None
        try:
            import jax
        except (ModuleNotFoundError, ValueError):
            pass
    """
    assert not imports_of(source).problems
    assert problem_in("try:\n    import numba\nexcept ValueError:\n    pass\n").code == "CWM105"


def test_imports_inside_functions_classes_and_branches_count() -> None:
    source = """
        class A:
            def f(self):
                for k in range(3):
                    with k:
                        import socket
                match k:
                    case 1:
                        import ssl
                try:
                    pass
                finally:
                    import signal
    """
    assert [problem.message.split("`")[1] for problem in imports_of(source).problems] == ["socket", "ssl", "signal"]


# -- what is not there -------------------------------------------------------------------------------------------------


def test_a_missing_module_says_how_to_install_it() -> None:
    problem = problem_in("x = 'é'; import sklearn.tree\n")
    assert (problem.code, problem.message) == ("CWM105", "The module `sklearn.tree` is not installed.")
    assert problem.note is not None
    assert "`pip install scikit-learn`" in problem.note
    assert 'allow_modules = ["sklearn"]' in problem.note
    assert (problem.span.column, problem.span.end_column) == (17, 29)


def test_a_misspelt_module_is_recognized() -> None:
    note = problem_in("import nunpy as np\n").note
    assert note is not None
    assert note.startswith("Did you mean `numpy`?")


def test_gym_is_told_to_become_gymnasium() -> None:
    note = problem_in("import gym\n").note
    assert note is not None
    assert "import gymnasium as gym" in note


def test_a_submodule_that_does_not_exist_is_missing() -> None:
    assert problem_in("import numpy.lineal\n").message == "`numpy.lineal` does not exist, though `numpy` is installed."


def test_an_installed_module_that_is_not_allowed_says_how_to_allow_it() -> None:
    problem = problem_in("import pydantic\n")
    assert (problem.code, problem.message) == (
        "CWM106",
        "The module `pydantic` is not among the modules a model may import.",
    )
    assert problem.note is not None
    assert 'allow_modules = ["pydantic"]' in problem.note


def test_a_module_that_configuration_allows_is_preloaded_with_what_is_used_of_it() -> None:
    found = imports_of("import pydantic\nfrom pydantic import types\npydantic.fields.Field\n", None, "pydantic")
    assert found.preload == ("pydantic", "pydantic.types", "pydantic.fields")
    assert not found.problems


def test_a_module_may_be_allowed_by_its_submodule_alone() -> None:
    assert not imports_of("from pydantic import types\n", None, "pydantic.types").problems
    assert imports_of("from pydantic import fields\n", None, "pydantic.types").problems


def test_an_allowed_module_that_is_not_installed_says_only_how_to_install_it() -> None:
    assert problem_in("import torch\n", None, "torch").note == "Install it with `pip install torch`."


def test_nothing_is_imported_to_find_out(tmp_path: Path) -> None:
    """Resolving the imports of a stranger's model must not run its neighbours."""
    path = files(tmp_path, trap="raise SystemExit('imported')", sub____init__="raise SystemExit", sub__x="")
    imports_of("import trap\nfrom sub import x\n", path)
    assert "trap" not in sys.modules


# -- neighbours --------------------------------------------------------------------------------------------------------


def test_a_neighbour_is_read_with_what_it_imports_in_turn(tmp_path: Path) -> None:
    path = files(tmp_path, helpers="import deeper\n", deeper="import math\nG = 9.8\n", other="")
    found = imports_of("import helpers\n", path)
    assert found.siblings == {"helpers": "import deeper\n", "deeper": "import math\nG = 9.8\n"}
    assert not found.problems
    assert set(found.files) == {tmp_path / "helpers.py", tmp_path / "deeper.py"}


def test_relative_imports_start_from_the_directory_of_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "my models"
    path = files(folder, helpers="from .consts import G\n", consts="G = 9.8\n")
    found = imports_of("from .helpers import f\nfrom . import consts\n", path)
    assert found.package == "my_models"
    assert found.siblings == {
        "my_models": "", "my_models.helpers": "from .consts import G\n", "my_models.consts": "G = 9.8\n",
    }  # fmt: skip
    assert not found.problems


def test_a_package_around_the_model_gives_names_and_its_init_runs_first(tmp_path: Path) -> None:
    package(tmp_path / "lab" / "cart")
    (tmp_path / "lab" / "__init__.py").write_text("NAME = 'lab'\n")
    files(tmp_path, lab__shared="from .cart import tools\n", lab__cart__tools="T = 1\n")
    found = imports_of("from ..shared import x\nfrom lab.cart.tools import T\n", tmp_path / "lab" / "cart" / "model.py")
    assert found.package == "lab.cart"
    assert found.siblings == {
        "lab": "NAME = 'lab'\n", "lab.cart": "", "lab.shared": "from .cart import tools\n", "lab.cart.tools": "T = 1\n",
    }  # fmt: skip
    assert not found.problems


def test_absolute_imports_are_looked_up_as_far_as_the_root_of_the_project(tmp_path: Path) -> None:
    files(tmp_path, common__physics="G = 9.8\n", models__near="", common____init__="")
    path = tmp_path / "models" / "model.py"
    found = imports_of("from common.physics import G\nfrom models.near import x\n", path, root=tmp_path)
    assert set(found.siblings) == {"common", "common.physics", "models", "models.near"}
    assert imports_of("from common.physics import G\n", path).problems


def test_a_neighbour_does_not_take_the_place_of_an_allowed_module_but_of_a_forbidden_one(tmp_path: Path) -> None:
    path = files(tmp_path, random="X = 1\n", signal="Y = 1\n")
    found = imports_of("import random\nimport signal\n", path)
    assert set(found.siblings) == {"signal"}
    assert not found.problems


def test_a_folder_of_data_is_no_module(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    assert problem_in("import torch\n", tmp_path / "model.py").code == "CWM105"


def test_what_a_neighbour_must_not_import_is_told_at_the_import_in_the_model(tmp_path: Path) -> None:
    path = files(tmp_path, helpers="import deeper\n", deeper="\n\nimport os\n")
    problem = problem_in("x = 1\nimport helpers\n", path)
    assert (problem.code, problem.span.line) == ("CWM106", 2)
    assert problem.message == (
        "deeper.py, imported here: the module `os` is not for models: it is for files and the environment."
    )


def test_a_neighbour_with_a_syntax_error_is_told_at_the_import(tmp_path: Path) -> None:
    path = files(tmp_path, helpers="x = 1\ny = (\n")
    problem = problem_in("import helpers\n", path)
    assert (problem.code, problem.span.line) == ("CWM101", 1)
    assert problem.message == "helpers.py, imported here, line 2: the file is not valid Python: '(' was never closed."


def test_a_neighbour_that_is_no_text_is_told_at_the_import(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_bytes(b"x = '\xff'")
    assert problem_in("import helpers\n", tmp_path / "model.py").code == "CWM111"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("from .gone import x\n", "`.gone` is not there: no file gone.py in "),
        ("from . import gone\n", "`from . import gone` finds no file gone.py in "),
        ("import helpers.gone\n", "`helpers.gone` is not there, though `helpers` is one of the project's own."),
    ],
)
def test_a_neighbour_that_is_not_there_is_named(tmp_path: Path, source: str, message: str) -> None:
    path = files(tmp_path, helpers="")
    problem = problem_in(source, path)
    assert problem.code == "CWM105"
    assert problem.message.startswith(message[0].upper() + message[1:])


def test_a_relative_import_in_a_file_imported_by_its_bare_name_is_explained(tmp_path: Path) -> None:
    path = files(tmp_path, helpers="from .consts import G\n", consts="")
    assert "leaves the package the file is imported from" in problem_in("import helpers\n", path).message


def test_an_unsaved_model_has_no_neighbours() -> None:
    problem = problem_in("from .helpers import f\n")
    assert problem.note == "Save the model; its neighbours are found from its directory."


def test_neighbours_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    path = files(tmp_path, a="import b\nimport model\n", b="import a\n", model="import a\n")
    assert set(imports_of("import a\n", path).siblings) == {"a", "b", "model"}


def test_a_model_that_pulls_in_a_library_is_stopped(tmp_path: Path) -> None:
    path = files(tmp_path, **{f"m{k}": f"import m{k + 1}\n" for k in range(MAX_SIBLINGS + 5)})
    found = imports_of("import m0\n", path)
    assert len(found.siblings) <= MAX_SIBLINGS + 1
    assert any(f"than the {MAX_SIBLINGS} a model may pull in" in problem.message for problem in found.problems)
