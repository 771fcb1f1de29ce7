"""Minari: exchange with the Farama Foundation's datasets (extra `minari`).

Minari keeps whole episodes of n + 1 observations and a pair of Gymnasium spaces. What it cannot hold is refused:
episodes whose rows do not follow on from each other, and values without a Gymnasium space. Info is imported, not
exported. Images are never compressed with loss. The directory is Minari's own, `MINARI_DATASETS_PATH`.
"""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.files import SKIP_HINT
from cwm_engine.trajectories.columns import Array, Columns, leaves
from cwm_engine.trajectories.dataset import BadRecord, Dataset, Provenance, Spaces
from cwm_engine.trajectories.episodes import Episode, join_episodes, split_episodes
from cwm_engine.trajectories.formats.header import provenance_from_json, provenance_to_json
from cwm_engine.trajectories.spaces import space_from_json, space_to_json, structure_of_space
from cwm_engine.trajectories.structures import DictOf, Kind, Leaf, Structure, TupleOf

if TYPE_CHECKING:
    from gymnasium import Space

_ID: Final = re.compile(r"(?:[-_\w][-_\w/]*[-_\w]+/)?[-_\w]+-v\d+")
_PROVENANCE: Final = "code_world_models_provenance"


def read_minari(name: str, *, skip_bad: bool = False) -> Dataset:
    """The transitions of a Minari dataset on this machine.

    Args:
        name: Its id, such as `mujoco/hopper/expert-v0`.
        skip_bad: Leave out episodes that cannot be read and list them in `Dataset.skipped`.

    Raises:
        CwmError: Minari is missing, there is no such dataset, or it cannot be read.
    """
    minari = _minari()
    _check_id(name)
    try:
        source = minari.load_dataset(name)
    except FileNotFoundError as error:
        hint = f"`minari download {name}` fetches a published one; a file is named with its suffix"
        raise CwmError("there is no such file and no such Minari dataset", path=name, hint=hint) from error
    except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
        raise CwmError(f"cannot be read as a Minari dataset: {error}", path=name) from error
    spaces, structures = [], []
    for which in ("observation", "action"):
        described, reason = space_to_json(getattr(source.spec, f"{which}_space"))
        if described is None:
            raise CwmError(f"cannot be imported: {reason}", path=name)
        spaces.append(described)
        structures.append(structure_of_space(described))
    episodes, bad = [], []
    for number in range(source.total_episodes):
        try:
            [found] = source.iterate_episodes([number])
            episodes.append(_episode(found, structures[0], structures[1]))
        except (OSError, LookupError, TypeError, ValueError, CwmError) as error:
            if not skip_bad:
                raise CwmError(f"episode {number}: {error}", path=name, hint=SKIP_HINT) from error
            bad.append(BadRecord(name, f"episode {number}", str(error)))
    if not episodes:
        raise CwmError("holds no transitions" + (" that can be read" if bad else ""), path=name)
    joined = join_episodes(episodes, spaces=Spaces(*spaces), provenance=_provenance(source, name))
    return replace(joined, skipped=tuple(bad))


def write_minari(dataset: Dataset, name: str, *, overwrite: bool = False) -> None:
    """Make a Minari dataset.

    Args:
        dataset: Its episodes must be whole; spaces that are unknown are made from the data.
        name: The id, such as `cartpole/random-v0`.
        overwrite: Replace an existing one.

    Raises:
        CwmError: Minari is missing, the id is malformed or taken, or Minari cannot hold the data.
    """
    minari = _minari()
    _check_id(name)
    directory = Path(minari.storage.get_dataset_path(name))
    if directory.exists() and not overwrite:
        raise CwmError("already exists", path=directory, hint="choose another id or ask to overwrite it")
    observation = _space(dataset.spaces.observation, dataset.observations, dataset.next_observations)
    action = _space(dataset.spaces.action, dataset.actions)
    buffers = [_buffer(number, episode) for number, episode in enumerate(split_episodes(dataset))]
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with warnings.catch_warnings():
            # Minari misses an author, a permalink and an environment to make, which the data do not have.
            warnings.simplefilter("ignore", UserWarning)
            made = minari.create_dataset_from_buffers(
                name,
                buffers,
                observation_space=observation,
                action_space=action,
                algorithm_name=dataset.provenance.policy,
                description=f"Transitions of {dataset.provenance.environment or 'an environment'}.",
                data_format="hdf5",
                jpeg_encoding=False,
            )
        made.storage.update_metadata({_PROVENANCE: json.dumps(provenance_to_json(dataset.provenance))})
    except BaseException as error:
        # Minari leaves a half-made dataset behind, which it can neither read nor replace.
        shutil.rmtree(directory, ignore_errors=True)
        if isinstance(error, Exception):
            raise CwmError(f"Minari could not write it: {error}", path=name) from error
        raise


def _minari() -> Any:
    try:
        import h5py  # noqa: F401
        import minari
        import minari.storage
    except ImportError as error:
        hint = 'pip install "code-world-models[minari]"'
        raise CwmError("Minari datasets need minari, which is not installed", hint=hint) from error
    return minari


def _check_id(name: str) -> None:
    if not _ID.fullmatch(name):
        raise CwmError("is not a Minari id", path=name, hint="an id looks like namespace/name-v0")


