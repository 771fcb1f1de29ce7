"""Where in a file of trajectories a transition stands, for files that people read: JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cwm_engine.findings import Example
from cwm_engine.trajectories.dataset import Dataset

_LARGEST = 32 << 20


class StoredLines:
    """The lines of the transitions of a dataset; only where they are known for certain.

    Args:
        dataset: The data.
        sources: The files that it was read from.
    """

    def __init__(self, dataset: Dataset, sources: Iterable[str]) -> None:
        self._dataset = dataset
        paths = [Path(source) for source in sources]
        self._path = paths[0] if len(paths) == 1 and paths[0].suffix == ".jsonl" else None
        self._lines: list[tuple[int, bytes]] | None = None

    def line(self, example: Example) -> int | None:
        """The line of a transition, from 1; None where it is not known."""
        if self._path is None:
            return None
        if self._lines is None:
            self._lines = _transition_lines(self._path)
        rows = np.flatnonzero((self._dataset.episode == example.episode) & (self._dataset.step == example.step))
        # Files whose episodes are mixed, or that were read in part, are in another order than the dataset.
        if len(self._lines) != len(self._dataset) or len(rows) != 1:
            return None
        number, text = self._lines[rows[0]]
        return number if _is_about(text, example) else None


def _transition_lines(path: Path) -> list[tuple[int, bytes]]:
    try:
        if path.stat().st_size > _LARGEST:
            return []
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    found = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    return found[1:] if found and found[0][1].startswith(b'{"cwm"') else found


def _is_about(text: bytes, example: Example) -> bool:
    try:
        data: Any = json.loads(text)
        observed = {"reward": float(data["reward"]), "terminated": bool(data["terminated"])}
    except (ValueError, KeyError, TypeError):
        return False
    expected = example.expected if isinstance(example.expected, dict) else {}
    return all(expected.get(name) == value for name, value in observed.items())
