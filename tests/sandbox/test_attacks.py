"""Programs that try to get out: at the full level none has an effect, whoever runs the host."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_engine.sandbox import probe_isolation
from tests.sandbox.attacks import ATTACKS, Expect

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
SETTINGS = [(user, mode) for user in ("this user", "nobody") for mode in ("plain", "wrapped")]
POSSIBLE = [
    (user, mode)
    for user, mode in SETTINGS
    if (user == "this user" or IS_ROOT) and (mode == "plain" or shutil.which("bwrap") is not None)
]


@functools.cache
def host_under_attack(user, mode):
    """All attacks against one host, run once per setting: the account of it."""
    if mode == "wrapped" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    if user == "nobody" and not IS_ROOT:
        pytest.skip("this is an ordinary user already")
    host = ["tests.sandbox.attack_host", mode]
    done = subprocess.run(
        [sys.executable, "-m", *(["tests.sandbox.as_nobody"] if user == "nobody" else []), *host],
        cwd=ROOT,
        env=os.environ | {"OPENAI_API_KEY": "sk-in-the-environment"},
        capture_output=True,
        timeout=100,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this machine does not let root lay its interpreter open to an ordinary user")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(autouse=True, scope="module")
def _fully_isolated():
    if probe_isolation().level != "full":
        pytest.skip("this platform cannot shut children in fully")


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.bites], ids=lambda attack: attack.name)
def test_an_attack_has_an_effect_where_there_is_no_sandbox(attack):
    """The attacks are real: those that harm nobody work in a plain process."""
    assert host_under_attack("this user", "unprotected")["answers"][attack.name] == "effect"


@pytest.mark.parametrize(("user", "mode"), SETTINGS)
def test_the_host_under_attack_is_the_one_meant(user, mode):
    """At the full level, as the user in question, with everything attackers need loaded."""
    account = host_under_attack(user, mode)
    assert account["level"] == "full"
    assert account["missing"] == {}
    assert (account["user"] == 0) == (IS_ROOT and user == "this user")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize(("user", "mode"), POSSIBLE)
def test_an_attack_has_no_effect_and_fails_visibly(user, mode, attack):
    """Nothing is touched, nothing is got, and the host sees how it failed; honest programs work."""
    answer = host_under_attack(user, mode)["answers"][attack.name]
    assert answer["damage"] == []
    assert answer["end"] in {outcome.name for outcome in attack.expect}, answer


@pytest.mark.parametrize(("user", "mode"), POSSIBLE)
def test_a_program_that_hangs_is_known_by_its_line(user, mode):
    """Also when it is stuck in C; not when it has blocked the signal that asks."""
    answers = host_under_attack(user, mode)["answers"]
    lines = {attack.name: answers[attack.name]["line"] for attack in ATTACKS if Expect.KILLED in attack.expect}
    assert lines["loop for ever"] == 3
    assert lines["loop for ever in C"] == 1
    assert lines["loop for ever in a pattern"] == 2
    assert lines["sleep for ever"] == 2
    assert lines["block every signal and loop"] is None
