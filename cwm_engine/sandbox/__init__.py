"""Running code nobody has reviewed: workers, limits, deadlines."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cwm_engine.sandbox.arrays import SharedArrays
    from cwm_engine.sandbox.handles import Child, ChildDied, Death
    from cwm_engine.sandbox.host import Zygote
    from cwm_engine.sandbox.isolation import Isolation, Layer, probe_isolation
    from cwm_engine.sandbox.limits import Limits
    from cwm_engine.sandbox.messages import Message

__all__ = [
    "Child",
    "ChildDied",
    "Death",
    "Isolation",
    "Layer",
    "Limits",
    "Message",
    "SharedArrays",
    "Zygote",
    "probe_isolation",
]

_HOMES = {
    "Child": "handles",
    "ChildDied": "handles",
    "Death": "handles",
    "Isolation": "isolation",
    "Layer": "isolation",
    "Limits": "limits",
    "Message": "messages",
    "SharedArrays": "arrays",
    "Zygote": "host",
    "probe_isolation": "isolation",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: children import this package too, and need little of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
