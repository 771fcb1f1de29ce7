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

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.report import Repair
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.inquiries import localize, sample_of, search
from cwm_engine.diagnosis.mismatches import mismatch, mispredicted
from cwm_engine.diagnosis.places import Places
from cwm_engine.diagnosis.repairs import confirm, tell_apart
from cwm_engine.findings import Finding, Suspect
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.world_model.blocks import Instrumented

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
        located = localize(runner, evidence, sample_of(evidence, instrumented, predicted))
        ranked += located.get("ranked", [])
        groups = _groups(evidence, located, rows)
        yield Investigation(_findings(evidence, places, groups))
    if not repair or not ranked or not evidence.checked.all():
        return
    searched = search(runner, evidence, sample_of(evidence, instrumented, evidence.checked), ranked)
    confirmed = confirm(runner, evidence, searched.candidates, _CONFIRMED)
    if confirmed:
        repairs = tell_apart(evidence, confirmed, file, runner)
        yield Investigation(_confirmed_findings(evidence, places, groups, repairs), repairs)


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
