"""The features, one module each; a module has `register(server)`, which adds its handlers and observers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cwm_server.app import CwmServer

MODULES = (
    "lifecycle",
    "sync",
    "diagnostics",
    "status",
    "checking",
    "watching",
    "hover",
    "lenses",
    "hints",
    "links",
    "dataset",
    "lines",
    "runs",
    "synthesis",
    "properties",
    "actions",
)


def register(server: CwmServer) -> None:
    """Add all features to a server."""
    for name in MODULES:
        import_module(f"{__name__}.{name}").register(server)
