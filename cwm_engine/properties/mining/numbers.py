"""Candidates about states that are one whole number: the rows, columns and codes that are hidden in it.

Numbers such as `row * 12 + column` are taken apart where the steps that actions make show how. An action that adds 12
or nothing keeps the remainder by 12; one that adds 1 or nothing keeps the quotient, unless it goes on from the end of
one row to the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cwm_engine.properties.elements import Element, number
from cwm_engine.properties.invariants import LEAST_SUPPORT, Invariant, Kind
from cwm_engine.trajectories.dataset import Bools, Floats, Ints

_MOST_STEPS = 4
"""What changes by more different amounts is not said of a number as steps."""
_OFTEN = 8
"""How often an action has to have made the same step."""
_MOST_STATES = 500
_SEEN_BEFORE = 3
"""Where every state was seen so often, hardly any other is left to be seen."""
_PRESSED = 3
"""How often a step has to have stopped where it would have carried over into the next digit."""


def number_candidates(elements: list[Element], action: Element | None, terminated: Bools) -> Iterator[Invariant]:
    """Candidates about a state that is one whole number.

    Args:
        elements: The numbers of the states.
        action: The action where it is one whole number, else None.
        terminated: Where episodes ended.
    """
    if len(elements) != 1 or elements[0].path or not elements[0].whole:
        return
    state = elements[0]
    yield from _seen_states(state, terminated)
    if action is None:
        return
    yield from _kept(parts_of(state, action), state, action)


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a numbered state, `state // divisor % modulus`: a divisor of 1 or a modulus of 0 are none."""

    divisor: int
    modulus: int
    element: Element

    @classmethod
    def of(cls, state: Element, divisor: int = 1, modulus: int = 0) -> Part:
        """The part of a state."""
        path = (f" // {divisor}" if divisor > 1 else "") + (f" % {modulus}" if modulus else "")
        before, after = (values.astype(np.int64) // divisor for values in (state.before, state.after))
        if modulus:
            before, after = before % modulus, after % modulus
        return cls(divisor, modulus, Element(path, before.astype(np.float64), after.astype(np.float64), whole=True))

    def is_in(self, other: Part) -> bool:
        """Whether nothing changes in it where nothing does in another part."""
        reach, others = self.divisor * self.modulus, other.divisor * other.modulus
        return self.divisor % other.divisor == 0 and (not others or (reach > 0 and others % reach == 0))


def parts_of(state: Element, action: Element) -> list[Part]:
    """The remainders, quotients and digits of a numbered state by the steps that actions make; the largest first."""
    sizes = _step_sizes(state, action)
    parts = [Part.of(state, divisor=size) for size in sizes] + [
        Part.of(state, modulus=size) for size in reversed(sizes)
    ]
    parts += [Part.of(state, small, large // small) for small, large in pairwise(sizes) if large % small == 0]
    return [part for part in parts if len(np.unique(part.element.before)) > 1]


def _step_sizes(state: Element, action: Element) -> list[int]:
    """By how much actions change the number, and what all changes have in common; without 1."""
    change = (state.after - state.before).astype(np.int64)
    most = int(max(state.before.max(), state.after.max()))
    sizes = {int(np.gcd.reduce(change))}
    for value in np.unique(action.before):
        own = change[action.before == value]
        steps = np.abs(own[own != 0])
        if len(steps) >= _OFTEN and (steps == steps[0]).all():
            sizes.add(int(steps[0]))
    return sorted(size for size in sizes if 1 < size <= most // 2 + 1)


def _kept(parts: list[Part], state: Element, action: Element) -> Iterator[Invariant]:
    """Actions that leave a part of the number as it is; not what follows from another part, or from the steps made."""
    change = (state.after - state.before).astype(np.int64)
    always = [part for part in parts if (part.element.before == part.element.after).all()]
    # An action of which nobody has seen that it changes anything may change this.
    unseen = not all(change[action.before == value].any() for value in np.unique(action.before))
    for part in _largest(always):
        yield Invariant(kind=Kind.COPIED, statement=f"`{part.element.field}` never changes",
                        expression=_unchanged(part), fields=("obs",), absence=unseen)  # fmt: skip
    for value in np.unique(action.before):
        rows = action.before == value
        if rows.sum() < LEAST_SUPPORT or not change[rows].any():
            continue
        kept = [part for part in parts if (part.element.before == part.element.after)[rows].all()]
        amounts = np.unique(change[rows])
        for part in _largest(kept):
            if any(part.is_in(one) for one in always) or _follows(part, amounts):
                continue
            yield Invariant(
                kind=Kind.COPIED,
                statement=f"action {number(value)} does not change `{part.element.field}`",
                expression=_unchanged(part),
                condition=f"action == {number(value)}",
                fields=("obs",),
                absence=not _was_pressed(part, state.before[rows], change[rows]),
            )


def _largest(parts: list[Part]) -> list[Part]:
    """Those that are in no other."""
    return [part for part in parts if not any(part.is_in(one) for one in parts if one is not part)]


def _unchanged(part: Part) -> str:
    return f"{part.element.of('next_state')} == {part.element.of('state')}"


def _follows(part: Part, amounts: npt.NDArray[np.int64]) -> bool:
    """Whether that it is kept follows from the few amounts by which the number changes."""
    reach = part.divisor * part.modulus
    return reach > 0 and len(amounts) <= _MOST_STEPS and not (amounts % reach).any()


def _was_pressed(part: Part, before: Floats, change: npt.NDArray[np.int64]) -> bool:
    """Whether steps were recorded that stopped, and would have changed this part had they not."""
    moves = np.unique(change[change != 0])
    if len(moves) != 1 or part.modulus or np.count_nonzero(change) < LEAST_SUPPORT:
        return False
    stopped = before[change == 0].astype(np.int64)
    return int(((stopped + moves[0]) // part.divisor != stopped // part.divisor).sum()) >= _PRESSED


def _seen_states(state: Element, terminated: Bools) -> Iterator[Invariant]:
    """That no other states come up than those that were seen."""
    going_on = state.after[~terminated]
    _, counts = np.unique(going_on, return_counts=True)
    known: Ints = np.unique(np.concatenate([state.before, going_on])).astype(np.int32)
    if not 1 < len(known) <= _MOST_STATES or counts.min() < _SEEN_BEFORE:
        return
    if len(known) == known[-1] - known[0] + 1:
        expression = f"{known[0]} <= next_state <= {known[-1]}"
        statement = f"no states come up but {known[0]} to {known[-1]}"
    else:
        expression = f"next_state in {{{', '.join(map(str, known.tolist()))}}}"
        statement = f"no states come up but the {len(known)} that were seen"
    yield Invariant(
        kind=Kind.VALUES,
        statement=f"{statement}: while an episode goes on",
        expression=expression,
        condition="not terminated",
        fields=("obs",),
        absence=True,
    )
