"""The job that runs a model as the check does, but without its probes: what `benchmarks.coverage` compares with."""

from __future__ import annotations

from typing import Any

from cwm_engine.sandbox import predict as probed
from cwm_engine.world_model.blocks import Instrumented


def predict(context: Any, request: dict[str, Any], blob: bytes) -> None:
    """As `cwm_engine.sandbox.predict.predict`."""
    probed.instrument = lambda tree: Instrumented(tree, (), (), has_loops=False)
    probed.predict(context, request, blob)
