"""All strategies by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.gif_mcts import GifMcts
from cwm_engine.synthesis.greedy import BestOfN, Greedy
from cwm_engine.synthesis.interfaces import Strategy
from cwm_engine.synthesis.rex import Rex

STRATEGIES: Mapping[str, Callable[[int], Strategy]] = {
    "gif-mcts": GifMcts,
    "gif-mcts-paper": lambda seed: GifMcts(seed, variant="paper"),
    "gif-mcts-released": lambda seed: GifMcts(seed, variant="released"),
    "rex": Rex,
    "greedy": lambda _: Greedy(),
    "best-of-n": lambda _: BestOfN(),
}
"""By name, what makes a strategy from a seed."""


def make_strategy(name: str, seed: int = 0) -> Strategy:
    """The strategy of a name.

    Raises:
        CwmError: There is none.
    """
    if name not in STRATEGIES:
        raise CwmError(f"there is no strategy {name!r}", hint=f"choose from {', '.join(STRATEGIES)}")
    return STRATEGIES[name](seed)
