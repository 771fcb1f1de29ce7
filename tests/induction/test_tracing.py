"""Tracing: comparisons are recorded and nothing else changes."""

import ast
from typing import Any

from cwm_engine.induction.tracing import Tracer, traced

PROGRAM = """
import numpy as np

def step(x):
    if x < 0.5:
        x = max(x, -1.0)
    return float(np.clip(x, -2.0, 2.0)), 0 <= x < 1, min([x, 3.0])
"""


def run(value: float) -> tuple[Any, Any, dict[tuple[int, int], tuple[float, float]]]:
    plain: dict[str, Any] = {}
    exec(PROGRAM, plain)
    tracer = Tracer()
    watched: dict[str, Any] = dict(tracer.names)
    exec(compile(traced(ast.parse(PROGRAM)), "model", "exec"), watched)
    return plain["step"](value), watched["step"](value), tracer.taken()


def test_a_traced_program_behaves_as_before() -> None:
    for value in (-5.0, 0.2, 0.7, 9.0):
        plain, watched, _ = run(value)
        assert plain == watched


def test_both_sides_of_comparisons_and_bounds_are_recorded() -> None:
    _, _, found = run(0.2)
    assert set(found.values()) == {(0.2, 0.5), (0.2, -1.0), (0.2, -2.0), (0.2, 2.0)}


def test_a_branch_not_taken_records_nothing() -> None:
    _, _, found = run(0.7)
    assert (0.7, -1.0) not in found.values()
