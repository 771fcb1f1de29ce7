"""Wrong models that pass every stored transition, made by operators of which the adequacy score knows nothing.

They are the slips and omissions of `benchmarks.faults`, rules that are forgotten, and rules that are made up for states
beyond the recording. A model counts when it predicts every stored transition as the right one does and something else
in a state that the environment can be in. What one of the adequacy score's own operators makes, or undoes, is left out.
"""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import every_fault, predictions, wrong
from benchmarks.hand_faults.data import WORLDS, right_model, wide
from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.checking.run import Runner
from cwm_engine.properties.adequacy.mutants import mutants_of
from cwm_engine.properties.adequacy.score import actions_of
from cwm_engine.sandbox.limits import Limits
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record
from cwm_engine.world_model.discovery import ModelSpec, discover

MOST_OF_A_KIND = 5
"""How many wrong models of one operator are taken of one model."""

PLAYED = {
    "cartpole": (25, None),
    "mountain_car": (3, 200),
    "acrobot": (2, 300),
    "pendulum": (3, 200),
    "taxi": (5, 200),
    "cliff_walking": (5, 100),
    "frozen_lake": (60, None),
    "keys_and_doors": (20, 30),
    "one_box": (20, 30),
    "ice": (20, None),
}
"""How many episodes of random play are recorded, and where they are cut off: some 600 transitions each."""

_MOST_TRIED = 200

_GLANCE = 60
_LIMITS = Limits(wall_seconds=20.0, step_seconds=0.5, loop_iterations=20_000)


@dataclass(frozen=True)
class WrongModel:
    """A wrong program.

    Attributes:
        name: Of the right model.
        operator: What was done to it.
        source: The wrong program.
        lines: Its lines that differ; none where something is only missing.
        gap: The lines on both sides of what is missing; none where lines differ.
        wrong: In what share of the states that the environment can be in it is wrong.
    """

    name: str
    operator: str
    source: str
    lines: frozenset[int]
    gap: frozenset[int]
    wrong: float

    def __str__(self) -> str:
        shown = [self.source.splitlines()[line - 1].strip() for line in sorted(self.lines or self.gap)]
        return f"{self.name}, {self.operator}, line {sorted(self.lines or self.gap)}: {' / '.join(shown)}"


@dataclass(frozen=True)
class Collected:
    """Wrong models, and how many programs were left out because the adequacy score's operators make or undo them."""

    models: tuple[WrongModel, ...]
    coincide: int
    candidates: int


def wrong_models(name: str, folder: Path, seed: int = 0, most: int = MOST_OF_A_KIND) -> Collected:
    """Wrong versions of a model that pass every transition of its recording.

    Args:
        name: The right model.
        folder: Where recordings are kept.
        seed: Of the choice where there are more than enough.
        most: How many of each operator.
    """
    source = right_model(name)
    stored, elsewhere = played(name, folder), wide(name)
    actions = actions_of(stored)
    known = {_meaning(text) for text in _mutants(source, actions)}
    shows_soon = _Glance(source, stored).differs
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind, text in _candidates(source, stored):
        kinds[kind].append((kind, text))
    lot = random.Random(f"{name} {seed}")
    found: list[WrongModel] = []
    coincide = candidates = 0
    with Runner(Prepared(stored), _LIMITS) as on_stored, Runner(Prepared(elsewhere), _LIMITS) as on_others:
        for kind, several in kinds.items():
            lot.shuffle(several)
            taken = 0
            for _, text in several[:_MOST_TRIED]:
                if taken >= most:
                    break
                spec = None if shows_soon(text) else _spec(text)
                if spec is None or not _passes(on_stored, text, spec):
                    continue
                share = _wrong_share(on_others, text, spec)
                if not share:
                    continue
                candidates += 1
                if _meaning(text) in known or _meaning(source) in {_meaning(one) for one in _mutants(text, actions)}:
                    coincide += 1
                    continue
                lines, gap = _difference(source, text)
                found.append(WrongModel(name, kind, text, lines, gap, share))
                taken += 1
    return Collected(tuple(found), coincide, candidates)


def played(name: str, folder: Path) -> Dataset:
    """Random play from resets, as somebody records who has just begun; made once a folder."""
    path, world = folder / f"{name}.sqlite", WORLDS[name]
    if not path.exists():
        episodes, steps = PLAYED[name]
        record(world.environment, episodes=episodes, path=path, max_steps=steps, env_kwargs=world.kwargs)
    return load_dataset([str(path)])


def _candidates(source: str, stored: Any) -> Iterator[tuple[str, str]]:
    """Programs with a mistake in them, by operator."""
    seen = {_meaning(source)}
    for kind, text in (
        *((fault.operator, fault.source) for fault in every_fault(source)),
        *_forgotten(source),
        *_other_numbers(source),
        *_made_up(source, stored),
    ):
        try:
            meaning = _meaning(text)
        except SyntaxError:
            continue
        if meaning not in seen:
            seen.add(meaning)
            yield kind, text


