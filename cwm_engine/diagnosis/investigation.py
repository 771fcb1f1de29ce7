"""Investigation: why predictions are wrong, in steps that each cost more and say more.

First the bare mismatch, at once. Then the lines that may be the cause, from slices and value replacement, a few
tenths of a second later. Last the single edit that makes everything right, if there is one. Lines and edits are
found in sandboxed processes that see some outcomes; what they claim becomes a repair only when a fresh process that
sees none predicts every transition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Bools
from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.report import Repair
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.mismatches import mismatch, mispredicted
from cwm_engine.diagnosis.places import Places
from cwm_engine.diagnosis.repairs import Candidate, confirm, tell_apart
from cwm_engine.diagnosis.sample import Sample, choose_sample
from cwm_engine.findings import Finding, Span, Suspect
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.world_model.blocks import Instrumented

HELD_OUT = 0.2
"""Share of the episodes that the search for a repair never sees."""

LOCALIZE_SECONDS = 0.25
SEARCH_SECONDS = 2.0
"""Processor time for the ranking of lines, and for the search for a repair."""

_LAST = ("localized", "searched", "failed")
_GRACE_SECONDS = 2.0
_CONFIRMED = 8
_SUSPECTS = 5


@dataclass(frozen=True)
class Investigation:
    """What is known so far about wrong predictions.

    Attributes:
        findings: One for each probable cause, the most frequent first.
        repairs: Confirmed single edits; several mean that the data does not decide between them.
    """

    findings: tuple[Finding, ...] = ()
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True)
class _Group:
    """Rows of the dataset with one probable cause, and the lines that may be it."""

    rows: npt.NDArray[np.intp]
    suspects: tuple[Suspect, ...]


def investigate(
    runner: Runner, evidence: Evidence, instrumented: Instrumented, places: Places, *, file: str, repair: bool
) -> Iterator[Investigation]:
    """Find out why predictions are wrong, telling each step.

    Args:
        runner: Gives fresh sandboxed processes over the same data.
        evidence: What the run showed.
        instrumented: The model with its probes.
        places: The places of its file.
        file: The file's name for diffs.
        repair: Whether to look for the single edit that makes every transition pass.
    """
    rows = mispredicted(evidence)
    ranked = [[failure.line, 1.0] for failure in evidence.failures if failure.line is not None]
    groups: list[_Group] = []
    if len(rows):
        yield Investigation((mismatch(evidence, rows, places),))
        predicted = evidence.checked & (evidence.row_status == PREDICTED)
        located = _localize(runner, evidence, _sample(evidence, instrumented, predicted))
        ranked += located.get("ranked", [])
        groups = _groups(evidence, located, rows)
        yield Investigation(_findings(evidence, places, groups))
    if not repair or not ranked or not evidence.checked.all():
        return
    candidates = _search(runner, evidence, _sample(evidence, instrumented, evidence.checked), ranked)
    confirmed = confirm(runner, evidence, candidates, _CONFIRMED)
    if confirmed:
        repairs = tell_apart(evidence, confirmed, file, runner)
        yield Investigation(_confirmed_findings(evidence, places, groups, repairs), repairs)


def _sample(evidence: Evidence, instrumented: Instrumented, usable: Bools) -> Sample:
    """Failing and passing transitions among the usable ones, of the episodes that the search may see."""
    prepared = evidence.prepared
    seen = usable & ~_held_out(prepared.dataset.episode)
    if not (seen & evidence.failing).any():
        seen = usable
    return choose_sample(
        prepared.dataset,
        evidence.wrong,
        paths=evidence.row_path,
        path_lines=[instrumented.lines_of(path) for path in evidence.paths],
        excused=prepared.excused,
        checked=seen,
        form=evidence.form,
        tolerance=prepared.tolerance,
    )


def _held_out(episode: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Rows of every fifth episode; of none where there are fewer than five."""
    every = round(1 / HELD_OUT)
    return episode % every == every - 1


