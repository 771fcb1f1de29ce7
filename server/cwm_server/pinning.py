"""Pinning: transitions that must stay right are kept in a file of their own beside the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.formats.jsonl import read_jsonl, write_jsonl
from cwm_server.checker import Checker, Opened
from cwm_server.worker import Message


def pin(checker: Checker, params: Message) -> dict[str, Any]:
    """Add a transition to the pinned ones, unless it is among them.

    Args:
        checker: The file's.
        params: `model`, `episode` and `step`.

    Returns:
        `file`, where it is kept; `model`, the model's file; `config`, the configuration that should name `file`; and
        whether the transition was `added`.

    Raises:
        CwmError: There is no such transition, or the file cannot be written.
    """
    opened = _opened(checker, params["model"])
    if checker.project is None or checker.path is None:
        raise CwmError("nothing is known of its data yet", path=checker.path, hint="check it first")
    dataset = opened.dataset
    row = (dataset.episode == params["episode"]) & (dataset.step == params["step"])
    if not row.any():
        raise CwmError(f"there is no step {params['step']} in episode {params['episode']}", path=checker.path)
    nought = np.zeros(1, dtype=np.int32)
    one = replace(dataset.rows(row), episode=nought, step=nought)
    file = checker.path.parent / "pinned" / f"{checker.path.stem}.jsonl"
    before = read_jsonl(file) if file.exists() else None
    added = before is None or not _holds(before, one)
    if added:
        file.parent.mkdir(exist_ok=True)
        write_jsonl(one if before is None else Dataset.concatenate([before, one]), file)
    config = checker.project.config or checker.project.root / "cwm.toml"
    return {"file": str(file), "model": str(checker.path), "config": str(config), "added": added}


def _opened(checker: Checker, model: str | None) -> Opened:
    for opened in checker.opened:
        if model is None or opened.target.class_name in {None, model}:
            return opened
    raise CwmError("nothing is known of its data yet", path=checker.path, hint="check it first")


def _holds(dataset: Dataset, one: Dataset) -> bool:
    """Whether a transition is among others."""
    same = dataset.rewards == one.rewards[0]
    for columns, wanted in (
        (dataset.observations, one.observations),
        (dataset.actions, one.actions),
        (dataset.next_observations, one.next_observations),
    ):
        for array, value in zip(columns.arrays, wanted.arrays, strict=True):
            same &= np.all(array.reshape(len(array), -1) == value.reshape(1, -1), axis=1)
    return bool(same.any())
