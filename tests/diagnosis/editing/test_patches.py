"""Patches: the smallest edit of the text that means the edit of the syntax, and nothing else touched."""

from __future__ import annotations

import ast
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_engine.diagnosis.editing.edits import edits_of
from cwm_engine.diagnosis.editing.patches import (
    Text,
    delete_statement,
    insert_statement,
    replace_expression,
    replace_statement,
)
from cwm_engine.diagnosis.editing.search import patch_of
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.execution.schemata import Operands
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from tests.diagnosis.programs import bodies, world_of
from tests.diagnosis.worlds import WORLDS


def text_of(source: str) -> Text:
    """A text with its tree."""
    return Text(source, ast.parse(source))


def expression(text: Text, written: str) -> ast.expr:
    """The outermost expression that reads like this."""
    return next(node for node in ast.walk(text.tree) if isinstance(node, ast.expr) and ast.unparse(node) == written)


def with_operator(node: ast.BinOp, op: ast.operator) -> ast.BinOp:
    """The same operation with another operator."""
    return ast.BinOp(node.left, op, node.right)


def test_only_the_operator_is_replaced():
    text = text_of("x = (a  # first\n     + b)  # second\n")
    patch = replace_expression(text, expression(text, "a + b"), with_operator(expression(text, "a + b"), ast.Sub()))
    assert patch.text == "x = (a  # first\n     - b)  # second\n"
    assert (patch.line, patch.replacement, patch.description) == (2, "-", "replace `+` by `-`")
    assert (patch.span.line, patch.span.column, patch.span.end_line, patch.span.end_column) == (2, 6, 2, 7)


def test_an_operator_in_a_comment_is_not_mistaken_for_the_operator():
    text = text_of("x = (a  # + not this one\n     + b)\n")
    patch = replace_expression(text, expression(text, "a + b"), with_operator(expression(text, "a + b"), ast.Mult()))
    assert patch.text == "x = (a  # + not this one\n     * b)\n"


def test_parentheses_are_added_where_the_meaning_needs_them():
    text = text_of("x = a + b * c\n")
    product = expression(text, "b * c")
    patch = replace_expression(text, product, with_operator(product, ast.Sub()))
    assert ast.unparse(ast.parse(patch.text)) == "x = a + (b - c)"


def test_swapped_operands_keep_their_own_text():
    text = text_of("x = (a+1) / (  b )\n")
    old = expression(text, "(a + 1) / b")
    patch = replace_expression(text, old, ast.BinOp(old.right, ast.Div(), old.left))
    assert ast.unparse(ast.parse(patch.text)) == "x = b / (a + 1)"
    assert "a+1" in patch.text


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_stay_as_they_are(newline):
    source = newline.join(["if a:", "    x = 1  # one", "    y = 2", ""])
    text = text_of(source)
    node = text.tree.body[0].body[0]
    assert delete_statement(text, node, alone=False).text == newline.join(["if a:", "    y = 2", ""])
    inserted = insert_statement(text, node, ast.parse("z = 3").body[0])
    assert inserted.text == newline.join(["if a:", "    z = 3", "    x = 1  # one", "    y = 2", ""])
    assert replace_expression(text, node.value, ast.Constant(7)).text == source.replace("= 1", "= 7")


def test_columns_count_characters_not_bytes():
    text = text_of("größe = 1; höhe = größe + 2\n")
    patch = replace_expression(text, expression(text, "2"), ast.Constant(3))
    assert patch.text == "größe = 1; höhe = größe + 3\n"
    assert patch.span.column == patch.text.index("3") + 1


def test_a_form_feed_is_no_end_of_line():
    text = text_of("x = 'a\x0cb'; y = 1\nz = 2\n")
    assert replace_expression(text, expression(text, "2"), ast.Constant(3)).text == "x = 'a\x0cb'; y = 1\nz = 3\n"


def test_a_negative_number_is_written_where_it_fits():
    text = text_of("x = a ** 2\ny = a - 1\n")
    assert replace_expression(text, expression(text, "2"), ast.UnaryOp(ast.USub(), ast.Constant(2))).text.startswith(
        "x = a ** -2"
    )
    patch = replace_expression(text, expression(text, "1"), ast.UnaryOp(ast.USub(), ast.Constant(1)))
    assert ast.unparse(ast.parse(patch.text).body[1]) == "y = a - -1"


def test_texts_keep_their_quotes():
    text = text_of("x = \"a\"\ny = 'a'\n")
    one, other = (node for node in ast.walk(text.tree) if isinstance(node, ast.Constant))
    assert replace_expression(text, one, ast.Constant("b")).text == "x = \"b\"\ny = 'a'\n"
    assert replace_expression(text, other, ast.Constant("b")).text == "x = \"a\"\ny = 'b'\n"


def test_a_term_is_added_behind_the_rest():
    text = text_of("x = (a\n     + b)\n")
    old = expression(text, "a + b")
    patch = replace_expression(text, old, ast.BinOp(old, ast.Sub(), ast.Name("c", ast.Load())))
    assert patch.text == "x = (a\n     + b - c)\n"
    assert patch.description == "add `- c`"


