"""Runs one transition of a model so that a debugger stops on the first line of the function that predicts.

This is the program that an editor debugs, or that `python -m cwm_server.debuggee FILE` starts under pdb. It runs the
model outside of the sandbox, with the rights of the user who has asked for that; the server never starts it.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cwm_engine.checking.show import show
from cwm_engine.diagnosis.opening import load_data
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.project import ModelTarget, find_project, resolve_model
from cwm_engine.sandbox.runner import Instance, instances
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import ModelSpec, discover
from cwm_engine.world_model.source import parse, split_lines

_ARMED = "__cwm_stops_here__"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 2 if there is no such transition."""
    options = _parser().parse_args(arguments)
    try:
        _debug(Path(options.file).resolve(), options.model, options.episode, options.step)
    except CwmError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cwm_server.debuggee", description=__doc__.splitlines()[0])
    parser.add_argument("file", help="the file of the model")
    parser.add_argument("--model", help="its class, where the file has several")
    parser.add_argument("--episode", type=int, default=0)
    parser.add_argument("--step", type=int, default=0)
    return parser


def _debug(file: Path, name: str | None, episode: int, step: int) -> None:
    project = find_project(file)
    target = resolve_model(f"{file}::{name}" if name else file, project)[0]
    dataset = load_data(target)
    row = _row(dataset, episode, step)
    sys.path[:0] = list(dict.fromkeys([str(file.parent), str(project.root)]))
    armed: list[bool] = []
    instance = _load(file, target, armed)
    first = row - step if target.mode == "episode" else row
    instance.set_state(dataset.observations.row(first))
    for earlier in range(first, row):  # a model with a memory has to see what came before
        instance.step(dataset.actions.row(earlier))
    armed.append(True)
    predicted = instance.step(dataset.actions.row(row))
    _tell(dataset, row, predicted)


def _row(dataset: Dataset, episode: int, step: int) -> int:
    rows = np.flatnonzero((dataset.episode == episode) & (dataset.step == step))
    if not len(rows):
        raise CwmError(f"the data has no step {step} of episode {episode}", path=dataset.provenance.source)
    return int(rows[0])


def _load(file: Path, target: ModelTarget, armed: list[bool]) -> Instance:
    source = file.read_text(encoding="utf-8")
    tree = parse(source)
    if isinstance(tree, Finding):
        raise CwmError(tree.message, path=str(file))
    models = discover(tree, split_lines(source)).models
    spec = next((model for model in models if target.class_name in {None, model.name}), None)
    if spec is None:
        raise CwmError("holds no such model", path=str(file), hint="run `cwm check` on it")
    _stop_in(tree, spec)
    namespace: dict[str, Any] = {"__name__": file.stem, "__file__": str(file), _ARMED: armed}
    exec(compile(tree, str(file), "exec"), namespace)  # noqa: S102 - what the user wants to debug
    return instances(namespace, spec.name, spec.dialect, target.goal)()


def _stop_in(tree: ast.Module, spec: ModelSpec) -> None:
    """Have the function that predicts call the debugger before its first line.

    The call stands on the line of `def`, so that the line after it is the first one the debugger comes to.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.lineno == spec.step.line:
            (call,) = ast.parse(f"if {_ARMED}: breakpoint()").body
            for part in ast.walk(call):
                ast.copy_location(part, node)
                if isinstance(part, ast.expr | ast.stmt):
                    part.end_lineno = node.lineno
            node.body.insert(0 if ast.get_docstring(node, clean=False) is None else 1, call)


def _tell(dataset: Dataset, row: int, predicted: Any) -> None:
    observation = show(_plain(dataset.next_observations.plain(row, row + 1)[0]))
    ended = bool(dataset.terminated[row])
    sys.stdout.write(f"observed   {observation}, reward {dataset.rewards[row]:g}, ended {ended}\n")
    sys.stdout.write(f"predicted  {show(_plain(predicted))}\n")


def _plain(value: Any) -> Any:
    """A value as `show` takes it."""
    match value:
        case np.ndarray() | np.generic():
            return value.tolist()
        case tuple() | list():
            return [_plain(item) for item in value]
        case dict():
            return {str(name): _plain(item) for name, item in value.items()}
        case _:
            return value


if __name__ == "__main__":
    raise SystemExit(main())
