"""Data health: what about a dataset no model can be blamed for, and what it cannot teach."""

from __future__ import annotations

from cwm_engine.trajectories.conflicts import ceiling, find_conflicts
from cwm_engine.trajectories.timelimit import unexplainable_terminations

__all__ = ["ceiling", "find_conflicts", "unexplainable_terminations"]
