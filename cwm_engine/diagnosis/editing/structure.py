"""Edits of structure, as whole texts: statements in another order or block, things exchanged, brackets moved.

What people get wrong here is hardly ever one expression: positions are updated before speeds, two codes of actions are
exchanged, a statement stands one level too deep. Texts stay as they are written but for what is moved.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from cwm_engine.diagnosis.editing.edits import alike
from cwm_engine.diagnosis.editing.patches import Text, spliced

_FAR = 6
"""How many places a statement is moved at most."""

_MOST_PARTS = 8
_MOST_DIFFERENCES = 4
_MOST_NAMES = 12
_INDENT = "    "
_BINDING = {"*": ("**", "+", "-"), "**": ("*",), "+": ("*",), "-": ("*", "/"), "/": ("-", "+"), "//": (), "%": ()}
"""Operators that are written for others and bind otherwise than they; for the rest see `edits`."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A text after an edit of its structure.

    Attributes:
        line: The first line that is concerned.
        kind: The kind of edit.
        cost: How implausible it is, on the scale of `Edit.cost`.
        text: The whole text afterwards.
        description: What was done.
    """

    line: int
    kind: str
    cost: float
    text: str
    description: str


def rewritings(text: Text, lines: frozenset[int]) -> list[Rewriting]:
    """All edits of structure that concern some lines; they may not parse, or mean the same.

    Args:
        text: The file.
        lines: Lines that may be concerned.
    """
    found = {text.source: Rewriting(0, "", 0.0, text.source, "")}
    for rewriting in _all(text, lines):
        if rewriting.text not in found or rewriting.cost < found[rewriting.text].cost:
            found[rewriting.text] = rewriting
    del found[text.source]
    return list(found.values())


def _all(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    for node in ast.walk(text.tree):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and not isinstance(node, ast.Module | ast.ClassDef):
                if getattr(node, "name", None) != "__init__":
                    yield from _orders(text, block, lines)
                yield from _levels(text, block, lines)
        if isinstance(node, ast.stmt | ast.expr) and node.lineno in lines:
            yield from _exchanges(text, node)
    yield from _mixed_up(text, lines)
    yield from _branches(text, lines)
    yield from _codes(text, lines)
    yield from _names(text, lines)
    yield from _groupings(text, lines)
    yield from _imported(text, lines)


def _imported(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    """Another function of a module from which names are imported one by one."""
    for statement in text.tree.body:
        if not isinstance(statement, ast.ImportFrom) or statement.module not in ("math", "numpy"):
            continue
        names = {alias.asname or alias.name for alias in statement.names}
        end = text.range_of(statement)[1]
        end -= text.source[end - 1] == ")"
        for node in ast.walk(text.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.lineno in lines:
                for other in alike(node.func.id) if node.func.id in names else ():
                    if other not in names:
                        made = spliced(text.source, (end, end, f", {other}"), (*text.range_of(node.func), other))
                        said = f"replace `{node.func.id}` by `{other}`"
                        yield Rewriting(node.lineno, "function", 1.25, made, said)


def _orders(text: Text, block: Sequence[ast.stmt], lines: frozenset[int]) -> Iterator[Rewriting]:
    """A statement at another place of its block; neighbours exchanged first."""
    spans = [text.whole_lines(statement) for statement in block]
    for i, statement in enumerate(block):
        span = spans[i]
        if span is None or isinstance(statement, ast.Return | ast.FunctionDef | ast.ClassDef):
            continue
        for j in range(max(0, i - _FAR), min(len(block), i + _FAR + 1)):
            other = spans[j]
            concerned = {statement.lineno, block[j].lineno} & lines
            if j == i or other is None or not concerned or (j > i and isinstance(block[j], ast.Return)):
                continue
            moved = text.source[slice(*span)]
            if not moved.endswith("\n"):
                continue
            if j < i:
                made = spliced(text.source, (other[0], other[0], moved), (*span, ""))
            else:
                made = spliced(text.source, (*span, ""), (other[1], other[1], moved))
            where = "before" if j < i else "behind"
            said = f"move `{_first_line(moved)}` {where} line {block[j].lineno}"
            yield Rewriting(statement.lineno, "order", 1.0 if abs(i - j) == 1 else 1.5, made, said)


def _levels(text: Text, block: Sequence[ast.stmt], lines: frozenset[int]) -> Iterator[Rewriting]:
    """The last statements of a block one level further out, and what follows a block one level further in."""
    for statement, following in pairwise(block):
        if isinstance(statement, ast.If | ast.For | ast.While) and following.lineno in lines:
            span = text.whole_lines(following)
            if span is not None and not isinstance(following, ast.Return):
                moved = _indented(text.source[slice(*span)])
                made = spliced(text.source, (*span, moved))
                yield Rewriting(following.lineno, "level", 2.0, made, f"indent `{_first_line(moved)}`")
    for statement in block:
        inner = _last_block(statement)
        if inner is not None and len(inner) > 1 and inner[-1].lineno in lines:
            span = text.whole_lines(inner[-1])
            if span is not None:
                moved = _dedented(text.source[slice(*span)])
                made = spliced(text.source, (*span, moved))
                yield Rewriting(inner[-1].lineno, "level", 2.0, made, f"dedent `{_first_line(moved)}`")


def _exchanges(text: Text, node: Any) -> Iterator[Rewriting]:
    """Two elements of a tuple, list or dictionary exchanged; all elements the other way round."""
    match node:
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Dict(values=parts):
            if 2 <= len(parts) <= _MOST_PARTS:
                for i, j in combinations(range(len(parts)), 2):
                    made = _exchanged(text, parts[i], parts[j])
                    said = f"exchange `{_shown(text.of(parts[i]))}` and `{_shown(text.of(parts[j]))}`"
                    yield Rewriting(node.lineno, "exchange", 1.0 if j == i + 1 else 1.25, made, said)
                if len(parts) > 3:
                    texts = [text.of(part) for part in parts]
                    pieces = [
                        (*text.range_of(part), new) for part, new in zip(parts, reversed(texts), strict=True)
                    ]  # fmt: skip
                    yield Rewriting(node.lineno, "exchange", 1.5, spliced(text.source, *pieces), "reverse the elements")
            inner = [part for part in parts if isinstance(part, ast.Tuple | ast.List) and len(part.elts) == 2]
            if len(inner) == len(parts) > 1:
                pairs = [pair for part in inner for pair in _swapped(text, *part.elts)]
                yield Rewriting(node.lineno, "exchange", 1.25, spliced(text.source, *pairs), "exchange all pairs")


def _mixed_up(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    """Two statements that are built alike, with some of what differs between them exchanged."""
    for function in ast.walk(text.tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        statements = [
            node for node in ast.walk(function)
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.Return)
        ]  # fmt: skip
        statements.sort(key=lambda node: node.lineno)
        for i, one in enumerate(statements):
            for other in statements[i + 1 : i + 1 + _FAR]:
                if not {one.lineno, other.lineno} & lines:
                    continue
                differing = _differing(one, other)
                if differing is None or not 1 <= len(differing) <= _MOST_DIFFERENCES:
                    continue
                for chosen in _subsets(differing):
                    pieces = [piece for pair in chosen for piece in _swapped(text, *pair)]
                    shown = " and ".join(f"`{_shown(text.of(a))}` with `{_shown(text.of(b))}`" for a, b in chosen)
                    said = f"exchange {shown} of line {other.lineno}"
                    cost = 1.0 + 0.25 * len(chosen)
                    yield Rewriting(one.lineno, "mixed up", cost, spliced(text.source, *pieces), said)


def _differing(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    """The smallest parts in which two pieces of syntax differ; None where they are built otherwise."""
    if isinstance(one, ast.expr) and isinstance(other, ast.expr):
        if ast.dump(one) == ast.dump(other):
            return []
        if type(one) is not type(other) or isinstance(one, ast.Name | ast.Constant | ast.Attribute):
            return [(one, other)]
    if type(one) is not type(other):
        return None
    found: list[tuple[Any, Any]] = []
    for (_, a), (_, b) in zip(ast.iter_fields(one), ast.iter_fields(other), strict=True):
        parts = list(zip(a, b, strict=False)) if isinstance(a, list) and isinstance(b, list) else [(a, b)]
        if isinstance(a, list) and len(a) != len(b):
            return None
        for left, right in parts:
            if isinstance(left, ast.AST):
                inner = _differing(left, right)
                if inner is None:
                    return None
                found += inner
            elif left != right:
                return None
    return found


def _subsets(pairs: Sequence[tuple[Any, Any]]) -> Iterator[tuple[tuple[Any, Any], ...]]:
    """Some of several pairs; exchanging all of them is exchanging the statements, which is another edit."""
    for size in range(1, max(len(pairs), 2)):
        yield from combinations(pairs, size)


def _branches(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    """The bodies of two branches of a chain exchanged, `elif` and `if`."""
    for node in ast.walk(text.tree):
        if not isinstance(node, ast.If):
            continue
        bodies = [node.body]
        rest: Any = node
        while len(rest.orelse) == 1 and isinstance(rest.orelse[0], ast.If):
            rest = rest.orelse[0]
            bodies.append(rest.body)
        if rest.orelse:
            bodies.append(rest.orelse)
        if not any(line in lines for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)):
            continue
        spans = [_block_span(text, body) for body in bodies]
        for i, j in combinations(range(len(bodies)), 2):
            one, other = spans[i], spans[j]
            if one is not None and other is not None:
                made = spliced(
                    text.source, (*one, text.source[slice(*other)]), (*other, text.source[slice(*one)])
                )  # fmt: skip
                places = f"lines {bodies[i][0].lineno} and {bodies[j][0].lineno}"
                yield Rewriting(bodies[i][0].lineno, "branches", 1.25, made, f"exchange the branches at {places}")
        start = text.range_of(node)[0]
        if text.source[start : start + 4] == "elif" and node.lineno in lines:
            made = text.source[:start] + text.source[start + 2 :]
            yield Rewriting(node.lineno, "branches", 1.5, made, "replace `elif` by `if`")


def _codes(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    """The values of two named constants exchanged, and two values that the same thing is compared with."""
    owners: list[Sequence[ast.stmt]] = [text.tree.body]
    owners += [node.body for node in ast.walk(text.tree) if isinstance(node, ast.ClassDef)]
    owners += [
        node.body for node in ast.walk(text.tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    groups: list[list[ast.expr]] = []
    for body in owners:
        assigned = [s.value for s in body if isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)]
        groups.append([value for value in assigned if _is_number(value)])
    compared: dict[str, list[ast.expr]] = {}
    for node in ast.walk(text.tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            compared.setdefault(ast.dump(node.left), []).append(node.comparators[0])
    groups += compared.values()
    for group in groups:
        for one, other in combinations(group[:_MOST_NAMES], 2):
            if ast.dump(one) != ast.dump(other) and {one.lineno, other.lineno} & lines:
                said = f"exchange `{text.of(one)}` and `{text.of(other)}` of line {other.lineno}"
                yield Rewriting(one.lineno, "codes", 1.25, _exchanged(text, one, other), said)


def _names(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    """Two names exchanged, or one replaced by another, everywhere in a statement."""
    for function in ast.walk(text.tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for statement in ast.walk(function):
            if not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
                continue
            if statement.lineno not in lines:
                continue
            known = _stored(function)
            used: dict[str, list[Any]] = {}
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
                    used.setdefault(node.id, []).append(node)
            for one, other in combinations(list(used)[:_MOST_NAMES], 2):
                pieces = [(*text.range_of(node), other) for node in used[one]]
                pieces += [(*text.range_of(node), one) for node in used[other]]
                made = spliced(text.source, *pieces)
                yield Rewriting(statement.lineno, "names", 1.5, made, f"exchange `{one}` and `{other}`")
            for one, nodes in used.items():
                for other in known if len(nodes) > 1 else ():
                    if other != one:
                        made = spliced(text.source, *((*text.range_of(node), other) for node in nodes))
                        said = f"replace every `{one}` by `{other}`"
                        yield Rewriting(statement.lineno, "names", 1.75, made, said)


def _groupings(text: Text, lines: frozenset[int]) -> Iterator[Rewriting]:
    """Brackets left out or put around a part of a sum or product; operators that bind otherwise."""
    sums = [node for node in ast.walk(text.tree) if isinstance(node, ast.BinOp)]
    nested = {id(node) for node in sums if isinstance(node.left, ast.BinOp) or isinstance(node.right, ast.BinOp)}
    nested |= {id(part) for node in sums for part in (node.left, node.right) if isinstance(part, ast.BinOp)}
    for node in ast.walk(text.tree):
        if not isinstance(node, ast.BinOp) or node.lineno not in lines:
            continue
        start, end = text.range_of(node.left)[1], text.range_of(node.right)[0]
        between = text.source[start:end]
        found = re.search(r"(\*\*|//|[-+*/%])", between)
        if found is not None and id(node) in nested:
            for operator in _BINDING[found.group()]:
                made = spliced(text.source, (start + found.start(), start + found.end(), operator))
                said = f"replace `{found.group()}` by `{operator}`"
                yield Rewriting(node.lineno, "operator", 1.0, made, said)
        for side in (node.left, node.right):
            inner = text.range_of(side)
            outer = _with_brackets(text.source, *inner)
            if isinstance(side, ast.BinOp) and outer != inner:
                made = spliced(text.source, (*outer, text.source[slice(*inner)]))
                said = f"remove the brackets of `{_shown(text.source[slice(*outer)])}`"
                yield Rewriting(node.lineno, "grouping", 1.0, made, said)
        part = node.left
        while isinstance(part, ast.BinOp):
            part = part.right
            yield _bracketed(text, part, node.right)
        part = node.right
        while isinstance(part, ast.BinOp):
            part = part.left
            yield _bracketed(text, node.left, part)


def _bracketed(text: Text, first: ast.expr, last: ast.expr) -> Rewriting:
    start = _with_brackets(text.source, *text.range_of(first))[0]
    end = _with_brackets(text.source, *text.range_of(last))[1]
    made = spliced(text.source, (start, start, "("), (end, end, ")"))
    said = f"put brackets around `{_shown(text.source[start:end])}`"
    return Rewriting(first.lineno, "grouping", 1.0, made, said)


def _swapped(text: Text, one: Any, other: Any) -> list[tuple[int, int, str]]:
    return [(*text.range_of(one), text.of(other)), (*text.range_of(other), text.of(one))]


def _exchanged(text: Text, one: Any, other: Any) -> str:
    return spliced(text.source, *_swapped(text, one, other))


def _block_span(text: Text, block: Sequence[ast.stmt]) -> tuple[int, int] | None:
    first, last = text.whole_lines(block[0]), text.whole_lines(block[-1])
    if first is None or last is None or not text.source[last[0] : last[1]].endswith("\n"):
        return None
    return first[0], last[1]


def _last_block(statement: ast.stmt) -> Sequence[ast.stmt] | None:
    if not isinstance(statement, ast.If | ast.For | ast.While):
        return None
    return statement.orelse or statement.body


def _with_brackets(source: str, start: int, end: int) -> tuple[int, int]:
    """The stretch with the brackets around it, as far as they stand directly there and are not those of a call."""
    while True:
        left = len(source[:start].rstrip())
        right = end + len(source[end:]) - len(source[end:].lstrip())
        if left == 0 or source[left - 1] != "(" or source[right : right + 1] != ")":
            return start, end
        if left > 1 and (source[left - 2].isalnum() or source[left - 2] in "_)]"):
            return start, end
        start, end = left - 1, right + 1


def _stored(function: ast.FunctionDef) -> list[str]:
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    names += [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return list(dict.fromkeys(names))[:_MOST_NAMES]


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _indented(lines: str) -> str:
    return "".join(_INDENT + line if line.strip() else line for line in lines.splitlines(keepends=True))


def _dedented(lines: str) -> str:
    return "".join(line[len(_INDENT) :] if line.strip() else line for line in lines.splitlines(keepends=True))


def _first_line(text: str) -> str:
    return _shown(text.strip().splitlines()[0])


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."
