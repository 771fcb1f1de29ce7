"""`cwm doctor`: what of the sandbox works here, said aloud."""

from __future__ import annotations

import pytest

from cwm_engine.cli import doctor
from cwm_engine.sandbox.isolation import Isolation, Layer, probe_isolation
from tests.cli.command import cwm


def test_every_layer_is_listed_with_how_it_was_found_out():
    isolation = probe_isolation()
    done = cwm("doctor")
    assert done.returncode == (0 if isolation.level == "full" else 1)
    for layer in isolation.layers:
        assert layer.name in done.stdout
    assert f"isolation: {isolation.level}." in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("level", "code", "meaning"),
    [
        ("full", 0, "none of the known attacks has an effect"),
        ("partial", 1, "Some attacks get through"),
        ("process", 1, "A model can read your files and use the network"),
    ],
)
def test_the_level_is_said_with_what_it_means(monkeypatch, capsys, level, code, meaning):
    layers = (Layer("seccomp", level == "full", "tried [it]"),)
    monkeypatch.setattr(doctor, "probe_isolation", lambda: Isolation(level, layers))
    assert doctor.run_doctor() == code
    shown = capsys.readouterr().out
    assert meaning in " ".join(shown.split())
    assert "tried [it]" in shown
