"""`cwm describe`: what is in a dataset and how far it can be trusted, as tables or JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cwm_engine.checking.show import printable, show, show_share
from cwm_engine.errors import CwmError
from cwm_engine.findings import Severity
from cwm_engine.trajectories.dataset import Dataset, Provenance
from cwm_engine.trajectories.describe import Description, Field, Range, describe
from cwm_engine.trajectories.health import HealthFinding
from cwm_engine.trajectories.health.determinism import Method, Verdict
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.structures import Kind

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}
_FIELDS = 40
_ACTIONS = 20
_PIPE_WIDTH = 10_000
_ANSWERS = {
    Verdict.FUNCTION: ("yes", "green"),
    Verdict.HISTORY: ("only with its history", "yellow"),
    Verdict.HIDDEN_STATE: ("no", "yellow"),
    Verdict.NOISE: ("no", "yellow"),
    Verdict.NOT_A_FUNCTION: ("no", "yellow"),
    Verdict.UNKNOWN: ("unknown", "dim"),
}


class DescribeFormat(StrEnum):
    """Values of `--output-format` for a description."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class DescribeOptions:
    """What `cwm describe` was asked for.

    Attributes:
        data: Files, directories, patterns or Minari ids, put together.
        output_format: Tables or JSON.
        skip_bad: Leave malformed records out.
        fail_on: The mildest severity of a health finding that makes the command fail.
    """

    data: tuple[str, ...]
    output_format: DescribeFormat = DescribeFormat.TEXT
    skip_bad: bool = False
    fail_on: Severity = Severity.WARNING


def run_describe(options: DescribeOptions) -> int:
    """Describe the data on standard output; 1 if a finding is as severe as `fail_on`, else 0.

    Raises:
        CwmError: The data cannot be read or holds no transition.
    """
    stderr = Console(stderr=True)
    busy = stderr.status("Reading and examining the data") if stderr.is_terminal else nullcontext()
    with busy:
        dataset = load_dataset(options.data, skip_bad=options.skip_bad)
        _require_transitions(dataset)
        description = describe(dataset)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the data may hold characters that the terminal has not
    if options.output_format is DescribeFormat.JSON:
        sys.stdout.write(json.dumps(description.to_json(), indent=2, allow_nan=False) + "\n")
    else:
        # A pipe has no width: long lines are left to whoever reads them.
        console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
        for part in renderables(description):
            console.print(part)
    return int(any(finding.severity.at_least(options.fail_on) for finding in description.health))


def _require_transitions(dataset: Dataset) -> None:
    if not len(dataset):
        raise CwmError(
            "there are no transitions to describe",
            path=dataset.provenance.source,
            hint="record some with `cwm record`, or see which records are malformed without --skip-bad",
        )


def renderables(description: Description) -> Iterable[RenderableType]:
    """The description as lines and tables for a terminal."""
    yield _title(description.provenance)
    yield ""
    yield _overview(description)
    yield ""
    yield _field_table("observation", description.fields)
    yield ""
    yield from _actions(description)
    yield from _rewards(description)
    yield _function(description)
    yield _ceiling(description)
    yield ""
    if not description.health:
        yield Text("health: nothing wrong was found", "green")
        return
    yield Text("health", "bold")
    for finding in description.health:
        yield from _finding(finding)


def _title(provenance: Provenance) -> Text:
    title = Text(printable(provenance.environment or "unknown environment"), "bold")
    made = [f"policy {provenance.policy}"] if provenance.policy else []
    made += [f"seed {provenance.seed}"] if provenance.seed is not None else []
    made += [f"{name} {version}" for name, version in provenance.versions.items()]
    made += [provenance.created] if provenance.created else []
    made += [provenance.source] if provenance.source else []
    return title.append(f"  {printable(', '.join(made))}", "not bold dim") if made else title


def _overview(description: Description) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in (
        ("transitions", f"{description.transitions:,}, {description.distinct:,} different states and actions"),
        ("episodes", f"{description.episodes:,} of {_range(description.lengths)} steps"),
        ("returns", _range(description.returns)),
        ("endings", _endings(description)),
        ("observation", _space(description.observation.text, description.observation.declared)),
        ("action", _space(description.action.text, description.action.declared)),
    ):
        table.add_row(name, Text(text))
    return table


