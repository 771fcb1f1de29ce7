"""The program that an editor debugs: it stops on the first line of the function that predicts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WALK = """\
START = 0


class Environment:
    def set_state(self, state):
        self.position = int(state)

    def step(self, action):
        '''Walk.'''
        move = 1 if action else -1
        self.position += move
        return self.position, 1.0, False
"""
FUNCTIONS = """\
def transition(state, action):
    move = 1 if action else -1
    return state + move


def reward(state, action, next_state):
    return 1.0, False
"""
DATA = "".join(
    f'{{"episode": {episode}, "observation": {step}, "action": 1, "next_observation": {step + 1},'
    ' "reward": 1.0, "terminated": false, "truncated": false}\n'
    for episode in range(2)
    for step in range(3)
)


def debug(
    folder: Path, text: str, *arguments: str, commands: str = "w\np move\nc\n"
) -> subprocess.CompletedProcess[str]:
    """Run the program under pdb."""
    file = folder / "walk.py"
    file.write_text(text)
    (folder / "trajectories").mkdir()
    (folder / "trajectories" / "walk.jsonl").write_text(DATA)
    command = [sys.executable, "-m", "cwm_server.debuggee", str(file), *arguments]
    return subprocess.run(command, input=commands, capture_output=True, text=True, timeout=60, check=False)


def test_stops_after_the_docstring_of_step(tmp_path: Path) -> None:
    done = debug(tmp_path, WALK, "--episode", "1", "--step", "2", commands="p action, self.position\nc\n")
    assert "walk.py(10)step()" in done.stdout
    assert "(1, 2)" in done.stdout


def test_stops_in_transition(tmp_path: Path) -> None:
    done = debug(tmp_path, FUNCTIONS, commands="p state\nc\n")
    assert "walk.py(2)transition()" in done.stdout


def test_says_what_was_observed_and_predicted_at_the_end(tmp_path: Path) -> None:
    done = debug(tmp_path, WALK.replace("else -1", "else -1\n        move = -move"), "--step", "1", commands="c\n")
    assert "observed   2, reward 1, ended False" in done.stdout
    assert "predicted  [0, 1.0, false]" in done.stdout
    assert done.returncode == 0


def test_stops_only_at_the_wanted_step_of_a_model_with_a_memory(tmp_path: Path) -> None:
    (tmp_path / "cwm.toml").write_text('[[models]]\nfile = "walk.py"\nmode = "episode"\n')
    done = debug(tmp_path, WALK, "--step", "2", commands="p self.position\nc\n")
    assert done.stdout.count("walk.py(10)step()") == 1
    assert "(Pdb) 2" in done.stdout


def test_refuses_a_step_that_is_not_in_the_data(tmp_path: Path) -> None:
    done = debug(tmp_path, WALK, "--episode", "7")
    assert done.returncode == 2
    assert "no step 0 of episode 7" in done.stderr
