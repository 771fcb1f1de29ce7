"""`cwm record`: episodes of a real environment into a file of trajectories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.formats.store import TrajectoryStore
from cwm_engine.trajectories.record import Progress as Played
from cwm_engine.trajectories.record import Recording, record


@dataclass(frozen=True)
class RecordOptions:
    """What the command line asked for."""

    environment: str
    episodes: int
    output: Path | None
    policy: str
    seed: int
    starts: Literal["reset", "spread"]
    append: bool
    max_steps: int | None
    keep: float | None
    max_tries: int | None
    env_kwargs: Sequence[str]
    info: Sequence[str]


def run_record(options: RecordOptions) -> int:
    """Record and say what was recorded; 130 after Ctrl-C, with every complete episode kept.

    Raises:
        CwmError: The environment, policy or file cannot be used.
    """
    path = options.output or Path("trajectories") / f"{_file_name(options.environment)}.sqlite"
    errors = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task(f"recording {options.environment}", total=options.episodes)

        def show(played: Played) -> None:
            progress.update(bar, completed=played.kept)

        try:
            recording = _record(options, path, show)
        except KeyboardInterrupt:
            progress.stop()
            kept = _episodes_in(path)  # the last one may have been saved just before it could be told
            errors.print(f"stopped: {kept} complete episodes are in {path}; `--append` goes on from there")
            return 130
    Console(highlight=False).print(_summary(recording, options), soft_wrap=True)
    return 0


def _episodes_in(path: Path) -> int:
    if not path.exists():
        return 0
    with TrajectoryStore.open(path, readonly=True) as store:
        return store.episode_count


def _record(options: RecordOptions, path: Path, show: Any) -> Recording:
    return record(
        options.environment,
        episodes=options.episodes,
        path=path,
        policy=options.policy,
        seed=options.seed,
        starts=options.starts,
        max_steps=options.max_steps,
        keep=options.keep,
        max_tries=options.max_tries,
        env_kwargs=_keyword_arguments(options.env_kwargs),
        info_keys=options.info,
        append=options.append,
        on_episode=show,
    )


def _summary(recording: Recording, options: RecordOptions) -> str:
    kept = f" of {recording.tries:,} played" if options.keep is not None else ""
    return (
        f"{recording.path}: {recording.episodes:,} episodes{kept}, {recording.transitions:,} transitions of "
        f"{recording.environment}, mean return {recording.mean_return:.4g}"
    )


def _keyword_arguments(pairs: Sequence[str]) -> Mapping[str, Any]:
    """`name=value` with a JSON value; what is no JSON is text."""
    arguments: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.isidentifier():
            raise CwmError(
                f"`--env-kwarg {pair}` is not of the form name=value", hint="e.g. --env-kwarg is_slippery=false"
            )
        try:
            arguments[name] = json.loads(value)
        except ValueError:
            arguments[name] = value
    return arguments


def _file_name(environment: str) -> str:
    """`ALE/Pong-v5` or `my_module:Maze-v0` as the name of a file."""
    return environment.rpartition(":")[2].replace("/", "-")
