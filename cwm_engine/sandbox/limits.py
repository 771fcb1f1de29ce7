"""What one program may use before it is stopped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one child; the host's wall clock is the one that counts, the rest backs it up.

    Attributes:
        wall_seconds: What the caller means to wait for an answer before it kills the child.
        step_seconds: How long a program may go without answering a single step.
        cpu_seconds: Processor time after which the kernel stops the child, even if the host is gone.
        memory_bytes: Address space a child may add to what it inherits from the zygote.
        output_bytes: Everything a child may send in messages over its life, JSON and blobs together.
        printed_bytes: How much of what a program prints is kept.
        loop_iterations: Turns of a loop before the inserted counter stops it.
    """

    wall_seconds: float = 60.0
    step_seconds: float = 2.0
    cpu_seconds: float = 120.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 16 << 20
    printed_bytes: int = 4096
    loop_iterations: int = 1_000_000
