"""REx, greedy and best-of-n: whom they choose, and how sure they are."""

import sys
from collections import Counter

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.greedy import BestOfN, Greedy
from cwm_engine.synthesis.interfaces import SearchAction, Selection
from cwm_engine.synthesis.rex import Rex
from cwm_engine.synthesis.strategies import STRATEGIES, make_strategy
from cwm_engine.synthesis.tree import ROOT

G, I, F = SearchAction.GENERATE, SearchAction.IMPROVE, SearchAction.FIX  # noqa: E741


def tell(strategy, tree, selection, evaluation, program="x = 1\n"):
    node = tree.add(selection, program, evaluation)
    strategy.update(tree, node.id, evaluation.outcome)
    return node.id


def play(strategy, tree, evaluation, program="x = 1\n"):
    (selection,) = strategy.select(tree, 1)
    tell(strategy, tree, selection, evaluation, program)
    return selection


def test_rex_begins_with_a_program_from_nothing():
    strategy = Rex()
    assert strategy.select(strategy.new_tree(), 1) == [Selection(ROOT, G)]


def test_rex_trusts_a_program_by_its_accuracy():
    """h = .75, C = 20: Beta(1 + 15, 1 + 5); the empty program has one failure: Beta(1, 2)."""
    strategy = Rex()
    tree = strategy.new_tree()
    play(strategy, tree, Evaluation(accuracy=0.75))
    assert (strategy.belief(1), strategy.belief(ROOT)) == ((16.0, 6.0), (1.0, 2.0))


def test_rex_trusts_a_program_less_with_each_refinement_that_failed():
    strategy = Rex()
    tree = strategy.new_tree()
    for _ in range(40):
        play(strategy, tree, Evaluation(accuracy=0.5))
    children = Counter(node.parent for node in tree)
    for node in tree:
        if node.id != ROOT:
            assert strategy.belief(node.id) == (11.0, 11.0 + children[node.id])


def test_rex_counts_what_is_under_way_as_failed():
    strategy = Rex()
    tree = strategy.new_tree()
    strategy.select(tree, 3)
    assert strategy.belief(ROOT) == (1.0, 4.0)


def test_rex_fixes_what_does_not_run_and_gives_it_no_credit():
    strategy = Rex()
    tree = strategy.new_tree()
    play(strategy, tree, Evaluation(accuracy=0.9, buggy=True))
    assert strategy.belief(1) == (1.0, 21.0)
    chosen = [strategy.select(tree, 1)[0] for _ in range(200)]
    assert {selection.action for selection in chosen if selection.node == 1} == {F}


def test_rex_never_refines_a_reply_without_a_program():
    strategy = Rex()
    tree = strategy.new_tree()
    play(strategy, tree, no_program("nothing"), None)
    assert {selection.node for selection in strategy.select(tree, 20)} == {ROOT}


def test_rex_mostly_refines_the_better_of_two():
    strategy = Rex()
    tree = strategy.new_tree()
    first, second = strategy.select(tree, 2)
    tell(strategy, tree, first, Evaluation(accuracy=0.1))
    tell(strategy, tree, second, Evaluation(accuracy=0.9))
    chosen = Counter(strategy.select(tree, 1)[0].node for _ in range(20))
    assert chosen.most_common(1)[0][0] == 2


def test_greedy_refines_the_best_program():
    strategy = Greedy()
    tree = strategy.new_tree()
    assert play(strategy, tree, Evaluation(accuracy=0.4)) == Selection(ROOT, G)
    assert play(strategy, tree, Evaluation(accuracy=0.8)) == Selection(1, I)
    assert play(strategy, tree, Evaluation(accuracy=0.6)) == Selection(2, I)
    assert play(strategy, tree, Evaluation(accuracy=0.6)) == Selection(2, I)


def test_greedy_fixes_the_best_program_if_it_does_not_run():
    strategy = Greedy()
    tree = strategy.new_tree()
    play(strategy, tree, Evaluation(buggy=True))
    assert strategy.select(tree, 1) == [Selection(1, F)]


def test_ab_mcts_goes_deeper_where_programs_are_good_and_wider_where_they_are_not():
    """Below the root everything is worth .1, below that first program .9."""
    pytest.importorskip("treequest")
    strategy = make_strategy("ab-mcts", 3)
    tree = strategy.new_tree()
    for _ in range(40):
        (selection,) = strategy.select(tree, 1)
        tell(strategy, tree, selection, Evaluation(accuracy=0.9 if tree[selection.node].parent == ROOT else 0.1))
    parents = Counter(node.parent for node in tree)
    assert parents[ROOT] > 1
    assert len(parents) > 3


def test_ab_mcts_leaves_the_generator_of_others_alone():
    pytest.importorskip("treequest")
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    strategy = make_strategy("ab-mcts")
    tree = strategy.new_tree()
    for accuracy in (0.2, 0.6, 0.4):
        play(strategy, tree, Evaluation(accuracy=accuracy))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_ab_mcts_goes_on_from_the_parent_of_a_reply_without_a_program():
    pytest.importorskip("treequest")
    strategy = make_strategy("ab-mcts")
    tree = strategy.new_tree()
    for _ in range(10):
        assert play(strategy, tree, no_program("nothing"), None) == Selection(ROOT, G)


def test_without_its_package_ab_mcts_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "treequest", None)
    with pytest.raises(CwmError, match=r"code-world-models\[ab-mcts\]"):
        make_strategy("ab-mcts")


def test_best_of_n_always_begins_anew():
    strategy = BestOfN()
    tree = strategy.new_tree()
    assert [play(strategy, tree, Evaluation(accuracy=0.9)) for _ in range(3)] == [Selection(ROOT, G)] * 3


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_seed_decides_every_strategy(name):
    if name == "ab-mcts":
        pytest.importorskip("treequest")

    def parents():
        strategy = make_strategy(name, 7)
        tree = strategy.new_tree()
        for number in range(30):
            play(strategy, tree, Evaluation(accuracy=number % 7 / 7, buggy=number % 5 == 0), "a = 1\nb = 2\n" * 30)
        return [node.parent for node in tree]

    assert parents() == parents()


def test_an_unknown_strategy_is_refused_with_those_there_are():
    with pytest.raises(CwmError, match="best-of-n"):
        make_strategy("random")
