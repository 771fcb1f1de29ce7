"""Notes a good colleague would make on reading a model, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from cwm_engine.findings import Finding, Severity
from cwm_engine.world_model.scalars import REPLACEMENTS, NumpyNames, Scope, number_attributes
from cwm_engine.world_model.source import span_of
from cwm_engine.world_model.syntax import all_nodes


def scalar_numpy(tree: ast.Module, lines: Sequence[str]) -> list[Finding]:
    """CWM801: NumPy functions on single numbers in what `step` or `transition` calls, at the first of them.

    What is not known to be a single number is not counted, so arrays used as arrays are left alone. `np.array([...])`
    counts only beside such calls: returning one is no mistake.

    Args:
        tree: The parsed model.
        lines: Its lines.

    Returns:
        No finding, or one whose message says how many calls there are.
    """
    nodes = all_nodes(tree)
    numpy = NumpyNames(nodes)
    if not numpy.modules and not numpy.functions:
        return []
    try:
        calls, arrays = _scalar_calls(nodes, numpy)
    except RecursionError:  # a sum of a thousand terms; this note is not worth more effort
        return []
    if not calls:
        return []
    first, name = min(calls, key=lambda call: (call[0].lineno, call[0].col_offset))
    total = len(calls) + len(arrays)
    others = f", here and in {total - 1} more {'call' if total == 2 else 'calls'}" if total > 1 else ""
    return [
        Finding(
            code="CWM801",
            severity=Severity.INFO,
            message=f"`{ast.unparse(first.func)}` works on a single number{others}: "
            f"a step takes about 4 to 6 times as long as with `math`.",
            span=span_of(first, lines),
            note=f"Use `{REPLACEMENTS[name]}`"
            + (", and a tuple where an array of a few numbers is only unpacked again." if arrays else "."),
        )
    ]


def _scalar_calls(nodes: Sequence[ast.AST], numpy: NumpyNames) -> tuple[list[tuple[ast.Call, str]], list[ast.Call]]:
    """The calls on single numbers with their NumPy names, and the arrays made of a few single numbers."""
    attributes = number_attributes(nodes, numpy)
    calls: list[tuple[ast.Call, str]] = []
    arrays: list[ast.Call] = []
    for function in _reachable(nodes):
        scope = Scope(numpy, attributes, function)
        for node in _in_order(function):
            scope.learn(node)
            if not isinstance(node, ast.Call):
                continue
            name = numpy.name_of(node.func)
            if name in REPLACEMENTS and node.args and all(scope.is_number(argument) for argument in node.args):
                calls.append((node, name))
            elif name in {"array", "asarray"} and scope.is_list_of_numbers(node):
                arrays.append(node)
    return calls, arrays


_ENTRIES = frozenset({"step", "set_state", "transition", "reward", "outcomes", "valid_actions"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _reachable(nodes: Sequence[ast.AST]) -> list[_Function]:
    """The functions that a step may run, going by names: those it mentions, those they mention, and so on."""
    functions: dict[str, list[_Function]] = {}
    classes: Mapping[str, ast.ClassDef] = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    for node in nodes:
        if isinstance(node, _Function):
            functions.setdefault(node.name, []).append(node)
    found: dict[int, _Function] = {}
    names = list(_ENTRIES)
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        inside = list(functions.get(name, ()))
        if name in classes:  # an object it makes: whatever its methods do
            inside += [node for node in classes[name].body if isinstance(node, _Function)]
        for function in inside:
            found[id(function)] = function
            for part in all_nodes(function):
                if part.__class__ is ast.Name:
                    names.append(part.id)
                elif part.__class__ is ast.Attribute:
                    names.append(part.attr)
    return list(found.values())


def _in_order(function: _Function) -> Iterator[ast.AST]:
    """All nodes of a function, statement by statement: what a statement computes before the name it binds."""
    for statement in function.body:
        yield from _walk(statement)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, _Function | ast.ClassDef):
        return
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node
    yield from (inner for child in ast.iter_child_nodes(node) for inner in _walk(child))
    if not isinstance(node, ast.For | ast.AsyncFor):
        yield node
