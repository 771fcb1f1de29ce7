"""A rehearsal: a waiting process runs a small program of our own, so that the first request finds everything warm.

After a fork every page costs a fault when it is first written to, and writing includes counting references; new memory
costs a fault a page as well. A process that waits has the time to pay for that in advance.
"""

from __future__ import annotations

import gc
import io
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import encode, read_message
from cwm_engine.sandbox.outputs import Writer
from cwm_engine.sandbox.program import Printed
from cwm_engine.sandbox.results import Results
from cwm_engine.sandbox.transitions import Transitions

_ROWS = 160
_NUMBERS = 1 << 16  # large observations are rehearsed with fewer rows
_PROGRAM = """
import math
class Environment:
    def __init__(self):
        self.state = None
        self.scale = 0.5
    def set_state(self, state):
        self.state = state
    def step(self, action):
        x = math.cos(self.scale) * 2.0 - self.scale
        if x > 2.0 and action == 1:
            x = x + self.scale**2 * 0.5
        return self.state, -1.0, x > 3.0 or x < -3.0
"""

_TOUCHED_ROWS = 16_384
_TOUCHED_BYTES = 1 << 20
_BLOCK = 512  # bytes of the largest object that Python takes from its own arenas
_BLOCKS_HELD = 1024  # one in so many: an arena is a megabyte, halves of which may be of different kinds
_MOST_ROOM = 4 << 20
_held: list[bytes] = []

Job = Callable[[Any, dict[str, Any], bytes], None]


def rehearse(job: Job, transitions: Transitions, limits: Limits) -> None:
    """Run the job of a program that predicts that nothing changes, from its text to its last message.

    Nothing is left of it but warm memory.

    Args:
        job: `predict`.
        transitions: Its first rows are run.
        limits: What a program may use.
    """
    width = Writer(transitions.prediction, 3).width
    count = min(_ROWS, _NUMBERS // width, len(transitions))
    if not count:
        return
    part = slice(0, count)
    starts = transitions.episode_starts
    few = replace(
        transitions,
        states=transitions.states.take(part),
        actions=transitions.actions.take(part),
        episode_starts=starts[starts < count],
        plain_states=transitions.plain_states[part],
        plain_actions=transitions.plain_actions[part],
    )
    request = {
        "source": _PROGRAM,
        "siblings": {},
        "package": "",
        "allowed": ["math"],
        "model": {"name": "Environment", "dialect": "environment", "goal": None},
        "mode": "transition",
        "first": list(range(count // 2)),
        "early": True,
        "determinism": True,
        "form": None,
    }
    finders, threshold, namesake = sys.meta_path[:], gc.get_threshold(), sys.modules.get("model")
    with warnings.catch_warnings():
        message = read_message(io.BytesIO(encode(request)).read)
        job(_Alone(few, limits, bytearray(Results.size(count, width))), message.data if message else {}, b"")
    sys.meta_path[:] = finders
    gc.set_threshold(*threshold)
    del sys.modules["model"]
    if namesake is not None:
        sys.modules["model"] = namesake


def touch(transitions: Transitions, results: Any) -> None:
    """Write to the pages that every program writes to.

    Args:
        transitions: Its Python values; counting a reference writes to them.
        results: Where predictions go; still zero.
    """
    for values in (transitions.plain_states, transitions.plain_actions):
        for value in values[:_TOUCHED_ROWS]:
            for _ in value if type(value) is tuple else ():
                pass
    touched = results[:_TOUCHED_BYTES]
    touched[:] = bytes(len(touched))


def make_room(rows: int, width: int) -> None:
    """Have memory at hand for the outputs of a chunk of rows, as Python objects and as arrays."""
    room = min(rows * (64 * width + 256), _MOST_ROOM)
    blocks = [bytes(_BLOCK - sys.getsizeof(b"")) for _ in range(room // _BLOCK)]
    _held[:] = blocks[::_BLOCKS_HELD]  # an arena in which anything is left is not given back
    del blocks
    for _ in range(2):  # what is mapped and freed once, the C library keeps the next time
        np.empty(room // 16).fill(0.0)


class _Alone:
    """The context of a job that nobody listens to."""

    def __init__(self, transitions: Transitions, limits: Limits, results: Any) -> None:
        self.shared = {"transitions": transitions}
        self.limits = limits
        self.results = results
        self.progress = [0]
        self.printed = Printed(0)

    def send(self, data: Mapping[str, Any]) -> None:
        encode(data)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        return {"again": [0]}, b""
