"""What a new program is expected to be worth before anyone asks for it, learned while the search runs."""

from __future__ import annotations

from dataclasses import dataclass

from cwm_engine.synthesis.interfaces import SearchAction

_PRIORS = {
    SearchAction.GENERATE: 0.5,
    SearchAction.IMPROVE: 0.55,
    SearchAction.FIX: 0.5,
    SearchAction.FIT: 1.0,  # costs nothing, so it is tried first
}
_PRIOR_COUNT = 2


@dataclass(slots=True)
class ValueModel:
    """A weighted mean of how one search action did anywhere in the tree, and at this node (GIF-MCTS).

    Attributes:
        prior: What the action is worth before anything is known, 0..1.
        clamped: Whether weights below 0 are set to 0; the released code lets them be.
        total: Sum of the values observed.
        count: How many were observed.
        global_weight: Weight of the values anywhere in the tree.
        local_weight: Weight of the values at the node.
    """

    prior: float
    clamped: bool = True
    total: float = 0.0
    count: int = 0
    global_weight: float = 0.5
    local_weight: float = 0.5

    @classmethod
    def of(cls, action: SearchAction, *, clamped: bool = True) -> ValueModel:
        """The model of a search action that was never taken."""
        return cls(_PRIORS[action], clamped)

    @property
    def overall(self) -> float:
        """How the action did anywhere in the tree; the prior counts as two observations."""
        return (self.prior * _PRIOR_COUNT + self.total) / (_PRIOR_COUNT + self.count)

    def predict(self, local: float | None) -> float:
        """The expected value of a program.

        Args:
            local: Mean value of the programs that the action led to at this node; None if there are none.
        """
        weight = self.global_weight + self.local_weight
        if local is None or weight == 0.0:
            return self.overall
        return (self.global_weight * self.overall + self.local_weight * local) / weight

    def clipped(self, local: float | None) -> float:
        """The expected value, in 0..1."""
        return min(max(self.predict(local), 0.0), 1.0)

    def learn(self, local: float | None, value: float) -> None:
        """Take one step down the squared error at what was observed, at a rate of 1/3, 1/4, 1/5, ...; then count it."""
        weight = self.global_weight + self.local_weight
        rate = 1.0 / (_PRIOR_COUNT + 1 + self.count)
        if local is not None and weight != 0.0:
            predicted = self.predict(local)
            slope = 2.0 * (predicted - value) / weight
            self.global_weight -= rate * slope * (self.overall - predicted)
            self.local_weight -= rate * slope * (local - predicted)
            if self.clamped:
                self.global_weight = max(self.global_weight, 0.0)
                self.local_weight = max(self.local_weight, 0.0)
        self.total += value
        self.count += 1
