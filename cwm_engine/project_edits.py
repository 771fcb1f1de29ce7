"""Edits of a project's configuration that keep everything else in it, comments and order too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cwm_engine.errors import CwmError
from cwm_engine.project import split_spec

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import AoT


def with_value(text: str, config: Path, model: Path, key: Literal["ignore", "pinned"], value: str) -> str:
    """A configuration in which a model's entry has one value more in a list; the entry is made if there is none.

    Args:
        text: What is in the file; empty where there is none yet.
        config: The file, `cwm.toml` or a `pyproject.toml`; the paths in it are relative to its directory.
        model: The model's file.
        key: The list.
        value: What is added, unless it is there already.

    Raises:
        CwmError: The text is no TOML, or is not built as a configuration is.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise CwmError(f"is not valid TOML: {error}", path=config, hint="correct it first") from None
    entries = _entries(document, config)
    entry = next((entry for entry in entries if _is_about(str(entry.get("file", "")), config, model)), None)
    if entry is None:
        entry = tomlkit.table()
        entry.add("file", name_in(config, model))
        entries.append(entry)
    present = entry.get(key, [])
    values = [present] if isinstance(present, str) else list(present)
    if value not in values:
        entry[key] = [*values, value]
    return tomlkit.dumps(document)


def name_in(config: Path, file: Path) -> str:
    """A file as a configuration names it: relative to the configuration's directory."""
    return Path(os.path.relpath(file, config.parent)).as_posix()


def _entries(document: TOMLDocument, config: Path) -> AoT:
    """The array of the models' entries, made if there is none."""
    import tomlkit
    from tomlkit.items import AoT

    table: object = document
    for name in ("tool", "cwm") if config.name == "pyproject.toml" else ():
        assert isinstance(table, dict)  # noqa: S101 - checked below for all but the document, which is one
        table = table.setdefault(name, tomlkit.table(is_super_table=True))
        if not isinstance(table, dict):
            raise CwmError(f"`{name}` is no table", path=config, hint="correct it first")
    assert isinstance(table, dict)  # noqa: S101
    entries = table.setdefault("models", tomlkit.aot())
    if not isinstance(entries, AoT):
        raise CwmError("`models` is not written as `[[models]]` tables", path=config, hint="write it so first")
    return entries


def _is_about(file: str, config: Path, model: Path) -> bool:
    return bool(file) and (config.parent / split_spec(file)[0]).resolve() == model.resolve()
