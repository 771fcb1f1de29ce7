"""The wrong models of the adequacy benchmark: right about what was stored, wrong elsewhere, made by other operators."""

import ast

import pytest

from benchmarks.adequacy import _concerns
from benchmarks.hand_faults.data import right_model, wide
from benchmarks.wrong_models import WrongModel, played, wrong_models
from cwm_engine.findings import Finding, Severity, Span, Suspect
from cwm_engine.properties.adequacy.mutants import mutants_of
from cwm_engine.properties.adequacy.score import actions_of
from tests.checks import Desk, program_of

NAME = "mountain_car"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the recording is kept."""
    return tmp_path_factory.mktemp("played")


@pytest.fixture(scope="module")
def collected(folder):
    """Wrong models of a car, one of each operator."""
    return wrong_models(NAME, folder, most=1)


def test_wrong_models_are_right_about_the_recording_and_wrong_elsewhere(collected, folder):
    assert len(collected.models) >= 4
    with Desk(played(NAME, folder)) as stored, Desk(wide(NAME)) as elsewhere:
        for model in collected.models:
            assert stored.check(model.source).accuracy == 1.0
            assert elsewhere.check(model.source).accuracy < 1.0


def test_no_wrong_model_is_made_or_undone_by_an_operator_of_the_score(collected, folder):
    source, actions = right_model(NAME), actions_of(played(NAME, folder))

    def meanings(text):
        made = mutants_of(text, program_of(text).spec, actions=actions, most=100_000)
        return {ast.dump(ast.parse(mutant.of(text))) for mutant in made}

    known = meanings(source)
    for model in collected.models:
        assert ast.dump(ast.parse(model.source)) not in known
        assert ast.dump(ast.parse(source)) not in meanings(model.source)


def test_lines_that_differ_are_known(collected):
    right = right_model(NAME).splitlines()
    for model in collected.models:
        wrong = model.source.splitlines()
        if model.lines:
            assert [line for line in wrong if line not in right or wrong.count(line) != right.count(line)]
        else:
            assert len(wrong) < len(right)
            assert len(model.gap) == 2


def finding(first, last, suspects=()):
    return Finding(
        code="CWM602", severity=Severity.INFO, message="", span=Span(first, 1, last, 9),
        suspects=tuple(Suspect(line, 1.0) for line in suspects),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "gap", "told", "concerns"),
    [
        ({5}, set(), finding(5, 5), True),
        ({5}, set(), finding(4, 6), True),
        ({5}, set(), finding(6, 6), False),
        ({5}, set(), finding(9, 9, [5]), True),
        (set(), {5, 6}, finding(5, 5), False),
        (set(), {5, 6}, finding(5, 6), True),
    ],
)
def test_a_finding_is_about_what_differs_or_about_both_sides_of_a_gap(lines, gap, told, concerns):
    model = WrongModel("x", "y", "", frozenset(lines), frozenset(gap), 1.0)
    assert _concerns(told, model) is concerns
