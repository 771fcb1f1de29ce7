"""How many wrong models that pass every stored transition are flagged, and by what.

The wrong models come from `benchmarks.wrong_models`, whose operators are not those of the adequacy score. A model is
flagged by a *property* that it breaks: mined from the stored transitions, true of the real environment, and tried at
states like those that were stored and those that the environment was in when it was asked (or, in the column *asked*,
mined with fresh transitions of the environment too, as `cwm properties` does where one is configured). It is flagged
by *coverage* when a finding of `cwm check` (CWM601 to CWM603) stands on the code that differs from the right model, and
as *untested* when CWM604 does, the finding of `cwm properties --adequacy`. Code that is only missing is on no line:
there a finding has to be about code that lies on both sides of the gap. *Lines* is the price: the share of a wrong
model's lines of code that have a finding of either kind.

    python -m benchmarks adequacy [--models cartpole,taxi] [--most 5] [--seed 0] [--list]
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.hand_faults.data import WORLDS, right_model
from benchmarks.repair import processor_seconds
from benchmarks.wrong_models import MOST_OF_A_KIND, WrongModel, played, wrong_models
from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.findings import Finding
from cwm_engine.properties.adequacy.findings import untested
from cwm_engine.properties.adequacy.score import Adequacy, Fate, Subject, adequacy
from cwm_engine.properties.invariants import Invariant
from cwm_engine.properties.mining import confirmed, mine
from cwm_engine.properties.real import alike, fresh_transitions
from cwm_engine.properties.sampling import sample_cases
from cwm_engine.properties.suite import collect
from cwm_engine.properties.trial import try_model
from cwm_engine.sandbox.limits import Limits
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import discover

COVERAGE = ("CWM601", "CWM602", "CWM603")

_CASES = 2_000
_FRESH = 10_000
_STATES = 20_000
"""For wrong models, of which there are many, mutants are compared at fewer states than for right ones."""
_LIMITS = Limits(step_seconds=1.0, loop_iterations=100_000)


@dataclass(frozen=True)
class Flags:
    """What is said of a wrong model: the property it breaks, mined without and with the environment, and findings."""

    model: WrongModel
    broken: str | None
    asked: str | None
    coverage: bool
    untested: bool
    lines: float

    @property
    def required(self) -> bool:
        """Properties of the stored transitions, and coverage findings."""
        return self.broken is not None or self.coverage

    @property
    def any(self) -> bool:
        """Anything at all."""
        return self.required or self.asked is not None or self.untested


@dataclass(frozen=True)
class Known:
    """What is known of an environment."""

    stored: Dataset
    properties: tuple[Invariant, ...]
    cases: Dataset
    asked: tuple[Invariant, ...]
    asked_cases: Dataset
    observed: Dataset


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks adequacy")
    parser.add_argument("--models", default=",".join(WORLDS))
    parser.add_argument("--most", type=int, default=MOST_OF_A_KIND, help="wrong models of one operator, a model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scores", action=argparse.BooleanOptionalAction, default=True, help="of right models, too")
    parser.add_argument("--list", action="store_true", help="print what nothing flags")
    given = parser.parse_args(arguments or [])
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    print("Adequacy of right models against some 600 transitions (data <= 30 s, with properties <= 3 min)\n")
    print(f"{'model':16}{'lines':>6}{'mutants':>9}{'data':>6}{'properties':>12}{'survived':>10}{'equivalent':>12}"
          f"{'score':>8}{'seconds':>9}{'CPU':>7}")  # fmt: skip
    names = given.models.split(",")
    flags: list[Flags] = []
    left_out = candidates = 0
    with tempfile.TemporaryDirectory() as folder:
        known = {name: _known(name, Path(folder)) for name in names}
        for name in names if given.scores else ():
            _print_score(name, known[name])
        for name in names:
            found = wrong_models(name, Path(folder), given.seed, given.most)
            left_out, candidates = left_out + found.coincide, candidates + found.candidates
            settings = Settings(file=f"{name}.py", path=Path(f"{name}.py"), repair=False)
            with Session(settings, known[name].stored, _LIMITS) as session:
                flags += [examine(model, known[name], session) for model in found.models]
            print(f"    {name}: {len(found.models)} wrong models", file=sys.stderr, flush=True)
    print(
        f"\n{len(flags)} wrong models that pass all stored transitions; {left_out} of {candidates} left out because the"
    )
    print("adequacy score's own operators make or undo them. Flagged, % (properties + coverage: >= 60 %)\n")
    _print_flags("operator", flags, lambda one: one.model.operator)
    print()
    _print_flags("model", flags, lambda one: one.model.name)
    if given.list:
        print()
        for one in flags:
            if not one.required:
                print(f"    {'untested: ' if one.untested else 'asked: ' if one.asked else 'nothing: '}{one.model}")


def examine(model: WrongModel, known: Known, session: Session) -> Flags:
    """What is said of a wrong model.

    Args:
        model: The model.
        known: What is known of its environment.
        session: Checks texts against the stored transitions.
    """
    source = model.source
    spec = discover(ast.parse(source), source.splitlines()).models[0]
    program = Program(source, spec)
    broken, asked = _broken(program, known)
    session.forget()
    (report,) = session.check(source)
    form = session.evidence[spec.name].form
    told = [finding for finding in report.findings if finding.code in COVERAGE]
    unexecuted = [finding.span for finding in told if finding.code == "CWM601"]
    subject = Subject(program, known.stored, form, session.prepared)
    result = adequacy(subject, limits=_LIMITS, states=_STATES)
    more = untested(result, unexecuted)
    code = {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr)}
    marked = {line for finding in (*told, *more) for line in _lines(finding)}
    return Flags(
        model=model,
        broken=broken,
        asked=asked,
        coverage=any(_concerns(finding, model) for finding in told),
        untested=any(_concerns(finding, model) for finding in more),
        lines=len(marked & code) / len(code),
    )


def _known(name: str, folder: Path) -> Known:
    stored, world = played(name, folder), WORLDS[name]
    fresh = alike(fresh_transitions(world.environment, world.kwargs, count=_FRESH, seed=7), stored)
    properties, _ = confirmed(mine(stored, absences=True), fresh)
    suite = collect(stored, world.environment, world.kwargs, seed=8)
    asked, _ = confirmed(suite.invariants, fresh)
    return Known(
        stored,
        tuple(properties),
        sample_cases(stored, _CASES, invariants=tuple(properties)),
        tuple(asked),
        sample_cases(suite.observed, _CASES, invariants=tuple(asked)),
        suite.observed,
    )


def _broken(program: Program, known: Known) -> tuple[str | None, str | None]:
    """The first property that a model breaks, of those mined without and of those mined with the environment."""
    cases = Dataset.concatenate([known.cases, known.asked_cases])
    invariants = list(dict.fromkeys((*known.properties, *known.asked)))
    violations, evidence = try_model(program, invariants, cases, _LIMITS)
    if evidence.failures or evidence.hang is not None:
        return ("it predicts something in every state",) * 2
    stored = [violation.invariant.statement for violation in violations if violation.invariant in known.properties]
    asked = [violation.invariant.statement for violation in violations if violation.invariant in known.asked]
    first = stored[0] if stored else None
    return first, first or (asked[0] if asked else None)


def _concerns(finding: Finding, model: WrongModel) -> bool:
    """Whether a finding is about the code that differs."""
    lines = _lines(finding)
    if model.lines:
        return bool(lines & model.lines)
    return model.gap <= lines


def _lines(finding: Finding) -> set[int]:
    return {
        *range(finding.span.line, finding.span.end_line + 1),
        *(suspect.line for suspect in finding.suspects),
    }


def _print_score(name: str, known: Known) -> None:
    source = right_model(name)
    spec = discover(ast.parse(source), source.splitlines()).models[0]
    program = Program(source, spec)
    with Runner(Prepared(known.stored), _LIMITS) as runner:
        form = runner.run(program).form
    subject = Subject(program, known.stored, form, Prepared(known.stored))
    for label, invariants, observed in (
        (name, (), None),
        ("  and properties", known.properties, None),
        ("  and asked", known.asked, known.observed),
    ):
        started = processor_seconds()
        result = adequacy(subject, invariants, observed=observed)
        _print_result(label, source, result, processor_seconds() - started)


def _print_result(name: str, source: str, result: Adequacy, processor: float) -> None:
    data, properties, survived, equivalent = (
        result.count(fate) for fate in (Fate.DATA, Fate.PROPERTIES, Fate.SURVIVED, Fate.EQUIVALENT)
    )
    score = f"{100 * (result.score or 0):.1f}%"
    print(f"{name:16}{len(source.splitlines()):>6}{len(result.verdicts):>9}{data:>6}{properties:>12}{survived:>10}"
          f"{equivalent:>12}{score:>8}{result.seconds:>9.1f}{processor:>7.1f}", flush=True)  # fmt: skip


def _print_flags(label: str, flags: Sequence[Flags], key) -> None:  # type: ignore[no-untyped-def]
    groups: dict[str, list[Flags]] = defaultdict(list)
    for one in flags:
        groups[key(one)].append(one)
    print(f"{label:28}{'models':>7}{'properties':>12}{'coverage':>10}{'both':>7}{'asked':>8}{'untested':>10}{'all':>7}"
          f"{'lines':>8}")  # fmt: skip
    for name, several in [*sorted(groups.items()), ("all", list(flags))]:
        shares = (
            _share(one.broken is not None for one in several),
            _share(one.coverage for one in several),
            _share(one.required for one in several),
            _share(one.asked is not None for one in several),
            _share(one.untested for one in several),
            _share(one.any for one in several),
            100 * float(np.mean([one.lines for one in several])) if several else 0.0,
        )
        widths = (12, 10, 7, 8, 10, 7, 8)
        print(
            f"{name:28}{len(several):>7}" + "".join(f"{share:>{w}.0f}" for share, w in zip(shares, widths, strict=True))
        )


def _share(values: Iterable[bool]) -> float:
    several = list(values)
    return 100 * sum(several) / len(several) if several else 0.0


if __name__ == "__main__":
    main(sys.argv[1:])
