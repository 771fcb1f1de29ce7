"""Telling: what is said to the user of constants that the data cannot determine."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cwm_engine.checking.evidence import Evidence
from cwm_engine.findings import Span
from cwm_engine.induction.identifiability import Open, Reason
from cwm_engine.induction.literals import Literal, Numbers
from cwm_engine.world_model.probes import instrument


@dataclass(frozen=True, slots=True)
class Undetermined:
    """A constant that the data cannot determine.

    Attributes:
        literal: The constant, as it was written.
        reason: Why.
        message: The same as a sentence for the user.
        others: Names of the constants with which only combinations are determined.
    """

    literal: Literal
    reason: Reason
    message: str
    others: tuple[str, ...] = ()

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.literal.span


def opened_of(claimed: Any, numbers: Numbers) -> list[Open]:
    """What a child says of constants, as far as it can be said.

    Args:
        claimed: What it sent.
        numbers: The constants there are.
    """
    found = []
    for claim in claimed if isinstance(claimed, list) else ():
        with suppress(ValueError):
            one = Open.from_json(claim)
            if all(0 <= number < len(numbers) for number in (one.number, *one.others)):
                found.append(one)
    return found


def told(opened: Sequence[Open], numbers: Numbers, after: Evidence, count: int) -> tuple[Undetermined, ...]:
    """What is said of constants, in sentences; a line that never ran is seen from here.

    Args:
        opened: What was found.
        numbers: The constants.
        after: What the fitted program predicts.
        count: How many transitions were looked at.
    """
    instrumented = instrument(ast.parse(after.program.source))
    paths = (*after.paths, *((after.loading,) if after.loading else ()))
    ran = frozenset(line for path in paths for line in instrumented.lines_of(path))
    found: list[Undetermined] = []
    for one in opened:
        literal = numbers.literals[one.number]
        others = tuple(_named(numbers.literals[other]) for other in one.others)
        runs = literal.line in ran or not instrumented.blocks_at(literal.line)
        why = one.reason if runs else Reason.UNEXECUTED
        found.append(Undetermined(literal, why, _sentence(literal, why, others, one.such_as, count), others))
    return tuple(found)


def _sentence(literal: Literal, reason: Reason, others: Sequence[str], such_as: float | None, count: int) -> str:
    name = f"`{literal.name}`"
    match reason:
        case Reason.UNREACHED:
            return f"{name}: never reached in {count} transitions."
        case Reason.UNEXECUTED:
            return f"{name}: its line never runs in {count} transitions."
        case Reason.TOGETHER if others:
            return f"{name}: only combinations with {_listed(others)} are determined."
        case Reason.UNSEEN:
            return f"{name}: counts only in transitions that were held out from the fit."
        case Reason.EXCHANGEABLE if such_as is not None:
            value = f"{such_as:g}" if isinstance(such_as, float) else str(such_as)
            return f"{name}: other values, such as {value}, predict as much."
        case _:
            return f"{name}: no prediction of {count} transitions depends on it."


def _named(literal: Literal) -> str:
    return f"{literal.name} (line {literal.line})" if literal.name == literal.text else literal.name


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
