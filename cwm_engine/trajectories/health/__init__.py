"""Data health: what about a dataset no model can be blamed for, and what it cannot teach."""

from cwm_engine.trajectories.health.conflicts import ceiling, find_conflicts
from cwm_engine.trajectories.health.determinism import history_needed
from cwm_engine.trajectories.health.examination import Health, HealthFinding, examine
from cwm_engine.trajectories.health.firststeps import first_steps
from cwm_engine.trajectories.health.timelimit import unexplainable_terminations

__all__ = [
    "Health",
    "HealthFinding",
    "ceiling",
    "examine",
    "find_conflicts",
    "first_steps",
    "history_needed",
    "unexplainable_terminations",
]