def test_dropped_operands_take_their_operator_along():
    text = text_of("x = a + b * 2\n")
    patch = replace_expression(text, expression(text, "a + b * 2"), expression(text, "a"))
    assert patch.text == "x = a\n"


def test_a_condition_spread_over_lines_is_changed_on_the_line_of_its_operator():
    text = text_of("x = (\n    a\n    or b and c\n    or d\n)\n")
    inner = expression(text, "b and c")
    patch = replace_expression(text, inner, ast.BoolOp(ast.Or(), inner.values))
    assert patch.text == "x = (\n    a\n    or b or c\n    or d\n)\n"
    assert patch.line == 3


def test_the_only_statement_of_a_block_becomes_pass():
    text = text_of("if a:\n    x = 1\ny = 2\n")
    assert delete_statement(text, text.tree.body[0].body[0], alone=True).text == "if a:\n    pass\ny = 2\n"


def test_a_statement_that_shares_its_line_becomes_pass():
    text = text_of("x = 1; y = 2\n")
    assert delete_statement(text, text.tree.body[0], alone=False).text == "pass; y = 2\n"
    assert insert_statement(text, text.tree.body[0], ast.parse("z = 3").body[0]) is None


def test_augmented_assignments_change_their_operator():
    text = text_of("x  +=  a + 1\n")
    old = text.tree.body[0]
    patch = replace_statement(text, old, ast.AugAssign(old.target, ast.Sub(), old.value))
    assert patch.text == "x  -=  a + 1\n"
    assert replace_statement(text, old, ast.Assign([old.target], old.value)).text == "x  =  a + 1\n"
    back = text_of("x = a + 1\n")
    assign = back.tree.body[0]
    assert (
        replace_statement(back, assign, ast.AugAssign(assign.targets[0], ast.Add(), assign.value)).text
        == "x += a + 1\n"
    )


def test_a_statement_is_inserted_behind_the_last_of_a_file_without_newline():
    text = text_of("if a:\n    x = 1")
    patch = insert_statement(text, text.tree.body[0].body[0], ast.parse("y = 2").body[0], after=True)
    assert patch.text == "if a:\n    x = 1\n    y = 2"
    assert patch.line == 3


def test_inside_a_formatted_text_nothing_is_claimed_that_does_not_parse_back():
    """Places inside f-strings are not reliable before Python 3.12: either the patch means the edit or there is none."""
    text = text_of('x = f"{a + b}"\n')
    node = next(node for node in ast.walk(text.tree) if isinstance(node, ast.BinOp))
    patch = replace_expression(text, node, with_operator(node, ast.Sub()))
    assert patch is None or ast.unparse(ast.parse(patch.text)) == "x = f'{a - b}'"


def meaning(tree: ast.Module, old: ast.AST, new: ast.AST) -> str:
    """What the tree with one node replaced means, nested conditions flattened by parsing it again."""

    class Replace(ast.NodeTransformer):
        def visit(self, node):
            return new if node is old else self.generic_visit(node)

    return ast.unparse(ast.parse(ast.unparse(ast.fix_missing_locations(Replace().visit(tree)))))


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_edit_of_every_world_is_written_as_it_is_meant(name, newline):
    world = WORLDS[name]
    source = world.source.replace("\n", newline)
    board = Switchboard(ast.parse(source), world.model, world.sample(world.source))
    words, text = Vocabulary.of(board), Text(source, board.tree)
    seen: set[tuple[int, str]] = set()
    for site in board.sites:
        if site.operands is Operands.STATEMENT:
            continue
        for edit in edits_of(site, words, board.bench.machine.namespace):
            key = (id(site.node), edit.kind)
            if key in seen:
                continue
            seen.add(key)
            new = edit.make()
            patch = patch_of(text, edit)
            assert patch is not None, (ast.unparse(site.node), edit.kind)
            memo: dict = {}
            tree = copy.deepcopy(board.tree, memo)
            old = memo[id(site.owner if isinstance(new, ast.stmt) else site.node)]
            assert ast.unparse(ast.parse(patch.text)) == meaning(tree, old, copy.deepcopy(new))
            kept = patch.text.replace(newline, "")
            assert "\r" not in kept
            assert "\n" not in kept


@given(bodies(), st.data())
@settings(max_examples=40)
def test_every_edit_of_any_program_is_written_as_it_is_meant(source, data):
    world = world_of(source)
    board = Switchboard(ast.parse(source), world.model, world.sample(world.source))
    words, text = Vocabulary.of(board), Text(source, board.tree)
    site = data.draw(st.sampled_from([site for site in board.sites if site.operands is not Operands.STATEMENT]))
    for edit in edits_of(site, words, board.bench.machine.namespace):
        new, patch = edit.make(), patch_of(text, edit)
        assert patch is not None
        memo: dict = {}
        tree = copy.deepcopy(board.tree, memo)
        old = memo[id(site.owner if isinstance(new, ast.stmt) else site.node)]
        assert ast.unparse(ast.parse(patch.text)) == meaning(tree, old, copy.deepcopy(new))
