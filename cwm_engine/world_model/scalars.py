"""Which values in a program are single numbers, as far as its text tells.

Followed through assignments are numbers, what `math` and NumPy make of numbers, the parts of an unpacked state, and
items by a fixed index. A name or attribute that is indexed, looped over or asked for attributes anywhere is none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from cwm_engine.world_model.syntax import all_nodes

_TRIGONOMETRY = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
_SAME_NAME = (
    *("ceil", "copysign", "degrees", "exp", "expm1", "floor", "fmod", "hypot", "isfinite", "isinf", "isnan"),
    *("log", "log10", "log1p", "log2", "radians", "sqrt", "trunc"),
)
REPLACEMENTS = {
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
"""NumPy functions that work on single numbers too, and what does the same for them."""


PART = ast.Constant(0.0)
"""Stands for one of the parts of an unpacked state."""


class NumpyNames:
    """The names under which a file knows NumPy and `math`."""

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self.modules: set[str] = set()
        self.functions: dict[str, str] = {}
        self._math: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "numpy":
                        self.modules.add(alias.asname or "numpy")
                    elif alias.name == "math":
                        self._math.add(alias.asname or "math")
            elif isinstance(node, ast.ImportFrom) and node.module in {"numpy", "math"}:
                for alias in node.names:
                    if node.module == "numpy":
                        self.functions[alias.asname or alias.name] = alias.name
                    else:
                        self._math.add(alias.asname or alias.name)

    def name_of(self, function: ast.expr) -> str:
        """The NumPy name of a function or constant, empty if it is not NumPy's."""
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return function.attr if function.value.id in self.modules else ""
        return self.functions.get(function.id, "") if isinstance(function, ast.Name) else ""

    def is_math(self, node: ast.expr) -> bool:
        """Whether a function or constant is one of `math`."""
        name = node.value if isinstance(node, ast.Attribute) else node
        return isinstance(name, ast.Name) and name.id in self._math


