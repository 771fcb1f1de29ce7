"""Which world models a file holds, found in its syntax tree alone: nothing is imported or run.

Three dialects are recognized: a class with `set_state` and `step` (`Environment` in the Code World Models Benchmark),
the functions `transition` and `reward` (WorldCoder), and a Gymnasium `Env` with `set_state`.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cwm_engine.findings import Finding, Severity, Span
from cwm_engine.world_model.signatures import FunctionNode, Misfit, call_problem, required_field
from cwm_engine.world_model.source import span_of
from cwm_engine.world_model.syntax import dotted_name

OPTIONAL_MEMBERS = frozenset({"reset", "valid_actions", "outcomes", "step_batch", "REWARDS"})
"""What a model may offer besides the two functions every model has."""


class Dialect(StrEnum):
    """How a model is written."""

    ENVIRONMENT = "environment"
    FUNCTIONS = "functions"
    GYMNASIUM = "gymnasium"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A world model in a file.

    Attributes:
        name: The class, or `transition` for a model of functions.
        dialect: How it is written.
        span: The name of the class or function.
        step: The name of the function that predicts, wherever in the file it is inherited from.
        reward: The name of `reward` (or `REWARDS`) in a model of functions.
        members: The optional members it has; `goal` for a `reward` that takes the goal as its fourth argument.
        body: The whole class or function.
    """

    name: str
    dialect: Dialect
    span: Span
    step: Span
    reward: Span | None
    members: frozenset[str]
    body: Span


@dataclass(frozen=True, slots=True)
class Discovery:
    """The models of a file in the order of the text, and what keeps it from holding (more of) them."""

    models: tuple[ModelSpec, ...]
    problems: tuple[Finding, ...]


def discover(tree: ast.Module, lines: Sequence[str]) -> Discovery:
    """Find the world models of a file.

    A class that another class of the file is based on is no model of its own. Half a model (a class with `step` alone)
    beside a whole one is taken for a helper, and so is one with a wrong signature beside one without a flaw, unless its
    name (`Environment`) or its base (`Env`) says that it is meant to be a model.

    Args:
        tree: The parsed file.
        lines: Its lines, to find names in.

    Returns:
        The models, and findings CWM102 (no model), CWM103 (missing member) and CWM104 (wrong signature). A model with a
        wrong signature is listed too.
    """
    file = _File(tree, lines)
    candidates = [*file.classes_of_interest(), *file.functions_of_interest()]
    whole = any(candidate.spec is not None for candidate in candidates)
    flawless = any(candidate.spec is not None and not candidate.problems for candidate in candidates)
    kept = [
        candidate
        for candidate in candidates
        if candidate.meant or not (whole if candidate.spec is None else flawless and candidate.problems)
    ]
    specs = [candidate.spec for candidate in kept if candidate.spec is not None]
    models = sorted(specs, key=lambda spec: (spec.span.line, spec.span.column))
    problems = [problem for candidate in kept for problem in candidate.problems]
    if not models and not problems:
        problems = [file.no_model()]
    problems.sort(key=lambda problem: (problem.span.line, problem.span.column))
    return Discovery(tuple(models), tuple(problems))


_Value = ast.ClassDef | FunctionNode | ast.expr | ast.alias
_EMPTY_BASES = frozenset({"object", "ABC", "Generic", "Protocol"})
_ENV = re.compile(r"(?:^|\.)Env$")
_SIGNATURES = {"set_state": ("state",), "step": ("action",)}
_PURPOSES = {
    "set_state": "Add `def set_state(self, state)`, which puts the model into an observed state.",
    "step": "Add `def step(self, action)`, which returns observation, reward and done.",
    "reward": "Add `def reward(state, action, next_state)`, which returns reward and done.",
    "transition": "Add `def transition(state, action)`, which returns the next state.",
}


