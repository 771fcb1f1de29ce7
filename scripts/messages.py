"""Writes `extension/src/shared/messages.ts` from `server/cwm_server/messages.py`: `make messages`."""

from __future__ import annotations

import json
import re
import sys
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import attrs

TARGET = Path(__file__).parents[1] / "extension/src/shared/messages.ts"
HEADER = "/** All messages beyond the protocol's own. Written by `make messages` from messages.py of the server. */"

_SCALARS = {str: "string", int: "number", float: "number", bool: "boolean", types.NoneType: "null", Any: "unknown"}
_WIDTH = 120


def typescript(module: types.ModuleType) -> str:
    """The module in TypeScript, formatted as Prettier formats it."""
    names = vars(module)
    aliases = {value: name for name, value in names.items() if typing.get_origin(value) is Literal}
    classes = [value for value in names.values() if attrs.has(value) and value.__module__ == module.__name__]
    constants = [(name, value) for name, value in names.items() if name.isupper() and isinstance(value, str | int)]
    foreign = sorted({name for cls in classes for name in _foreign(typing.get_type_hints(cls).values())})
    parts = [
        HEADER,
        *([f'import type {{ {", ".join(foreign)} }} from "vscode-languageclient";'] if foreign else []),
        "\n".join(f"export const {name} = {json.dumps(value)};" for name, value in constants),
        *(_alias(name, value) for value, name in aliases.items()),
        *(_interface(cls, aliases) for cls in classes),
    ]
    return "\n\n".join(parts) + "\n"


def _foreign(hints: Iterable[Any]) -> Iterator[str]:
    """The types of the protocol among some types."""
    for hint in hints:
        yield from _foreign(typing.get_args(hint))
        if getattr(hint, "__module__", "").startswith("lsprotocol."):
            yield hint.__name__


def _alias(name: str, value: Any) -> str:
    options = [json.dumps(option) for option in typing.get_args(value)]
    line = f"export type {name} = {' | '.join(options)};"
    return line if len(line) <= _WIDTH else f"export type {name} =\n" + "\n".join(f"  | {o}" for o in options) + ";"


def _interface(cls: type, aliases: dict[Any, str]) -> str:
    summary, fields = _documentation(cls)
    hints = typing.get_type_hints(cls)
    if not attrs.fields(cls):
        return "\n".join([*_comment(summary), f"export interface {cls.__name__} {{}}"])
    lines = [*_comment(summary), f"export interface {cls.__name__} {{"]
    for field in attrs.fields(cls):
        if field.name in fields:
            lines += _comment(fields[field.name], "  ")
        optional = "" if field.default is attrs.NOTHING else "?"
        lines += _property(f"{_camel(field.name)}{optional}", _parts(hints[field.name], aliases))
    return "\n".join([*lines, "}"])


def _property(name: str, options: list[str]) -> list[str]:
    line = f"  readonly {name}: {' | '.join(options)};"
    if len(line) <= _WIDTH:
        return [line]
    lines = [f"  readonly {name}:", *(f"    | {option}" for option in options)]
    lines[-1] += ";"
    return lines


def _parts(hint: Any, aliases: dict[Any, str]) -> list[str]:
    """The alternatives of a type."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType | typing.Union:
            return [part for argument in arguments for part in _parts(argument, aliases)]
        case _ if hint in aliases:
            return [aliases[hint]]
        case typing.Literal:
            return [json.dumps(option) for option in arguments]
        case builtin if builtin is list:
            item = " | ".join(_parts(arguments[0], aliases))
            return [f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"]
        case builtin if builtin is dict:
            key, value = (" | ".join(_parts(argument, aliases)) for argument in arguments)
            return [f"Readonly<Record<{key}, {value}>>"]
        case _ if hint in _SCALARS:
            return [_SCALARS[hint]]
        case _ if attrs.has(hint):
            return [hint.__name__]
        case _:
            raise TypeError(f"no TypeScript for {hint}")


def _documentation(cls: type) -> tuple[str, dict[str, str]]:
    """The summary of a class, and what it says of its attributes."""
    text = textwrap.dedent("    " + (cls.__doc__ or ""))
    summary, _, rest = text.partition("\nAttributes:\n")
    fields: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \S)", "\n" + rest):
        names, _, words = entry.strip().partition(": ")
        if words:
            fields |= dict.fromkeys(names.split(", "), " ".join(words.split()))
    return " ".join(summary.split()), fields


def _comment(text: str, indent: str = "") -> Iterator[str]:
    one = f"{indent}/** {text} */"
    if len(one) <= _WIDTH:
        yield one
        return
    yield f"{indent}/**"
    yield from textwrap.wrap(text, _WIDTH, initial_indent=f"{indent} * ", subsequent_indent=f"{indent} * ")
    yield f"{indent} */"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


if __name__ == "__main__":
    from cwm_server import messages

    sys.stdout.write(f"{TARGET}\n")
    TARGET.write_text(typescript(messages), encoding="utf-8")
