"""Programs that may run on without an end, with their loops counted so that each transition ends."""

from __future__ import annotations

import ast

from cwm_engine.diagnosis.execution.levels import recursive_functions
from cwm_engine.world_model.probes import instrument

LOOP_ITERATIONS = 100_000
"""Turns that the loops of one transition may take together."""


def bounded(tree: ast.Module) -> ast.Module:
    """A program that ticks in its loops, if any of them may turn forever; else the program itself.

    It needs the globals of `world_model.counters.Counters`, to be refilled before each transition.

    Args:
        tree: The module; it is not changed.
    """
    may_turn_forever = any(isinstance(node, ast.While) for node in ast.walk(tree)) or recursive_functions(tree)
    return instrument(tree).tree if may_turn_forever else tree
