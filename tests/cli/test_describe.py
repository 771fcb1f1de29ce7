"""`cwm describe`: tables for people, JSON for programs, and an exit code for scripts."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.cli.describe import DescribeFormat, DescribeOptions, run_describe
from cwm_engine.errors import CwmError
from cwm_engine.findings import Severity
from cwm_engine.trajectories.dataset import Provenance
from cwm_engine.trajectories.load import save_dataset
from tests.trajectories.worlds import chained, ends, recorded, with_one_flag


@pytest.fixture
def sound(tmp_path):
    """A recording without any warning."""
    path = tmp_path / "cartpole.npz"
    save_dataset(recorded("CartPole-v1", episodes=4), path)
    return str(path)


@pytest.fixture
def flawed(tmp_path):
    """Taxi as a collector stores it that knows one flag only."""
    path = tmp_path / "taxi.jsonl"
    save_dataset(with_one_flag(recorded("Taxi-v4", episodes=5)), path)
    return str(path)


def test_sound_data_is_described_and_passes(sound, capsys):
    """Exit code 0, and every part is there."""
    assert run_describe(DescribeOptions((sound,))) == 0
    shown = capsys.readouterr().out
    for part in ("CartPole-v1", "transitions", "4 of", "obs[3]", "action", "reward", "a function of state and action?"):
        assert part in shown
    assert "\x1b" not in shown


def test_warnings_fail_and_say_what_to_do(flawed, capsys):
    """Exit code 1, the finding with advice and places."""
    assert run_describe(DescribeOptions((flawed,))) == 1
    shown = capsys.readouterr().out
    assert "warning truncation-as-termination: A time limit was stored as termination" in shown
    assert "= help: Store `terminated` and `truncated` apart" in shown
    assert "= at: episode 0 step 199" in shown


@pytest.mark.parametrize(("fail_on", "code"), [(Severity.ERROR, 0), (Severity.WARNING, 1), (Severity.INFO, 1)])
def test_what_fails_can_be_chosen(flawed, fail_on, code):
    """The mildest severity that counts."""
    assert run_describe(DescribeOptions((flawed,), fail_on=fail_on)) == code


def test_notes_fail_only_if_asked_for(sound):
    """A constant reward is a note."""
    assert run_describe(DescribeOptions((sound,), fail_on=Severity.INFO)) == 1


def test_json_is_one_document(flawed, capsys):
    """And nothing else."""
    assert run_describe(DescribeOptions((flawed,), output_format=DescribeFormat.JSON)) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["schema"], found["environment"], found["episodes"]) == (1, "Taxi-v4", 5)
    assert found["endings"]["unexplainable"] == 4  # and one that was delivered
    assert captured.err == ""


def test_several_files_are_described_as_one(sound, tmp_path, capsys):
    """Their episodes are numbered through."""
    other = tmp_path / "more.npz"
    save_dataset(recorded("CartPole-v1", episodes=3, seed=1), other)
    run_describe(DescribeOptions((sound, str(other)), output_format=DescribeFormat.JSON))
    assert json.loads(capsys.readouterr().out)["episodes"] == 7


def test_a_missing_file_is_an_error_with_its_name(tmp_path):
    """Told by the loader."""
    with pytest.raises(CwmError, match="nowhere"):
        run_describe(DescribeOptions((str(tmp_path / "nowhere.npz"),)))


def test_malformed_records_are_left_out_on_request(tmp_path, capsys):
    """The rest is described, and the description says so."""
    path = tmp_path / "data.jsonl"
    save_dataset(chained([[0, 1, 2], [3, 4]], terminated=ends([2, 1])), path)
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(CwmError):
        run_describe(DescribeOptions((str(path),)))
    run_describe(DescribeOptions((str(path),), skip_bad=True))
    assert "skipped-records: 1 record" in capsys.readouterr().out


def test_names_from_the_data_are_shown_as_they_are(tmp_path, capsys):
    """Neither markup nor terminal control codes have an effect."""
    states = [{"[red]a[/red]": i, "b\x1b[2J": i} for i in range(3)]
    path = tmp_path / "odd.jsonl"
    dataset = chained([states], actions=["[bold]", "[/bold]"], terminated=ends([2]))
    save_dataset(replace(dataset, provenance=Provenance(environment="[blink]Odd[/]-v0")), path)
    run_describe(DescribeOptions((str(path),)))
    shown = capsys.readouterr().out
    for part in ("[blink]Odd[/]-v0", "obs.[red]a[/red]", '"[/bold]"'):
        assert part in shown
    assert "\x1b" not in shown


def test_long_lists_are_cut_and_say_so(tmp_path, capsys):
    """Sixty fields; JSON has all of them."""
    path = tmp_path / "wide.npz"
    save_dataset(chained([np.random.default_rng(0).normal(size=(30, 60))], terminated=ends([29])), path)
    run_describe(DescribeOptions((str(path),)))
    assert "and 20 more fields" in capsys.readouterr().out
    run_describe(DescribeOptions((str(path),), output_format=DescribeFormat.JSON))
    assert len(json.loads(capsys.readouterr().out)["fields"]) == 60


def test_a_terminal_without_unicode_is_no_obstacle(tmp_path):
    """Characters that it has not are escaped."""
    path = tmp_path / "text.jsonl"
    save_dataset(chained([["räume", "zürich", "räume"]], terminated=ends([2])), path)
    code = "import sys; from cwm_engine.cli.describe import *; sys.exit(run_describe(DescribeOptions((sys.argv[1],))))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode in (0, 1), done.stderr
    assert b"obs" in done.stdout
