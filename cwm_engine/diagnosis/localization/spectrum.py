"""Spectrum-based suspicion: what failing runs share and passing runs do not."""

from __future__ import annotations

import math


def ochiai(failing: float, passing: float, total_failing: float) -> float:
    """Ochiai's coefficient (Abreu, Zoeteweij and van Gemund, 2006).

    Args:
        failing: Failing runs that touch the code.
        passing: Passing runs that touch it.
        total_failing: All failing runs.

    Returns:
        0 when no failing run touches it, 1 when exactly the failing runs do.
    """
    if failing <= 0 or total_failing <= 0:
        return 0.0
    return failing / math.sqrt(total_failing * (failing + passing))
