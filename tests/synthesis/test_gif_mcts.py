"""GIF-MCTS against trees worked out by hand, for every variant.

U = value + 0.1 sqrt(ln N / (n + 1)). The root begins with N = 1; ln 2 = 0.693147, ln 3 = 1.098612, ln 4 = 1.386294.
"""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.gif_mcts import GifMcts
from cwm_engine.synthesis.interfaces import SearchAction
from cwm_engine.synthesis.tree import ROOT

G, I, F = SearchAction.GENERATE, SearchAction.IMPROVE, SearchAction.FIX  # noqa: E741
BUG, NOTHING = "bug", "nothing"
LONG = "".join(f"line_{number}\n" for number in range(40))


class Game:
    """Plays a search: every selection is answered with the next scripted outcome."""

    def __init__(self, variant="default", **options):
        self.strategy = GifMcts(0, variant=variant, **options)
        self.tree = self.strategy.new_tree()

    def play(self, outcome, lines=40):
        (selection,) = self.strategy.select(self.tree, 1)
        self.tell(selection, outcome, lines)
        return tuple(selection[:2])

    def tell(self, selection, outcome, lines=40):
        program = None if outcome == NOTHING else "".join(LONG.splitlines(keepends=True)[:lines])
        if isinstance(outcome, str):
            evaluation = no_program("no code") if program is None else Evaluation(buggy=True)
        else:
            evaluation = Evaluation(accuracy=outcome)
        node = self.tree.add(selection, program, evaluation)
        self.strategy.update(self.tree, node.id, evaluation.outcome)

    def tell_nothing_left(self, selection):
        node = self.tree.add(selection, None, no_program("nothing is left", nothing_left=True))
        self.strategy.update(self.tree, node.id, node.evaluation.outcome)

    @property
    def values(self):
        return [self.strategy.value(node.id) for node in self.tree]

    @property
    def visits(self):
        return [self.strategy.visits(node.id) for node in self.tree]


def test_the_first_program_is_generated_at_the_root():
    game = Game()
    assert game.play(0.6) == (ROOT, G)
    assert (game.values, game.visits) == ([0.3, 0.6], [2, 1])


def test_a_program_worth_more_than_a_new_one_is_improved():
    """At the root (N = 2): child .6 + .1 sqrt(.6931/2) = .6589; new one: overall (1 + .6)/3 = .5333, local .6,
    mean .5667 + .1 sqrt(.6931/2) = .6255. Down. At the child N = 1, so ln N = 0: generate (1 + .6)/3 = .5333, improve
    .55. Improve.
    """
    game = Game()
    game.play(0.6)
    assert game.play(0.7) == (1, I)
    assert game.values == pytest.approx([(0.6 + 0.7) / 3, (0.6 + 0.7) / 2, 0.7])
    assert game.visits == [3, 2, 1]


def test_a_program_worth_less_than_a_new_one_is_left():
    """At the root (N = 2): child .2 + .0589 = .2589; new one: overall (1 + .2)/3 = .4, local .2: .3 + .0589 = .3589."""
    game = Game()
    game.play(0.2)
    assert game.play(0.2) == (ROOT, G)


def test_a_tree_of_four_programs():
    """After .6 and the improvement .9, improve has overall (1.1 + .9)/3 = .6667, generate .5333; its weights stay, as
    there was nothing local to compare. Root (N = 3): child 1 has value .75, n = 2: .75 + .1 sqrt(1.0986/3) = .8105;
    new: (.5333 + .75)/2 + .1 sqrt(1.0986/2) = .7158. Down to 1 (N = 2): child 2 .9 + .1 sqrt(.6931/2) = .9589;
    generate .5333 + .1 sqrt(.6931/1) = .6166; improve (.6667 + .9)/2 + .0589 = .8422. Down to 2 (N = 1): generate
    .5333, improve .6667: improve.
    """
    game = Game()
    game.play(0.6)
    game.play(0.9)
    assert game.play(0.1) == (2, I)
    assert game.values == pytest.approx([1.6 / 4, 1.6 / 3, 1.0 / 2, 0.1])


