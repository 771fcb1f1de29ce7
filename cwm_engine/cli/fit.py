"""`cwm fit`: the numbers of a model fitted to recorded transitions, and those that the data cannot determine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cwm_engine.checking.show import printable, show_count, show_share
from cwm_engine.cli.output_text import diff_line
from cwm_engine.cli.target import existing_model
from cwm_engine.cli.writing import replace_text, require_writable, write_text
from cwm_engine.induction.documents import fit_diff, fit_json
from cwm_engine.induction.fit import SECONDS, Fit
from cwm_engine.induction.opening import fit_target
from cwm_engine.project import ModelTarget
from cwm_engine.settings import Settings
from cwm_engine.world_model.source import ModelSource

_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What the command line asked for.

    Attributes:
        file: The model.
        trajectories: The data, where not the configuration's.
        output: Where to write the program.
        write: Whether to replace the file.
        as_json: Whether to print a document instead of text.
        seconds: How long to search; as long as is usual if not given.
        seed: Of the starts.
        skip_bad: Whether to leave malformed records of the data out.
    """

    file: str
    trajectories: tuple[str, ...] = ()
    output: Path | None = None
    write: bool = False
    as_json: bool = False
    seconds: float | None = None
    seed: int = 0
    skip_bad: bool = False


def run_fit(options: FitOptions) -> int:
    """Fit, print what came of it, write it where that was asked for.

    Returns:
        0 if every transition is right with the fitted numbers, 1 if not.

    Raises:
        CwmError: There is nothing to fit, or the result cannot be written.
    """
    hint = "numbers are fitted in a file that is there"
    project, target, source = existing_model(options.file, options.trajectories, hint=hint)
    for place in ([options.output] if options.output else []) + ([target.path] if options.write else []):
        require_writable(place)
    try:
        fitted = _fitted(target, project.settings, source, options)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return _INTERRUPTED
    written = _write(fitted, source, options)
    _show(fitted, target.spec, written, options)
    return 0 if fitted.accuracy_after == 1.0 else 1


def _fitted(target: ModelTarget, configured: Settings, source: ModelSource, options: FitOptions) -> Fit:
    stderr = Console(stderr=True)
    busy = stderr.status(f"Fitting the numbers of {target.path}") if stderr.is_terminal else nullcontext()
    seconds = options.seconds or SECONDS
    with busy:
        return fit_target(
            target, configured, source.text, skip_bad=options.skip_bad, seconds=seconds, seed=options.seed
        )


def _write(fitted: Fit, source: ModelSource, options: FitOptions) -> str | None:
    """Write the fitted program where that was asked for; where it was written."""
    if options.output is not None:
        write_text(options.output, fitted.text, source)
        return str(options.output)
    if not options.write or not fitted.changed:
        return None
    replace_text(source, fitted.text)
    return str(source.path)


def _show(fitted: Fit, file: str, written: str | None, options: FitOptions) -> None:
    if options.as_json:
        sys.stdout.write(json.dumps({**fit_json(fitted, file), "written": written}, indent=2, allow_nan=False) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(fitted, file, written):
        console.print(line)


def _lines(fitted: Fit, file: str, written: str | None) -> Iterable[Text]:
    diff = fit_diff(fitted, file)
    if diff:
        yield from (diff_line(line) for line in diff.splitlines())
        yield Text()
    head = Text.assemble((file, "bold"), ": ")
    if fitted.changed:
        head.append("fitted", "bold green").append(f", {show_count(len(fitted.changed), 'number')} changed")
    else:
        head.append("unchanged", "bold").append(f": {_half(fitted.problem)}")
    yield head
    yield _accuracy(fitted)
    for change in fitted.changed:
        named = "" if change.literal.name == change.literal.text else f"{printable(change.literal.name)} "
        yield Text(f"  line {change.literal.line}: {named}{change.literal.text} -> {change.text}")
    for message in _undetermined(fitted):
        yield Text.assemble(("  undetermined", "bold yellow"), f": {printable(message)}")
    if written is not None:
        yield Text.assemble(("  written", "bold green"), f": {written}")
    elif fitted.changed:
        yield Text("  `--write` puts them into the file, `-o FILE` elsewhere", "dim")


def _undetermined(fitted: Fit) -> Iterable[str]:
    """What the data cannot determine; constants that only count together are told together."""
    told: set[frozenset[str]] = set()
    for one in fitted.undetermined:
        literal = one.literal
        own = f"{literal.name} (line {literal.line})" if literal.name == literal.text else literal.name
        group = frozenset((own, *one.others))
        if not one.others:
            yield f"line {literal.line}: {one.message}"
        elif group not in told:
            told.add(group)
            first, *others = (f"`{name}`" for name in (own, *one.others))
            yield f"line {literal.line}: {first}: only combinations with {', '.join(others)} count in the data."


def _accuracy(fitted: Fit) -> Text:
    line = Text("  accuracy ")
    line.append(show_share(fitted.accuracy_after), "bold green" if fitted.accuracy_after == 1 else "bold red")
    line.append(f" of {show_count(len(fitted.after.checked), 'transition')}")
    if fitted.changed:
        line.append(f" ({show_share(fitted.accuracy_before)} before)", "dim")
    if fitted.heldout_after is not None:
        line.append(f", {show_share(fitted.heldout_after)} of those held out from the fit")
    return line.append(f"; {fitted.seconds:.1f} seconds")


def _half(sentence: str | None) -> str:
    return f"{sentence[0].lower()}{sentence[1:].rstrip('.')}" if sentence else "no other numbers predict more"
