"""The command line as a whole: help, usage, errors and exit codes."""

from __future__ import annotations

import re
import sys

import pytest

from cwm_engine import __version__
from cwm_engine.cli import commands as module
from cwm_engine.cli.commands import app
from cwm_engine.cli.main import main
from cwm_engine.errors import CwmError
from tests.cli.command import cwm

COMMANDS = sorted(info.name or info.callback.__name__ for info in app.registered_commands if info.callback)
GROUPS = {group.typer_instance.info.name: group.typer_instance for group in app.registered_groups}
MEMBERS = sorted(
    f"{name} {info.name or info.callback.__name__}"
    for name, group in GROUPS.items()
    for info in group.registered_commands
    if info.callback
)


def run(monkeypatch, *arguments: str) -> int:
    """The command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["cwm", *arguments])
    with pytest.raises(SystemExit) as ending:
        main()
    return int(ending.value.code or 0)


def test_the_version_is_the_packages():
    done = cwm("--version")
    assert (done.returncode, done.stdout) == (0, f"cwm {__version__}\n")


def test_help_lists_every_command(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in [*COMMANDS, *GROUPS])
    assert {"check", "describe", "doctor", "export", "fit", "import", "record", "show", "synthesize"} <= set(COMMANDS)
    assert "runs" in GROUPS


@pytest.mark.parametrize("command", [*COMMANDS, *MEMBERS, "runs"])
def test_every_command_has_help_with_an_example(monkeypatch, capsys, command):
    assert run(monkeypatch, *command.split(), "-h") == 0
    assert f"cwm {command}" in " ".join(capsys.readouterr().out.split()).partition("Example")[2]


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("check", "--nonsense"), ("record",), ("check", "a.py", "--fail-on", "sometimes")]
)
def test_bad_usage_ends_with_2_and_says_what_was_wrong(monkeypatch, capsys, arguments):
    assert run(monkeypatch, *arguments) == 2
    assert re.search(r"Error|Usage", capsys.readouterr().err)


def test_without_a_command_there_is_help(monkeypatch, capsys):
    assert run(monkeypatch) in {0, 2}
    assert "check" in "".join(capsys.readouterr())


def failing(error: BaseException):
    def fail(*_: object, **__: object) -> int:
        raise error

    return fail


def test_an_error_names_the_file_what_was_wrong_and_what_to_do(monkeypatch, capsys):
    error = CwmError("is not what it seems", path="data.npz", hint="look again")
    monkeypatch.setattr("cwm_engine.cli.doctor.run_doctor", failing(error))
    assert run(monkeypatch, "doctor") == module.EXIT_FAILED == 2
    assert capsys.readouterr().err == "error: data.npz: is not what it seems (look again)\n"


def test_an_internal_error_is_one_line_and_2(monkeypatch, capsys):
    monkeypatch.setattr("cwm_engine.cli.doctor.run_doctor", failing(KeyError("lost")))
    assert run(monkeypatch, "doctor") == 2
    shown = capsys.readouterr().err
    assert shown == "error: internal error: KeyError: 'lost' (`cwm --debug ...` shows the traceback)\n"


@pytest.mark.parametrize("error", [KeyError("lost"), CwmError("no")])
def test_debug_shows_the_traceback(monkeypatch, error):
    monkeypatch.setattr("cwm_engine.cli.doctor.run_doctor", failing(error))
    monkeypatch.setattr(sys, "argv", ["cwm", "--debug", "doctor"])
    with pytest.raises(type(error)):
        main()


def test_codes_are_given_one_by_one_or_separated_by_commas(monkeypatch):
    seen = []
    monkeypatch.setattr("cwm_engine.cli.check.run_check", lambda options: seen.append(options) or 0)
    run(monkeypatch, "check", "a.py", "--select", "CWM2, CWM301", "--select", "CWM4", "--ignore", "CWM601,")
    assert seen[0].select == ("CWM2", "CWM301", "CWM4")
    assert seen[0].ignore == ("CWM601",)


def test_options_of_check_arrive(monkeypatch):
    seen = []
    monkeypatch.setattr("cwm_engine.cli.check.run_check", lambda options: seen.append(options) or 0)
    arguments = "check a.py b.py::C -t x.npz -t y.npz --output-format sarif --diff --fix --watch --fail-on info"
    arguments += " --min-accuracy 0.5 --cwmb --skip-bad --timeout 3 -j 2"
    run(monkeypatch, *arguments.split())
    options = seen[0]
    assert (options.files, options.trajectories) == (("a.py", "b.py::C"), ("x.npz", "y.npz"))
    assert (options.output_format, options.fail_on, options.min_accuracy) == ("sarif", "info", 0.5)
    assert (options.diff, options.fix, options.watch, options.cwmb, options.skip_bad) == (True,) * 5
    assert (options.timeout, options.workers) == (3.0, 2)


def test_characters_that_the_terminal_has_not_are_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("CWM_RUNS", str(tmp_path / "gr\xfc\xdfe"))
    done = cwm("runs", "where")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("gr\\xfc\\xdfe\n")


def test_output_into_a_closed_pipe_is_no_error(tmp_path):
    """As in `cwm --help | head -1`."""
    import subprocess

    done = subprocess.run(
        f"{sys.executable} -m cwm_engine check nowhere.py --output-format json | head -c 1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
