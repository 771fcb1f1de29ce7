"""The level of isolation is found out by trying, and said as it is."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.sandbox import ChildDied, kernel, probe_isolation, spawn
from cwm_engine.sandbox.isolation import Isolation, Layer
from cwm_engine.sandbox.landlock import landlock_abi
from tests.sandbox.processes import open_descriptors

linux = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")


def layers(*names):
    return [Layer(name, True, "") for name in names]


@pytest.mark.parametrize(
    ("names", "level"),
    [
        (["limits", "landlock", "system calls"], "full"),
        (["limits", "landlock", "bubblewrap"], "full"),
        (["limits", "landlock", "system calls", "bubblewrap"], "full"),
        (["landlock", "system calls"], "partial"),
        (["limits", "landlock"], "partial"),
        (["limits", "system calls"], "partial"),
        (["limits", "bubblewrap"], "partial"),
        (["limits", "bubblewrap", "system calls"], "partial"),
        (["limits", "process"], "process"),
        ([], "process"),
    ],
)
def test_the_level_follows_from_the_layers_that_hold(names, level):
    assert Isolation.of(layers(*names)).level == level


def test_a_layer_that_does_not_hold_counts_for_nothing():
    made = [replace(layer, active=False) for layer in layers("limits", "landlock", "system calls")]
    assert Isolation.of(made).level == "process"


def test_an_account_goes_through_json():
    account = probe_isolation()
    assert Isolation.from_json(json.loads(json.dumps(account.to_json()))) == account


@linux
def test_every_layer_is_accounted_for():
    names = [layer.name for layer in probe_isolation().layers]
    assert names == ["process", "limits", "no privileges", "landlock", "system calls", "bubblewrap"]
    assert all(layer.detail for layer in probe_isolation().layers)


@linux
def test_trying_leaves_this_process_as_it_was():
    before = open_descriptors(), os.geteuid(), Path("/proc/self/status").read_text().count("NoNewPrivs:\t0")
    Path("/etc/passwd").read_text()
    probe_isolation.cache_clear()
    assert probe_isolation().layers
    assert (open_descriptors(), os.geteuid(), Path("/proc/self/status").read_text().count("NoNewPrivs:\t0")) == before
    Path("/etc/passwd").read_text()


PRETEND = """
import errno, json, sys
from cwm_engine.sandbox import {module} as module
def refuse(*arguments):
    raise OSError(errno.EPERM, "not here")
module.{name} = refuse
from cwm_engine.sandbox.isolation import Isolation, usable_hardening
usable, layers = usable_hardening(False)
print(json.dumps([Isolation.of(layers).level, [l.name for l in layers if not l.active],
                  usable.ruleset is None, usable.filter_program is None]))
"""


@linux
@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("hardening", "restrict_self", ["partial", ["landlock", "bubblewrap"], True, False]),
        ("hardening", "create_ruleset", ["partial", ["landlock", "bubblewrap"], True, False]),
        ("hardening", "install_filter", ["partial", ["system calls", "bubblewrap"], False, True]),
        ("hardening", "set_resource_limits", ["partial", ["limits", "bubblewrap"], False, False]),
    ],
)
def test_a_layer_the_machine_refuses_is_left_out_and_said(module, name, expected, tmp_path):
    """The kernel is made to refuse one call; a process of its own, for a fork of pytest is a big thing."""
    if probe_isolation().level != "full":
        pytest.skip("this platform refuses something already")
    script = tmp_path / "pretend.py"
    script.write_text(PRETEND.format(module=module, name=name))
    with (tmp_path / "out").open("w+b") as output:
        worker = spawn.Worker("runpy:run_path", str(script), output=output)
        worker.stop(60)
        output.seek(0)
        assert json.loads(output.read()) == expected


@linux
def test_a_child_that_cannot_be_shut_in_runs_nothing(start, tmp_path):
    """The layers were tried when the zygote started; if one fails later all the same, the child ends."""
    zygote = start(jobs=["tests.sandbox.jobs", "tests.sandbox.sabotage"])
    with pytest.raises((ChildDied, CwmError), match="could not be set up"):
        zygote.take().receive(30)


@linux
def test_calls_the_kernel_refuses_are_errors():
    with pytest.raises(OSError, match="prctl"):
        kernel.prctl(0x7FFFFFFF)
    with pytest.raises(OSError, match="nonsense"):
        kernel.syscall("nonsense", 100_000)


@linux
def test_landlock_speaks_some_version():
    assert landlock_abi() >= 0
