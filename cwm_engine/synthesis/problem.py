"""What is searched for: a program that predicts a dataset, and the settings that decide how the search goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_engine import __version__
from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.sandbox.limits import Limits as SandboxLimits
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.contract import contract
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import Dialect, discover
from cwm_engine.world_model.source import parse, split_lines


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a program is wanted for.

    Attributes:
        settings: The model's file and how candidates are checked.
        dataset: What was observed.
        initial: The program to begin with; None or blank where there is none.
        description: What the environment is, in the user's words.
        sandbox: What a candidate may use.
    """

    settings: Settings
    dataset: Dataset
    initial: str | None = None
    description: str = ""
    sandbox: SandboxLimits = SandboxLimits()

    @property
    def begins_with(self) -> str | None:
        """The program to begin with, if it holds anything."""
        return self.initial if self.initial and self.initial.strip() else None

    @property
    def contract(self) -> str:
        """What the file must define: in the dialect it is written in, else as an `Environment`."""
        settings, dialect, name = self.settings, Dialect.ENVIRONMENT, self.settings.model
        tree = parse(self.initial or "")
        if not isinstance(tree, Finding):
            models = discover(tree, split_lines(self.initial or "")).models
            wanted = [spec for spec in models if settings.model in (None, spec.name)]
            if wanted:
                dialect, name = wanted[0].dialect, wanted[0].name
        return contract(
            dialect, name=name, mode=settings.mode, goal=settings.goal, allow_modules=settings.allow_modules
        )


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a search goes.

    Attributes:
        strategy: Name of the strategy (see `strategies.STRATEGIES`).
        seed: Of the strategy and of what is held out.
        parallel: How many requests are under way at once. More of them see less of each other, so it decides the tree.
        heldout: The part of the episodes that is held out, 0 <= heldout < 1.
        workers: How many candidates are checked at once; decides nothing but the time.
        limits: What the search may spend.
    """

    strategy: str = "gif-mcts"
    seed: int = 0
    parallel: int = 1
    heldout: float = 0.2
    workers: int = 2
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.parallel < 1 or self.workers < 1:
            raise CwmError("a search needs at least one request and one check at a time")

    @classmethod
    def of_run(cls, header: Mapping[str, Any], limits: Limits, workers: int = 2) -> Options:
        """The options with which a run was begun, and what it may spend from now on."""
        decided = {name: header[name] for name in ("strategy", "seed", "parallel", "heldout")}
        return cls(**decided, limits=limits, workers=workers)


_DECIDES = ("strategy", "seed", "parallel", "heldout", "polish", "fitter", "data", "initial", "description")
"""What must be the same for a run to be gone on with."""


def run_header(
    problem: Problem, options: Options, proposer: str, *, polish: str | None = None, fitter: str | None = None
) -> dict[str, Any]:
    """What the journal of a new run begins with; proposers are given by their names."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "engine": __version__,
        "file": problem.settings.file,
        "path": str(Path(problem.settings.path).absolute()),
        "model": problem.settings.model,
        "trajectories": problem.dataset.provenance.source,
        "environment": problem.dataset.provenance.environment,
        "proposer": proposer,
        "polish": polish,
        "fitter": fitter,
        "strategy": options.strategy,
        "seed": options.seed,
        "parallel": options.parallel,
        "heldout": options.heldout,
        "data": problem.dataset.fingerprint,
        "initial": problem.begins_with,
        "description": problem.description,
    }


def check_header(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """See that a run can be gone on with.

    Raises:
        CwmError: Something that decides the tree is not what it was.
    """
    changed = [name for name in _DECIDES if recorded.get(name) != now[name]]
    if changed:
        raise CwmError(
            f"the run was begun with another {' and '.join(changed)}",
            hint="give what it was begun with, or begin a new run",
        )
