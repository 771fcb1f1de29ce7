"""All strategies by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.ab_mcts import AbMcts
from cwm_engine.synthesis.gif_mcts import GifMcts
from cwm_engine.synthesis.greedy import BestOfN, Greedy
from cwm_engine.synthesis.interfaces import WRITING, SearchAction, Strategy
from cwm_engine.synthesis.rex import Rex

_Actions = frozenset[SearchAction]

STRATEGIES: Mapping[str, Callable[[int, _Actions], Strategy]] = {
    "gif-mcts": lambda seed, actions: GifMcts(seed, actions=actions),
    "gif-mcts-paper": lambda seed, actions: GifMcts(seed, variant="paper", actions=actions),
    "gif-mcts-released": lambda seed, actions: GifMcts(seed, variant="released", actions=actions),
    "rex": lambda seed, actions: Rex(seed, generates=SearchAction.GENERATE in actions),
    "greedy": lambda *_: Greedy(),
    "ab-mcts": lambda seed, _: AbMcts(seed),
    "best-of-n": lambda *_: BestOfN(),
}
"""By name, what makes a strategy from a seed and from what can be asked for."""

_GENERATING = frozenset({"ab-mcts", "best-of-n"})
"""Strategies that write programs from nothing again and again."""


def make_strategy(name: str, seed: int = 0, actions: _Actions = WRITING) -> Strategy:
    """The strategy of a name.

    Args:
        name: One of `STRATEGIES`.
        seed: Of what it chooses by lot.
        actions: What can be asked for; GIF-MCTS alone makes use of `fit`.

    Raises:
        CwmError: There is no strategy of this name, its package is not installed, or it asks for what nobody answers.
    """
    if name not in STRATEGIES:
        raise CwmError(f"there is no strategy {name!r}", hint=f"choose from {', '.join(STRATEGIES)}")
    if name in _GENERATING and SearchAction.GENERATE not in actions:
        others = ", ".join(other for other in STRATEGIES if other not in _GENERATING)
        raise CwmError(
            f"the strategy {name} asks for programs from nothing, and this proposer only repairs",
            hint=f"choose from {others}, or a proposer that writes programs",
        )
    return STRATEGIES[name](seed, actions)