def _localize(runner: Runner, evidence: Evidence, sample: Sample) -> dict[str, Any]:
    request = {"job": "cwm_engine.diagnosis.jobs:localize_job", "seconds": LOCALIZE_SECONDS}
    for message in _ask(runner, evidence, request, sample, LOCALIZE_SECONDS):
        if message.get("event") == "localized":
            return message
    return {}


def _search(runner: Runner, evidence: Evidence, sample: Sample, ranked: Any) -> list[Candidate]:
    request = {"job": "cwm_engine.diagnosis.jobs:search_job", "seconds": SEARCH_SECONDS, "ranked": ranked}
    hits = [hit for hit in _ask(runner, evidence, request, sample, SEARCH_SECONDS) if hit.get("event") == "hit"]
    hits.sort(key=lambda hit: float(hit["cost"]))
    return [
        Candidate(
            line=int(hit["line"]),
            span=Span(*(int(number) for number in hit["span"])),
            replacement=str(hit["replacement"]),
            description=str(hit["description"]),
            text=str(hit["text"]),
        )
        for hit in hits
    ]


def _ask(
    runner: Runner, evidence: Evidence, request: dict[str, Any], sample: Sample, seconds: float
) -> Iterator[dict[str, Any]]:
    """The messages of a job until its last, its death, or long after it should have ended."""
    with runner.child(evidence.program.preload) as child:
        try:
            child.send({**evidence.program.request, **request}, sample.to_bytes())
            while (message := child.receive(2 * seconds + _GRACE_SECONDS)) is not None:
                yield message.data
                if message.data.get("event") in _LAST:
                    return
        except ChildDied:
            return


def _groups(evidence: Evidence, located: dict[str, Any], rows: npt.NDArray[np.intp]) -> list[_Group]:
    """All mispredicted rows, each with the group of the sampled rows that it is most like."""
    if not located:
        return [_Group(rows, ())]
    found = [
        (np.intersect1d(np.array(group["rows"], dtype=np.intp), rows), _suspects(group["suspects"]))
        for group in located["groups"]
    ]
    found = [(members, suspects) for members, suspects in found if len(members) and suspects]
    if not found:
        return [_Group(rows, _suspects(located["ranked"][:_SUSPECTS]))]
    if len(found) == 1:
        return [_Group(rows, found[0][1])]
    signatures = np.column_stack([np.packbits(evidence.wrong, axis=1), evidence.row_path])
    home = np.zeros(len(rows), dtype=np.intp)
    for number, (members, _) in reversed(list(enumerate(found))):
        known = {signature.tobytes() for signature in signatures[members]}
        home[[signature.tobytes() in known for signature in signatures[rows]]] = number
    groups = [_Group(rows[home == number], suspects) for number, (_, suspects) in enumerate(found)]
    return [group for group in groups if len(group.rows)]


def _suspects(pairs: Sequence[Any]) -> tuple[Suspect, ...]:
    return tuple(Suspect(int(line), float(score)) for line, score in pairs)


def _findings(evidence: Evidence, places: Places, groups: Sequence[_Group]) -> tuple[Finding, ...]:
    ordered = sorted(groups, key=lambda group: -len(group.rows))
    return tuple(mismatch(evidence, group.rows, places, suspects=group.suspects) for group in ordered)


def _confirmed_findings(
    evidence: Evidence, places: Places, groups: Sequence[_Group], repairs: Sequence[Repair]
) -> tuple[Finding, ...]:
    """One finding where one edit makes everything right: the edited line, before the lines suspected so far.

    Exceptions have findings of their own, so there is none where nothing else is wrong.
    """
    if not groups:
        return ()
    lines = list(dict.fromkeys(repair.line for repair in repairs))
    others = [suspect for group in groups for suspect in group.suspects if suspect.line not in lines]
    suspects = (*(Suspect(line, 1.0) for line in lines), *others)[:_SUSPECTS]
    rows = np.sort(np.concatenate([group.rows for group in groups]))
    note = None
    if len(repairs) == 1:
        note = f"{repairs[0].description[:1].upper()}{repairs[0].description[1:]}: then every transition is right."
    finding = mismatch(evidence, rows, places, suspects=suspects, note=note)
    span = repairs[0].span
    return (replace(finding, span=span) if span.line == span.end_line else finding,)
