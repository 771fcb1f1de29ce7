"""How often, how fast and how rightly the local proposer repairs seeded faults: one fault, and two at once.

A program counts as verified when every searched transition passes and every held-out one, which the proposer never had.
It counts as right elsewhere when it predicts what the right model predicts in states far wider than the data. Each
fault meets a proposer that has just been made: the seconds are those of its start, its check, its search and its
confirmation, on the wall clock; beside them stands what processors spent.

    python -m benchmarks repair [--models cartpole,taxi,acrobot] [--count 100] [--doubles 100] [--seed 11] [--list]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults import PLAN, Fault, double_faults, predictions, single_faults, wrong
from benchmarks.rollouts import ENVIRONMENTS, recorded, source_of, unseen
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.interfaces import NothingLeftError, Request, SearchAction
from cwm_engine.synthesis.proposers.local import LocalProposer


@dataclass(frozen=True)
class Result:
    """What became of one fault: repaired on what was searched, verified, right elsewhere; and how long it took."""

    fault: Fault
    seconds: float
    processor: float
    repaired: bool
    verified: bool
    right: bool
    said: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks repair")
    parser.add_argument("--models", default=",".join(ENVIRONMENTS))
    parser.add_argument("--count", type=int, default=100, help="programs with one fault, a model")
    parser.add_argument("--doubles", type=int, default=100, help="programs with two faults, a model")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--list", action="store_true", help="print each fault that is not repaired rightly")
    given = parser.parse_args(arguments or [])
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    print("Repair by the local proposer (single faults: verified >= 95 %, right elsewhere >= 90 %, median <= 2 s;")
    print("two faults: verified >= 55 %)\n")
    print(f"{'':26}  {'faults':>6}  {'verified %':>10}  {'right elsewhere %':>17}  {'median / p90 / max s':>20}"
          f"  {'CPU s':>18}")  # fmt: skip
    for name in given.models.split(","):
        searched = split_episodes(recorded(name)).searched
        for kind, count in (("one fault", given.count), ("two faults", given.doubles)):
            if not count:
                continue
            if kind == "one fault":
                plan = {part: round(share * count / sum(PLAN.values())) for part, share in PLAN.items()}
                plan["constant"] += count - sum(plan.values())
                faults = single_faults(source_of(name), searched, given.seed, plan)
            else:
                faults = double_faults(source_of(name), searched, given.seed, count)
            results = [examine(name, fault) for fault in faults]
            _print_row(f"{name}, {kind}", results)
            if given.list:
                _print_missed(results)


def examine(name: str, fault: Fault) -> Result:
    """Repair one fault."""
    split = split_episodes(recorded(name))
    settings = Settings(file=f"{name}.py", path=Path(f"{name}.py"), repair=False)
    started, spent = time.monotonic(), processor_seconds()
    proposer = LocalProposer(settings, split.searched)
    try:
        proposals = asyncio.run(proposer.propose(Request(action=SearchAction.IMPROVE, program=fault.source)))
        program, said = proposals[0].program, proposals[0].reply
    except NothingLeftError as nothing:
        program, said = None, str(nothing)
    seconds = time.monotonic() - started
    proposer.close()
    processor = processor_seconds() - spent
    if program is None or split.heldout is None:
        return Result(fault, seconds, processor, False, False, False, said)
    passes = []
    for part in (split.searched, split.heldout):
        with Session(settings, part) as session:
            passes.append(all(report.transitions.passed == len(part) for report in session.check(program)))
    return Result(fault, seconds, processor, passes[0], all(passes), _is_right_elsewhere(name, program), said)


def processor_seconds() -> float:
    """What this process and those that it has waited for have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _is_right_elsewhere(name: str, source: str) -> bool:
    states, actions = unseen(name)
    expected = predictions(source_of(name), states, actions)
    predicted = predictions(source, states, actions)
    if expected is None or predicted is None or predicted.shape != expected.shape:
        return False
    return not wrong(predicted, expected).any()


def _print_row(label: str, results: Sequence[Result]) -> None:
    seconds = _percentiles([result.seconds for result in results])
    processor = _percentiles([result.processor for result in results])
    print(
        f"{label:26}  {len(results):>6}  {100 * np.mean([result.verified for result in results]):>10.0f}"
        f"  {100 * np.mean([result.verified and result.right for result in results]):>17.0f}"
        f"  {seconds:>20}  {processor:>18}",
        flush=True,
    )


def _percentiles(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.1f}" for value in np.percentile(values, [50, 90, 100]))


def _print_missed(results: Sequence[Result]) -> None:
    for result in results:
        if not (result.verified and result.right):
            state = "verified" if result.verified else "repaired" if result.repaired else "missed"
            print(f"    {state} in {result.seconds:.1f} s: {result.fault}\n        {result.said}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
