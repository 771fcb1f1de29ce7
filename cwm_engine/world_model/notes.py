"""Notes a good colleague would make on reading a model, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from cwm_engine.findings import Finding, Severity
from cwm_engine.world_model.source import span_of
from cwm_engine.world_model.syntax import all_nodes


def scalar_numpy(tree: ast.Module, lines: Sequence[str]) -> list[Finding]:
    """CWM801: NumPy functions on single numbers in what `step` or `transition` calls, at the first of them.

    Whether a value is a single number is followed through assignments: numbers, what `math` and NumPy make of numbers,
    the parts of an unpacked state, items by a fixed index. What is not known to be one is not counted, so arrays used
    as arrays are left alone. `np.array([...])` counts only beside such calls: returning one is no mistake.

    Args:
        tree: The parsed model.
        lines: Its lines.

    Returns:
        No finding, or one whose `count` is the number of calls.
    """
    nodes = all_nodes(tree)
    numpy = _Numpy(nodes)
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
            count=total,
            note=f"Use `{_REPLACEMENTS[name]}`"
            + (", and a tuple where an array of a few numbers is only unpacked again." if arrays else "."),
        )
    ]


def _scalar_calls(nodes: Sequence[ast.AST], numpy: _Numpy) -> tuple[list[tuple[ast.Call, str]], list[ast.Call]]:
    """The calls on single numbers with their NumPy names, and the arrays made of a few single numbers."""
    numbers = _attributes_that_are_numbers(nodes, numpy)
    calls: list[tuple[ast.Call, str]] = []
    arrays: list[ast.Call] = []
    for function in _reachable(nodes):
        scope = _Scope(numpy, numbers, _used_as_containers(function))
        for node in _in_order(function):
            scope.learn(node)
            if not isinstance(node, ast.Call):
                continue
            name = numpy.name_of(node.func)
            if name in _REPLACEMENTS and node.args and all(scope.is_number(argument) for argument in node.args):
                calls.append((node, name))
            elif name in {"array", "asarray"} and scope.is_list_of_numbers(node):
                arrays.append(node)
    return calls, arrays


_TRIGONOMETRY = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
_SAME_NAME = (
    *("ceil", "copysign", "degrees", "exp", "expm1", "floor", "fmod", "hypot", "isfinite", "isinf", "isnan"),
    *("log", "log10", "log1p", "log2", "radians", "sqrt", "trunc"),
)
_REPLACEMENTS = {
    **{name: f"math.{name}" for name in (*_TRIGONOMETRY, *_SAME_NAME)},
    **{f"arc{name}": f"math.a{name}" for name in (*_TRIGONOMETRY, "tan2")},
    **dict.fromkeys(("abs", "absolute", "fabs"), "abs"),
    **dict.fromkeys(("power", "float_power", "square"), "**"),
    "clip": "min(max(x, low), high)",
    "deg2rad": "math.radians",
    "maximum": "max",
    "minimum": "min",
    "mod": "%",
    "rad2deg": "math.degrees",
    "round": "round",
    "sign": "math.copysign",
}
_ENTRIES = frozenset({"step", "set_state", "transition", "reward", "outcomes", "valid_actions"})
_NUMBER_FUNCTIONS = frozenset({"float", "int", "abs", "round", "len", "bool", "ord"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Numpy:
    """The names under which a file knows NumPy and `math`."""

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self.modules: set[str] = set()
        self.functions: dict[str, str] = {}
        self.math: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "numpy":
                        self.modules.add(alias.asname or "numpy")
                    elif alias.name == "math":
                        self.math.add(alias.asname or "math")
            elif isinstance(node, ast.ImportFrom) and node.module in {"numpy", "math"}:
                for alias in node.names:
                    if node.module == "numpy":
                        self.functions[alias.asname or alias.name] = alias.name
                    else:
                        self.math.add(alias.asname or alias.name)

    def name_of(self, function: ast.expr) -> str:
        """The NumPy name of a function, empty if it is not NumPy's."""
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return function.attr if function.value.id in self.modules else ""
        return self.functions.get(function.id, "") if isinstance(function, ast.Name) else ""

    def is_math(self, node: ast.expr) -> bool:
        """Whether a function or constant is one of `math`."""
        name = node.value if isinstance(node, ast.Attribute) else node
        return isinstance(name, ast.Name) and name.id in self.math


