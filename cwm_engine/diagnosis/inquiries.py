"""Asking diagnosing children: what they are given, and what is made of their answers.

Lines and edits are found in sandboxed processes that see some outcomes; the episodes held out here are never among
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Bools
from cwm_engine.checking.evidence import Evidence, Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.editing.texts import Score
from cwm_engine.diagnosis.execution.sample import Sample, choose_sample
from cwm_engine.diagnosis.repairs import Candidate
from cwm_engine.findings import Span
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.world_model.blocks import Instrumented

JOBS = ("cwm_engine.diagnosis.jobs",)
"""Job modules that a `Runner` must have ready."""

HELD_OUT = 0.2
"""Share of the episodes that the search for a repair never sees."""

LOCALIZE_SECONDS = 0.25
SEARCH_SECONDS = 2.0
"""Processor time for the ranking of lines, and for the search for a repair."""

_LAST = ("localized", "searched", "scored", "failed")
_GRACE_SECONDS = 2.0
_PATIENCE = 5
"""How many seconds a second of processor time may take on a busy machine."""


@dataclass(frozen=True)
class Searched:
    """What a search for edits claims.

    Attributes:
        candidates: Edits that make the sample pass, the most plausible first.
        exhausted: Whether all edits of the known kinds were tried.
        tried: How many programs were run.
    """

    candidates: tuple[Candidate, ...] = ()
    exhausted: bool = False
    tried: int = 0


def sample_of(
    evidence: Evidence,
    instrumented: Instrumented,
    usable: Bools,
    overlooked: Bools | None = None,
    *,
    passing: int = 96,
) -> Sample:
    """Failing and passing transitions among the usable ones, of the episodes that the search may see.

    Args:
        evidence: What the run showed.
        instrumented: The model with its probes.
        usable: Rows to choose from, (n,).
        overlooked: Cells (n, fields) that may stay wrong.
        passing: How many passing transitions to take at most.
    """
    prepared = evidence.prepared
    nothing = np.zeros_like(evidence.wrong)
    overlooked = nothing if overlooked is None else overlooked
    wrong = evidence.wrong & ~overlooked
    seen = usable & ~held_out(prepared.dataset.episode)
    if not (seen & wrong.any(axis=1)).any():
        seen = usable
    return choose_sample(
        prepared.dataset,
        wrong,
        paths=evidence.row_path,
        path_lines=[instrumented.lines_of(path) for path in evidence.paths],
        excused=prepared.excused | overlooked,
        checked=seen,
        passing=passing,
        form=evidence.form,
        tolerance=prepared.tolerance,
        mode=prepared.mode,
    )


def held_out(episode: npt.NDArray[np.int32]) -> Bools:
    """Rows of every fifth episode; of none where there are fewer than five."""
    every = round(1 / HELD_OUT)
    held: Bools = episode % every == every - 1
    return held


def localize(runner: Runner, evidence: Evidence, sample: Sample) -> dict[str, Any]:
    """Ranked lines and groups of transitions, as `localize_job` tells them; empty where it does not."""
    request = {"job": "cwm_engine.diagnosis.jobs:localize_job", "seconds": LOCALIZE_SECONDS}
    for message in ask(runner, evidence.program, request, sample, LOCALIZE_SECONDS):
        if message.get("event") == "localized":
            return message
    return {}


def search(
    runner: Runner,
    evidence: Evidence,
    sample: Sample,
    ranked: Any = None,
    *,
    seconds: float = SEARCH_SECONDS,
    blamed: Sequence[int] = (),
    pairs: bool = False,
    slips_only: bool = False,
) -> Searched:
    """The edits that make a sample pass, as far as they are found in the time.

    Args:
        runner: Gives a fresh sandboxed process.
        evidence: What the run showed.
        sample: The transitions.
        ranked: Lines to edit, the most suspicious first; found out first when None.
        seconds: Processor time.
        blamed: Lines to edit before those that are found out.
        pairs: Whether to look for two edits that only together do it, instead of single ones.
        slips_only: Whether to leave out the search for what may be missing.
    """
    request = {
        "job": f"cwm_engine.diagnosis.jobs:{'pairs' if pairs else 'search'}_job",
        "seconds": seconds,
        "ranked": ranked,
        "blamed": list(blamed),
        **({"slips_only": True} if slips_only else {}),
    }
    hits, end = [], {}
    for message in ask(runner, evidence.program, request, sample, seconds):
        if message.get("event") == "hit":
            hits.append(message)
        elif message.get("event") == "searched":
            end = message
    hits.sort(key=lambda hit: float(hit["cost"]))
    return Searched(
        tuple(candidate_of(hit) for hit in hits), bool(end.get("exhausted", False)), int(end.get("tried", 0))
    )


def scores(
    runner: Runner, program: Program, sample: Sample, texts: Sequence[str], *, seconds: float = SEARCH_SECONDS
) -> list[Score | None]:
    """How far texts come on a sample, as a child claims; None for those whose model cannot be made or that came late.

    Args:
        runner: Gives a fresh sandboxed process.
        program: Which model of each text, and what it may import.
        sample: The transitions.
        texts: The files.
        seconds: Processor time.
    """
    request = {"job": "cwm_engine.diagnosis.jobs:score_job", "seconds": seconds, "texts": list(texts)}
    found: list[Score | None] = []
    for message in ask(runner, program, request, sample, seconds):
        for claim in message.get("scores", ()):
            match claim:
                case [int(predicted), int(right), int(whole)]:
                    found.append(Score(predicted, right, whole))
                case _:
                    found.append(None)
    return [*found, *([None] * len(texts))][: len(texts)]


def whole_sample(prepared: Prepared) -> Sample:
    """A sample for programs of which nothing is known: everything counts as failing."""
    dataset = prepared.dataset
    wrong = np.ones((len(dataset), len(prepared.layout.names)), dtype=np.bool_)
    return choose_sample(
        dataset,
        wrong,
        paths=np.zeros(len(dataset), dtype=np.intp),
        path_lines=[frozenset()],
        excused=prepared.excused,
        checked=~held_out(dataset.episode),
        tolerance=prepared.tolerance,
        mode=prepared.mode,
    )


def candidate_of(hit: dict[str, Any]) -> Candidate:
    """An edit as a child tells it."""
    return Candidate(
        line=int(hit["line"]),
        span=Span(*(int(number) for number in hit["span"])),
        replacement=str(hit["replacement"]),
        description=str(hit["description"]),
        text=str(hit["text"]),
    )


def ask(
    runner: Runner, program: Program, request: dict[str, Any], sample: Sample, seconds: float
) -> Iterator[dict[str, Any]]:
    """The messages of a job until its last, its death, or long after it should have ended.

    Args:
        runner: Gives a fresh sandboxed process.
        program: The model.
        request: What the job is to do, besides the program.
        sample: The job's blob.
        seconds: How long it should take.

    Raises:
        Stopped: The check was stopped.
    """
    with runner.child(program.preload) as child:
        try:
            child.send({**program.request, **request}, sample.to_bytes())
            while (message := child.receive(_PATIENCE * seconds + _GRACE_SECONDS)) is not None:
                yield message.data
                if message.data.get("event") in _LAST:
                    return
        except ChildDied:
            runner.stop.check()