@dataclass(frozen=True, slots=True)
class _Definition:
    """A name bound at the top of a file or a class: by `def`, `class`, an assignment or an import."""

    name: str
    value: _Value
    target: ast.stmt | ast.expr | ast.alias


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What may be a model; `meant` says that it is meant to be one even if it is not whole."""

    spec: ModelSpec | None
    problems: tuple[Finding, ...]
    meant: bool


@dataclass(frozen=True, slots=True)
class _Lineage:
    """A class with what it inherits inside the file; `outside` are the other bases, by dotted name."""

    node: ast.ClassDef
    members: Mapping[str, _Definition]
    ancestors: tuple[ast.ClassDef, ...]
    outside: frozenset[str]

    @property
    def is_gymnasium(self) -> bool:
        return any(base.endswith("Env") for base in self.outside)

    def is_open(self, imported: Mapping[str, str]) -> bool:
        """Whether members may come from classes that are not in this file."""
        return "__getattr__" in self.members or any(
            base not in _EMPTY_BASES
            and not _ENV.search(base)
            and imported.get(base.partition(".")[0], "").partition(".")[0] not in {"gymnasium", "gym", "abc", "typing"}
            for base in self.outside
        )


class _File:
    def __init__(self, tree: ast.Module, lines: Sequence[str]) -> None:
        self.tree = tree
        self.lines = lines
        self.names = {definition.name: definition for definition in _definitions(tree.body)}
        self.imported = {
            alias.asname or alias.name.partition(".")[0]: f"{getattr(node, 'module', None) or alias.name}"
            for node in _flat(tree.body)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }

    # -- classes -------------------------------------------------------------------------------------------------

    def classes_of_interest(self) -> Iterator[_Candidate]:
        classes = {name: d.value for name, d in self.names.items() if isinstance(d.value, ast.ClassDef)}
        lineages = [self._lineage(node) for node in classes.values()]
        bases = {id(ancestor) for lineage in lineages for ancestor in lineage.ancestors}
        for lineage in lineages:
            if id(lineage.node) not in bases:
                candidate = self._class(lineage)
                if candidate is not None:
                    yield candidate

    def _class(self, lineage: _Lineage) -> _Candidate | None:
        node, members = lineage.node, lineage.members
        meant = node.name == "Environment" or lineage.is_gymnasium
        missing = [name for name in _SIGNATURES if name not in members]
        if len(missing) == len(_SIGNATURES) and (node.name != "Environment" or lineage.is_open(self.imported)):
            return None
        if missing and not lineage.is_open(self.imported):
            return _Candidate(None, (self._lacks(node, missing, members),), meant)
        step = members.get("step")
        spec = ModelSpec(
            name=node.name,
            dialect=Dialect.GYMNASIUM if lineage.is_gymnasium else Dialect.ENVIRONMENT,
            span=self._name(node),
            step=self._name(step.target) if step else self._name(node),
            reward=None,
            members=OPTIONAL_MEMBERS & set(members),
            body=span_of(node, self.lines),
        )
        problems = [
            self._misfit(f"`{node.name}.{name}`", members[name], misfit)
            for name, wanted in _SIGNATURES.items()
            if name in members and (misfit := self._unfit(members[name], wanted, method=True, among=members))
        ]
        constructor = self._constructor_problem(lineage)
        return _Candidate(spec, (*([constructor] if constructor else ()), *problems), meant)

    def _constructor_problem(self, lineage: _Lineage) -> Finding | None:
        members, name = lineage.members, lineage.node.name
        constructor = members.get("__init__") or members.get("__new__")
        if constructor is not None:
            misfit = self._unfit(constructor, (), method=True, among=members)
            if misfit is None:
                return None
            return self._misfit(f"The constructor of `{name}`", constructor, misfit, call=f"`{name}()`")
        for node in (lineage.node, *lineage.ancestors):
            field = required_field(node)
            if field is not None:
                return self._finding(
                    "CWM104",
                    f"The constructor of `{name}` needs a value for `{dotted_name(field.target)}`, "
                    f"but models are constructed without arguments.",
                    span_of(field.target, self.lines),
                    "Give the field a default value.",
                )
        return None

    def _lineage(self, node: ast.ClassDef) -> _Lineage:
        ancestors: dict[int, ast.ClassDef] = {}
        outside: set[str] = set()
        members = {definition.name: definition for definition in _definitions(node.body)}
        stack = [node]
        while stack:
            current = stack.pop(0)
            for base in current.bases:
                found = self._base(base)
                if isinstance(found, str):
                    outside.add(found)
                elif found is not node and id(found) not in ancestors:
                    ancestors[id(found)] = found
                    stack.append(found)
                    members = {d.name: d for d in _definitions(found.body)} | members
        return _Lineage(node, members, tuple(ancestors.values()), frozenset(outside))

    def _base(self, base: ast.expr) -> ast.ClassDef | str:
        """The class of this file that a base names, else the name as it is written."""
        seen: set[str] = set()
        while True:
            if isinstance(base, ast.Subscript):  # Generic[T], Env[Observation, Action]
                base = base.value
            elif isinstance(base, ast.Name) and base.id in self.names and base.id not in seen:
                seen.add(base.id)
                value = self.names[base.id].value
                if isinstance(value, ast.ClassDef):
                    return value
                if not isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
                    return base.id
                base = value
            else:
                return dotted_name(base)

    # -- functions -----------------------------------------------------------------------------------------------

    def functions_of_interest(self) -> Iterator[_Candidate]:
        transition, reward, rewards = (self.names.get(name) for name in ("transition", "reward", "REWARDS"))
        paying = reward or rewards
        if transition is None and paying is None:
            return
        here = [d for d in (transition, reward, rewards) if d is not None and not isinstance(d.value, ast.alias)]
        if not here:
            return  # all imported: the model is in another file
        if transition is None or paying is None:
            alone = transition or paying
            missing = "reward" if transition else "transition"
            if alone is not None and not (paying is rewards and transition is None):
                message = f"The file has the function `{alone.name}` but no `{missing}`."
                span = self._name(alone.target)
                yield _Candidate(None, (self._finding("CWM103", message, span, _PURPOSES[missing]),), meant=False)
            return
        members = OPTIONAL_MEMBERS & set(self.names)
        problems = []
        if misfit := self._unfit(transition, ("state", "action"), method=False, among=self.names):
            problems.append(self._misfit("`transition`", transition, misfit))
        wanted = ("state", "action", "next_state")
        if reward is not None and (misfit := self._unfit(reward, wanted, method=False, among=self.names)):
            if self._unfit(reward, (*wanted, "goal"), method=False, among=self.names) is None:
                members |= {"goal"}
            else:
                problems.append(self._misfit("`reward`", reward, misfit))
        problems += self._goal_problems(rewards, wanted)
        spec = ModelSpec(
            name="transition",
            dialect=Dialect.FUNCTIONS,
            span=self._name(transition.target),
            step=self._name(transition.target),
            reward=self._name(paying.target),
            members=frozenset(members),
            body=span_of(transition.target, self.lines),
        )
        yield _Candidate(spec, tuple(problems), meant=False)

    def _goal_problems(self, rewards: _Definition | None, wanted: Sequence[str]) -> Iterator[Finding]:
        if rewards is None or not isinstance(rewards.value, ast.Dict):
            return
        for key, value in zip(rewards.value.keys, rewards.value.values, strict=True):
            if key is None:
                continue
            definition = _Definition("REWARDS", value, value)
            misfit = self._unfit(definition, wanted, method=False, among=self.names)
            if misfit is not None:
                shown = value.id if isinstance(value, ast.Name) else "REWARDS"
                if isinstance(key, ast.Constant) and shown == "REWARDS":
                    shown = f"REWARDS[{key.value!r}]"
                yield self._misfit(f"`{shown}`", definition, misfit)

    # -- findings ------------------------------------------------------------------------------------------------

    def no_model(self) -> Finding:
        """The finding for a file without anything like a model."""
        lines = self.lines
        end = len(lines[0]) + 1 if lines and lines[0] else 2
        here = Span(1, 1, 1, end)
        note = "Define a class with `set_state(self, state)` and `step(self, action)`, or the functions "
        note += "`transition(state, action)` and `reward(state, action, next_state)`."
        if not self.tree.body:
            written = any(line.strip() for line in lines)
            return self._finding("CWM102", f"The file is empty{' but for comments' if written else ''}.", here, note)
        source = self.imported.get("Environment")
        if source is not None:
            note = f"`Environment` is imported from `{source}`: check the file that defines it, or subclass it here."
        message = "The file holds no world model: no class has `set_state` and `step`, "
        message += "and there are no functions `transition` and `reward`."
        return self._finding("CWM102", message, here, note)

    def _lacks(self, node: ast.ClassDef, missing: Sequence[str], members: Mapping[str, _Definition]) -> Finding:
        has = [name for name in _SIGNATURES if name in members]
        lacking = " and no ".join(f"`{name}`" for name in missing)
        message = f"The class `{node.name}` has {f'`{has[0]}` but ' if has else ''}no {lacking}."
        note = _PURPOSES[missing[0]]
        plain = {re.sub(r"_", "", name).lower(): name for name in members if name not in has}
        similar = difflib.get_close_matches(missing[0].replace("_", ""), list(plain), n=1, cutoff=0.8)
        if similar:
            note = f"Rename `{plain[similar[0]]}` to `{missing[0]}` if that is it. {note}"
        return self._finding("CWM103", message, self._name(node), note)

    def _unfit(
        self, definition: _Definition, wanted: Sequence[str], *, method: bool, among: Mapping[str, _Definition]
    ) -> Misfit | None:
        value = definition.value
        if isinstance(value, ast.Name):  # step = _step
            value = (among.get(value.id) or self.names.get(value.id) or definition).value
        if not isinstance(value, FunctionNode):
            return None
        return call_problem(value, wanted, method=method)

    def _misfit(self, what: str, definition: _Definition, misfit: Misfit, call: str | None = None) -> Finding:
        at = span_of(misfit.parameter, self.lines) if misfit.parameter else self._name(definition.target)
        reason = (
            misfit.reason.replace("it is called with ()", f"models are constructed as {call}")
            if call
            else misfit.reason
        )
        return self._finding("CWM104", f"{what} {reason}.", at, misfit.advice)

    def _finding(self, code: str, message: str, span: Span, note: str) -> Finding:
        return Finding(code=code, severity=Severity.ERROR, message=message, span=span, note=note)

    def _name(self, node: ast.stmt | ast.expr | ast.alias) -> Span:
        """The place of the name that a statement binds."""
        span = span_of(node, self.lines)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = self.lines[span.line - 1] if span.line <= len(self.lines) else ""
            found = _HEADER.match(text, span.column - 1)
            start = found.end() + 1 if found else span.column
            return Span(span.line, start, span.line, start + len(node.name))
        return span


_HEADER = re.compile(r"(?:async\s+)?(?:def|class)\s+")


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a file or class, with those inside `if`, `try`, `with` and loops."""
    stack: list[ast.stmt] = list(reversed(body))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While):
            inner: list[ast.stmt] = []
            for handler in getattr(node, "handlers", ()):
                inner += handler.body
            for name in ("body", "orelse", "finalbody"):
                inner += getattr(node, name, ())
            stack += reversed(inner)


def _definitions(body: Sequence[ast.stmt]) -> Iterator[_Definition]:
    """The names that statements bind, in order; of several with one name the last counts."""
    for node in _flat(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield _Definition(node.name, node, node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield _Definition(target.id, node.value, target)
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            yield _Definition(node.target.id, node.value, node.target)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield _Definition(alias.asname or alias.name, alias, alias)
