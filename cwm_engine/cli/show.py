"""`cwm show`: the tree of a search, one program of it with everything that is known, or a page of it all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from cwm_engine.checking.show import crop, printable, show_count, show_share
from cwm_engine.cli.live import accuracy_style, clock
from cwm_engine.cli.output_text import diff_line
from cwm_engine.cli.writing import require_writable, write_text
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.runs import find_run, list_runs
from cwm_engine.synthesis.view import tree_json

PARTS = ("program", "diff", "findings", "prompt", "reply")
"""What can be shown of a node."""

_PIPE_WIDTH = 200
_REASON = 90


@dataclass(frozen=True, kw_only=True)
class ShowOptions:
    """What the command line asked for.

    Attributes:
        run: The name of the run; None for the last one.
        node: The number of a program, or `best`; None for the tree.
        part: What to show of it, and nothing else; None for everything.
        html: Whether to write a page.
        output: Where to write the page, or the program.
        as_json: Whether to print a document instead of text.
    """

    run: str | None = None
    node: str | None = None
    part: str | None = None
    html: bool = False
    output: Path | None = None
    as_json: bool = False


def run_show(options: ShowOptions) -> int:
    """Show a run.

    Raises:
        CwmError: There is no such run or node, or nothing can be written.
    """
    path = find_run(options.run) if options.run is not None else _last()
    with Journal.open(path, writable=False) as journal:
        tree = tree_json(journal)
    if options.html:
        return _write_page(tree, options.output or Path(f"{path.stem}.html"))
    wanted = options.node or ("best" if options.part or options.output else None)
    node = None if wanted is None else _node(tree, wanted)
    if node is not None and options.output is not None:
        return _write_part(node, options.part or "program", options.output)
    if options.as_json:
        sys.stdout.write(json.dumps(tree if node is None else node, indent=2, allow_nan=False) + "\n")
        return 0
    if node is not None and options.part is not None and options.part != "findings":
        # As it is, for other programs.
        sys.stdout.write(_part(node, options.part))
        return 0
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    if node is None:
        console.print(_heading(tree), soft_wrap=True)
        console.print(_tree(tree, console.width))
        return 0
    for line in _findings(node) if options.part == "findings" else _everything(tree, node):
        console.print(line, soft_wrap=True)
    return 0


def _last() -> Path:
    runs = list_runs()
    if not runs:
        raise CwmError("there are no runs to show", hint="`cwm synthesize FILE` begins one")
    return runs[-1].path


def _node(tree: Mapping[str, Any], wanted: str) -> Mapping[str, Any]:
    number = tree["best"] if wanted == "best" else int(wanted) if wanted.isdigit() else None
    found = next((node for node in tree["nodes"] if node["id"] == number), None)
    if found is None:
        known = f"1 to {len(tree['nodes'])}" if tree["nodes"] else "none"
        raise CwmError(f"the run {tree['run']} has no node {wanted}", hint=f"there are {known}, and `best`")
    return found


def _write_page(tree: Mapping[str, Any], out: Path) -> int:
    from cwm_engine.cli.show_page import page

    require_writable(out)
    write_text(out, page(tree))
    sys.stdout.write(f"{out}\n")
    return 0


def _write_part(node: Mapping[str, Any], part: str, out: Path) -> int:
    require_writable(out)
    write_text(out, _part(node, part))
    sys.stdout.write(f"{out}\n")
    return 0


def _part(node: Mapping[str, Any], part: str) -> str:
    text = json.dumps(node["findings"], indent=2) if part == "findings" else str(node[part] or "")
    return text if text.endswith("\n") or not text else f"{text}\n"


# The tree


def _heading(tree: Mapping[str, Any]) -> Text:
    nodes, accuracy = tree["nodes"], tree["accuracy"]
    line = Text.assemble((printable(str(tree["file"])), "bold"), f": {tree['status']}")
    if accuracy["search"] is not None:
        line.append(", ").append(show_share(accuracy["search"]), accuracy_style(accuracy["search"])).append(" searched")
    if accuracy["heldout"] is not None:
        line.append(", ").append(show_share(accuracy["heldout"]), accuracy_style(accuracy["heldout"]))
        line.append(" held out")
    parts = [str(tree["strategy"]), str(tree["proposer"]), show_count(len(nodes), "program"), *_taken(nodes)]
    line.append(f"\n{', '.join(parts)}; begun {tree['created']}", "dim")
    if tree["message"]:
        line.append(f"\n{printable(tree['message'])}", "dim")
    return line


def _taken(nodes: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    calls, tokens = sum(node["calls"] for node in nodes), sum(node["tokens"] for node in nodes)
    cost = sum(node["cost"] for node in nodes)
    if calls:
        yield from (show_count(calls, "call"), show_count(tokens, "token"))
    if cost:
        yield f"${cost:,.2f}"
    if nodes:
        yield clock(nodes[-1]["seconds"])


def _tree(tree: Mapping[str, Any], width: int) -> Tree:
    root = Tree(Text(tree["run"], "bold"), guide_style="dim")
    branches: dict[int | None, Tree] = {None: root}
    for node in tree["nodes"]:
        label = _label(node, best=node["id"] == tree["best"], width=width)
        branches[node["id"]] = branches[node["parent"]].add(label)
    return root


def _label(node: Mapping[str, Any], *, best: bool, width: int) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"#{node['id']} ", "dim").append(f"{node['action'] or 'begin'}  ")
    if node["program"] is None:
        line.append("nothing", "dim")
    elif node["buggy"]:
        line.append("does not run", "red")
    else:
        line.append(show_share(node["accuracy"]), accuracy_style(node["accuracy"]))
    if best:
        line.append("  best", "bold green")
    remark = node["reason"] if node["program"] is None or node["buggy"] else node["note"] or _unasked(node)
    if remark:
        line.append(f"  {crop(printable(' '.join(str(remark).split())), min(_REASON, max(width - 40, 20)))}", "dim")
    return line


def _unasked(node: Mapping[str, Any]) -> str:
    """What a proposer that nobody had to ask said it changed."""
    return "" if node["prompt"] else str(node["reply"]).partition("; then")[0]


# One program


def _everything(tree: Mapping[str, Any], node: Mapping[str, Any]) -> Iterable[Text]:
    yield _label(node, best=node["id"] == tree["best"], width=_PIPE_WIDTH)
    if node["note"]:
        yield Text(f"note: {printable(node['note'])}")
    parent = node["parent"]
    title = "program" if parent is None or not node["diff"] else f"difference to #{parent}"
    text = node["program"] if title == "program" else node["diff"]
    yield from _section(
        title, (diff_line(line) if title != "program" else Text(printable(line)) for line in _lines(text))
    )
    yield from _section("findings", _findings(node))
    for part in ("prompt", "reply"):
        yield from _section(part, (Text(printable(line)) for line in _lines(node[part])))


def _section(title: str, lines: Iterable[Text]) -> Iterable[Text]:
    shown = list(lines)
    if shown:
        yield Text(f"\n{title}", "bold")
        yield from shown


def _lines(text: str | None) -> list[str]:
    return (text or "").splitlines()


def _findings(node: Mapping[str, Any]) -> Iterable[Text]:
    for finding in node["findings"]:
        yield Text.assemble(
            (f"{finding['code']} ", "bold"),
            f"line {finding['line']}: ",
            printable(" ".join(finding["message"].split())),
        )
        example = finding["example"]
        for row in example["rows"][:4] if example else []:
            place = f"episode {example['episode']}, step {example['step']}, action {example['action']}"
            yield Text(f"    {place}: {row['field']} is {row['expected']}, predicted {row['predicted']}", "dim")
