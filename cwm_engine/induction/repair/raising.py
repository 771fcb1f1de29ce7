"""Changes of a program that raises an exception, or returns something else than a prediction: what it may have meant.

The changes are guesses from the text and the message alone; nothing is run here.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_engine.diagnosis.editing.patches import Text, spliced
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.world_model.imports import ALLOWED_MODULES

_ALIASES = {"np": "numpy", "npr": "numpy.random", "plt": "matplotlib.pyplot", "dt": "datetime"}
_FOREIGN = {
    "true": "True", "false": "False", "null": "None", "none": "None", "nil": "None", "this": "self", "pi": "math.pi",
}  # fmt: skip
_OF_MATH = {"sin", "cos", "tan", "sqrt", "exp", "log", "floor", "ceil", "atan2", "radians", "degrees", "fabs", "hypot",
            "asin", "acos", "atan", "copysign"}  # fmt: skip
_CLOSE = 0.55
_MOST_CLOSE = 6
_QUOTED = re.compile(r"'([^']*)'")
_WORDS = {
    "observation": ("obs", "observation", "next_state", "next_obs", "state"),
    "reward": ("reward", "rew", "r"),
    "terminated": ("done", "terminated", "terminal", "over"),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """A changed text, and what was done, e.g. "line 12: replace `thet` by `theta`"."""

    text: str
    change: str


def guesses(source: str, tree: ast.Module, failure: Failure, rewards: Sequence[float] = ()) -> list[Guess]:
    """Texts that may not fail like this.

    Args:
        source: The file.
        tree: Its syntax.
        failure: How a transition, or loading it, failed.
        rewards: Rewards that come up in the data.
    """
    guesser = _Guesser(Text(source, tree), failure, [*map(repr, rewards)][:_MOST_CLOSE])
    found: dict[str, Guess] = {}
    for guess in guesser.all():
        if guess.text != source:
            found.setdefault(guess.text, guess)
    return list(found.values())


class _Guesser:
    def __init__(self, text: Text, failure: Failure, rewards: Sequence[str]) -> None:
        self._text, self._failure, self._rewards = text, failure, rewards
        self._quoted = _QUOTED.findall(failure.message)
        self._functions = [node for node in ast.walk(text.tree) if isinstance(node, ast.FunctionDef)]

    def all(self) -> Iterator[Guess]:
        """The guesses, the likeliest first."""
        failure = self._failure
        if failure.kind in {"arity", "shape", "type"}:
            yield from self._returns()
        elif failure.type in {"NameError", "UnboundLocalError"}:
            yield from self._names()
        elif failure.type == "AttributeError":
            yield from self._attributes()
        elif failure.type == "TypeError":
            yield from self._types()
            yield from self._missing_returns()
        elif failure.type == "ValueError" and "unpack" in failure.message:
            yield from self._unpackings()
        yield from self._conversions()

    # Names

    def _names(self) -> Iterator[Guess]:
        name = self._quoted[0] if self._quoted else ""
        places = [node for node in ast.walk(self._text.tree) if isinstance(node, ast.Name) and node.id == name]
        loads = [node for node in places if isinstance(node.ctx, ast.Load)]
        if not loads:
            return
        function = self._function_at(self._failure.line or loads[0].lineno)
        inside = [node for node in loads if self._function_at(node.lineno) is function]
        if name in _FOREIGN:
            yield self._replaced(inside, _FOREIGN[name])
        module = _ALIASES.get(name, name)
        if module.partition(".")[0] in ALLOWED_MODULES:
            yield self._imported(f"import {module}" + (f" as {name}" if name != module else ""))
        if name in _OF_MATH | {"pi"}:
            yield self._imported(f"from math import {name}")
            yield from (self._replaced(inside, f"{owner}.{name}") for owner in self._modules())
        if name in self._attributes_known():
            yield self._replaced(inside, f"self.{name}")
        for close in _close(name, [*self._locals(function), *self._globals(), *vars(builtins)]):
            yield self._replaced(inside, close)
            yield self._replaced(inside[:1], close)
        for close in _close(name, self._attributes_known()):
            yield self._replaced(inside, f"self.{close}")
        if function is not None:
            for value in (*self._rewards, "0", "0.0", "False", "None", "self.state"):
                yield self._at_start(function, f"{name} = {value}")
        for other in self._locals(function):
            yield self._replaced(inside, other)
        for other in self._attributes_known():
            yield self._replaced(inside, f"self.{other}")

    def _attributes(self) -> Iterator[Guess]:
        name = self._quoted[-1] if self._quoted else ""
        nodes = [
            node for node in ast.walk(self._text.tree)
            if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load)
        ]  # fmt: skip
        here = [node for node in nodes if node.lineno == self._failure.line] or nodes
        own = [node for node in here if isinstance(node.value, ast.Name) and node.value.id == "self"]
        if self._failure.message.startswith("module") or "partially initialized module" in self._failure.message:
            known = _OF_MATH | {
                "pi",
                "tau",
                "e",
                "inf",
                "clip",
                "array",
                "arctan2",
                "abs",
                "sign",
                "minimum",
                "maximum",
            }
            for close in _close(name, sorted(known)):
                yield self._renamed(here, close)
            return
        for close in _close(name, self._attributes_known()):
            yield self._renamed(own or here, close)
        for node in here:
            start, end = self._text.range_of(node)
            call = self._call_of(node)
            if call is not None and not call.args:
                yield self._spliced(node.lineno, (self._text.range_of(node.value)[1], self._text.range_of(call)[1], ""))
            yield self._spliced(node.lineno, (self._text.range_of(node.value)[1], end, ""))
            for index in range(4):
                yield self._spliced(node.lineno, (self._text.range_of(node.value)[1], end, f"[{index}]"))
            if name in self._locals(self._function_at(node.lineno)):
                yield self._spliced(node.lineno, (start, end, name))
        for value in ("0", "0.0", "None", "False", "1.0"):
            for function in self._functions:
                if function.name == "__init__":
                    yield self._at_start(function, f"self.{name} = {value}")
        for other in self._attributes_known():
            yield self._renamed(own or here, other)

    # Calls and kinds

    def _types(self) -> Iterator[Guess]:
        message = self._failure.message
        if "positional argument" in message or "unexpected keyword" in message:
            for function in self._functions:
                if f"{function.name}()" not in message:
                    continue
                names = [argument.arg for argument in function.args.args]
                start = self._text.source.index("(", self._text.offset(function.lineno, function.col_offset)) + 1
                if "self" not in names:
                    yield self._spliced(function.lineno, (start, start, "self, " if names else "self"))
                else:
                    after = self._text.source.index("self", start) + len("self")
                    yield self._spliced(function.lineno, (start, after + (2 if len(names) > 1 else 0), ""))
            for call in self._calls_here():
                yield from self._arguments(call)
        if "item assignment" in message or "immutable" in message:
            for node in ast.walk(self._text.tree):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Name):
                    yield self._spliced(node.lineno, *self._around(node.value, "list(", ")"))
        if "not subscriptable" in message:
            for node in self._here(ast.Subscript):
                yield self._spliced(node.lineno, (self._text.range_of(node.value)[1], self._text.range_of(node)[1], ""))
        if "not callable" in message:
            for node in self._here(ast.Call):
                end = self._text.range_of(node.func)[1]
                yield self._spliced(node.lineno, (end, self._text.range_of(node)[1], ""))
                if len(node.args) == 1:
                    yield self._spliced(node.lineno, (end, end, " * "))
        if "NoneType" in message or "unpack" in message:
            for function in self._functions:
                if function.name in {"set_state", "reset", "__init__"}:
                    continue
                yield from self._last_value_returned(function)

    def _arguments(self, call: ast.Call) -> Iterator[Guess]:
        """A call with one argument more, or one less."""
        text = self._text
        for argument in call.args:
            start, end = text.range_of(argument)
            rest = re.match(r"\s*,\s*", text.source[end:])
            before = re.search(r",\s*$", text.source[:start])
            if rest is not None:
                yield self._spliced(call.lineno, (start, end + rest.end(), ""))
            else:
                yield self._spliced(call.lineno, (before.start() if before else start, end, ""))
        close = text.range_of(call)[1] - 1
        known = [*self._locals(self._function_at(call.lineno)), *(f"self.{name}" for name in self._attributes_known())]
        for name in known:
            yield self._spliced(call.lineno, (close, close, f", {name}" if call.args else name))

    def _unpackings(self) -> Iterator[Guess]:
        """Another number of names on the left, or of values on the right."""
        unknown = self._unknown()
        for node in self._here(ast.Assign):
            for part in (node.targets[0], node.value):
                if not isinstance(part, ast.Tuple | ast.List):
                    continue
                for element in part.elts:
                    start, end = self._text.range_of(element)
                    rest = re.match(r"\s*,\s*", self._text.source[end:])
                    before = re.search(r",\s*$", self._text.source[:start])
                    if rest is not None:
                        yield self._spliced(node.lineno, (start, end + rest.end(), ""))
                    elif before is not None:
                        yield self._spliced(node.lineno, (before.start(), end, ""))
                    for name in (*unknown, "_"):
                        yield self._spliced(node.lineno, (start, start, f"{name}, "))
                        yield self._spliced(node.lineno, (end, end, f", {name}"))
            if not isinstance(node.targets[0], ast.Tuple):
                continue
            for index in range(4):
                yield self._spliced(node.lineno, *self._around(node.value, "", f"[{index}]"))

    def _conversions(self) -> Iterator[Guess]:
        """What is computed on the line as an integer, as a number, as a list."""
        for node in self._here(ast.Subscript):
            for index in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
                if not isinstance(index, ast.Slice):
                    yield self._spliced(node.lineno, *self._around(index, "int(", ")"))
        for node in self._here(ast.Call):
            for argument in node.args:
                yield self._spliced(node.lineno, *self._around(argument, "int(", ")"))
                yield self._spliced(node.lineno, *self._around(argument, "", "[0]"))
        for node in self._here(ast.Assign):
            for function in ("int", "float", "list", "tuple"):
                yield self._spliced(node.lineno, *self._around(node.value, f"{function}(", ")"))
        for node in self._here(ast.Call):
            if (
                isinstance(node.func, ast.Name)
                and len(node.args) == 1
                and node.func.id in {"int", "float", "list", "tuple"}
            ):
                yield self._spliced(node.lineno, (*self._text.range_of(node), self._text.of(node.args[0])))

    # Returns

    def _returns(self) -> Iterator[Guess]:
        """`step` returning something more, something less, or the same in another order."""
        yield from self._missing_returns()
        for function in self._functions:
            if function.name not in {"step", "transition", "reward"}:
                continue
            words = [
                *self._locals(function), *(f"self.{name}" for name in self._attributes_known()), "False", "0.0", "{}",
            ]  # fmt: skip
            for node in ast.walk(function):
                if not isinstance(node, ast.Return) or node.value is None:
                    continue
                value: Any = node.value
                start, end = self._text.range_of(value)
                parts = [self._text.of(part) for part in value.elts] if isinstance(value, ast.Tuple) else []
                for i in range(len(parts)):
                    rest = [*parts[:i], *parts[i + 1 :]]
                    yield self._spliced(node.lineno, (start, end, ", ".join(rest)))
                    for j in range(i):
                        order = [*parts]
                        order[i], order[j] = order[j], order[i]
                        yield self._spliced(node.lineno, (start, end, ", ".join(order)))
                known = parts or [self._text.of(value)]
                for place in range(len(known), -1, -1):
                    for word in words:
                        yield self._spliced(
                            node.lineno, (start, end, ", ".join([*known[:place], word, *known[place:]]))
                        )
                for i, part in enumerate(parts):
                    for function_name in ("float", "bool", "int", "tuple", "list"):
                        order = [*parts]
                        order[i] = f"{function_name}({part})"
                        yield self._spliced(node.lineno, (start, end, ", ".join(order)))

    def _missing_returns(self) -> Iterator[Guess]:
        """A `return` of observation, reward and end at the end of a `step` that has none."""
        for function in self._functions:
            last = function.body[-1]
            if function.name != "step" or isinstance(last, ast.Return):
                continue
            names = self._locals(function)
            own = self._attributes_known()
            observations = [*(f"self.{name}" for name in own), *names]
            for reward in _like("reward", names) or ["0.0"]:
                for done in _like("terminated", names) or ["False"]:
                    for observation in sorted(observations, key=_is_unlike_observation):
                        yield self._behind(last, f"return {observation}, {reward}, {done}")

    def _last_value_returned(self, function: ast.FunctionDef) -> Iterator[Guess]:
        """A function that computes something and forgets to return it."""
        last = function.body[-1]
        if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant):
            start = self._text.range_of(last)[0]
            yield self._spliced(last.lineno, (start, start, "return "))
        if isinstance(last, ast.Assign | ast.AugAssign):
            target = last.targets[0] if isinstance(last, ast.Assign) else last.target
            yield self._behind(last, f"return {self._text.of(target)}")
        if not isinstance(last, ast.Return):
            for name in self._locals(function):
                yield self._behind(last, f"return {name}")

    # What there is

    def _here(self, *kinds: type[Any]) -> list[Any]:
        line = self._failure.line
        return [node for node in ast.walk(self._text.tree) if isinstance(node, kinds) and node.lineno == line]

    def _calls_here(self) -> list[ast.Call]:
        return self._here(ast.Call)

    def _call_of(self, node: ast.Attribute) -> ast.Call | None:
        calls = (call for call in ast.walk(self._text.tree) if isinstance(call, ast.Call))
        return next((call for call in calls if call.func is node), None)

    def _function_at(self, line: int) -> ast.FunctionDef | None:
        around = [node for node in self._functions if node.lineno <= line <= (node.end_lineno or node.lineno)]
        return max(around, key=lambda node: node.lineno, default=None)

    def _locals(self, function: ast.FunctionDef | None) -> list[str]:
        if function is None:
            return []
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        names += [
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        return list(dict.fromkeys(names))

    def _globals(self) -> list[str]:
        names: list[str] = []
        for statement in self._text.tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                names.append(statement.name)
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                names += [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
            else:
                names += [
                    node.id for node in ast.walk(statement)
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
                ]  # fmt: skip
        return list(dict.fromkeys(names))

    def _unknown(self) -> list[str]:
        """Names that the function uses before anybody sets them."""
        function = self._function_at(self._failure.line or 0)
        if function is None:
            return []
        known = {"self", *(argument.arg for argument in function.args.args), *self._globals(), *vars(builtins)}
        first: dict[tuple[str, bool], int] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id not in known:
                key = node.id, isinstance(node.ctx, ast.Store)
                first[key] = min(node.lineno, first.get(key, node.lineno))
        return [
            name for (name, is_set), line in first.items() if not is_set and line <= first.get((name, True), line)
        ]  # fmt: skip

    def _modules(self) -> list[str]:
        return [name for name in self._globals() if name in {"math", "np", "numpy", "cmath"}]

    def _attributes_known(self) -> list[str]:
        names = [
            node.attr for node in ast.walk(self._text.tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        ]  # fmt: skip
        for owner in self._text.tree.body:
            if isinstance(owner, ast.ClassDef):
                for statement in owner.body:
                    if isinstance(statement, ast.FunctionDef):
                        names.append(statement.name)
                    elif isinstance(statement, ast.Assign):
                        names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
        return [name for name in dict.fromkeys(names) if not name.startswith("__")]

    # Making texts

    def _replaced(self, nodes: Sequence[ast.Name], new: str) -> Guess:
        old = nodes[0].id if nodes else ""
        pieces = [(*self._text.range_of(node), new) for node in nodes]
        line = nodes[0].lineno if nodes else 0
        return Guess(spliced(self._text.source, *pieces), f"line {line}: replace `{old}` by `{new}`")

    def _renamed(self, nodes: Sequence[ast.Attribute], new: str) -> Guess:
        pieces = [
            (self._text.range_of(node)[1] - len(node.attr), self._text.range_of(node)[1], new) for node in nodes
        ]  # fmt: skip
        line, old = (nodes[0].lineno, nodes[0].attr) if nodes else (0, "")
        return Guess(spliced(self._text.source, *pieces), f"line {line}: replace `{old}` by `{new}`")

    def _spliced(self, line: int, *pieces: tuple[int, int, str]) -> Guess:
        made = spliced(self._text.source, *pieces)
        was, now = (text.splitlines()[line - 1].strip() for text in (self._text.source, made))
        return Guess(made, f"line {line}: replace `{was}` by `{now}`")

    def _around(self, node: Any, before: str, after: str) -> tuple[tuple[int, int, str], tuple[int, int, str]]:
        start, end = self._text.range_of(node)
        return (start, start, before), (end, end, after)

    def _imported(self, statement: str) -> Guess:
        body = self._text.tree.body
        first = body[1] if len(body) > 1 and ast.get_docstring(self._text.tree) is not None else body[0]
        line = min([first.lineno, *(part.lineno for part in getattr(first, "decorator_list", ()))])
        at = self._text.offset(line, 0)
        return Guess(spliced(self._text.source, (at, at, f"{statement}\n")), f"line {line}: insert `{statement}`")

    def _at_start(self, function: ast.FunctionDef, statement: str) -> Guess:
        first = function.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(function.body) > 1:
            first = function.body[1]
        at = self._text.offset(first.lineno, 0)
        made = f"{' ' * first.col_offset}{statement}\n"
        return Guess(spliced(self._text.source, (at, at, made)), f"line {first.lineno}: insert `{statement}`")

    def _behind(self, last: ast.stmt, statement: str) -> Guess:
        source = self._text.source
        end = self._text.range_of(last)[1]
        stop = source.find("\n", end)
        stop = len(source) if stop < 0 else stop
        made = f"\n{' ' * last.col_offset}{statement}"
        line = (last.end_lineno or last.lineno) + 1
        return Guess(spliced(source, (stop, stop, made)), f"line {line}: insert `{statement}`")


def _close(name: str, known: Sequence[str]) -> list[str]:
    names = [other for other in dict.fromkeys(known) if other != name and not keyword.iskeyword(other)]
    found = difflib.get_close_matches(name, names, n=_MOST_CLOSE, cutoff=_CLOSE)
    folded = [other for other in names if other.lower().replace("_", "") == name.lower().replace("_", "")]
    return list(dict.fromkeys([*folded, *found]))


def _like(kind: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name.lower() in _WORDS[kind] or any(word in name for word in _WORDS[kind][:2])]


def _is_unlike_observation(name: str) -> bool:
    return not any(word in name for word in _WORDS["observation"])