def _provenance(source: Any, name: str) -> Provenance:
    written = source.storage.metadata.get(_PROVENANCE)
    if written is not None:
        return provenance_from_json(json.loads(written))
    spec = source.spec.env_spec
    metadata = source.storage.metadata
    return Provenance(
        environment=spec.id if spec is not None else None,
        environment_kwargs=dict(spec.kwargs) if spec is not None else {},
        policy=metadata.get("algorithm_name"),
        versions={"minari": str(metadata.get("minari_version", ""))},
        max_episode_steps=spec.max_episode_steps if spec is not None else None,
        source=f"minari:{name}",
    )


def _episode(found: Any, observation: Structure, action: Structure) -> Episode:
    n = len(found.rewards)
    observations = Columns(observation, tuple(_unstack(observation, found.observations, n + 1)))
    return Episode(
        observations=observations,
        actions=Columns(action, tuple(_unstack(action, found.actions, n))),
        rewards=np.asarray(found.rewards, dtype=np.float64),
        terminated=np.asarray(found.terminations, dtype=bool),
        truncated=np.asarray(found.truncations, dtype=bool),
        info=_info(found.infos or {}, n),
    )


def _info(infos: dict[str, Any], n: int) -> dict[str, Columns]:
    """Arrays of numbers, one per step; where there is one more, the first belongs to the reset."""
    columns = {}
    for name, values in infos.items():
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiub" and len(values) in (n, n + 1):
            columns[name] = Columns.from_values(list(values[-n:]))
    return columns


def _unstack(structure: Structure, values: Any, n: int) -> Iterator[Array]:
    match structure:
        case Leaf(Kind.TEXT | Kind.JSON):
            yield from Columns.from_values(list(values), structure).arrays
        case Leaf(_, dtype, shape):
            yield np.asarray(values, dtype=dtype).reshape(n, *shape)
        case TupleOf(items):
            for item, part in zip(items, values, strict=True):
                yield from _unstack(item, part, n)
        case DictOf(items):
            for name, item in items:
                yield from _unstack(item, values[name], n)


def _buffer(number: int, episode: Episode) -> Any:
    from minari.data_collector.episode_buffer import EpisodeBuffer

    if episode.next_observations is not None:
        raise CwmError(
            f"episode {number}: Minari cannot hold it, because its transitions do not follow on from each other",
            hint="export to JSON Lines, npz or Parquet",
        )
    return EpisodeBuffer(
        id=number,
        observations=_stack(episode.observations),
        actions=_stack(episode.actions),
        rewards=episode.rewards.tolist(),
        terminations=episode.terminated.tolist(),
        truncations=episode.truncated.tolist(),
    )


def _stack(columns: Columns) -> Any:
    return _stacked(columns.structure, iter(columns.arrays))


def _stacked(structure: Structure, arrays: Iterator[Array]) -> Any:
    match structure:
        case Leaf(Kind.TEXT):
            return next(arrays).tolist()
        case Leaf():
            return next(arrays)
        case TupleOf(items):
            return tuple(_stacked(item, arrays) for item in items)
        case DictOf(items):
            return {name: _stacked(item, arrays) for name, item in items}


def _space(described: Any, *columns: Columns) -> Space[Any]:
    """The space of the values: the known one, or else the narrowest kind that holds them."""
    structure = columns[0].structure
    unfit = [
        path or "the value"
        for path, leaf in leaves(structure)
        if leaf.kind is Kind.JSON or (leaf.kind is Kind.TEXT and leaf.shape)
    ]
    if unfit:
        raise CwmError(
            f"Minari cannot hold {', '.join(unfit)}: it has no fixed shape",
            hint="export to JSON Lines or Parquet",
        )
    if described is not None and structure_of_space(described) == structure:
        return space_from_json(described)
    return _space_of(
        structure, iter([np.concatenate(parts) for parts in zip(*(part.arrays for part in columns), strict=True)])
    )


def _space_of(structure: Structure, arrays: Iterator[Array]) -> Space[Any]:
    from gymnasium import spaces

    match structure:
        case Leaf(Kind.TEXT):
            texts: Sequence[str] = next(arrays).tolist()
            characters = "".join(sorted({character for text in texts for character in text})) or " "
            return spaces.Text(max(map(len, texts)) or 1, min_length=0, charset=characters)
        case Leaf(Kind.FLOAT, dtype, shape):
            next(arrays)
            whole: Any = np.dtype(dtype).type
            return spaces.Box(-np.inf, np.inf, shape, whole)
        case Leaf(_, _, ()):
            values = next(arrays)
            low, high = int(values.min()), int(values.max())
            return spaces.Discrete(high - low + 1, start=low)
        case Leaf(_, dtype, shape):
            values = next(arrays)
            whole = np.dtype(dtype).type
            if dtype == "bool":
                return spaces.MultiBinary(shape)
            return spaces.Box(values.min(axis=0), values.max(axis=0), shape, whole)
        case TupleOf(items):
            return spaces.Tuple([_space_of(item, arrays) for item in items])
        case DictOf(items):
            return spaces.Dict([(name, _space_of(item, arrays)) for name, item in items])