class _Glance:
    """A look at a few transitions in this process: most wrong programs are wrong at once, which saves the sandbox.

    Args:
        source: The right program.
        stored: The recording.
    """

    def __init__(self, source: str, stored: Dataset) -> None:
        rows = np.unique(np.linspace(0, len(stored) - 1, _GLANCE).astype(np.intp))
        self._inputs = stored.observations.take(rows), stored.actions.take(rows)
        self._expected = predictions(source, *self._inputs)

    def differs(self, text: str) -> bool:
        """Whether a program is seen to predict something else, or does not run at all."""
        if self._expected is None:  # no class of numbers
            return False
        predicted = predictions(text, *self._inputs, seconds=0.5)
        if predicted is None or predicted.shape != self._expected.shape:
            return True
        return bool(wrong(predicted, self._expected).any())


def _forgotten(source: str) -> Iterator[tuple[str, str]]:
    """A rule is left out: an `if` with all that depends on it, or the `elif` of a case."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and not node.orelse and node.end_lineno is not None:
            indent = " " * node.col_offset
            yield "forgotten rule", "".join([*lines[: node.lineno - 1], f"{indent}pass\n", *lines[node.end_lineno :]])
            inside = node.body[0]
            if len(node.body) > 1 and inside.end_lineno is not None:
                yield "forgotten rule", "".join([*lines[: inside.lineno - 1], *lines[inside.end_lineno :]])


def _other_numbers(source: str) -> Iterator[tuple[str, str]]:
    """A number remembered wrongly: three times as large, a third, a tenth off, far away."""
    for found in re.finditer(r"(?<![\w.\"'])(\d+\.\d+|\d+)(?![\w.\"'])", source):
        text = found.group()
        value = float(text)
        others = [value * 3, value / 3, value * 1.02] if "." in text else [value + 2, value + 3, value * 10]
        for other in others:
            written = f"{other:.6g}" if "." in text else str(int(other))
            written += ".0" if "." in text and "." not in written and "e" not in written else ""
            yield "remembered number", source[: found.start()] + written + source[found.end() :]


def _made_up(source: str, stored: Any) -> Iterator[tuple[str, str]]:
    """A rule that does not exist, about what was never recorded: it pays, ends or stops something there."""
    lines = source.splitlines()
    fields = _beyond(stored)
    for number, line in enumerate(lines):
        found = re.match(r"(\s+)return (self\.state|self\.observation\(\)|\w+ \* 4 \+ \w+|.*)$", line)
        if not found or not re.search(r",\s*(reward|-?\d[\d.]*|-cost)\s*,", line):
            continue
        indent = found.group(1)
        for name, low, high in fields:
            test = f"{name} > {high}"
            yield "made-up rule", _inserted(lines, number, f"{indent}if {test}: return {_changed_end(line)}")
            yield "made-up rule", _inserted(lines, number, f"{indent}if {name} < {low}: return {_changed_reward(line)}")


def _inserted(lines: list[str], before: int, text: str) -> str:
    return "\n".join([*lines[:before], text, *lines[before:]]) + "\n"


def _changed_end(line: str) -> str:
    head, _, _ = line.strip().removeprefix("return ").rpartition(",")
    return f"{head}, True"


def _changed_reward(line: str) -> str:
    head, _, ending = line.strip().removeprefix("return ").rpartition(",")
    first, _, _ = head.rpartition(",")
    return f"{first}, -10.0,{ending}"


def _beyond(stored: Any) -> list[tuple[str, str, str]]:
    """Numbers of the state and values a little beyond those of the recording."""
    structure = stored.observations.structure
    if not hasattr(structure, "shape") or len(structure.shape) > 1 or structure.dtype == "str":
        return []
    array = stored.next_observations.arrays[0].reshape(len(stored), -1)
    named = []
    for index in range(min(array.shape[1], 6)):
        low, high = float(array[:, index].min()), float(array[:, index].max())
        margin = 0.05 * (high - low) if array.dtype.kind == "f" else 0
        name = f"self.state[{index}]" if structure.shape else "self.state"
        named.append((name, f"{low - margin:.5g}", f"{high + margin:.5g}"))
    return named


def _mutants(source: str, actions: tuple[int, ...]) -> list[str]:
    """What the operators of the adequacy score make of a program, all of it."""
    spec = _spec(source)
    if spec is None:
        return []
    return [mutant.of(source) for mutant in mutants_of(source, spec, actions=actions, most=100_000)]


def _meaning(text: str) -> str:
    return ast.dump(ast.parse(text))


def _spec(text: str) -> ModelSpec | None:
    models = discover(ast.parse(text), text.splitlines()).models
    return models[0] if models else None


def _passes(runner: Runner, text: str, spec: ModelSpec) -> bool:
    evidence = runner.run(Program(text, spec), determinism=False, stop_at_failure=True)
    return evidence.status is Status.COMPLETE and not evidence.failing.any()


def _wrong_share(runner: Runner, text: str, spec: ModelSpec) -> float:
    evidence = runner.run(Program(text, spec), determinism=False)
    return float(evidence.failing.sum() / max(evidence.checked.sum(), 1))


def _difference(right: str, wrong: str) -> tuple[frozenset[int], frozenset[int]]:
    """The lines of the wrong text that differ; if it only lacks some, those on both sides of the gap."""
    one, other = right.splitlines(), wrong.splitlines()
    changed: set[int] = set()
    gap: set[int] = set()
    for tag, _, _, start, stop in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag in ("replace", "insert"):
            changed.update(range(start + 1, stop + 1))
        elif tag == "delete":
            gap.update((start, start + 1))
    return frozenset(changed), frozenset(gap if not changed else ())