class _Scope:
    """What is known to be a single number at a point of a function; statements are learnt in the order of the text."""

    def __init__(self, numpy: _Numpy, attributes: frozenset[str], containers: frozenset[str] = frozenset()) -> None:
        self.numpy = numpy
        self.attributes = attributes
        self.containers = containers
        self.known: dict[str, bool] = {}

    def learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._bind(node.target, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self.known[node.target.id] = self.is_number(node.target) and self.is_number(node.value)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            over = node.iter
            self.known[node.target.id] = (
                isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "range"
            )

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.known[target.id] = self.is_number(value)
        elif isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for position, part in enumerate(target.elts):
                if not isinstance(part, ast.Name):
                    continue
                if len(values) == len(target.elts):
                    self.known[part.id] = self.is_number(values[position])
                else:  # x, x_dot, theta, theta_dot = self.state
                    self.known[part.id] = len(target.elts) > 1 and self._looks_flat(value)

    def _looks_flat(self, value: ast.expr) -> bool:
        """Whether a value is a state or a row of numbers, as opposed to a tuple of arrays from a function."""
        if isinstance(value, ast.Call):
            return False
        return isinstance(value, ast.Name | ast.Attribute | ast.Subscript)

    def is_number(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=value):
                return isinstance(value, int | float)
            case ast.Name(id=name):
                return (self.known.get(name, False) and name not in self.containers) or name in self.numpy.math
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return name in self.attributes
            case ast.Attribute(attr=name):
                return self.numpy.is_math(node) or (
                    self.numpy.name_of(node) in {"pi", "e", "inf", "nan"} and bool(name)
                )
            case ast.UnaryOp(operand=operand):
                return self.is_number(operand)
            case ast.BinOp(left=left, right=right):
                return self.is_number(left) and self.is_number(right)
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_number(body) and self.is_number(orelse)
            case ast.Compare(left=left, comparators=[*rest]):
                return all(self.is_number(part) for part in (left, *rest))
            case ast.Subscript(slice=index):
                return isinstance(index, ast.Constant | ast.UnaryOp) and self.is_number(index)
            case ast.Call(func=function, args=arguments):
                if self.numpy.is_math(function):
                    return True
                if isinstance(function, ast.Name) and function.id in _NUMBER_FUNCTIONS:
                    return True
                inner = self.numpy.name_of(function) in _REPLACEMENTS
                inner = inner or (isinstance(function, ast.Name) and function.id in {"min", "max"})
                return inner and bool(arguments) and all(self.is_number(argument) for argument in arguments)
            case _:
                return False

    def is_list_of_numbers(self, call: ast.Call) -> bool:
        """Whether `np.array` is given a written-out list of single numbers."""
        items = call.args[0] if call.args else None
        return (
            isinstance(items, ast.List | ast.Tuple)
            and 0 < len(items.elts) <= 16
            and all(self.is_number(item) for item in items.elts)
        )


def _attributes_that_are_numbers(nodes: Sequence[ast.AST], numpy: _Numpy) -> frozenset[str]:
    """Names of attributes to which nothing but numbers is assigned, in any class of the file."""
    assigned = list(_assigned_attributes(nodes))
    numbers: dict[str, bool] = {}
    for _ in range(3):  # an attribute may be computed from others: self.total_mass = self.m1 + self.m2
        scope = _Scope(numpy, frozenset(name for name, only in numbers.items() if only))
        found: dict[str, bool] = {}
        for name, value in assigned:
            found[name] = found.get(name, True) and value is not None and scope.is_number(value)
        if found == numbers:
            break
        numbers = found
    return frozenset(name for name, only in numbers.items() if only)


def _assigned_attributes(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, ast.expr | None]]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign):
                    yield from ((t.id, statement.value) for t in statement.targets if isinstance(t, ast.Name))
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            for part in parts:
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                    yield part.attr, node.value if isinstance(node, ast.Assign) and part is target else None


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


def _used_as_containers(function: _Function) -> frozenset[str]:
    """Names that a function indexes, loops over or asks for attributes somewhere: no single numbers."""
    parts = [
        node.iter if isinstance(node, ast.For | ast.comprehension) else node.value
        for node in all_nodes(function)
        if isinstance(node, ast.For | ast.comprehension | ast.Subscript | ast.Attribute)
    ]
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))


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
