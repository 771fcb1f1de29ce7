"""Trying whole texts on a sample."""

from cwm_engine.diagnosis.editing.texts import Score, TextTester
from tests.diagnosis.worlds import KEYS, PENDULUM


def texts_for(world, source):
    return TextTester(world.model, world.sample(source))


def test_the_right_text_passes_and_the_wrong_one_does_not():
    wrong = KEYS.broken("keys + 1", "keys + 2")
    texts = texts_for(KEYS, wrong)
    assert texts.passes(KEYS.source)
    assert not texts.passes(wrong)


def test_a_score_counts_predictions_and_right_cells():
    wrong = PENDULUM.broken("-cost, False", "cost, False")
    texts = texts_for(PENDULUM, wrong)
    right, score = texts.score(PENDULUM.source), texts.score(wrong)
    assert right.right == right.whole
    assert score.predicted == right.predicted
    assert score.right == score.whole - score.predicted


def test_what_raises_everywhere_predicts_nothing():
    texts = texts_for(PENDULUM, PENDULUM.broken("-cost, False", "cost, False"))
    score = texts.score(PENDULUM.broken("math.sin(self.angle)", "math.sine(self.angle)"))
    assert (score.predicted, score.right) == (0, 0)


def test_what_cannot_be_made_has_no_score():
    texts = texts_for(PENDULUM, PENDULUM.broken("-cost, False", "cost, False"))
    assert texts.score("class Environment(:") is None
    assert texts.score("x = 1\n") is None
    assert texts.score("raise SystemExit") is None


def test_an_endless_loop_ends():
    texts = texts_for(PENDULUM, PENDULUM.broken("-cost, False", "cost, False"))
    endless = PENDULUM.broken("        torque = ", "        while True:\n            pass\n        torque = ")
    assert texts.score(endless).predicted == 0


def test_more_predictions_are_better_than_more_right_cells():
    assert Score(2, 0) > Score(1, 6)
