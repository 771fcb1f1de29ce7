"""Running a model over a dataset: the host's side of the predict job, comparing predictions as they arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

from cwm_engine.checking.arrivals import Arrivals, NonsenseError, OnProgress, Progress
from cwm_engine.checking.evidence import Evidence, Hang, Program
from cwm_engine.checking.order import Runs, blamed, spread
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.sandbox.host import Child, ChildDied, Zygote
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.sandbox.predict import SAMPLE
from cwm_engine.sandbox.results import Results
from cwm_engine.sandbox.stop import Stop
from cwm_engine.sandbox.transitions import Form, pack

__all__ = ["Early", "OnProgress", "Progress", "Runner"]

LOADING = 5
"""How many times as long as a step loading may take: a long file has to be compiled, and may work out tables."""

EARLY_SECONDS = 0.1
"""How long a run may take before it is told what it has shown so far."""

_TICK = 0.05
_BYTES_PER_CHARACTER = 4
_COPIES = 4


@dataclass(frozen=True)
class Early:
    """Who hears what a run has shown so far, now and then, once something in it is wrong for sure.

    Attributes:
        tell: Called with that.
        seconds: How long a run may take before the first time; with 0.0 what runs first is told already.
    """

    tell: Callable[[Evidence], None]
    seconds: float


class Runner:
    """Runs programs over one dataset, each in a fresh sandboxed process.

    Args:
        prepared: The data.
        limits: What a program may use; a step that takes longer than `limits.step_seconds` is a hang.
        jobs: Names of further job modules that the sandbox must have ready.

    Attributes:
        stop: Ends whatever runs, with `Stopped`, when another thread says so; a new one for each check.
    """

    def __init__(self, prepared: Prepared, limits: Limits = Limits(), jobs: Sequence[str] = ()) -> None:
        self.prepared = prepared
        self.stop = Stop()
        self.limits = replace(limits, output_bytes=limits.output_bytes + _room_for_words(prepared))
        self._jobs = ("cwm_engine.sandbox.predict", *jobs)
        self._zygote: Zygote | None = None
        self._preload: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def child(self, preload: Sequence[str] = ()) -> Child:
        """A fresh sandboxed process that holds the states and actions of the dataset.

        Raises:
            Stopped: The check was stopped.
        """
        self.stop.check()
        if self._zygote is None or not self._preload.issuperset(preload):
            self.close()
            self._preload |= frozenset(preload)
            layout, count = self.prepared.layout, len(self.prepared.transitions)
            with pack(self.prepared.transitions) as inputs:
                self._zygote = Zygote.start(
                    inputs=inputs,
                    result_bytes=Results.size(count, layout.width),
                    preload=sorted(self._preload),
                    jobs=self._jobs,
                    limits=self.limits,
                    spares=2,  # a check takes a second child at once, to watch thresholds
                )
        child = self._zygote.take()
        self.stop.watch(child)
        return child

    def run(
        self,
        program: Program,
        *,
        first: Runs | None = None,
        determinism: bool = True,
        stop_at_failure: bool = False,
        form: Form | None = None,
        on_progress: OnProgress | None = None,
        early: Early | None = None,
    ) -> Evidence:
        """Run a program over all transitions and compare its predictions with what was observed.

        Args:
            program: The model.
            first: Transitions to run before the others; spread over the dataset when not given.
            determinism: Whether to run a sample again for randomness and hidden state.
            stop_at_failure: Whether one wrong transition is enough to know.
            form: How the model is given states and actions; found out when not given.
            on_progress: Called after the first rows and after every chunk.
            early: Who hears of it before it is over.

        Raises:
            Stopped: The check was stopped.
        """
        options = {
            "first": (self._spread if first is None else first).tolist(),
            "early": early is not None,
            "determinism": determinism,
            "form": form,
        }
        evidence, depends_on_form = self._run_once(program, options, stop_at_failure, on_progress, early)
        if depends_on_form:
            options["form"] = "stored"
            evidence, _ = self._run_once(program, options, stop_at_failure, on_progress, early)
        return evidence

    def _run_once(
        self,
        program: Program,
        options: dict[str, Any],
        stop_at_failure: bool,
        on_progress: OnProgress | None,
        early: Early | None,
    ) -> tuple[Evidence, bool]:
        """Run a program; and whether the form of its inputs, which was to be found out, turns out to matter."""
        started = time.monotonic()
        child = self.child(program.preload)
        try:
            child.send(
                {
                    **program.request,
                    **options,
                    "job": "cwm_engine.sandbox.predict:predict",
                    "mode": self.prepared.mode,
                }
            )
            shared = Results.view(child.results, *self._shape)
            arrived = Arrivals(self.prepared, shared, on_progress)
            teller = None
            if early is not None:
                teller = _Teller(
                    started, early, lambda: self._evidence(program, arrived, Status.PARTIAL, None, started)
                )
            status, hang = self._follow(child, arrived, started, stop_at_failure, teller)
            evidence = self._evidence(program, arrived, status, hang, started)
            depends = options["form"] is None and self._depends_on_form(child, evidence, shared)
        finally:
            child.close()
        self.stop.check()  # or the end of the child would pass for a crash of the model
        return evidence, depends

    def _evidence(
        self, program: Program, arrived: Arrivals, status: Status, hang: Hang | None, started: float
    ) -> Evidence:
        return Evidence(
            program=program,
            prepared=self.prepared,
            status=status,
            comparison=arrived.comparison,
            results=arrived.results,
            wrong=arrived.wrong,
            checked=arrived.checked,
            paths=tuple(arrived.paths),
            failures=tuple(arrived.failures),
            load_failure=self._explained(arrived.load_failure),
            hang=hang,
            reruns=arrived.reruns,
            form=arrived.form,
            loading=arrived.loading,
            printed=arrived.printed[: self.limits.printed_bytes],
            seconds=time.monotonic() - started,
        )

    def _explained(self, failure: Failure | None) -> Failure | None:
        """A failure to load with the reason why a module was not there: it did not survive its own import."""
        missing = self._zygote.missing if self._zygote is not None else {}
        for name, reason in missing.items():
            if failure is not None and failure.type == "ModuleNotFoundError" and repr(name) in failure.message:
                return replace(failure, type="", message=f"the module `{name}` cannot be imported here: {reason}")
        return failure

    def _depends_on_form(self, child: Child, evidence: Evidence, shared: Results) -> bool:
        """Whether anything that is wrong with plain numbers is right with what Gymnasium gives.

        A threshold of 0.7 lies above the float32 that was stored for 0.7, but not for NumPy, which rounds it too.
        """
        if not self._may_depend_on_form(evidence.form) or evidence.status is not Status.COMPLETE:
            return False
        runs = blamed(evidence)
        if not len(runs):
            return False
        again = Arrivals(self.prepared, shared, None, everything=False, loaded=True, loading=evidence.loading)
        plain = shared.predicted[runs]
        child.send({"again": runs.tolist()})
        self._follow(child, again, time.monotonic(), False, None)
        shared.predicted[runs] = plain
        return bool((again.checked & evidence.failing & ~again.wrong.any(axis=1)).any())

    @cached_property
    def _spread(self) -> Runs:
        return spread(self.prepared)

    def _is_certain(self, arrived: Arrivals) -> bool:
        """Whether what is wrong so far would be wrong in the other form too; see `_depends_on_form`."""
        return not self._may_depend_on_form(arrived.form) or arrived.done <= SAMPLE

    def _may_depend_on_form(self, form: Form) -> bool:
        """Whether a run with inputs of this form may find wrong what is right with the other one."""
        return form == "plain" and self.prepared.transitions.forms_differ and self.prepared.mode != "episode"

    @property
    def isolation_level(self) -> str | None:
        """How well programs are shut in; None before the first one ran."""
        return self._zygote.isolation.level if self._zygote is not None else None

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.prepared.transitions), self.prepared.layout.width

    def _follow(
        self, child: Child, arrived: Arrivals, started: float, stop_at_failure: bool, teller: _Teller | None
    ) -> tuple[Status, Hang | None]:
        """Take in what the child sends until it is done, dies, stands still or takes too long."""
        moved, last = started, -1
        while True:
            try:
                message = child.receive(_TICK)
                ended = None if message is None else arrived.take(message.data)
            except ChildDied as death:
                return _ended_by(death, arrived)
            except NonsenseError:
                row = arrived.row_of(child.kill().progress)
                return Status.PARTIAL, Hang("forbidden", "it interfered with the check", row, None)
            if ended is not None:
                return ended, None
            if stop_at_failure and arrived.failing:
                return Status.PARTIAL, None
            now = time.monotonic()
            if teller is not None and arrived.failing and self._is_certain(arrived):
                teller.tell(now)
            if message is not None or child.progress != last:
                moved, last = now, child.progress
            what, allowed = "one step", self.limits.step_seconds
            if not arrived.loaded:
                what, allowed = "loading the model", LOADING * allowed
            if now - moved > allowed:
                return _stopped(child, arrived, "timeout", f"{what} took longer than {allowed:g} s")
            if now - started > self.limits.wall_seconds:
                return _stopped(child, arrived, "slow", f"the check took longer than {self.limits.wall_seconds:g} s")


class _Teller:
    """Tells what is known of a run, ever more rarely.

    Args:
        started: When the run began.
        early: Who hears it.
        known: What there is to tell.
    """

    def __init__(self, started: float, early: Early, known: Callable[[], Evidence]) -> None:
        self._started = started
        self._early = early
        self._known = known
        self._next = started + early.seconds

    def tell(self, now: float) -> None:
        """Tell it if it is time."""
        if now >= self._next:
            self._next = self._started + max(EARLY_SECONDS, 3 * (now - self._started))
            self._early.tell(self._known())


def _ended_by(death: ChildDied, arrived: Arrivals) -> tuple[Status, Hang]:
    status = Status.TIMEOUT if death.kind == "timeout" else Status.PARTIAL if arrived.loaded else Status.ERROR
    row = arrived.row_of(death.progress) if arrived.loaded else None
    return status, Hang(death.kind, death.reason, row, death.line)


def _stopped(child: Child, arrived: Arrivals, kind: Literal["timeout", "slow"], message: str) -> tuple[Status, Hang]:
    death = child.kill()
    return Status.TIMEOUT, Hang(kind, message, arrived.row_of(death.progress) if arrived.loaded else None, death.line)


def _room_for_words(prepared: Prepared) -> int:
    """Bytes that predicting every text of the dataset, and something else each time, may take in messages."""
    texts = [
        array
        for array, is_text in zip(prepared.dataset.next_observations.arrays, prepared.layout.is_text, strict=True)
        if is_text
    ]
    return _COPIES * _BYTES_PER_CHARACTER * sum(len(text) for array in texts for text in array.flat)