def test_a_bug_is_fixed_at_once_and_is_worth_almost_1_meanwhile():
    """Nothing is backed up: the root keeps its mean 0. Child .99 + .0589 beats new (1/3 + .99)/2 + .0589."""
    game = Game()
    game.play(BUG)
    assert (game.values, game.visits) == (pytest.approx([0.0, 0.99]), [2, 1])
    assert game.play(BUG) == (1, F)
    assert game.values == pytest.approx([0.0, 0.66, 0.66])


@pytest.mark.parametrize("variant", ["default", "paper", "released"])
def test_a_chain_of_bugs_is_worth_99_66_33_and_nothing(variant):
    """Whenever it is asked for; what else there is has no value, so that it stays as it is."""
    game, worth = Game(variant), []
    while len(worth) < 4:
        (selection,) = game.strategy.select(game.tree, 1)
        is_chain = selection.action is F or not worth
        game.tell(selection, BUG if is_chain else 0.0)
        worth += [game.values[1]] * is_chain
    assert worth == pytest.approx([0.99, 0.66, 0.33, 0.0])
    assert not any(node.action is F and not node.evaluation.buggy for node in game.tree)


def test_a_third_fix_can_lose_against_a_new_program():
    """Two failed fixes leave .33 at the head (n = 3); root N = 4: .33 + .1 sqrt(1.3863/4) = .3889. New: overall 1/3,
    local .33, mean .3317 + .1 sqrt(1.3863/2) = .4149.
    """
    game = Game()
    for _ in range(3):
        game.play(BUG)
    assert game.values == pytest.approx([0.0, 0.33, 0.33, 0.33])
    assert game.play(0.0) == (ROOT, G)


def test_an_exhausted_chain_is_worth_nothing_and_never_taken_again():
    game = Game()
    for _ in range(3):
        game.play(BUG)
    selection = None
    while selection != (3, F, None):
        (selection,) = game.strategy.select(game.tree, 1)
        game.tell(selection, BUG if selection == (3, F, None) else 0.0)
    last = len(game.tree) - 1
    assert [game.strategy.value(node) for node in (1, 2, 3, last)] == [0.0] * 4
    assert all(game.play(0.0)[0] not in {1, 2, 3, last} for _ in range(20))


def test_a_fixed_program_speaks_for_the_whole_chain():
    """Two bugs, then .8. The path counts .8: root (0 + .8)/4 visits; the chain has the value of the child."""
    game = Game()
    for outcome in (BUG, BUG, 0.8):
        game.play(outcome)
    assert game.values == pytest.approx([0.2, 0.8, 0.8, 0.8])
    assert game.visits == [4, 3, 2, 1]


def test_after_a_repair_the_search_goes_on_below_the_repaired_program():
    game = Game()
    for outcome in (BUG, 0.8):
        game.play(outcome)
    assert game.play(0.8) in {(2, G), (2, I)}


def test_a_finished_program_pays_its_ancestors_and_keeps_nothing():
    """A program of one line ends inside the first two: its value goes to the root, (0 + .9)/2, and not to itself."""
    game = Game()
    game.play(0.9, lines=1)
    assert game.values == [0.45, 0.0]


@pytest.mark.parametrize("variant", ["default", "paper"])
def test_a_finished_program_is_never_taken_again(variant):
    game = Game(variant)
    for _ in range(30):
        game.play(0.0, lines=1)
    assert {node.parent for node in game.tree} == {None, ROOT}
    assert all(node.replaces is None for node in game.tree)


def test_the_released_code_asks_again_for_finished_programs():
    """With only zeros a root child (0 + .1 sqrt(ln N / 2)) soon beats new ones (overall falls to 0, more siblings): 50
    calls touch 8 children. With .3 it never does.
    """
    zeros, better = Game("released"), Game("released")
    for _ in range(50):
        zeros.play(0.0, lines=1)
        better.play(0.3, lines=1)
    assert sum(node.replaces is None for node in zeros.tree) - 1 == 8
    assert all(node.replaces is None for node in better.tree)


