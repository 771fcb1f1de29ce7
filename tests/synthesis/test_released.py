"""GIF-MCTS as released, step by step against the released code told again."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_engine.synthesis.interfaces import SearchAction
from cwm_engine.synthesis.tree import ROOT
from tests.synthesis.released import BUG, Released
from tests.synthesis.test_gif_mcts import Game

KINDS = {SearchAction.GENERATE: "g", SearchAction.IMPROVE: "i", SearchAction.FIX: "f"}


@settings(max_examples=100)
@given(
    st.integers(0, 100),
    st.lists(
        st.tuples(st.sampled_from([BUG, 0.0, 0.3, 0.7]), st.sampled_from([1, 2, 3, 4, 5, 8, 20, 40])), max_size=50
    ),
)
def test_any_search_by_the_released_code_is_that_of_the_released_code(seed, outcomes):
    """Every step on the way down takes a best child, and all values and visits are the same."""
    game, released = Game("released"), Released()
    game.strategy._random.seed(seed)
    known = {ROOT: released.root}

    def assert_best(node, name):
        scores = released.scores(node)
        assert scores[name] == pytest.approx(max(scores.values()), abs=1e-9)

    for outcome, lines in outcomes:
        (selection,) = game.strategy.select(game.tree, 1)
        node = known[selection.node]
        path = released.path(node)
        for above, below in pairwise(path):
            assert not below.terminal
            assert_best(above, next(name for name, child in above.children.items() if child is below))
        overwritten = known.pop(selection.replaces, None)
        name = next(
            name
            for name, child in node.children.items()
            if name[0] == KINDS[selection.action] and (child is overwritten if overwritten else not child.visits)
        )
        assert_best(node, name)
        game.tell(selection, outcome, lines)
        known[len(game.tree) - 1] = released.play(node, name, outcome, lines)
        assert {n: game.visits[n] for n in known} == {n: known[n].visits for n in known}
        assert {n: game.values[n] for n in known} == pytest.approx({n: known[n].value for n in known}, abs=1e-9)
