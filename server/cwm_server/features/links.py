"""Links in the configuration: from the files it names, such as `trajectories = "..."`, to these files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from cwm_engine.findings import Span
from cwm_engine.project import split_spec
from cwm_engine.settings import CONFIG_NAMES
from cwm_engine.world_model.source import split_lines
from cwm_server.app import CwmServer
from cwm_server.convert import range_of

_TABLE = re.compile(r"\s*\[\[?([^\[\]]+)\]")
_KEY = re.compile(r"\s*(file|trajectories|pinned|description)\s*=\s*(.*)")
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|#.*|\]")
_MODELS = {"cwm.toml": "models", "pyproject.toml": "tool.cwm.models"}
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Link:
    """A file that is named somewhere.

    Attributes:
        span: The name, without its quotes.
        target: The file or folder.
    """

    span: Span
    target: Path
