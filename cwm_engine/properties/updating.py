"""Bringing a file of tests up to date with a model's data, the same for the command and for the editor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget
from cwm_engine.properties.generation import Merged, merge, regions, subject_of
from cwm_engine.properties.suite import Suite, collect
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset


@dataclass(frozen=True)
class Updated:
    """What is known of the environment, and the file that says it."""

    suite: Suite
    merged: Merged


def updated_tests(  # noqa: PLR0917 - what it is made of, each of another type
    target: ModelTarget, text: str, dataset: Dataset, path: Path, before: str, environment: str | None, seed: int = 0
) -> Updated:
    """The tests of a model as they should be now; nothing is written.

    Args:
        target: The model.
        text: What is in its file, saved or not.
        dataset: Its data.
        path: The file of tests.
        before: What is in that; empty where there is none.
        environment: The real environment to ask.
        seed: Of what is played there.

    Raises:
        CwmError: There is no such model, the environment cannot be played, or the file was written by somebody else.
    """
    subject = subject_of(target, text, path)
    recorded = dataset.provenance
    kwargs = recorded.environment_kwargs if environment == recorded.environment else None
    suite = collect(dataset, environment, kwargs, seed=seed)
    pinned = load_dataset(list(target.pinned)) if target.pinned else None
    try:
        return Updated(suite, merge(before, regions(suite, subject, pinned)))
    except CwmError as error:
        raise CwmError(error.message, path=path, hint=error.hint) from None
