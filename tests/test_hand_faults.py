"""The hand-written faults are what their catalogue says: wrong for the reasons it gives, and for no other."""

from __future__ import annotations

import ast

import pytest

from benchmarks.hand_faults import main
from benchmarks.hand_faults.catalogue import FAULTY, HAND_FAULTS, HandFault
from benchmarks.hand_faults.data import WORLDS, recording, right_model, wide
from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.imports import resolve_imports


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where recordings are kept."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module", params=WORLDS)
def world(request, folder):
    """An environment, and a runner each for what is searched, everything recorded, and wide states."""
    name = request.param
    dataset = recording(name, folder)
    searched = split_episodes(dataset).searched
    with (
        Runner(Prepared(searched)) as on_searched,
        Runner(Prepared(dataset)) as on_all,
        Runner(Prepared(wide(name))) as elsewhere,
    ):
        yield name, on_searched, on_all, elsewhere


def faults_of(name: str) -> list[HandFault]:
    return [fault for fault in HAND_FAULTS if fault.environment == name]


def accuracy(runner: Runner, text: str) -> float:
    """How right a program is; 0 if it cannot be loaded."""
    tree = ast.parse(text)
    spec = discover(tree, text.splitlines()).models[0]
    preload = resolve_imports(tree, None).preload
    return runner.run(Program(text, spec, preload=preload), determinism=False).accuracy or 0.0


def test_there_are_forty_of_them_over_ten_environments():
    assert len(HAND_FAULTS) == 40
    assert sum(fault.single for fault in HAND_FAULTS) == 28
    assert {fault.environment for fault in HAND_FAULTS} == set(WORLDS)
    assert {path.stem for path in FAULTY.glob("*.py")} == {fault.name for fault in HAND_FAULTS}


def test_the_right_model_is_right_about_every_recorded_transition(world):
    name, _, on_all, elsewhere = world
    assert accuracy(on_all, right_model(name)) == 1.0
    assert accuracy(elsewhere, right_model(name)) == 1.0


def test_without_the_mistakes_a_faulty_model_is_right(world):
    name, _, on_all, elsewhere = world
    for fault in faults_of(name):
        assert accuracy(on_all, fault.without(*fault.mistakes)) == 1.0, fault.name
        assert accuracy(elsewhere, fault.without(*fault.mistakes)) == 1.0, fault.name


def test_every_mistake_alone_shows_in_what_is_searched(world):
    name, on_searched, _, _ = world
    for fault in faults_of(name):
        for mistake in fault.mistakes:
            others = [other for other in fault.mistakes if other is not mistake]
            assert accuracy(on_searched, fault.without(*others)) < 1.0, (fault.name, mistake.what)


def test_a_search_without_a_language_model_repairs_one(capsys):
    main(["frozen_lake_left_is_right", "--verbose"])
    shown = capsys.readouterr().out
    assert "the author exchanges left and right" in shown
    assert "one mistake: 1 of 1 verified (100 %), 1 of them right elsewhere" in shown
