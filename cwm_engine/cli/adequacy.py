"""`cwm properties --adequacy`: what nothing tests of a model, and what to record to test it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cwm_engine.checking.arrivals import Progress
from cwm_engine.checking.report import Report
from cwm_engine.checking.show import crop, printable, show, show_count, show_share
from cwm_engine.cli.output import OutputFormat, write_report
from cwm_engine.cli.progress import Bars
from cwm_engine.cli.target import existing_model
from cwm_engine.cli.writing import require_writable, write_text
from cwm_engine.diagnosis.opening import load_data, sandbox_limits, session_settings
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget
from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.properties.adequacy.score import Fate, Verdict
from cwm_engine.properties.asking.script import reason, recording_script
from cwm_engine.properties.asking.search import SECONDS, Question
from cwm_engine.properties.examination import Examination, Examiner
from cwm_engine.properties.suite import Suite, collect
from cwm_engine.sandbox.limits import Limits
from cwm_engine.trajectories.dataset import Dataset

_INTERRUPTED = 130
_LISTED = 8
_ACTIONS_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class AdequacyOptions:
    """What the command line asked for.

    Attributes:
        file: The model.
        trajectories: The data, where not the configuration's.
        env: The real environment, where not the configuration's.
        use_env: Whether to ask the real environment.
        data_only: Whether to leave rules out and ask what the recorded transitions test alone.
        script: Where to write the script that records what would test more.
        timeout: Processor seconds that the search for sequences of actions may take, where not as usual.
        min_score: The score that has to be reached, 0..1.
        as_json: Whether to print a document instead of text.
        seed: Of everything random.
        skip_bad: Whether to leave malformed records of the data out.
    """

    file: str
    trajectories: tuple[str, ...] = ()
    env: str | None = None
    use_env: bool = True
    data_only: bool = False
    script: Path | None = None
    timeout: float | None = None
    min_score: float | None = None
    as_json: bool = False
    seed: int = 0
    skip_bad: bool = False


def run_adequacy(options: AdequacyOptions) -> int:
    """Examine a model and say what came of it.

    Returns:
        0; 1 if the score that was asked for is not reached; 130 after Ctrl-C.

    Raises:
        CwmError: There is no such model or no data, the model is wrong about it, or the script cannot be written.
    """
    project, target, source = existing_model(options.file, options.trajectories)
    environment = (options.env or target.env) if options.use_env else None
    if options.script is not None:
        if environment is None:
            raise CwmError("a script records from the real environment", hint="name it with --env")
        require_writable(options.script)
    dataset = load_data(target, skip_bad=options.skip_bad)
    try:
        found = _examined(target, source.text, dataset, environment, sandbox_limits(project.settings), options=options)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return _INTERRUPTED
    written = _write_script(found, target, dataset, environment, options)
    if options.as_json:
        document = _document(found, environment, written)
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        write_report(Report((found.report,)), {found.report.file: source.text}, OutputFormat.TEXT, sys.stdout)
        console = Console(highlight=False, soft_wrap=True)
        for line in _lines(found, target.spec, environment, written):
            console.print(line)
        if options.script is not None and written is None:
            console.print(Text(f"  not written: {options.script}; there is no sequence to record", "dim"))
    score = found.adequacy.score
    return int(options.min_score is not None and (score is None or score < options.min_score))


def _examined(
    target: ModelTarget,
    text: str,
    dataset: Dataset,
    environment: str | None,
    limits: Limits,
    *,
    options: AdequacyOptions,
) -> Examination:
    kwargs = dataset.provenance.environment_kwargs if environment == dataset.provenance.environment else None
    seed = options.seed
    stderr = Console(stderr=True)
    mining = stderr.status(f"Mining rules for {target.spec}") if stderr.is_terminal else nullcontext()
    with mining:
        suite = Suite(dataset, ()) if options.data_only else collect(dataset, environment, kwargs, seed=seed)
    with Bars() as bars:
        examiner = Examiner(
            settings=session_settings(target),
            suite=suite,
            environment=environment,
            kwargs=kwargs,
            limits=limits,
            seed=seed,
            seconds=SECONDS if options.timeout is None else options.timeout,
        )
        return examiner.examine(text, lambda what, done, total: bars.show(what, Progress(done, total, 0)))


def _write_script(
    found: Examination, target: ModelTarget, dataset: Dataset, environment: str | None, options: AdequacyOptions
) -> Path | None:
    if options.script is None or environment is None or not found.asked.questions:
        return None
    kwargs = dataset.provenance.environment_kwargs if environment == dataset.provenance.environment else None
    text = recording_script(
        found.asked.questions,
        model=target.spec,
        environment=environment,
        kwargs=kwargs,
        path=f"trajectories/{target.path.stem}_asked.sqlite",
    )
    write_text(options.script, text)
    return options.script


def _lines(found: Examination, model: str, environment: str | None, written: Path | None) -> Iterable[Text]:
    result = found.adequacy
    counts = {fate: result.count(fate) for fate in Fate}
    differing = counts[Fate.DATA] + counts[Fate.PROPERTIES] + counts[Fate.SURVIVED]
    head = Text.assemble(("adequacy", "bold"), f" of {model}: ")
    if result.score is None:
        yield head.append("no change of it makes a difference")
        return
    head.append(show_share(result.score), "bold green" if result.score == 1.0 else "bold")
    yield head.append(f" of {show_count(differing, 'changed model')} are told from it")
    yield Text(f"  {counts[Fate.DATA]:>5} killed by {show_count(result.transitions, 'recorded transition')}")
    yield Text(f"  {counts[Fate.PROPERTIES]:>5} killed by {show_count(result.properties, 'rule')}")
    yield Text(f"  {counts[Fate.SURVIVED]:>5} survived", "bold" if counts[Fate.SURVIVED] else "")
    same = f"equivalent: the same at {show_count(result.states, 'sampled state')}"
    yield Text(f"  {counts[Fate.EQUIVALENT]:>5} {same}", "dim")
    if counts[Fate.UNTRIED]:
        yield Text(f"  {counts[Fate.UNTRIED]:>5} not tried: there was no time", "bold yellow")
    for invariant in result.broken:
        yield Text.assemble(("  broken by the model itself", "bold yellow"), f": {printable(invariant.statement)}")
    yield from _questions(found, environment, written)


def _questions(found: Examination, environment: str | None, written: Path | None) -> Iterable[Text]:
    asked = found.asked
    if not asked.questions and not asked.open:
        return
    total = len(asked.questions) + len(asked.open)
    if not asked.questions:
        of = "it" if total == 1 else f"any of the {total}"
        yield Text(
            f"no sequence of actions was found that would show {of}: {show_count(asked.steps, 'step')} of the model"
        )
        return
    yield Text(f"sequences of actions that would show {len(asked.questions)} of {total}:", "bold")
    groups: dict[tuple[str, tuple[Any, ...]], list[Question]] = {}
    for question in asked.questions:
        groups.setdefault((_start(question), question.actions), []).append(question)
    for (start, actions), several in list(groups.items())[:_LISTED]:
        texts = list(dict.fromkeys(map(reason, several)))
        more = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
        yield Text(f"  {printable(texts[0])}{more}")
        shown = crop(" ".join(show(action) for action in actions), _ACTIONS_WIDTH)
        yield Text(f"    {start}, {show_count(len(actions), 'action')}: {shown}", "dim")
    if len(groups) > _LISTED:
        yield Text(f"  and {show_count(len(groups) - _LISTED, 'more sequence')}", "dim")
    if written is not None:
        yield Text.assemble(("  written", "bold green"), f": {written}; run it with Python to record them")
    elif asked.questions:
        name = "" if environment else " with --env ID"
        yield Text(f"  `--script FILE`{name} writes them as a script that records what really happens", "dim")


def _start(question: Question) -> str:
    if question.start.seed is not None:
        return f"from a reset with seed {question.start.seed}"
    return f"from the start of episode {question.start.episode}"


def _document(found: Examination, environment: str | None, written: Path | None) -> dict[str, Any]:
    """The report of the check with the findings, as `cwm check` gives it, and beside it how much is tested."""
    result = found.adequacy
    return {
        **Report((found.report,)).to_json(),
        "adequacy": {
            "environment": environment,
            "score": result.score,
            "counts": {str(fate): result.count(fate) for fate in Fate},
            "transitions": result.transitions,
            "properties": result.properties,
            "states": result.states,
            "seconds": round(result.seconds, 2),
            "broken": [invariant.statement for invariant in result.broken],
            "mutants": [_mutant(verdict) for verdict in result.verdicts],
        },
        "questions": [_question(question) for question in found.asked.questions],
        "open": [
            {"line": target.line, "now": target.now if isinstance(target, Mutant) else None}
            for target in found.asked.open
        ],
        "script": str(written) if written is not None else None,
    }


def _question(question: Question) -> dict[str, Any]:
    start = question.start
    return {
        "line": question.line,
        "about": reason(question),
        "seed": start.seed,
        "episode": start.episode,
        "state": start.state,
        "actions": list(question.actions),
    }


def _mutant(verdict: Verdict) -> dict[str, Any]:
    mutant, place = verdict.mutant, verdict.place
    return {
        "line": mutant.span.line,
        "column": mutant.span.column,
        "end_line": mutant.span.end_line,
        "end_column": mutant.span.end_column,
        "operator": str(mutant.operator),
        "was": mutant.was,
        "now": mutant.now,
        "fate": str(verdict.fate),
        "by": verdict.by,
        "place": None
        if place is None
        else {"state": place.state, "action": place.action, "model": place.model, "mutant": place.mutant},
    }
