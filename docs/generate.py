"""Writes the parts of the documentation that come from the source: `make docs`.

Pages are written by hand; a stretch between `<!-- generated: NAME -->` and `<!-- end -->` is filled in here, and so is
the output below the example of each finding's page. A test says when a committed page is behind the source.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.models import ArgumentInfo

from cwm_engine.findings import CODES, Code

DOCS = Path(__file__).parent
FINDINGS = DOCS / "findings"

_BLOCK = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMANDS = {
    "CWM604": ("properties", "--adequacy", "--no-env", "--timeout", "2"),
    "CWM701": ("properties", "--run"),
    "CWM702": ("properties", "--run"),
    "CWM703": ("properties", "--run", "--timeout", "5"),
}
"""What finds the codes that `cwm check` does not find."""
_GROUPS = {
    "1": "Loading and interface",
    "2": "State",
    "3": "Reward and termination",
    "4": "Exceptions and limits",
    "5": "Nondeterminism and hidden state",
    "6": "Unexercised code",
    "7": "Properties",
    "8": "Data and speed",
    "9": "Planning",
}


@dataclass(frozen=True)
class PageExample:
    """The example on a finding's page: a model, and the data it is checked against."""

    model: bytes
    data: str


def page_of(code: str) -> Path:
    """The page of a code."""
    return FINDINGS / f"{code}.md"


def example_of(code: str) -> PageExample:
    """The example on the page of a code: its first Python block, its own JSON Lines block or those of the index."""
    model, data = None, (FINDINGS / "cart.jsonl").read_text()
    for fence in _FENCE.finditer(page_of(code).read_text()):
        match fence["info"].split():
            case ["python", *encoding] if model is None:
                model = fence["text"].encode(*encoding)
            case ["jsonl"]:
                data = fence["text"]
    if model is None:
        raise ValueError(f"the page of {code} has no example")
    return PageExample(model, data)


