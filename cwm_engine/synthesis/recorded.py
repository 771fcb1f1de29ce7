"""What a run was begun with, for a search that goes on with it or replays it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.project import split_spec
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.runs import find_run, list_runs


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What is known of a run.

    Attributes:
        path: Its journal.
        spec: The model's file, as it is written on the command line here.
        sources: Where its data is.
        initial: The program it began with; None where there was none.
        description: What the environment is.
        plan: How the search goes, by attribute of `Plan`.
        nodes: How many programs it has tried.
    """

    path: Path
    spec: str
    sources: tuple[str, ...]
    initial: str | None
    description: str
    plan: Mapping[str, Any]
    nodes: int


def recorded_run(file: str | None, run: str | None) -> Recorded:
    """A run by its name, or the last run of a file.

    Args:
        file: The model's file; None where the name says it.
        run: The name of the run, its beginning or its file; None for the last run of the file.

    Raises:
        CwmError: There is no such run, or it is about another file.
    """
    if run is None and file is None:
        raise CwmError("nothing says which run goes on", hint="cwm synthesize --resume RUN; `cwm runs` lists them")
    path = find_run(run) if run is not None else _last_run_of(file or "")
    with Journal.open(path, writable=False) as journal:
        header, nodes = journal.header, journal.node_count
    if file is not None and not _is_about(header, file):
        raise CwmError(f"the run {path.stem} is about {header['path']}", path=file, hint="leave the file out")
    model = header.get("model")
    place = _near(header["path"])
    decided = {"seed": header["seed"], "parallel": header["parallel"], "held_out": header["heldout"]}
    strategy, variant = _strategy(header["strategy"])
    plan = {
        "proposer": str(header["proposer"]).partition(":")[0],
        "polish": header["polish"] is not None,
        "fit": header["fitter"] is not None or header["proposer"] == "local",
        **header.get("plan", {}),
        **decided,
        "strategy": strategy,
        "variant": variant,
    }
    return Recorded(
        path=path,
        spec=f"{place}::{model}" if model else place,
        sources=tuple(header.get("sources", ())),
        initial=header["initial"],
        description=header["description"],
        plan=plan,
        nodes=nodes,
    )


def _last_run_of(file: str) -> Path:
    about = [run for run in list_runs() if run.header and _is_about(run.header, file)]
    if not about:
        raise CwmError("there is no run of this file to go on with", path=file, hint="begin one without --resume")
    return about[-1].path


def _is_about(header: Mapping[str, Any], file: str) -> bool:
    path, name = split_spec(file)
    return Path(header["path"]).resolve() == path.resolve() and name in {None, header.get("model")}


def _strategy(name: str) -> tuple[str, str]:
    """A strategy and its variant."""
    for variant in ("paper", "released"):
        if name.endswith(f"-{variant}"):
            return name.removesuffix(f"-{variant}"), variant
    return name, "default"


def _near(path: str) -> str:
    """A path below the working directory as it is seen from there."""
    return path.removeprefix(f"{Path.cwd()}{os.sep}")
