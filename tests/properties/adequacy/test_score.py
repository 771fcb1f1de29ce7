"""The mutation score: what the data kills, what properties kill, what survives, what is the same."""

import numpy as np
import pytest

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.properties.adequacy.batches import JOBS
from cwm_engine.properties.adequacy.findings import untested
from cwm_engine.properties.adequacy.score import CASES, Adequacy, Fate, Subject, adequacy
from cwm_engine.properties.adequacy.states import sample_states
from cwm_engine.properties.invariants import Invariant, Kind, Other
from cwm_engine.properties.mining import mine
from cwm_engine.trajectories.columns import Leaf
from tests.checks import program_of
from tests.recordings import made, recorded, right_model

WALK = """\
class Environment:
    def set_state(self, state):
        self.x = state

    def step(self, action):
        x = self.x + (1.0 if action == 1 else -1.0)
        x = min(x, 40.0)
        if x < -50.0:
            x = -50.0
        return x, 0.0, False
"""
SHORT = made([(float(x), a, x + (1.0 if a else -1.0), 0.0, False) for x in range(-9, 10) for a in (0, 1)] * 2)


def examined(source=WALK, dataset=SHORT, invariants=(), **more) -> Adequacy:
    subject = Subject(program_of(source), dataset, "plain", Prepared(dataset))
    return adequacy(subject, invariants, **{"states": 5000, **more})


def fates(result):
    return {(one.mutant.line, one.mutant.was, one.mutant.now): one.fate for one in result.verdicts}


def test_what_recorded_transitions_notice_is_killed_by_them():
    found = fates(examined())
    assert found[6, "1.0", "1.25"] is Fate.DATA
    assert found[10, "False", "True"] is Fate.DATA


def test_what_only_unrecorded_states_would_show_survives():
    result = examined()
    found = fates(result)
    assert found[7, "40.0", "50.0"] is Fate.SURVIVED
    assert found[7, "min(x, 40.0)", "x"] is Fate.SURVIVED
    assert found[9, "50.0", "62.5"] is Fate.SURVIVED
    (place,) = [one.place for one in result.survivors if one.mutant.now == "50.0"]
    assert place.state > 39
    assert (place.model["observation"], place.model["reward"]) == ([40], 0)


def test_what_is_the_same_everywhere_is_equivalent():
    found = fates(examined(WALK.replace("x < -50.0", "x < -50.0 or x * 0 > 1")))
    assert found[8, "x < -50.0 or x * 0 > 1", "x < -50.0"] is Fate.EQUIVALENT


def test_what_breaks_a_rule_that_the_model_keeps_is_killed_by_it():
    """Cases of properties lie within the recording, so the rule has to be about what happens there."""
    gap = made([(float(x), 1, x + 1.0, 0.0, False) for x in range(-20, 20) if not 0 < x < 9] * 2)
    source = WALK.replace("if x < -50.0:\n            x = -50.0", "if x == 5.0:\n            x = x + 0.0")
    rule = Invariant(kind=Kind.STEP, statement="`obs` grows by 1", expression="next_state - state == 1",
                     condition="action == 1")  # fmt: skip
    plain, known = (fates(examined(source, gap, invariants)) for invariants in ((), [rule]))
    assert plain[9, "0.0", "0.25"] is Fate.SURVIVED
    assert known[9, "0.0", "0.25"] is Fate.PROPERTIES


def test_a_rule_that_the_model_breaks_itself_kills_nothing_and_is_named():
    wrong = Invariant(kind=Kind.BOUND, statement="`obs` is never 5", expression="next_state != 5")
    gap = made([(float(x), 1, x + 1.0, 0.0, False) for x in range(-20, 20) if not 0 < x < 9] * 2)
    source = WALK.replace("if x < -50.0:\n            x = -50.0", "if x == 5.0:\n            x = x + 0.0")
    result = examined(source, gap, [wrong])
    assert result.broken == (wrong,)
    assert result.count(Fate.PROPERTIES) == 0


def test_the_score_is_the_share_that_is_killed_of_what_differs():
    result = examined()
    killed = result.count(Fate.DATA) + result.count(Fate.PROPERTIES)
    assert result.score == killed / (killed + len(result.survivors))
    assert len(result.verdicts) == sum(result.count(fate) for fate in Fate)


