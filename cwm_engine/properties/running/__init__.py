"""Running a file of property tests on a model, in the sandbox, and saying on which line of the model what it breaks."""

from __future__ import annotations

from cwm_engine.properties.running.findings import findings_of
from cwm_engine.properties.running.results import Failure, Outcome, Run, Status
from cwm_engine.properties.running.run import DEADLINE_SECONDS, Tests, run_tests, written_tests

__all__ = [
    "DEADLINE_SECONDS",
    "Failure",
    "Outcome",
    "Run",
    "Status",
    "Tests",
    "findings_of",
    "run_tests",
    "written_tests",
]
