"""`cwm doctor`: what of the sandbox works on this machine, said aloud."""

from __future__ import annotations

import platform

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cwm_engine import __version__
from cwm_engine.sandbox.isolation import probe_isolation

_MEANING = {
    "full": "Models are run without asking: none of the known attacks has an effect.",
    "partial": "Some attacks get through. Run only models you have read; nothing unreviewed is run by itself.",
    "process": "A model can read your files and use the network. Run only models you have read.",
}


def run_doctor() -> int:
    """Print the report; 0 at the full level, 1 below it."""
    console = Console(highlight=False)
    isolation = probe_isolation()
    console.print(
        f"cwm {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()} "
        f"{platform.machine()}"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer")
    table.add_column("works")
    table.add_column("how it was found out")
    for layer in isolation.layers:
        works = Text("yes", "green") if layer.active else Text("no", "yellow")
        table.add_row(Text(layer.name), works, Text(layer.detail))  # details may hold brackets, as in [Errno 1]
    console.print(table)
    console.print(f"isolation: [bold]{isolation.level}[/]. {_MEANING[isolation.level]}", soft_wrap=True)
    return 0 if isolation.level == "full" else 1
