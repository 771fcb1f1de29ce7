"""GIF-MCTS: Monte Carlo tree search that generates, improves and fixes programs (Dainese et al., NeurIPS 2024)."""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import WRITING, Outcome, SearchAction, Selection
from cwm_engine.synthesis.tree import ROOT, Lines, Tree
from cwm_engine.synthesis.value_model import ValueModel

Variant = Literal["default", "paper", "released"]

EXPLORATION = 0.1
"""C of the paper: how much an option counts that was seldom taken."""
FIXES = 3
"""How often a program that does not run may be fixed."""
HOPE = 0.99
"""What a program that does not run is worth while all of its fixes are left."""


@dataclass(slots=True)
class _Slot:
    """A possible child: not asked for yet, asked for (`pending`), or there (`child`)."""

    action: SearchAction
    child: int | None = None
    pending: bool = False

    @property
    def is_open(self) -> bool:
        return self.child is None and not self.pending


@dataclass(slots=True)
class _Stats:
    """What the search knows about a node.

    `fixes_left` is None for a program that runs. `reward` is what the node pays its ancestors in place of a value of
    its own, because it is finished. `virtual` counts what is under way below it. `offers` are the actions it has as
    long as it can be gone on from.
    """

    id: int
    parent: int | None
    action: SearchAction | None
    slots: list[_Slot] = field(default_factory=list)
    visits: int = 0
    value_sum: float = 0.0
    reward: float = 0.0
    fixes_left: int | None = None
    terminal: bool = False
    virtual: int = 0
    offers: tuple[SearchAction, ...] = ()

    @property
    def mean(self) -> float:
        """Its value."""
        return self.value_sum / self.visits if self.visits else 0.0

    @property
    def cautious(self) -> float:
        """Its value if nothing comes of what is under way."""
        count = self.visits + self.virtual
        return self.value_sum / count if count else 0.0

    def set_mean(self, mean: float) -> None:
        self.value_sum = mean * self.visits


@dataclass(frozen=True, slots=True)
class _Pending:
    """A selection under way: the nodes from the root to the one it starts from, and the slot it is to fill."""

    selection: Selection
    path: tuple[int, ...]
    slot: _Slot