def _range(values: Range) -> str:
    if values.min == values.max:
        return show(_short(values.min))
    low, high, middle = (show(_short(value)) for value in (values.min, values.max, values.median))
    return f"{low} to {high} (median {middle})"


def _short(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() and abs(value) < 1e15 else value


def _endings(description: Description) -> str:
    counts = [f"{description.terminated:,} terminated", f"{description.truncated:,} truncated"]
    if description.unmarked:
        counts.append(f"{description.unmarked:,} without either")
    if description.unexplainable:
        counts.append(f"{description.unexplainable:,} of the terminated by a time limit")
    return ", ".join(counts)


def _space(text: str, declared: bool) -> str:
    return printable(text) if declared else f"{printable(text)} (not declared)"


def _field_table(title: str, fields: Sequence[Field]) -> Table:
    table = _table(title, "min", "median", "mean", "max", "distinct")
    for field in fields[:_FIELDS]:
        numbers = field.range or Range(None, None, None, None)
        table.add_row(
            Text(printable(field.name)),
            *(show(_short(value), empty="") for value in (numbers.min, numbers.median, numbers.mean, numbers.max)),
            "" if field.distinct is None else f"{field.distinct:,}",
        )
    if len(fields) > _FIELDS:
        table.caption = f"and {len(fields) - _FIELDS:,} more fields; --output-format json shows all"
    return table


def _actions(description: Description) -> Iterable[RenderableType]:
    actions, total = description.actions, description.transitions
    if not actions.classes:
        yield _field_table("action", actions.fields)
    else:
        table = _table("action", "transitions", "share")
        for action, count in actions.classes[:_ACTIONS]:
            table.add_row(Text(show(action, width=40)), f"{count:,}", show_share(count / total))
        if len(actions.classes) > _ACTIONS:
            table.caption = f"and {len(actions.classes) - _ACTIONS:,} more actions"
        yield table
    yield ""


def _rewards(description: Description) -> Iterable[RenderableType]:
    rewards, total = description.rewards, description.transitions
    if rewards.classes:
        table = _table("reward", "transitions", "share")
        for reward, count in rewards.classes:
            table.add_row(show(_short(reward)), f"{count:,}", show_share(count / total))
        yield table
    else:
        yield _field_table("reward", [Field("reward", Kind.FLOAT, rewards.range, rewards.distinct)])
    yield ""


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", caption_justify="left")
    table.add_column(title, style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _function(description: Description) -> Text:
    found = description.determinism
    answer, style = _ANSWERS[found.verdict]
    if found.verdict is Verdict.FUNCTION and found.method is Method.NEIGHBOURS:
        answer = "apparently"
    text = Text("a function of state and action?  ", "dim")
    return text.append(answer, style).append(f". {found.message}", "not dim")


def _ceiling(description: Description) -> Text:
    text = Text("known ceiling of the accuracy  ", "dim").append(show_share(description.ceiling), "not dim")
    if description.ceiling == 1:
        return text.append(". No state and action has outcomes that contradict each other.", "not dim")
    worst = sorted(description.field_ceilings.items(), key=lambda item: item[1])[:5]
    if worst:
        fields = ", ".join(f"{printable(name)} {show_share(best)}" for name, best in worst)
        text.append(f" ({fields})", "not dim")
    return text


def _finding(finding: HealthFinding) -> Iterable[RenderableType]:
    head = Text.assemble((str(finding.severity), _STYLES[finding.severity]), " ", (finding.slug, "bold"), ": ")
    yield Padding(head.append(printable(finding.message)), (0, 0, 0, 2), expand=False)
    places = ", ".join(f"episode {episode} step {step}" for episode, step in finding.examples[:3])
    for name, text in (("help", finding.advice), ("at", places)):
        if text:
            yield Padding(Text.assemble(("= ", "blue"), (name, "bold"), f": {text}"), (0, 0, 0, 4), expand=False)
