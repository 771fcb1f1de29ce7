"""The comparison: what is played, and what is worked out from it."""

import pytest

from cwm_engine.benchmarks.play import Game, Played
from cwm_engine.benchmarks.search import Comparison, Plan, compare
from cwm_engine.benchmarks.simulated import SimulatedLLM
from cwm_engine.errors import CwmError

PLAN = Plan(strategies=("rex", "best-of-n"), tasks=("cartpole", "taxi"), seeds=3, max_calls=10)


def outcome(task, strategy, seed, calls):
    return Played(game=Game(task, strategy, seed), solved=calls < 10, heldout=0.5, calls=calls)


CALLS = {
    ("cartpole", "rex"): (2, 4, 6),
    ("cartpole", "best-of-n"): (5, 7, 9),
    ("taxi", "rex"): (10, 10, 10),
    ("taxi", "best-of-n"): (10, 10, 10),
}
COMPARISON = Comparison(
    PLAN,
    tuple(outcome(*key, seed, calls) for key, sequence in CALLS.items() for seed, calls in enumerate(sequence)),
)


def test_a_row_of_all_tasks_counts_every_search():
    rex, best_of_n = COMPARISON.rows()
    assert (rex.searches, rex.solved.value, rex.calls.value, rex.heldout.value) == (6, 0.5, 7.0, 0.5)
    assert (best_of_n.calls.value, best_of_n.saved) == (8.5, None)


def test_a_row_of_one_task_counts_that_task():
    rex, _ = COMPARISON.rows("cartpole")
    assert (rex.searches, rex.solved.value, rex.calls.value) == (3, 1.0, 4.0)


def test_strategies_are_compared_seed_by_seed():
    """Each seed takes three calls fewer, so that there is no doubt about it, wide as both intervals are."""
    rex, _ = COMPARISON.rows("cartpole")
    assert (rex.saved.low, rex.saved.value, rex.saved.high) == (3.0, 3.0, 3.0)
    assert rex.calls.high - rex.calls.low > 1


def test_without_the_baseline_nothing_is_compared():
    plan = Plan(strategies=("rex",), tasks=("taxi",), seeds=3, max_calls=10)
    (row,) = Comparison(plan, COMPARISON.played).rows()
    assert row.saved is None


def test_the_document_holds_every_row_and_every_search():
    document = COMPARISON.to_json()
    assert [(row["task"], row["strategy"]) for row in document["rows"]] == [
        (task, strategy) for task in (None, "cartpole", "taxi") for strategy in ("rex", "best-of-n")
    ]
    assert len(document["searches"]) == 12
    assert (document["schema"], document["baseline"], document["max_calls"]) == (1, "best-of-n", 10)


@pytest.mark.parametrize("wrong", [{"strategies": ("luck",)}, {"tasks": ("chess",)}, {"strategies": ()}])
def test_a_plan_of_what_there_is_not_is_refused_with_what_there_is(wrong):
    with pytest.raises(CwmError, match="choose from"):
        Plan(**{"strategies": ("rex",), "tasks": ("taxi",), **wrong})


def test_a_comparison_played_twice_is_the_same(tmp_path):
    plan = Plan(strategies=("gif-mcts", "rex", "best-of-n"), tasks=("frozen_lake",), seeds=2, max_calls=6)

    def play():
        heard = []
        comparison = compare(
            plan, lambda task, game: SimulatedLLM(task, game.seed), on_played=lambda one, done: heard.append(done)
        )
        assert heard == list(range(1, 7))
        return comparison.to_json()

    assert play() == play()


def test_journals_are_kept_where_they_are_wanted(tmp_path):
    plan = Plan(strategies=("best-of-n",), tasks=("frozen_lake",), seeds=2, max_calls=2)
    compare(plan, lambda task, game: SimulatedLLM(task, game.seed), journals=tmp_path / "kept")
    assert {path.name for path in (tmp_path / "kept").glob("*.sqlite")} == {
        "frozen_lake-best-of-n-0.sqlite",
        "frozen_lake-best-of-n-1.sqlite",
    }
