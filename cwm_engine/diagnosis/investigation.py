"""Investigation: why predictions are wrong, in steps that each cost more and say more.

First the bare mismatch, at once. Then the lines that may be the cause, from slices and value replacement, a few
tenths of a second later. Last the single edit that makes everything right, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.report import Repair
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.mismatches import mismatch, mispredicted
from cwm_engine.diagnosis.places import Places
from cwm_engine.findings import Finding
from cwm_engine.world_model.blocks import Instrumented


@dataclass(frozen=True)
class Investigation:
    """What is known so far about wrong predictions.

    Attributes:
        findings: One for each probable cause, the most frequent first.
        repairs: Confirmed single edits; several mean that the data does not decide between them.
    """

    findings: tuple[Finding, ...] = ()
    repairs: tuple[Repair, ...] = ()


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
    if not len(rows):
        return
    yield Investigation((mismatch(evidence, rows, places),))
