"""A check episode by episode, as JSON: what a test explorer lists and a trajectory viewer steps through.

What is in a document is typed for the other side in `extension/src/shared/trajectories.ts`.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Evidence
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.trajectories.columns import Columns, Kind, Leaf, leaves, to_json

SCHEMA_VERSION = 1
MOST_STEPS = 500
"""Steps of an episode that are told at once."""
MOST_FAILURES = 1000
"""Failing steps of an episode that are listed."""

_IMAGE = 16
_GRAY_IMAGE = 48

Array = npt.NDArray[Any]


def dataset_json(evidence: Evidence) -> dict[str, Any]:
    """The episodes of the data that a model was checked against, and how many of their steps fail.

    Returns:
        JSON values. `first` is the first failing step of an episode, counted from its beginning; None if there is none.
    """
    dataset = evidence.prepared.dataset
    failing = evidence.failing
    episodes = []
    for number, rows in enumerate(dataset.episodes()):
        failed = np.flatnonzero(failing[rows])
        episodes.append(
            {
                "episode": number,
                "steps": rows.stop - rows.start,
                "checked": int(evidence.checked[rows].sum()),
                "failing": len(failed),
                "first": int(failed[0]) if len(failed) else None,
                "return": _number(dataset.rewards[rows].sum()),
            }
        )
    return {
        "schema": SCHEMA_VERSION,
        "model": evidence.program.spec.name,
        "environment": dataset.provenance.environment,
        "trajectories": dataset.provenance.source,
        "accuracy": evidence.accuracy,
        "images": [name for name, _ in _images(evidence)],
        "episodes": episodes,
    }


def episode_json(evidence: Evidence, episode: int, *, start: int = 0, count: int = MOST_STEPS) -> dict[str, Any]:
    """Steps of an episode as columns: before, expected, predicted, and what of it is wrong.

    Steps are counted from the beginning of the episode; `steps` says what the data calls them.

    Args:
        evidence: What a run showed.
        episode: Its number.
        start: The first step that is wanted, from 0.
        count: How many steps are wanted at most.

    Returns:
        JSON values. Each field of `fields` has a shape and one entry a step: a value, or a flat list of them in the
        order of the array. `before` is None where the observation before a step is put together otherwise than the one
        after it, `predicted` has None for steps without a prediction; `wrong` lists the elements that are wrong.
        Numbers that are not finite are texts. Pictures are left out, see `images_json`.

    Raises:
        CwmError: There is no such episode.
    """
    whole = _rows(evidence, episode)
    rows = slice(min(whole.start + max(start, 0), whole.stop), min(whole.start + max(start, 0) + count, whole.stop))
    dataset = evidence.prepared.dataset
    numbers = range(rows.start, rows.stop)
    failed = np.flatnonzero(evidence.failing[whole])
    failures = {row: evidence.failure_of(row) for row in numbers if evidence.row_status[row] != PREDICTED}
    return {
        "schema": SCHEMA_VERSION,
        "episode": episode,
        "length": whole.stop - whole.start,
        "start": rows.start - whole.start,
        "failing": failed[:MOST_FAILURES].tolist(),
        "steps": dataset.step[rows].tolist(),
        "actions": [to_json(dataset.actions.row(row)) for row in numbers],
        "checked": evidence.checked[rows].tolist(),
        "errors": [failure.message if (failure := failures.get(row)) else None for row in numbers],
        "truncated": dataset.truncated[rows].tolist(),
        "fields": _fields(evidence, rows),
    }


def failures_json(evidence: Evidence, episode: int, *, count: int = 100) -> list[dict[str, Any]]:
    """The first failing steps of an episode, with everything that was observed and predicted, as JSON values.

    Raises:
        CwmError: There is no such episode.
    """
    whole = _rows(evidence, episode)
    found = []
    for row in (np.flatnonzero(evidence.failing[whole])[:count] + whole.start).tolist():
        example = evidence.example(row)
        found.append(
            {
                "step": row - whole.start,
                "state": _finite(example.state),
                "action": _finite(example.action),
                "expected": _finite(example.expected),
                "predicted": _finite(example.predicted),
                "differs": list(example.differs),
            }
        )
    return found


def images_json(evidence: Evidence, episode: int, step: int) -> list[dict[str, Any]]:
    """The pictures of a step: parts of the observation that are some, and frames that the recording has.

    Returns:
        For each its `name`, its `shape` (height, width, channels: gray, RGB or RGBA), and `before`, `expected` and
        `predicted`, each as bytes in base64 or None.

    Raises:
        CwmError: There is no such step.
    """
    whole = _rows(evidence, episode)
    row = whole.start + step
    if not whole.start <= row < whole.stop:
        raise CwmError(f"episode {episode} has no step {step}", hint=f"it has {whole.stop - whole.start} steps")
    dataset, layout = evidence.prepared.dataset, evidence.prepared.layout
    alike = dataset.observations.structure == dataset.next_observations.structure
    predicted = evidence.predicted(row) if _has_prediction(evidence, row) else None
    found: list[dict[str, Any]] = []
    for name, number in _images(evidence):
        after = dataset.next_observations.arrays[number][row]
        guess = None if predicted is None else predicted[layout.columns[number]]
        found.append(
            {
                "name": name,
                "shape": _with_channels(after.shape),
                "before": _bytes(dataset.observations.arrays[number][row]) if alike else None,
                "expected": _bytes(after),
                "predicted": None if guess is None else _bytes(np.clip(np.nan_to_num(guess), 0, 255).astype(np.uint8)),
            }
        )
    for name, columns in dataset.info.items():
        for path, leaf, array in _leaves(columns):
            if _is_image(leaf):
                shape = _with_channels(leaf.shape)
                frame = {"before": None, "expected": _bytes(array[row]), "predicted": None}
                found.append({"name": name + path, "shape": shape, **frame})
    return found


def _rows(evidence: Evidence, episode: int) -> slice:
    dataset = evidence.prepared.dataset
    if not 0 <= episode < dataset.episode_count:
        raise CwmError(f"there is no episode {episode}", hint=f"the data has {dataset.episode_count}")
    start = int(dataset.episode_starts[episode])
    return slice(start, start + int(dataset.episode_lengths[episode]))


def _has_prediction(evidence: Evidence, row: int) -> bool:
    return bool(evidence.row_status[row] == PREDICTED and evidence.checked[row])


def _fields(evidence: Evidence, rows: slice) -> list[dict[str, Any]]:
    dataset, layout = evidence.prepared.dataset, evidence.prepared.layout
    before, after = dataset.observations, dataset.next_observations
    alike = before.structure == after.structure
    images = {number for _, number in _images(evidence)}
    predicted = evidence.predicted(np.arange(rows.start, rows.stop))
    known = (evidence.row_status[rows] == PREDICTED) & evidence.checked[rows]
    found = []
    column = 0
    for number, (path, leaf, array) in enumerate(_leaves(after)):
        names = len(layout.leaf_fields[number])
        wrong = evidence.wrong[rows, column : column + names]
        column += names
        if number in images:
            continue
        if names < layout.sizes[number]:
            elements = ~evidence.comparison.agreement(number, predicted, np.arange(rows.start, rows.stop))
            wrong = elements & wrong
        found.append(
            {
                "name": f"obs{path}",
                "kind": str(leaf.kind),
                "shape": list(leaf.shape),
                "before": _values(leaf, before.arrays[number][rows]) if alike else None,
                "expected": _values(leaf, array[rows]),
                "predicted": _known(_predicted(evidence, number, predicted), known),
                "wrong": _wrong(wrong, known),
            }
        )
    for name, kind, expected in (
        ("reward", Kind.FLOAT, dataset.rewards),
        ("terminated", Kind.BOOL, dataset.terminated),
    ):
        guess = predicted[:, getattr(layout, name)]
        if kind is Kind.BOOL and np.isin(guess[known], (0.0, 1.0)).all():
            guess = guess == 1.0
        found.append(
            {
                "name": name,
                "kind": str(kind),
                "shape": [],
                "before": None,
                "expected": _numbers(expected[rows]),
                "predicted": _known(_numbers(guess), known),
                "wrong": _wrong(evidence.wrong[rows, layout.names.index(name)][:, None], known),
            }
        )
    return found


def _leaves(columns: Columns) -> list[tuple[str, Leaf, Array]]:
    found = leaves(columns.structure)
    return [(path, leaf, array) for (path, leaf), array in zip(found, columns.arrays, strict=True)]


def _wrong(wrong: Array, known: Array) -> list[list[int]]:
    """The wrong elements of each step that has a prediction."""
    return [np.flatnonzero(row).tolist() if has else [] for row, has in zip(wrong, known.tolist(), strict=True)]


def _known(values: list[Any], known: Array) -> list[Any]:
    return [value if has else None for value, has in zip(values, known.tolist(), strict=True)]


def _values(leaf: Leaf, array: Array) -> list[Any]:
    """What was observed of a leaf, an entry a step."""
    flat = array if leaf.shape == () else array.reshape(len(array), int(np.prod(leaf.shape)))
    return flat.tolist() if leaf.kind in (Kind.TEXT, Kind.JSON) else _numbers(flat)


def _predicted(evidence: Evidence, number: int, predicted: Array) -> list[Any]:
    """What was predicted of a leaf, an entry a step."""
    layout, words = evidence.prepared.layout, evidence.comparison.words
    leaf, values = layout.leaves[number], predicted[:, layout.columns[number]]
    if layout.is_text[number]:
        texts = [[words.text(cell) if words is not None else None for cell in row] for row in values.tolist()]
        return texts if leaf.shape else [row[0] for row in texts]
    whole = leaf.kind is not Kind.FLOAT and np.isfinite(values).all() and (values == np.floor(values)).all()
    cells = values.astype(np.bool_ if leaf.kind is Kind.BOOL else np.int64) if whole else values
    return _numbers(cells if leaf.shape else cells[:, 0])


def _numbers(array: Array) -> list[Any]:
    """Numbers as JSON has them; others as texts."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    return _finite(array.tolist())


def _finite(value: Any) -> Any:
    match value:
        case float():
            return _number(value)
        case list() | tuple():
            return [_finite(item) for item in value]
        case dict():
            return {name: _finite(item) for name, item in value.items()}
        case _:
            return value


def _number(value: float) -> float | str:
    return float(value) if np.isfinite(value) else str(float(value))


def _images(evidence: Evidence) -> list[tuple[str, int]]:
    """The parts of the observation that are pictures, by name and number of the leaf."""
    columns = evidence.prepared.dataset.next_observations
    return [(f"obs{path}", number) for number, (path, leaf) in enumerate(leaves(columns.structure)) if _is_image(leaf)]


def _is_image(leaf: Leaf) -> bool:
    """Whether a leaf is a picture, and no small grid of numbers."""
    match leaf:
        case Leaf(Kind.INT, "uint8", (height, width, 1 | 3 | 4)):
            return min(height, width) >= _IMAGE
        case Leaf(Kind.INT, "uint8", (height, width)):
            return min(height, width) >= _GRAY_IMAGE
        case _:
            return False


def _with_channels(shape: tuple[int, ...]) -> list[int]:
    return [*shape, 1] if len(shape) == 2 else list(shape)


def _bytes(array: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