def test_a_recording_that_reaches_the_limits_kills_more():
    far = [(float(x), a, max(min(x + (1.0 if a else -1.0), 40.0), -50.0), 0.0, False)
           for x in range(-50, 41) for a in (0, 1)]  # fmt: skip
    assert examined(dataset=made(far)).score > examined().score


def test_progress_is_told_for_both_stages():
    told = []
    examined(on_progress=lambda *news: told.append(news))
    assert [what for what, done, total in told if done == total] == ["recorded transitions", "sampled states"]


@pytest.mark.parametrize("environment", ["CartPole-v1", "Taxi-v4", "FrozenLake-v1"])
def test_mined_rules_are_kept_by_right_models(environment):
    dataset = recorded(environment)
    result = examined(right_model(environment), dataset, mine(dataset))
    assert result.broken == ()
    assert result.score > 0.5


def test_a_finding_stands_on_each_line_that_nothing_tests():
    findings = untested(examined())
    assert [finding.span.line for finding in findings] == [7, 8, 9]
    first = findings[0]
    assert (first.code, first.count) == ("CWM604", 3)
    assert "`40.0` -> `50.0`" in first.message or "`min(x, 40.0)` -> `x`" in first.message
    assert first.note.startswith("Record what happens in a state like ")


def test_code_that_is_known_never_to_run_is_not_told_again():
    result = examined()
    spans = [finding.span for finding in untested(result) if finding.span.line == 9]
    assert [finding.span.line for finding in untested(result, spans)] == [7, 8]


def sampled(environment, count=6000):
    dataset = recorded(environment)
    with Runner(Prepared(dataset), jobs=JOBS) as runner:
        return dataset, sample_states(runner, program_of(right_model(environment)), "plain", count=count)


@pytest.mark.parametrize("environment", ["CartPole-v1", "Acrobot-v1", "Taxi-v4", "Pendulum-v1"])
def test_sampled_states_have_the_form_of_recorded_ones(environment):
    dataset, cases = sampled(environment)
    assert len(cases) == 6000 > CASES
    assert cases.observations.structure == dataset.observations.structure
    assert cases.actions.structure == dataset.actions.structure
    assert cases.episode_count == 6000


def test_states_of_numbers_reach_beyond_the_recording_but_not_beyond_their_bounds():
    dataset, cases = sampled("CartPole-v1")
    seen, tried = dataset.observations.arrays[0], cases.observations.arrays[0]
    assert (tried.max(axis=0) > 1.5 * seen.max(axis=0)).all()
    assert np.isfinite(tried).all()


def test_angles_given_as_cosine_and_sine_stay_on_their_circle():
    _, cases = sampled("Acrobot-v1")
    states = cases.observations.arrays[0].astype(np.float64)
    assert np.allclose(states[CASES:, 0] ** 2 + states[CASES:, 1] ** 2, 1, atol=1e-4)
    assert np.allclose(states[CASES:, 2] ** 2 + states[CASES:, 3] ** 2, 1, atol=1e-4)


def test_the_model_walks_on_to_states_of_a_table_that_nobody_recorded():
    dataset, cases = sampled("Taxi-v4")
    assert isinstance(cases.observations.structure, Leaf)
    assert len(np.unique(cases.observations.arrays[0])) > len(np.unique(dataset.observations.arrays[0]))


def test_a_rule_of_two_transitions_kills_what_breaks_it_in_the_second():
    """To the right and back again: only the way back is wrong, in a state that nobody recorded going back from."""
    source = """\
class Environment:
    def set_state(self, state):
        self.x = int(state)

    def step(self, action):
        x = self.x + (1 if action == 1 else -1)
        if self.x == 7 and action == 0:
            x = x + 0
        return x, 0.0, False
"""
    walk = made(
        [(x, a, x + (1 if a else -1), 0.0, False) for x in range(3, 12) for a in (0, 1) if (x, a) != (7, 0)] * 4
    )
    undone = Invariant(
        kind=Kind.INVERSE, statement="action 1 undoes action 0", condition="action == 0",
        expression="same(other_next, state)", other=Other("next_state", "1"),
    )  # fmt: skip
    alone = fates(examined(source, walk, states=3000))
    together = fates(examined(source, walk, [undone], states=3000))
    assert alone[8, "0", "1"] is Fate.SURVIVED
    assert together[8, "0", "1"] is Fate.PROPERTIES
