"""How many models that people got wrong a search with the local proposer repairs, how rightly, and how fast.

Each search is what `cwm synthesize` does without a language model: the file, about a thousand transitions of which a
fifth of the episodes is held out, and at most two minutes. *Verified* means that every searched and every held-out
transition passes; *elsewhere*, that the program also predicts what the right model does in states far wider than the
data. Seconds are from the start of the proposer to the result: on the wall clock, and of all processors, which other
work on the machine does not change.

    python -m benchmarks hand_faults
    python -m benchmarks.hand_faults taxi_north_is_zero cartpole --verbose
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fitting import processor_seconds
from benchmarks.hand_faults.catalogue import HAND_FAULTS, HandFault
from benchmarks.hand_faults.data import recording, wide
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.proposers.local import LocalProposer
from cwm_engine.synthesis.result import SearchResult, SearchStatus
from cwm_engine.synthesis.search import Search
from cwm_engine.trajectories.dataset import Dataset

SECONDS = 120.0
"""What a search without a language model may take, as on the command line."""


@dataclass(frozen=True)
class Ended:
    """What became of one fault."""

    fault: HandFault
    result: SearchResult
    right_elsewhere: bool
    seconds: float
    processor_seconds: float

    @property
    def verified(self) -> bool:
        return self.result.status is SearchStatus.VERIFIED


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hand_faults")
    parser.add_argument("names", nargs="*", help="faults, or environments for all of theirs")
    parser.add_argument("--verbose", action="store_true", help="print what the search says and changes")
    options = parser.parse_args([] if arguments is None else arguments)
    wanted = set(options.names)
    faults = [fault for fault in HAND_FAULTS if not wanted or wanted & {fault.name, fault.environment}]
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    print("Hand-written faults (Must show: singles verified >= 80 %, doubles >= 40 %, median under 10 s)\n")
    print(f"{'':36}  {'mistakes':>8}  {'verified':>8}  {'elsewhere':>9}  {'searched':>8}  {'held out':>8}  {'s':>6}"
          f"  {'CPU s':>6}")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        ended = []
        for fault in faults:
            ended.append(repaired(fault, Path(name)))
            _print_row(ended[-1], options.verbose)
    _print_totals(ended)


def repaired(fault: HandFault, folder: Path) -> Ended:
    """Search for a repair of one fault; recordings and journals lie in the folder."""
    dataset = recording(fault.environment, folder)
    started, used = time.perf_counter(), processor_seconds()
    result = asyncio.run(_search(fault, dataset, folder / f"{fault.name}.run"))
    seconds, spent = time.perf_counter() - started, processor_seconds() - used
    return Ended(fault, result, _is_right_elsewhere(fault, result.program), seconds, spent)


async def _search(fault: HandFault, dataset: Dataset, path: Path) -> SearchResult:
    options = Options(limits=Limits(seconds=SECONDS))
    problem = Problem(settings=_settings(fault), dataset=dataset, initial=fault.text)
    searched = split_episodes(dataset, options.heldout, options.seed).searched
    proposer = LocalProposer(problem.settings, searched, problem.sandbox)
    try:
        with Journal.create(path, run_header(problem, options, proposer.name)) as journal:
            return await Search(problem, proposer, journal, options).run()
    finally:
        proposer.close()


def _is_right_elsewhere(fault: HandFault, program: str | None) -> bool:
    if program is None:
        return False
    with Session(_settings(fault), wide(fault.environment)) as session:
        return all(report.accuracy == 1.0 for report in session.check(program))


def _settings(fault: HandFault) -> Settings:
    return Settings(file=fault.path.name, path=fault.path, repair=False)


def _print_row(ended: Ended, verbose: bool) -> None:
    result = ended.result
    print(
        f"{ended.fault.name:36}  {len(ended.fault.mistakes):>8}  {_yes(ended.verified):>8}"
        f"  {_yes(ended.right_elsewhere):>9}  {_share(result.searched):>8}  {_share(result.heldout):>8}"
        f"  {ended.seconds:>6.1f}  {ended.processor_seconds:>6.1f}",
        flush=True,
    )
    if verbose:
        for mistake in ended.fault.mistakes:
            print(f"    the author {mistake.what}")
        changed = [line for line in result.diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        for line in [f"{result.nodes} programs tried; {result.message or 'done'}", *changed]:
            print(f"    {line}", flush=True)


def _print_totals(ended: Sequence[Ended]) -> None:
    print()
    for label, part in (
        ("one mistake", [end for end in ended if end.fault.single]),
        ("two mistakes", [end for end in ended if not end.fault.single]),
    ):
        if part:
            verified = sum(end.verified for end in part)
            elsewhere = sum(end.verified and end.right_elsewhere for end in part)
            print(
                f"{label}: {verified} of {len(part)} verified ({100 * verified / len(part):.0f} %),"
                f" {elsewhere} of them right elsewhere"
            )
    for label, part in (("all", ended), ("those verified", [end for end in ended if end.verified])):
        if part:
            wall, used = [end.seconds for end in part], [end.processor_seconds for end in part]
            print(
                f"seconds of {label}, median / max: {np.median(wall):.1f} / {max(wall):.1f} on the clock,"
                f" {np.median(used):.1f} / {max(used):.1f} of processors"
            )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
