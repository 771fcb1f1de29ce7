"""`cwm properties`: a file of property tests for a model, mined from its data and tried on the real environment."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cwm_engine.checking.show import printable, show_count
from cwm_engine.cli.output_text import diff_line
from cwm_engine.cli.target import existing_model
from cwm_engine.cli.writing import require_writable, write_text
from cwm_engine.diagnosis.opening import load_data
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget
from cwm_engine.properties.generation import Merged, file_of_tests
from cwm_engine.properties.suite import Suite
from cwm_engine.properties.updating import updated_tests
from cwm_engine.trajectories.dataset import Dataset

_INTERRUPTED = 130
_LISTED = 12


@dataclass(frozen=True, kw_only=True)
class PropertiesOptions:
    """What the command line asked for.

    Attributes:
        file: The model.
        trajectories: The data, where not the configuration's.
        output: The file of tests; `tests/test_MODEL_properties.py` in the project's directory if not given.
        diff: Whether to show what would change instead of writing it.
        env: The real environment, where not the configuration's.
        use_env: Whether to ask the real environment.
        as_json: Whether to print a document instead of text.
        seed: Of the transitions played in the real environment.
        skip_bad: Whether to leave malformed records of the data out.
    """

    file: str
    trajectories: tuple[str, ...] = ()
    output: Path | None = None
    diff: bool = False
    env: str | None = None
    use_env: bool = True
    as_json: bool = False
    seed: int = 0
    skip_bad: bool = False


@dataclass(frozen=True)
class _Result:
    """What came of it: the suite, the file, and what is different in it."""

    suite: Suite
    path: Path
    merged: Merged
    before: str
    written: bool
    known_env: str | None


def run_properties(options: PropertiesOptions) -> int:
    """Write the tests, or show what would change in them.

    Returns:
        0.

    Raises:
        CwmError: There is no such model or no data, the environment cannot be played, or the file cannot be written.
    """
    _, target, source = existing_model(options.file, options.trajectories)
    path = options.output or file_of_tests(target)
    if not options.diff and options.output is not None:
        require_writable(path)
    dataset = load_data(target, skip_bad=options.skip_bad)
    try:
        result = write_tests(target, source.text, dataset, path, options)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return _INTERRUPTED
    _show(result, target.spec, options)
    return 0


def write_tests(target: ModelTarget, text: str, dataset: Dataset, path: Path, options: PropertiesOptions) -> _Result:
    """Mine, and bring the file of tests up to date.

    Raises:
        CwmError: As `run_properties`.
    """
    before = _read(path)
    environment = (options.env or target.env) if options.use_env else None
    stderr = Console(stderr=True)
    doing = f"Playing {environment} and mining" if environment else "Mining"
    with stderr.status(f"{doing} for {target.spec}") if stderr.is_terminal else nullcontext():
        updated = updated_tests(target, text, dataset, path, before, environment, options.seed)
    suite, merged = updated.suite, updated.merged
    written = not options.diff and merged.text != before
    if written:
        if _read(path) != before:
            raise CwmError("has changed while the rules were mined", path=path, hint="run it again")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, merged.text)
    known = dataset.provenance.environment if suite.environment is None else None
    return _Result(suite, path, merged, before, written, known)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CwmError(f"cannot be read: {reason}", path=path) from None


def _show(result: _Result, model: str, options: PropertiesOptions) -> None:
    if options.as_json:
        sys.stdout.write(json.dumps(_document(result, model), indent=2, allow_nan=False) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(result, model, options):
        console.print(line)


def _document(result: _Result, model: str) -> dict[str, Any]:
    suite, merged = result.suite, result.merged
    return {
        "schema": 1,
        "model": model,
        "file": str(result.path),
        "written": result.written,
        "transitions": len(suite.dataset),
        "environment": suite.environment,
        "fresh": len(suite.fresh) if suite.fresh is not None else 0,
        "properties": [
            {
                "kind": str(one.kind),
                "statement": one.statement,
                "fields": list(one.fields),
                "support": one.support,
                "fresh_support": one.real_support,
            }
            for one in suite.invariants
        ],
        "dropped": [one.statement for one in suite.dropped],
        "added": list(merged.added),
        "updated": list(merged.updated),
        "kept": list(merged.kept),
        "removed": list(merged.removed),
        "left": list(merged.left),
        "diff": _diff(result),
    }


def _lines(result: _Result, model: str, options: PropertiesOptions) -> Iterable[Text]:
    suite, merged = result.suite, result.merged
    if options.diff:
        yield from (diff_line(line) for line in _diff(result).splitlines())
        if result.merged.text != result.before:
            yield Text()
    tests = merged.text.count("\ndef test_")
    head = Text.assemble((model, "bold"), f": {show_count(tests, 'test')}, ")
    yield head.append(f"{show_count(len(suite.invariants), 'rule')} mined from {_transitions(suite)}")
    if suite.environment is not None:
        yield Text(f"  {show_count(len(suite.dropped), 'rule')} of the recording dropped: {suite.environment} breaks "
                   f"{'it' if len(suite.dropped) == 1 else 'them'}" if suite.dropped
                   else f"  no rule of the recording is broken by {suite.environment}")  # fmt: skip
        yield from (Text(f"    {printable(one.statement)}", "dim") for one in suite.dropped[:_LISTED])
        if len(suite.dropped) > _LISTED:
            yield Text(f"    and {len(suite.dropped) - _LISTED:,} more", "dim")
    if result.before:
        for word, style, names in (
            ("new", "bold green", merged.added),
            ("changed", "bold", merged.updated),
            ("kept", "bold yellow", merged.kept),
            ("gone", "bold red", merged.removed),
            ("left", "bold yellow", merged.left),
        ):
            yield from _named(word, style, names)
    yield _where(result, options)
    if result.known_env is not None and options.use_env:
        yield Text(f"  `--env {result.known_env}` tries them on the real environment, which can say more", "dim")


def _named(word: str, style: str, names: Sequence[str]) -> Iterable[Text]:
    notes = {"kept": ", which you have edited", "left": ", which you have edited; it was not found again"}
    for name in names[:_LISTED]:
        yield Text.assemble((f"  {word}", style), f": {name}{notes.get(word, '')}")
    if len(names) > _LISTED:
        yield Text(f"  and {show_count(len(names) - _LISTED, 'more test')} {word}", "dim")


def _where(result: _Result, options: PropertiesOptions) -> Text:
    if result.written:
        return Text.assemble(("  written", "bold green"), f": {result.path}")
    if options.diff and result.merged.text != result.before:
        return Text(f"  not written: {result.path}; without --diff it is", "dim")
    return Text(f"  unchanged: {result.path}", "dim")


def _transitions(suite: Suite) -> str:
    text = show_count(len(suite.dataset), "recorded transition")
    return f"{text} and {len(suite.fresh):,} fresh ones" if suite.fresh is not None else text


def _diff(result: _Result) -> str:
    before, after = (text.splitlines(keepends=True) for text in (result.before, result.merged.text))
    name = str(result.path)
    old = f"a/{name}" if result.before else "/dev/null"
    return "".join(difflib.unified_diff(before, after, old, f"b/{name}"))
