"""What is imported when: heavy packages only by the commands that need them, and sideways or upward never."""

import subprocess
import sys

import pytest

HEAVY = ("gymnasium", "h5py", "hypothesis", "minari", "numpy", "platformdirs", "pyarrow", "pydantic", "scipy")


def imported_by(program: str) -> set[str]:
    """The heavy packages, and rich and typer, that are loaded in a fresh interpreter after a program ran."""
    watched = (*HEAVY, "rich", "typer")
    report = f"import sys; print('loaded:', *sorted(set({watched!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{report}"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].removeprefix("loaded:").split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert imported_by("import cwm_engine") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Typer, rich and the pydantic that Typer parses with write the help; nothing that computes is needed for it."""
    program = f"""
import sys
from cwm_engine.cli.main import main
sys.argv = ["cwm", *{arguments!r}]
try:
    main()
except SystemExit as done:
    assert not done.code
"""
    assert imported_by(program) & set(HEAVY) <= {"pydantic"}


def test_findings_and_reports_need_no_numbers() -> None:
    """A program that only reads reports, such as an editor's server, starts without NumPy."""
    assert imported_by("import cwm_engine.checking.report, cwm_engine.cli.output") == set()