def test_a_node_that_overwrites_another_keeps_its_visits_and_its_value():
    """The ninth call goes to one of the eight finished children: visited twice, .6 / 2. It is not finished any more."""
    game = Game("released")
    for _ in range(8):
        game.play(0.0, lines=1)
    (selection,) = game.strategy.select(game.tree, 1)
    game.tell(selection, 0.6)
    assert (selection.node, selection.replaces) in {(ROOT, child) for child in range(1, 9)}
    assert (game.values[9], game.visits[9]) == (0.3, 2)
    assert (game.values[ROOT], game.visits[ROOT]) == (pytest.approx(0.6 / 10), 10)
    assert game.play(0.6)[0] == 9


def test_the_released_code_never_fixes_what_ends_within_its_state():
    """Three lines are less than the two of a level below the two that the empty root counts as."""
    game = Game("released")
    game.play(BUG, lines=3)
    assert (game.values, game.visits) == ([0.0, 0.0], [2, 1])
    assert game.play(BUG, lines=4) == (ROOT, G)
    assert game.play(0.5) == (2, F)


def test_the_released_code_learns_from_a_child_that_counts_as_0():
    """After the first .9 the weights are trained on overall .5 and local 0: predicted .25, slope 2 (.25 - .9) = -1.3,
    overall .5 + 1.3/3 * .25 = .6083, local .5 - 1.3/3 * .25 = .3917. Default leaves both at .5: there was no child.
    """
    released, default = Game("released"), Game()
    for game in (released, default):
        game.play(0.9)
    model = released.strategy._models[G]
    assert (model.global_weight, model.local_weight) == (pytest.approx(0.608333), pytest.approx(0.391667))
    assert default.strategy._models[G].local_weight == 0.5


def test_a_tree_of_the_released_code():
    """Four steps with .4, .2, a bug, and its fix .6; weights of generate after each in brackets.

    1. Generate at the root. Learned from overall .5, local 0 (the new child counts as 0): predicted .25, slope
       2 (.25 - .4) = -.3; [.5 + .3/3 * .25 = .525, .5 - .3/3 * .25 = .475]. Root .4 / 2 = .2.
    2. Child .4 + .0589; new: overall (1 + .4)/3 = .46667, local .4, .525 * .46667 + .475 * .4 = .435, + .0589:
       generate. Learned with local (.4 + 0)/2 = .2: predicted .525 * .46667 + .475 * .2 = .34, slope 2 (.34 - .2),
       rate 1/4; [.525 - .07 * .12667 = .516133, .475 + .07 * .14 = .4848]. Root .6 / 3 = .2.
    3. Children .4 and .2, each + .1 sqrt(1.0986/2) = .0741: .4741; new: overall (1 + .6)/4 = .4, local .3; weights sum
       to 1.000933: (.516133 * .4 + .4848 * .3)/1.000933 = .351565, + .1 sqrt(1.0986/3) = .0605: .4121. Down to child
       1, N = 1: generate .4 (overall, nothing local), improve .55. Improve, a bug: root keeps .2, child 1 keeps .4.
    4. Root N = 4: child 1 .4 + .1 sqrt(1.3863/3) = .4680; child 2 .2 + .1 sqrt(1.3863/2) = .2833; new .3516 +
       .1 sqrt(1.3863/3) = .4195. Child 1, N = 2: bug .99 + .0589. Fix: .6. Root (.8 + .6)/5 = .28, child 1
       (.8 + .6)/3, and the bug is worth what its fix is.
    """
    game = Game("released")
    assert game.play(0.4) == (ROOT, G)
    model = game.strategy._models[G]
    assert (model.global_weight, model.local_weight) == (pytest.approx(0.525), pytest.approx(0.475))
    assert game.play(0.2) == (ROOT, G)
    assert (model.global_weight, model.local_weight) == (pytest.approx(0.5161333), pytest.approx(0.4848))
    assert game.play(BUG) == (1, I)
    assert game.values == pytest.approx([0.2, 0.4, 0.2, 0.99])
    assert game.play(0.6) == (3, F)
    assert game.values == pytest.approx([0.28, 1.4 / 3, 0.2, 0.6, 0.6])
    assert game.visits == [5, 3, 1, 2, 1]


