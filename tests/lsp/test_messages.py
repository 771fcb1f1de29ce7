"""Server and extension agree on their messages."""

from __future__ import annotations

import runpy
from pathlib import Path

from cwm_server import messages

ROOT = Path(__file__).parents[2]


def test_the_types_of_the_extension_are_those_of_the_server() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "messages.py"))
    written = (ROOT / "extension/src/shared/messages.ts").read_text(encoding="utf-8")
    assert generator["typescript"](messages) == written, "run `make messages`"