class Scope:
    """What is known to be a single number at a point of a function; statements are learnt in the order of the text.

    Args:
        numpy: The names of NumPy in the file.
        attributes: Attributes of `self` that are numbers.
        function: The function, None for what stands outside of any.
    """

    def __init__(
        self,
        numpy: NumpyNames,
        attributes: frozenset[str],
        function: ast.FunctionDef | ast.AsyncFunctionDef | None = None,
    ) -> None:
        self._numpy = numpy
        self._attributes = attributes
        self._known: dict[str, bool] = {}
        nodes = all_nodes(function) if function is not None else []
        self._containers = {part.id for part in _containers(nodes) if isinstance(part, ast.Name)}
        self._action = _action_of(function, nodes) if function is not None else None

    def learn(self, node: ast.AST) -> None:
        """Take in what a statement binds; other nodes bind nothing."""
        if isinstance(node, ast.Assign):
            for target, value in _bindings(node):
                if isinstance(target, ast.Name):
                    self._known[target.id] = value is PART or (value is not None and self.is_number(value))
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            self._known[node.target.id] = self.is_number(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self._known[node.target.id] = self.is_number(node.target) and self.is_number(node.value)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            over = node.iter.func if isinstance(node.iter, ast.Call) else None
            self._known[node.target.id] = isinstance(over, ast.Name) and over.id == "range"

    def is_number(self, node: ast.expr) -> bool:
        """Whether an expression is known to be a single number."""
        match node:
            case ast.Constant(value=value):
                return isinstance(value, int | float)
            case ast.Name(id=name):
                return (self._known.get(name, False) and name not in self._containers) or self._numpy.is_math(node)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return name in self._attributes
            case ast.Attribute():
                return self._numpy.is_math(node) or self._numpy.name_of(node) in {"pi", "e", "inf", "nan"}
            case ast.UnaryOp(operand=operand):
                return self._is_operand(operand)
            case ast.BinOp(left=left, right=right):
                return self._is_operand(left) and self._is_operand(right)
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_number(body) and self.is_number(orelse)
            case ast.Compare(left=left, comparators=[*rest]):
                return all(self._is_operand(part) for part in (left, *rest))
            case ast.Subscript(slice=index):
                return isinstance(index, ast.Constant | ast.UnaryOp) and self.is_number(index)
            case ast.Call(func=function, args=arguments):
                name = function.id if isinstance(function, ast.Name) else ""
                if self._numpy.is_math(function) or name in _NUMBER_FUNCTIONS:
                    return True
                keeps = name in {"min", "max"} or self._numpy.name_of(function) in REPLACEMENTS
                return keeps and bool(arguments) and all(self.is_number(argument) for argument in arguments)
            case _:
                return False

    def is_list_of_numbers(self, call: ast.Call) -> bool:
        """Whether `np.array` is given a written-out list of a few single numbers."""
        items = call.args[0] if call.args else None
        return (
            isinstance(items, ast.List | ast.Tuple)
            and 0 < len(items.elts) <= _FEW
            and all(self.is_number(item) for item in items.elts)
        )

    def _is_operand(self, node: ast.expr) -> bool:
        """An action that is only ever calculated with is taken for a number in calculations."""
        return self.is_number(node) or (isinstance(node, ast.Name) and node.id == self._action)


def number_attributes(nodes: Sequence[ast.AST], numpy: NumpyNames) -> frozenset[str]:
    """Attributes of `self`, in any class of the file, that are given a number and never anything like an array."""
    assigned = list(_attribute_bindings(nodes))
    never = {name for name, value in assigned if value is not None and _is_container(value, numpy)}
    never |= {part.attr for part in _containers(nodes) if isinstance(part, ast.Attribute)}
    found: frozenset[str] = frozenset()
    for _ in range(3):  # an attribute may be computed from others: self.total = self.cart + self.pole
        scope = Scope(numpy, found)
        before = found
        found = frozenset(
            name for name, value in assigned if name not in never and value is not None and scope.is_number(value)
        )
        if found == before:
            break
    return found


_NUMBER_FUNCTIONS = frozenset({"float", "int", "abs", "round", "len", "bool", "ord"})
_ARRAY_MAKERS = frozenset(
    {"array", "asarray", "zeros", "ones", "full", "empty", "arange", "linspace", "eye", "stack", "concatenate", "copy"}
)
_FEW = 16
_ACTION_POSITION = {"step": 1, "transition": 1, "reward": 1}


def _bindings(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """The targets of an assignment with their values; `PART` for parts of a state, None where nothing is known."""
    for target in node.targets:
        if not isinstance(target, ast.Tuple | ast.List):
            yield target, node.value
            continue
        values: Sequence[ast.expr | None] = ()
        if isinstance(node.value, ast.Tuple | ast.List):
            values = node.value.elts
        elif isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript) and len(target.elts) > 1:
            values = [PART] * len(target.elts)  # x, x_dot, theta, theta_dot = self.state
        if len(values) != len(target.elts):
            values = [None] * len(target.elts)
        yield from zip(target.elts, values, strict=True)


def _attribute_bindings(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, ast.expr | None]]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign):
                    yield from ((t.id, value) for t, value in _bindings(statement) if isinstance(t, ast.Name))
        elif isinstance(node, ast.Assign):
            for target, value in _bindings(node):
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    yield target.attr, value


def _is_container(value: ast.expr, numpy: NumpyNames) -> bool:
    if isinstance(value, ast.Call):
        return numpy.name_of(value.func) in _ARRAY_MAKERS
    kinds = ast.List | ast.Tuple | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp | ast.JoinedStr
    return isinstance(value, kinds) or (isinstance(value, ast.Constant) and isinstance(value.value, str))


def _containers(nodes: Sequence[ast.AST]) -> Iterator[ast.expr]:
    """What is indexed, looped over, unpacked or asked for attributes."""
    for node in nodes:
        if isinstance(node, ast.For | ast.comprehension):
            yield node.iter
        elif isinstance(node, ast.Subscript | ast.Attribute) or (
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple | ast.List)
        ):
            yield node.value


def _action_of(function: ast.FunctionDef | ast.AsyncFunctionDef, nodes: Sequence[ast.AST]) -> str | None:
    """The action's name, if nothing in the function treats it as more than a number."""
    position = _ACTION_POSITION.get(function.name)
    parameters = function.args.args
    if position is None or len(parameters) <= position:
        return None
    name = parameters[position].arg
    passed = (
        argument
        for node in nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) not in _NUMBER_FUNCTIONS
        for argument in node.args
    )
    uses = (*_containers(nodes), *passed)
    return None if any(isinstance(use, ast.Name) and use.id == name for use in uses) else name
