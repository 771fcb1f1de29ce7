"""The tree of a search: states, rollouts, terminal nodes, and what survives being written down."""

import json
import math

import pytest

from cwm_engine.findings import Example, Finding, Severity, Span, Suspect
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.interfaces import SearchAction, Selection
from cwm_engine.synthesis.tree import ROOT, Lines, Node, Tree

GENERATE = SearchAction.GENERATE


def program(lines: int) -> str:
    return "".join(f"line_{number} = {number}\n" for number in range(1, lines + 1))


def grow(tree: Tree, node: int, lines: int, accuracy: float = 0.5) -> Node:
    return tree.add(Selection(node, GENERATE), program(lines), Evaluation(accuracy=accuracy))


def test_states_grow_by_two_lines_a_level():
    tree = Tree()
    first = grow(tree, ROOT, 20)
    second = grow(tree, first.id, 20)
    third = grow(tree, second.id, 20)
    assert [first.state_lines, second.state_lines, third.state_lines] == [2, 4, 6]


def test_states_of_the_released_code_have_4_7_and_10_lines():
    """It counts a line break that it keeps in front of every state."""
    tree = Tree(Lines(leading=True))
    first = grow(tree, ROOT, 20)
    second = grow(tree, first.id, 20)
    third = grow(tree, second.id, 20)
    assert [first.state_lines, second.state_lines, third.state_lines] == [4, 7, 10]


def test_state_and_rollout_are_the_program():
    tree = Tree()
    node = grow(tree, ROOT, 5)
    assert node.state == "line_1 = 1\nline_2 = 2\n"
    assert node.state + node.rollout == node.program


@pytest.mark.parametrize(("lines", "terminal"), [(1, True), (2, False), (3, False)])
def test_a_program_that_ends_inside_its_first_two_lines_is_terminal(lines, terminal):
    assert grow(Tree(), ROOT, lines).terminal is terminal


@pytest.mark.parametrize(("lines", "terminal"), [(1, True), (3, True), (4, False)])
def test_a_program_of_the_released_code_that_ends_inside_its_first_four_lines_is_terminal(lines, terminal):
    """The root counts as two lines, and a level has two more."""
    assert grow(Tree(Lines(leading=True)), ROOT, lines).terminal is terminal


@pytest.mark.parametrize(("lines", "terminal"), [(2, True), (3, True), (4, False)])
def test_a_program_that_ends_inside_the_next_two_lines_is_terminal(lines, terminal):
    tree = Tree()
    assert grow(tree, grow(tree, ROOT, 8).id, lines).terminal is terminal


def test_a_reply_without_a_program_is_a_node_with_a_reason():
    tree = Tree()
    node = tree.add(Selection(ROOT, GENERATE), None, no_program("the reply holds no code"))
    assert (node.evaluation.buggy, node.evaluation.reason) == (True, "the reply holds no code")
    assert tree.best is None


def test_the_best_program_is_the_first_of_the_best():
    tree = Tree()
    for accuracy in (0.0, 0.7, 0.7, 0.2):
        grow(tree, ROOT, 9, accuracy)
    assert tree.best is not None
    assert tree.best.id == 2


def test_among_equals_a_program_that_runs_everywhere_is_better_than_one_that_does_not():
    tree = Tree()
    tree.add(Selection(ROOT, GENERATE), "a", Evaluation(accuracy=0.5, buggy=True))
    node = tree.add(Selection(ROOT, GENERATE), "b", Evaluation(accuracy=0.5))
    assert tree.best is node


def test_a_path_leads_from_the_root_to_the_node():
    tree = Tree()
    child = grow(tree, grow(tree, ROOT, 9).id, 9)
    assert [node.id for node in tree.path(child.id)] == [0, 1, 2]
    assert [node.id for node in tree.children(1)] == [2]


def test_a_node_survives_json_with_its_findings():
    example = Example(0, 3, [0.1, math.inf], 1, {"reward": 1.0}, {"reward": 2.0}, ("reward",))
    finding = Finding(
        code="CWM301",
        severity=Severity.ERROR,
        message="The reward is wrong.",
        span=Span(1, 2, 3, 4),
        count=7,
        fields=("reward",),
        suspects=(Suspect(4, 0.5),),
        examples=(example,),
        note="Correct it.",
    )
    tree = Tree()
    node = tree.add(Selection(ROOT, GENERATE, replaces=None), "x = 1\n", Evaluation(accuracy=0.5, findings=(finding,)))
    assert Node.from_json(json.loads(json.dumps(node.to_json()))) == node
