"""Draws docs/images/check.svg, the picture on the front page, from the real output of `cwm check`: `make docs`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "check.svg"
COMMAND = ["check", "cartpole/cartpole_broken.py", "--ignore", "CWM6"]
WIDTH = 104


def draw() -> str:
    """The picture as SVG."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "cwm_engine", *COMMAND]
    done = subprocess.run(command, cwd=ROOT / "examples", env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise SystemExit(f"`cwm {' '.join(COMMAND)}` ended with {done.returncode}: {done.stderr}")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ cwm {' '.join(COMMAND[:2])}", "bold"))
    console.print(Text.from_ansi(done.stdout.rstrip()))
    picture = console.export_svg(title="cwm", unique_id="cwm-check")
    # Fonts from the network are of no use: pages that show pictures do not load them.
    return re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL).replace(
        "font-family: Fira Code, monospace", "font-family: Fira Code, Menlo, Consolas, DejaVu Sans Mono, monospace"
    )


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw())
