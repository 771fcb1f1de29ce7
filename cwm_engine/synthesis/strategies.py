"""All strategies by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.ab_mcts import AbMcts
from cwm_engine.synthesis.gif_mcts import GifMcts
from cwm_engine.synthesis.greedy import BestOfN, Greedy
from cwm_engine.synthesis.interfaces import Strategy
from cwm_engine.synthesis.rex import Rex

STRATEGIES: Mapping[str, Callable[[int, bool], Strategy]] = {
    "gif-mcts": lambda seed, fit: GifMcts(seed, fit=fit),
    "gif-mcts-paper": lambda seed, fit: GifMcts(seed, variant="paper", fit=fit),
    "gif-mcts-released": lambda seed, fit: GifMcts(seed, variant="released", fit=fit),
    "rex": lambda seed, _: Rex(seed),
    "greedy": lambda *_: Greedy(),
    "ab-mcts": lambda seed, _: AbMcts(seed),
    "best-of-n": lambda *_: BestOfN(),
}
"""By name, what makes a strategy from a seed, and from whether numbers can be fitted."""


def make_strategy(name: str, seed: int = 0, *, fit: bool = False) -> Strategy:
    """The strategy of a name.

    Args:
        name: One of `STRATEGIES`.
        seed: Of what it chooses by lot.
        fit: Whether there is somebody to fit the numbers of a program; GIF-MCTS alone has an action for it.

    Raises:
        CwmError: There is no strategy of this name, or its package is not installed.
    """
    if name not in STRATEGIES:
        raise CwmError(f"there is no strategy {name!r}", hint=f"choose from {', '.join(STRATEGIES)}")
    return STRATEGIES[name](seed, fit)