class GifMcts:
    """GIF-MCTS as a strategy to ask and tell.

    The variants:

    - `default`: the selection rule of the released code - own visits for children that are there, children of the same
      kind for those that are not. A finished node is never taken again, and a value model is trained on what it said
      before it knew.
    - `paper`: as `default`, with the paper's one formula: children of the same kind count for every child.
    - `released`: the accounting of the released code, with its quirks: states are two lines longer than meant
      (`Lines.leading`); a program that ends within its state is never fixed; a finished node that is selected, or one
      whose fixes are used up, is asked for again and overwritten, and keeps its visits, its value and the actions it
      had; and the value model is trained when the new child already counts, with a value of 0.

    A reply without a program is a fix used up: there is nothing that could be fixed, so its parent is offered again.

    Args:
        seed: Breaks ties.
        variant: Whose accounting.
        exploration: C of UCT.
        lines_per_level: L, the lines each level of the tree adds to the state.
        fixes: How often a program that does not run may be fixed.
        actions: What can be asked for. Fitting the numbers of each program once is not part of the paper; without
            `generate` there is only the program that the search begins with to go on from.

    Raises:
        CwmError: The variant is unknown.
    """

    name = "gif-mcts"

    def __init__(
        self,
        seed: int = 0,
        *,
        variant: Variant = "default",
        exploration: float = EXPLORATION,
        lines_per_level: int = 2,
        fixes: int = FIXES,
        actions: frozenset[SearchAction] = WRITING,
    ) -> None:
        if variant not in {"default", "paper", "released"}:
            raise CwmError(f"there is no variant {variant!r} of GIF-MCTS", hint="use default, paper or released")
        self.variant = variant
        self._exploration = exploration
        self._lines = Lines(lines_per_level, leading=variant == "released")
        self._fixes = fixes
        self._generates = SearchAction.GENERATE in actions
        self._offers = tuple(action for action in SearchAction if action in actions and action is not SearchAction.FIX)
        self._random = random.Random(seed)  # noqa: S311
        self._models = {action: ValueModel.of(action, clamped=variant != "released") for action in SearchAction}
        root = _Stats(ROOT, None, None, [_Slot(SearchAction.GENERATE)], visits=1)
        self._stats = {ROOT: root}
        self._pending: deque[_Pending] = deque()

    def new_tree(self) -> Tree:
        """The tree with which a search by this strategy begins."""
        return Tree(self._lines)

    def select(self, tree: Tree, k: int) -> list[Selection]:  # noqa: ARG002
        """Choose up to k programs to ask for (see `Strategy.select`)."""
        selections: list[Selection] = []
        blocked: set[int] = set()
        while len(selections) < k:
            pending = self._descend(blocked)
            if pending is None:
                break
            self._start(pending)
            selections.append(pending.selection)
        return selections

    def update(self, tree: Tree, node: int, outcome: Outcome) -> None:
        """Take in what came of the oldest selection under way (see `Strategy.update`)."""
        new, pending = tree[node], self._pending.popleft()
        slot = pending.slot
        slot.pending = False
        for step in pending.path:
            self._stats[step].virtual -= 1
        value = 0.0 if outcome.buggy else outcome.value
        stats = self._stats[node] = self._begun(node, pending)
        if outcome.nothing_left:
            self._close(pending, stats)
            return
        if self.variant == "released":
            slot.child = node
            self._learn(pending, value)
        else:
            self._learn(pending, value)
            slot.child = node
        if outcome.buggy:
            finished = new.terminal and self.variant == "released"
            self._take_in_bug(pending, stats, has_program=new.program is not None, finished=finished)
        else:
            self._take_in_value(pending, stats, value, terminal=new.terminal)

    def visits(self, node: int) -> int:
        """How often a node was visited."""
        return self._stats[node].visits

    def value(self, node: int) -> float:
        """The value of a node: the mean of what came of it, or what a program that does not run counts for now."""
        return self._stats[node].mean

    # Selection

    def _descend(self, blocked: set[int]) -> _Pending | None:
        """Go down by the best options until there is something to ask for; nodes without any are left out (`blocked`).

        Returns:
            None if everything has to wait for an outcome.
        """
        path = [ROOT]
        while True:
            here = self._stats[path[-1]]
            slot = self._best(here, blocked)
            if slot is None:
                blocked.add(path.pop())
                if not path:
                    return None
                continue
            if slot.child is None:
                return _Pending(Selection(here.id, slot.action), tuple(path), slot)
            if self._stats[slot.child].terminal:
                return _Pending(Selection(here.id, slot.action, replaces=slot.child), tuple(path), slot)
            path.append(slot.child)

    def _start(self, pending: _Pending) -> None:
        here, slot = self._stats[pending.selection.node], pending.slot
        slot.pending = True
        for step in pending.path:
            self._stats[step].virtual += 1
        self._pending.append(pending)
        grows = here.fixes_left is None and slot.child is None and slot.action is not SearchAction.FIT
        if grows and (self._generates or slot.action is not SearchAction.GENERATE):
            here.slots.append(_Slot(slot.action))

    def _best(self, here: _Stats, blocked: set[int]) -> _Slot | None:
        options = [slot for slot in here.slots if self._is_option(slot, blocked)]
        if len(options) <= 1:
            return options[0] if options else None
        tried = Counter(slot.action for slot in here.slots if not slot.is_open)
        scores = [self._score(here, slot, tried[slot.action]) for slot in options]
        best = max(scores)
        ties = [slot for slot, score in zip(options, scores, strict=True) if score == best]
        return ties[0] if len(ties) == 1 else self._random.choice(ties)

    def _is_option(self, slot: _Slot, blocked: set[int]) -> bool:
        if slot.pending or slot.child in blocked:
            return False
        return slot.child is None or self.variant == "released" or not self._stats[slot.child].terminal

    def _score(self, here: _Stats, slot: _Slot, same_kind: int) -> float:
        """UCT with eps = 1: the value, and more for what was seldom tried.

        Args:
            here: The node that is chosen at.
            slot: The option.
            same_kind: Children made by the same action, there or under way.
        """
        if slot.child is None:
            value, tried = self._models[slot.action].clipped(self._local(here, slot.action)), same_kind
        else:
            child = self._stats[slot.child]
            value = child.cautious
            tried = same_kind if self.variant == "paper" else child.visits + child.virtual
        return value + self._exploration * math.sqrt(math.log(here.visits + here.virtual) / (tried + 1))

    def _local(self, here: _Stats, action: SearchAction) -> float | None:
        """Mean value of the children of one kind; None while there is none."""
        values = [self._stats[s.child].mean for s in here.slots if s.action is action and s.child is not None]
        return sum(values) / len(values) if values else None

    # Outcomes

    def _begun(self, node: int, pending: _Pending) -> _Stats:
        """What is known about a new node before its outcome: nothing, or what the one that it overwrites leaves it."""
        selection = pending.selection
        stats = _Stats(node, selection.node, selection.action, offers=self._offers)
        if selection.replaces is not None:
            before = self._stats[selection.replaces]
            stats.visits, stats.value_sum, stats.offers = before.visits, before.value_sum, before.offers
        return stats

    def _close(self, pending: _Pending, new: _Stats) -> None:
        """Offer an action no more where nothing is left of it. It says nothing about other programs."""
        parent, action = self._stats[pending.selection.node], pending.selection.action
        pending.slot.child = new.id
        new.terminal = True
        parent.slots = [slot for slot in parent.slots if slot.action is not action or not slot.is_open]
        if parent.fixes_left is not None:
            for stats in (parent, *self._chain(parent)):
                self._give_up(stats)

    def _learn(self, pending: _Pending, value: float) -> None:
        action = pending.selection.action
        self._models[action].learn(self._local(self._stats[pending.selection.node], action), value)

    def _take_in_value(self, pending: _Pending, new: _Stats, value: float, *, terminal: bool) -> None:
        """Back up the value of a program that runs, and let it speak for the chain of bugs that led to it."""
        new.terminal = terminal
        new.slots = [] if terminal else [_Slot(action) for action in new.offers]
        if terminal:
            new.reward, value = value, 0.0
        for stats in (new, *self._upwards(pending.path)):
            stats.value_sum += value
            stats.visits += 1
            value += stats.reward
        for stats in self._chain_of(pending, new):
            stats.set_mean(new.mean)

    def _take_in_bug(self, pending: _Pending, new: _Stats, *, has_program: bool, finished: bool) -> None:
        """Count the visit without a value, and give the chain of bugs the value of the fixes that are left."""
        parent = self._stats[pending.selection.node]
        before = self._fixes if parent.fixes_left is None else parent.fixes_left
        left = new.fixes_left = before - (new.action is SearchAction.FIX)
        new.terminal = finished
        if has_program and not finished and left > 0:
            new.offers = (SearchAction.FIX,)
            new.slots = [_Slot(SearchAction.FIX)]
            new.value_sum += self._hope(left)
        for stats in (new, *self._upwards(pending.path)):
            stats.value_sum += stats.mean
            stats.visits += 1
        if not has_program or left == 0:
            self._give_up(new)
        if not has_program and parent.fixes_left is not None:
            parent.fixes_left = left
            parent.slots += [_Slot(SearchAction.FIX)] * (left > 0)
        for stats in self._chain_of(pending, new):
            stats.set_mean(self._hope(left))
            stats.terminal = stats.terminal or left == 0

    @staticmethod
    def _give_up(stats: _Stats) -> None:
        stats.fixes_left = 0
        stats.terminal = True
        stats.set_mean(0.0)

    def _hope(self, fixes_left: int) -> float:
        """Evenly spaced from 0 to 0.99: with three fixes 0, 0.33, 0.66, 0.99."""
        return HOPE * fixes_left / self._fixes if self._fixes else 0.0

    def _upwards(self, path: Iterable[int]) -> list[_Stats]:
        return [self._stats[step] for step in reversed(tuple(path))]

    def _chain_of(self, pending: _Pending, new: _Stats) -> Iterable[_Stats]:
        """The chain that a new node speaks for; a node that overwrites another speaks for none."""
        speaks = pending.selection.replaces is None and self._stats[pending.selection.node].fixes_left is not None
        return self._chain(new) if speaks else ()

    def _chain(self, new: _Stats) -> Iterator[_Stats]:
        """The programs that did not run which a fix goes back to, up to the one that was no fix itself."""
        stats = new
        while stats.action is SearchAction.FIX and stats.parent is not None:
            stats = self._stats[stats.parent]
            yield stats