def test_a_tree_of_the_paper():
    """Five steps with .3, .5, .5, .5, .2; the last is where the paper and the default part.

    1. Generate at the root. Nothing local, so no weight changes.
    2. Root N = 2: child .3 + .1 sqrt(.6931/2) = .3589; new: overall (1 + .3)/3 = .4333, local .3, mean .3667 + .0589:
       generate. Learned with predicted .3667 of .5: slope -.2667, rate 1/4; weights [.50444, .49556].
    3. N = 3, two of a kind: .1 sqrt(1.0986/3) = .0605 for all; children .3605 and .5605; new: overall .45, local .4:
       .4252 + .0605. Down to 2, N = 1: generate .45, improve .55.
    4. N = 4: bonus .0680; child 2 .5680, new .4932. At 2, N = 2: its improvement .5 + .0589; a new one: overall 1.6/3,
       local .5, mean .5167 + .0589 = .5756; generate .45 + .0833. Improve. Learned with predicted .5167 of .5: slope
       .0333, rate 1/4; weights [.49986, .50014].
    5. N = 5: child 2 .5732, new .4985. At 2, N = 3: both improvements .5 + .1 sqrt(1.0986/3) = .5605 for the paper,
       which counts the two of a kind; a new one: overall 2.1/4, local .5: .5125 + .0605 = .5730. Improve. The default
       counts their own visits, .5 + .1 sqrt(1.0986/2) = .5741, and goes down to one of them.
    """
    paper, default = Game("paper"), Game()
    steps = [(ROOT, G), (ROOT, G), (2, I), (2, I)]
    for outcome, step in zip((0.3, 0.5, 0.5, 0.5), steps, strict=True):
        assert paper.play(outcome) == default.play(outcome) == step
    model = paper.strategy._models[G]
    assert (model.global_weight, model.local_weight) == (
        pytest.approx(0.504444, abs=1e-6),
        pytest.approx(0.495556, abs=1e-6),
    )
    assert default.play(0.2) in {(3, I), (4, I)}
    assert paper.play(0.2) == (2, I)
    assert paper.values == pytest.approx([2.0 / 6, 0.3, 1.7 / 4, 0.5, 0.5, 0.2])
    assert paper.visits == [6, 1, 4, 1, 1, 1]


def test_where_the_variants_part():
    """Two programs of .6 below the root, each visited once, N = 3; both variants give each .6 plus a bonus.

    Released and default count the child's own visit: .1 sqrt(1.0986/2) = .0741. The paper counts both siblings:
    .1 sqrt(1.0986/3) = .0605.
    """
    scores = {}
    for variant in ("default", "paper"):
        game = Game(variant)
        first, second = game.strategy.select(game.tree, 2)
        game.tell(first, 0.6)
        game.tell(second, 0.6)
        root = game.strategy._stats[ROOT]
        scores[variant] = game.strategy._score(root, root.slots[0], 2)
    assert scores["default"] == pytest.approx(0.6 + 0.1 * math.sqrt(math.log(3) / 2))
    assert scores["paper"] == pytest.approx(0.6 + 0.1 * math.sqrt(math.log(3) / 3))


def test_states_of_the_released_code_are_longer():
    assert Game("released").strategy.new_tree().lines.leading
    assert not Game("paper").strategy.new_tree().lines.leading


def test_a_reply_without_a_program_ends_a_branch_and_is_not_fixed():
    game = Game()
    game.play(NOTHING)
    assert game.play(0.5) == (ROOT, G)