def check_example(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command that finds a code on the example of its page, in an empty folder."""
    example = example_of(code)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "cart.py").write_bytes(example.model)
        Path(folder, "cart.jsonl").write_text(example.data)
        finder = _COMMANDS.get(code, ("check",))
        command = [sys.executable, "-m", "cwm_engine", *finder, "cart.py", "--trajectories", "cart.jsonl"]
        return subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)


def with_blocks(page: Path) -> str:
    """The text of a page with its generated blocks filled in anew."""
    return _BLOCK.sub(lambda block: f"{block[1]}{_GENERATORS[block['name']]()}{block[3]}", page.read_text())


def generated_pages() -> list[Path]:
    """The pages that have generated blocks."""
    return [page for page in sorted(DOCS.rglob("*.md")) if _BLOCK.search(page.read_text())]


def with_output(code: str) -> str:
    """The text of a finding's page with the output of its example as it is now."""
    shown = check_example(code, *(() if code in _COMMANDS else ("--select", code))).stdout.strip()
    return re.sub(
        r"^```text\n.*?^```$",
        lambda _: f"```text\n{shown}\n```",
        page_of(code).read_text(),
        count=1,
        flags=re.DOTALL | re.MULTILINE,
    )


def _codes() -> str:
    parts = []
    for digit, title in _GROUPS.items():
        group = [code for code in CODES.values() if code.code[3] == digit]
        if group:
            rows = "".join(map(_row, group))
            parts.append(f"\n### {title}\n\n| code | name | severity | |\n|---|---|---|---|\n{rows}")
    return "".join(parts) + "\n"


def _row(code: Code) -> str:
    return f"| [{code.code}]({code.code}.md) | {code.name} | {code.severity} | {code.summary} |\n"


def _commands() -> str:
    from cwm_engine.cli.commands import app

    groups = {f"{group.typer_instance.info.name} ": group.typer_instance for group in app.registered_groups}
    commands = {
        f"{group}{info.name or info.callback.__name__}": (info.callback, info.epilog)
        for group, members in {"": app, **groups}.items()
        for info in members.registered_commands
        if info.callback
    }
    for name, group in groups.items():
        own = group.registered_callback
        if group.info.invoke_without_command is True and own and own.callback:
            commands[name.strip()] = (own.callback, group.info.epilog)
    return "".join(_command(name, *commands[name]) for name in sorted(commands)) + "\n"


def _command(name: str, function: Callable[..., Any], epilog: str | None) -> str:
    """A section about one command: what it does, its arguments and options, its example."""
    hints = get_type_hints(function, include_extras=True)
    parameters = [
        _Parameter(key, hints[key], parameter.default)
        for key, parameter in inspect.signature(function).parameters.items()
        if get_args(hints[key])  # the context is no parameter of the command line
    ]
    usage = " ".join([f"cwm {name}", "[OPTIONS]", *(item.usage for item in parameters if item.is_argument)])
    parts = [f"\n## cwm {name}", inspect.cleandoc(function.__doc__ or ""), f"```\n{usage}\n```"]
    rows = [f"| {item.names} | {item.help} |" for item in parameters]
    if rows:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    if epilog:
        parts.append(epilog)
    return "\n\n".join(parts) + "\n"


class _Parameter:
    """One argument or option of a command, as Typer reads it from the function's signature."""

    def __init__(self, key: str, hint: Any, default: Any) -> None:
        self.key, self.default = key, default
        self.type, self.info = get_args(hint)[:2]
        self.is_argument = isinstance(self.info, ArgumentInfo)

    @property
    def usage(self) -> str:
        name = self.info.metavar or self.key.upper()
        many = "..." if "list" in str(self.type) else ""
        return f"[{name}]{many}" if self.default is not inspect.Parameter.empty else f"{name}{many}"

    @property
    def names(self) -> str:
        if self.is_argument:
            return f"`{self.usage}`"
        # In `Annotated`, Typer takes the first positional argument for a default until it sees that it is a name.
        given = [self.info.default, *(self.info.param_decls or ())]
        declared = [name for name in given if isinstance(name, str) and name.startswith("-")]
        flag = bool in (self.type, *get_args(self.type))
        declared = [name.replace("/", " / ") for name in declared]
        names = declared or [f"--{self.key.replace('_', '-')}"]
        if flag and not declared:
            names = [f"{names[0]} / --no-{names[0][2:]}"]
        last = names[-1] if flag else f"{names[-1]} {self._value}"
        return ", ".join(f"`{name}`" for name in [*names[:-1], last])

    @property
    def _value(self) -> str:
        """What an option takes: its choices, or the name of its type."""
        if self.info.metavar:
            return str(self.info.metavar).replace("|", "\\|")
        for kind in (self.type, *get_args(self.type)):
            if isinstance(kind, type) and issubclass(kind, StrEnum):
                return "|".join(kind).replace("|", "\\|")
        plain = [kind.__name__ for kind in (self.type, *get_args(self.type)) if isinstance(kind, type)]
        names = {"int": "INTEGER", "float": "NUMBER", "Path": "PATH"}
        return next((names[name] for name in plain if name in names), "TEXT")

    @property
    def help(self) -> str:
        text = str(self.info.help or "").replace("|", "\\|")
        if isinstance(self.default, str | int | float) and not isinstance(self.default, bool):
            text += f" Default: `{self.default}`."
        return text


def _settings() -> str:
    """The keys of the configuration, from the models that validate it."""
    from cwm_engine.settings import ModelEntry, Settings, Synthesis

    tables = [("At the top", Settings), ("In each `[[models]]`", ModelEntry), ("In `[synthesis]`", Synthesis)]
    return "".join(f"\n### {title}\n\n{_keys(model)}" for title, model in tables) + "\n"


def _keys(model: type[BaseModel]) -> str:
    described = dict(re.findall(r"^    (\w+): (.+)$", inspect.getdoc(model) or "", re.MULTILINE))
    rows = ["| key | takes | default | |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name not in {"models", "synthesis"}:
            takes, default = _takes(field), "" if field.is_required() else _default(field.default)
            rows.append(f"| `{name}` | {takes} | {default} | {described[name]} |")
    return "\n".join(rows) + "\n"


def _takes(field: FieldInfo) -> str:
    """The type of a key in the words of TOML."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)] or [field.annotation]
    kinds = list(get_args(kinds[0])) if len(kinds) == 1 and "Literal" in str(kinds[0]) else kinds
    if all(isinstance(kind, str) for kind in kinds):
        return ", ".join(f'`"{kind}"`' for kind in kinds)
    text = str(field.annotation)
    for found, takes in (
        ("Tolerance", "table of `atol` and `rtol`"),
        ("dict", "table"),
        ("tuple", "text or list of texts"),
        ("bool", "`true` or `false`"),
        ("int", "whole number"),
        ("float", "number"),
    ):
        if found in text:
            return takes
    return "text"


def _default(value: object) -> str:
    match value:
        case None | () | {}:
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case _:
            return "1e-5 each"


_GENERATORS: dict[str, Callable[[], str]] = {"codes": _codes, "commands": _commands, "settings": _settings}


def main() -> None:
    """Bring every page up to date."""
    for page, text in _everything():
        if page.read_text() != text:
            page.write_text(text)
            print(page.relative_to(DOCS.parent))


def _everything() -> Iterator[tuple[Path, str]]:
    for page in generated_pages():
        yield page, with_blocks(page)
    for code in CODES:
        yield page_of(code), with_output(code)


if __name__ == "__main__":
    main()
