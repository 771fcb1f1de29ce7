"""Tests of what was mined: one for each invariant, with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cwm_engine.properties.elements import state_elements
from cwm_engine.properties.generation.regions import Region
from cwm_engine.properties.generation.strategies import set_of_states
from cwm_engine.properties.generation.writing import WIDTH, assertion, condition, docstring, name_of
from cwm_engine.properties.invariants import Invariant, try_on
from cwm_engine.trajectories.dataset import Dataset

_EXAMPLES = 3
_PARTS = ("next_state", "reward", "terminated")
_OTHERS = ("other_next", "other_reward", "other_terminated")


def mined_tests(invariants: Sequence[Invariant], dataset: Dataset, taken: set[str]) -> Iterator[Region]:
    """A test for each invariant.

    Args:
        invariants: What was mined.
        dataset: Where examples are taken from.
        taken: Names that are not free any more; those of the tests are added.
    """
    known = set_of_states(dataset)
    for one in invariants:
        invariant = replace(one, expression=one.expression.replace(known, "STATES")) if known else one
        name = name_of(invariant.statement, taken)
        yield Region("mined", name, _text(invariant, name, dataset), invariant.fields)


def origin_of(invariant: Invariant) -> str:
    """Where an invariant comes from, in words."""
    what = "pairs of recorded transitions" if invariant.other else "recorded transitions"
    scope = f" in which action {invariant.action} was taken" if invariant.action is not None else ""
    if not scope and invariant.condition != "True":
        scope = " to which it applies"
    parts = []
    if invariant.support:
        parts.append(f"in {invariant.support:,} of {invariant.support:,} {what}{scope}")
    if invariant.real_support:
        real = invariant.real_support
        ones = "ones" if parts else what.replace("recorded ", "")
        parts.append(f"in {real:,} of {real:,} fresh {ones} of the environment{'' if parts else scope}")
    return f"Held {' and '.join(parts)}."


def written(value: Any) -> str:
    """A recorded value in Python; floats as short as they can be and still be the same in single precision."""
    if isinstance(value, float):
        return repr(float(f"{value:.8g}"))
    if isinstance(value, tuple):
        inner = ", ".join(map(written, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {written(item)}" for key, item in value.items()) + "}"
    return repr(value)


def _text(invariant: Invariant, name: str, dataset: Dataset) -> str:
    action = invariant.action
    rest = _rest(invariant.condition) if action is not None else invariant.condition
    arguments = ["state=states"] + (["action=actions"] if action is None else [])
    other = invariant.other
    if other is not None and other.values:
        arguments.append(f"value=st.sampled_from({list(other.values)!r})")
    names = [argument.partition("=")[0] for argument in arguments]
    lines = ["@often", f"@given({', '.join(arguments)})"]
    lines += _examples(invariant, names, dataset) if rest != "True" and other is None else []
    lines += [f"def {name}({', '.join(names)}):", docstring(invariant.statement, origin_of(invariant))]
    code = f"{invariant.expression} {rest}" + (f" {other.state} {other.action}" if other else "")
    call = f"predict(state, {action or 'action'})"
    expression, rest = (text if action is None else _with_action(text, action) for text in (invariant.expression, rest))
    lines.append(f"    {_received(_PARTS, code)} = {call}")
    indent = 4
    if rest != "True":
        lines.append(condition(rest))
        indent = 8
    pad = " " * indent
    if other is not None:
        first, second = (_with_action(text, action) for text in (other.state, other.action))
        if not first.isidentifier() or _has(invariant.expression, "other_state"):
            lines.append(f"{pad}other_state = {first}")
            first = "other_state"
        if _has(invariant.expression, "other_action"):
            lines.append(f"{pad}other_action = {second}")
            second = "other_action"
        lines.append(f"{pad}{_received(_OTHERS, invariant.expression)} = predict({first}, {second})")
    if other is not None and len(expression) > WIDTH - indent - 8:
        image = re.sub(r"\bstate\b", "next_state", other.state)
        if image in expression:
            lines.append(f"{pad}image = {image}")
            expression = expression.replace(image, "image")
    lines.append(assertion(expression, indent))
    return "\n".join(lines)


def _examples(invariant: Invariant, names: list[str], dataset: Dataset) -> Iterator[str]:
    """Observed transitions to which it applies: chance may not come upon any.

    Those nearest to each limit in the condition come first, then some from all over the data.
    """
    applies = Invariant(kind=invariant.kind, statement="", expression="False", condition=invariant.condition)
    rows = list(try_on([applies], dataset)[0].violations)
    nearest = [row for row in _nearest(invariant.condition, rows, dataset) if row is not None]
    spread = rows[:: max(len(rows) // _EXAMPLES, 1)][:_EXAMPLES]
    for row in list(dict.fromkeys([*nearest, *spread]))[: max(_EXAMPLES, len(set(nearest)))]:
        values: dict[str, Any] = {
            "state": dataset.observations.plain(row, row + 1)[0],
            "action": dataset.actions.plain(row, row + 1)[0],
        }
        yield example_of({name: written(values[name]) for name in names if name in values})


def example_of(values: Mapping[str, str]) -> str:
    """An example, over several lines where one is too short."""
    parts = [f"{name}={value}" for name, value in values.items()]
    line = f"@example({', '.join(parts)})"
    return line if len(line) <= WIDTH else "\n".join(["@example(", *(f"    {part}," for part in parts), ")"])


def _nearest(condition: str, rows: list[int], dataset: Dataset) -> Iterator[int | None]:
    """For each limit in a condition, the row that comes nearest to it."""
    values = {element.of("next_state"): element.after for element in state_elements(dataset)}
    limits = [(found["name"], float(found["limit"]), found["sign"]) for found in _ABOVE.finditer(condition)]
    limits += [(found["name"], float(found["limit"]), _TURNED[found["sign"]]) for found in _BELOW.finditer(condition)]
    for name, limit, sign in limits:
        beyond = [row for row in rows if name in values and (values[name][row] - limit) * _SIDES[sign] >= 0]
        yield min(beyond, key=lambda row: abs(values[name][row] - limit), default=None)


_NUMBER = r"-?\d[\d.e+-]*"
_ABOVE = re.compile(rf"(?P<name>next_state[^\s<>]*) (?P<sign>[<>]=?) (?P<limit>{_NUMBER})")
_BELOW = re.compile(rf"(?P<limit>{_NUMBER}) (?P<sign>[<>]=?) (?P<name>next_state[^\s<>]*)")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SIDES = {"<": -1, "<=": -1, ">": 1, ">=": 1}


def _received(names: Sequence[str], code: str) -> str:
    return ", ".join(name if _has(code, name) else "_" for name in names)


def _has(code: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", code) is not None


def _rest(text: str) -> str:
    """What a condition says besides the action."""
    _, separator, rest = text.partition(" and ")
    return rest if separator else "True"


def _with_action(text: str, action: str | None) -> str:
    return text if action is None else re.sub(r"\baction\b", action, text)