def test_a_fix_without_a_program_is_used_up_and_the_bug_offered_again():
    """Head at .99, a reply without code leaves two fixes: .66 against a new one at (.3333 + .66)/2."""
    game = Game()
    game.play(BUG)
    assert game.play(NOTHING) == (1, F)
    assert game.values == pytest.approx([0.0, 0.66, 0.0])
    assert game.play(0.7) == (1, F)


def test_several_under_way_go_to_different_places():
    game = Game()
    game.play(0.6)
    selections = game.strategy.select(game.tree, 4)
    assert len(set(selections)) > 1
    assert (ROOT, G) in {tuple(selection[:2]) for selection in selections}


def test_a_bug_whose_only_fix_is_under_way_is_passed_by():
    game = Game()
    game.play(BUG)
    first, second = game.strategy.select(game.tree, 2)
    assert (tuple(first[:2]), tuple(second[:2])) == ((1, F), (ROOT, G))


def test_what_was_under_way_leaves_no_trace_once_it_is_told():
    """k = 2 from the start: both generated at the root. Means and visits are those of one after the other."""
    game = Game()
    first, second = game.strategy.select(game.tree, 2)
    game.tell(first, 0.5)
    game.tell(second, 0.3)
    assert game.values == pytest.approx([0.8 / 3, 0.5, 0.3])
    assert game.visits == [3, 1, 1]


def test_fitting_is_offered_once_for_each_program():
    game = Game(actions=frozenset(SearchAction))
    for _ in range(40):
        game.play(0.9)
    fitted = [node.parent for node in game.tree if node.action is SearchAction.FIT]
    assert fitted
    assert len(fitted) == len(set(fitted))


def test_an_unknown_variant_is_refused():
    with pytest.raises(CwmError, match="no variant 'newer'"):
        Game("newer")


OUTCOMES = st.sampled_from([BUG, NOTHING, 0.0, 0.3, 0.7, 0.99])


@settings(max_examples=50)
@given(
    st.sampled_from(["default", "paper", "released"]),
    st.lists(st.tuples(OUTCOMES, st.integers(1, 12)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_any_outcomes_give_a_sound_tree_and_the_same_one_again(variant, outcomes, k):
    """Nobody is fixed who runs, no bug is improved, at most three fixes in a row, and a seed decides everything."""
    trees = []
    for _ in range(2):
        game = Game(variant)
        under_way = []
        for outcome, lines in outcomes:
            under_way += game.strategy.select(game.tree, k - len(under_way))
            assert under_way
            game.tell(under_way.pop(0), outcome, lines)
        trees.append([(node.parent, node.action, node.replaces) for node in game.tree])
        for node in list(game.tree)[1:]:
            parent = game.tree[node.parent]
            assert (node.action is F) == parent.evaluation.buggy
            chain = [step.action for step in game.tree.path(node.id)][-4:]
            assert chain != [F] * 4
        assert game.visits[ROOT] == len(outcomes) + 1
    assert trees[0] == trees[1]


def test_an_action_nothing_is_left_of_is_not_offered_again():
    game = Game(actions=frozenset({SearchAction.IMPROVE, SearchAction.FIX}))
    game.play(0.5)
    (selection,) = game.strategy.select(game.tree, 1)
    assert selection == (1, SearchAction.IMPROVE, None)
    game.tell_nothing_left(selection)
    assert game.strategy.select(game.tree, 1) == []


def test_without_generate_everything_waits_for_the_program_that_the_search_begins_with():
    game = Game(actions=frozenset({SearchAction.IMPROVE, SearchAction.FIX}))
    assert len(game.strategy.select(game.tree, 3)) == 1


def test_a_bug_that_nobody_can_fix_hopes_no_more():
    game = Game(actions=frozenset({SearchAction.IMPROVE, SearchAction.FIX}))
    game.play(0.5)
    game.play(BUG)
    (selection,) = game.strategy.select(game.tree, 1)
    assert selection == (2, SearchAction.FIX, None)
    game.tell_nothing_left(selection)
    assert game.strategy.value(2) == 0.0
    assert game.play(0.6) == (1, SearchAction.IMPROVE)
