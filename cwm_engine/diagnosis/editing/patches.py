r"""Patches: an edit of the syntax as the smallest edit of the text that means it.

Whatever is not part of the edit stays as it was written: white space, comments, parentheses, `\r\n`. Every
patch is parsed again and compared with the syntax it stands for, so none says something else than was tried.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cwm_engine.findings import Span
from cwm_engine.world_model.source import split_lines

_NEWLINE = re.compile(r"\r\n|\r|\n")

_TOKENS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.And: "and", ast.Or: "or",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not ", ast.Invert: "~",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Patch:
    """An edit of the text.

    Attributes:
        line: The line it changes, from 1.
        span: What it replaces.
        replacement: What it puts there.
        text: The whole text afterwards.
        description: What it does, e.g. "replace `-` by `+`".
    """

    line: int
    span: Span
    replacement: str
    text: str
    description: str


class Text:
    """A source text with its tree, addressed by nodes."""

    def __init__(self, source: str, tree: ast.Module) -> None:
        self.source = source
        self.tree = tree
        self._starts = [0, *(found.end() for found in _NEWLINE.finditer(source))]

    @cached_property
    def _lines(self) -> tuple[str, ...]:
        return split_lines(self.source)

    @cached_property
    def nodes(self) -> frozenset[int]:
        """Identities of the nodes that stand in the text."""
        return frozenset(id(node) for node in ast.walk(self.tree))

    def offset(self, line: int, column: int) -> int:
        """The position in the text of a byte offset in a line."""
        text = self._lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode("utf-8", "replace"))
        return self._starts[line - 1] + column

    def range_of(self, node: Any) -> tuple[int, int]:
        """Where a node starts and ends."""
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node: Any) -> str:
        """The text of a node."""
        start, end = self.range_of(node)
        return self.source[start:end]

    def span(self, start: int, end: int) -> Span:
        """A stretch of the text in lines and columns."""
        first, last = self._line_at(start), self._line_at(end)
        return Span(first + 1, start - self._starts[first] + 1, last + 1, end - self._starts[last] + 1)

    def offsets(self, span: Span) -> tuple[int, int]:
        """Where a stretch of the text starts and ends."""
        return (self._starts[span.line - 1] + span.column - 1, self._starts[span.end_line - 1] + span.end_column - 1)

    def whole_lines(self, node: ast.stmt) -> tuple[int, int] | None:
        """The lines of a statement with their end, if nothing but a comment shares them."""
        start, end = self.range_of(node)
        begin = self._starts[node.lineno - 1]
        following = node.end_lineno or node.lineno
        stop = self._starts[following] if following < len(self._starts) else len(self.source)
        rest = self.source[end:stop].strip()
        if self.source[begin:start].strip() or (rest and not rest.startswith("#")):
            return None
        return begin, stop

    def _line_at(self, position: int) -> int:
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= position else (low, middle)
        return low


def replace_expression(text: Text, old: Any, new: ast.expr) -> Patch | None:
    """The patch that puts one expression in the place of another; None if no text is found that means it."""
    meaning = _Meaning(text, old, lambda _: [new])
    for start, end, replacement in _candidates(text, old, new):
        if meaning.is_that_of(start, end, replacement):
            return _patch(text, start, end, replacement)
    return None


def replace_statement(text: Text, old: ast.stmt, new: ast.stmt) -> Patch | None:
    """The patch that puts one simple statement in the place of another, or `pass` for nothing."""
    meaning = _Meaning(text, old, lambda _: [new])
    for start, end, replacement in _statement_candidates(text, old, new):
        if meaning.is_that_of(start, end, replacement):
            return _patch(text, start, end, replacement)
    return None


def delete_statement(text: Text, statement: ast.stmt, alone: bool) -> Patch | None:
    """The patch that takes a statement out, lines and all; what would leave a block empty becomes `pass`."""
    lines = text.whole_lines(statement)
    if alone or lines is None:
        return replace_statement(text, statement, ast.Pass())
    start, end = lines
    if not _Meaning(text, statement, lambda _: []).is_that_of(start, end, ""):
        return replace_statement(text, statement, ast.Pass())
    described = f"remove `{_shown(text.of(statement))}`"
    return Patch(statement.lineno, text.span(start, end), "", text.source[:start] + text.source[end:], described)


def insert_statement(text: Text, before: ast.stmt, new: ast.stmt, *, after: bool = False) -> Patch | None:
    """The patch that puts a statement on a line of its own before (or after) another."""
    lines = text.whole_lines(before)
    if lines is None:
        return None
    start, end = lines
    newline = found.group() if (found := _NEWLINE.search(text.source)) else "\n"
    indent = text.source[start : text.range_of(before)[0]]
    made = ast.unparse(ast.fix_missing_locations(new))
    indented = newline.join(f"{indent}{line}" for line in made.splitlines())
    position = end if after else start
    replacement = f"{indented}{newline}"
    if after and not text.source[:end].endswith(("\n", "\r")):
        replacement = f"{newline}{indented}"
    meaning = _Meaning(text, before, lambda node: [node, new] if after else [new, node])
    if not meaning.is_that_of(position, position, replacement):
        return None
    patched = text.source[:position] + replacement + text.source[position:]
    line = (before.end_lineno or before.lineno) + 1 if after else before.lineno
    return Patch(line, text.span(position, position), replacement, patched, f"insert `{_shown(made)}`")


def whole_text(text: Text, patched: str, description: str) -> Patch:
    """A patch from the whole text afterwards: what lies between the first and the last character that differ."""
    source = text.source
    start = _common(source, patched)
    end = min(_common(source[::-1], patched[::-1]), min(len(source), len(patched)) - start)
    span = text.span(start, len(source) - end)
    return Patch(span.line, span, patched[start : len(patched) - end], patched, description)


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def joined(text: Text, one: Patch, other: Patch) -> Patch | None:
    """Two patches of a text as one; None where they overlap or do not parse together."""
    (start, end), (start_other, end_other) = text.offsets(one.span), text.offsets(other.span)
    if start_other < start:
        return joined(text, other, one)
    if end > start_other:
        return None
    source = text.source
    patched = source[:start] + one.replacement + source[end:start_other] + other.replacement + source[end_other:]
    try:
        ast.parse(patched)
    except SyntaxError:
        return None
    between = source[end:start_other]
    described = f"{one.description}; line {other.line}: {other.description}"
    return Patch(
        one.line, text.span(start, end_other), one.replacement + between + other.replacement, patched, described
    )


def _patch(text: Text, start: int, end: int, replacement: str) -> Patch:
    before = text.source[start:end]
    patched = text.source[:start] + replacement + text.source[end:]
    if not before.strip():
        described = f"add `{_shown(replacement)}`"
    elif not replacement.strip():
        described = f"remove `{_shown(before)}`"
    else:
        described = f"replace `{_shown(before)}` by `{_shown(replacement)}`"
    span = text.span(start, end)
    return Patch(span.line, span, replacement, patched, described)


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."


def _candidates(text: Text, old: Any, new: Any) -> Iterator[tuple[int, int, str]]:
    """Ways to write the edit, the smallest first."""
    yield from _operator_only(text, old, new)
    start, end = text.range_of(old)
    if isinstance(new, ast.UnaryOp) and new.operand is old:
        sign = _TOKENS[type(new.op)]
        yield start, start, sign
        yield start, end, f"{sign}({text.of(old)})"
        yield start, end, f"({sign}{text.of(old)})"
    part = _kept_part(text, old, new)
    if part is not None:
        yield start, end, part
        yield start, end, f"({part})"
    extended = _extension(text, old, new)
    if extended is not None:
        for added in extended:
            yield end, end, added
        yield start, end, f"({text.of(old)}{extended[0]})"
        yield start, end, f"({text.of(old)}){extended[0]}"
    rendered = _render(text, old, new)
    yield start, end, rendered
    yield start, end, f"({rendered})"
    plain = ast.unparse(ast.fix_missing_locations(new))
    yield start, end, plain
    yield start, end, f"({plain})"


def _operator_only(text: Text, old: Any, new: Any) -> Iterator[tuple[int, int, str]]:
    if type(old) is not type(new):
        return
    match old:
        case ast.BinOp() if old.left is new.left and old.right is new.right:
            yield from _between(text, old.left, old.right, _TOKENS[type(old.op)], _TOKENS[type(new.op)])
        case ast.Compare() if old.left is new.left and all(
            a is b for a, b in zip(old.comparators, new.comparators, strict=False)
        ):
            parts = [old.left, *old.comparators]
            for index, (before, after) in enumerate(zip(old.ops, new.ops, strict=True)):
                if type(before) is not type(after):
                    found = _TOKENS[type(before)], _TOKENS[type(after)]
                    yield from _between(text, parts[index], parts[index + 1], *found)
        case ast.BoolOp(values=[first, second]) if new.values == old.values:
            yield from _between(text, first, second, _TOKENS[type(old.op)], _TOKENS[type(new.op)])
        case ast.Attribute() if old.value is new.value:
            end = text.range_of(old)[1]
            yield end - len(old.attr), end, new.attr


def _between(text: Text, left: Any, right: Any, old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """The operator between two operands, comments and parentheses left alone."""
    start, end = text.range_of(left)[1], text.range_of(right)[0]
    pattern = r"\s+".join(map(re.escape, old.split()))
    if old[0].isalpha():
        pattern = rf"\b{pattern}\b"
    blank = re.sub(r"#[^\r\n]*", lambda found: " " * len(found.group()), text.source[start:end])
    for found in re.finditer(pattern, blank):
        yield start + found.start(), start + found.end(), new


def _kept_part(text: Text, old: Any, new: Any) -> str | None:
    """The text of a part that is all that is left of an expression, with its own parentheses."""
    if not any(node is new for node in ast.walk(old)) or new is old:
        return None
    return text.of(new)


def _extension(text: Text, old: Any, new: Any) -> list[str] | None:
    """What to write behind an expression to which something is added."""
    match new:
        case ast.BinOp(left=left) if left is old:
            added = _render(text, old, new.right)
            return [f" {_TOKENS[type(new.op)]} {added}", f" {_TOKENS[type(new.op)]} ({added})"]
        case ast.BoolOp(values=[first, *rest]) if first is old and len(rest) == 1:
            added = _render(text, old, rest[0])
            return [f" {_TOKENS[type(new.op)]} {added}", f" {_TOKENS[type(new.op)]} ({added})"]
    return None


def _render(text: Text, root: Any, node: Any) -> str:
    """An expression as text; nodes of the file as they are written there."""
    if id(node) in text.nodes and hasattr(node, "end_col_offset"):
        return text.of(node)
    match node:
        case ast.Constant(value=str() as value) if isinstance(root, ast.Constant) and '"' not in value + "\\":
            quote = text.of(root)[:1]
            return repr(value) if quote != '"' or "'" in repr(value)[1:-1] else f'"{repr(value)[1:-1]}"'
        case ast.BinOp():
            left, right = (_operand(text, root, part) for part in (node.left, node.right))
            return f"{left} {_TOKENS[type(node.op)]} {right}"
        case ast.BoolOp():
            return f" {_TOKENS[type(node.op)]} ".join(_operand(text, root, part) for part in node.values)
        case ast.Compare():
            parts = [_operand(text, root, part) for part in (node.left, *node.comparators)]
            words = [f" {_TOKENS[type(op)]} {part}" for op, part in zip(node.ops, parts[1:], strict=True)]
            return parts[0] + "".join(words)
        case ast.UnaryOp():
            return f"{_TOKENS[type(node.op)]}{_operand(text, root, node.operand)}"
        case ast.Call(keywords=[]):
            return f"{_render(text, root, node.func)}({', '.join(_render(text, root, part) for part in node.args)})"
    return ast.unparse(ast.fix_missing_locations(node))


def _operand(text: Text, root: Any, node: Any) -> str:
    written = _render(text, root, node)
    return (
        f"({written})" if isinstance(node, ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda) else written
    )


def _statement_candidates(text: Text, old: Any, new: Any) -> Iterator[tuple[int, int, str]]:
    start, end = text.range_of(old)
    match old, new:
        case ast.AugAssign(), ast.AugAssign() if old.value is new.value:
            yield from _between(text, old.target, old.value, f"{_TOKENS[type(old.op)]}=", f"{_TOKENS[type(new.op)]}=")
        case ast.AugAssign(), ast.Assign() if old.value is new.value:
            yield from _between(text, old.target, old.value, f"{_TOKENS[type(old.op)]}=", "=")
        case ast.Assign(targets=[target]), ast.AugAssign() if old.value is new.value:
            yield from _between(text, target, old.value, "=", f"{_TOKENS[type(new.op)]}=")
    yield start, end, ast.unparse(ast.fix_missing_locations(new))


class _Meaning:
    """What an edit of the syntax means, to be compared with edits of the text.

    Only the outermost statement around the edit is parsed again: files may be long.
    """

    def __init__(self, text: Text, old: Any, made: Callable[[Any], Sequence[Any]]) -> None:
        top = next(node for node in text.tree.body if _holds(node, old))
        self._source = text.source
        starts = [text.range_of(node)[0] for node in (top, *getattr(top, "decorator_list", ()))]
        self._start, self._end = min(starts), text.range_of(top)[1]
        if self._start != starts[0]:
            self._start = text.source.rindex("@", 0, self._start)
        self._expected = _dump(copy.deepcopy(_rebuilt(ast.Module([top], []), old, made)))

    def is_that_of(self, start: int, end: int, replacement: str) -> bool:
        """Whether the text means this with a stretch of it replaced."""
        before, after = self._source[min(start, self._start) : start], self._source[end : max(end, self._end)]
        try:
            return _dump(ast.parse(before + replacement + after)) == self._expected
        except (SyntaxError, ValueError, RecursionError):
            return False


def _holds(top: ast.stmt, node: Any) -> bool:
    first = min([top.lineno, *(part.lineno for part in getattr(top, "decorator_list", ()))])
    if not first <= node.lineno <= (top.end_lineno or top.lineno):
        return False
    return any(part is node for part in ast.walk(top))


def _dump(tree: ast.Module) -> str:
    return ast.dump(_Flatten().visit(tree))


class _Flatten(ast.NodeTransformer):
    """Makes `a or (b or c)` the same as `a or b or c`, which it is."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.BoolOp:
        self.generic_visit(node)
        values: list[ast.expr] = []
        for part in node.values:
            same = isinstance(part, ast.BoolOp) and type(part.op) is type(node.op)
            values += part.values if same and isinstance(part, ast.BoolOp) else [part]
        node.values = values
        return node


def _rebuilt(node: Any, old: ast.AST, made: Callable[[Any], Sequence[Any]]) -> Any:
    """A tree with one node replaced by others; unchanged parts are shared."""
    changed: dict[str, Any] = {}
    for name, value in ast.iter_fields(node):
        if value is old:
            changed[name] = made(value)[0]
        elif isinstance(value, ast.AST):
            if (inner := _rebuilt(value, old, made)) is not value:
                changed[name] = inner
        elif isinstance(value, list):
            items: list[Any] = []
            for item in value:
                if item is old:
                    items += made(item)
                else:
                    items.append(_rebuilt(item, old, made) if isinstance(item, ast.AST) else item)
            if len(items) != len(value) or any(a is not b for a, b in zip(items, value, strict=True)):
                changed[name] = items
        if changed:
            fields = {field: changed.get(field, getattr(node, field, None)) for field in node._fields}
            return type(node)(**fields)
    return node


def spliced(source: str, *pieces: tuple[int, int, str]) -> str:
    """A text with stretches replaced; they do not overlap."""
    made, position = [], 0
    for start, end, new in sorted(pieces, key=lambda piece: piece[:2]):
        made += [source[position:start], new]
        position = max(end, position)
    return "".join([*made, source[position:]])
