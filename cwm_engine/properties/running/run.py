"""The host's side of a run of property tests: what the sandbox is told, and how long it may take."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.project import ModelTarget
from cwm_engine.properties.running.results import Failure, Outcome, Run, number_of
from cwm_engine.sandbox.arrays import SharedArrays
from cwm_engine.sandbox.handles import Child, ChildDied
from cwm_engine.sandbox.host import Zygote
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.stop import Stop
from cwm_engine.world_model.imports import ALLOWED_MODULES, Imports, resolve_imports
from cwm_engine.world_model.source import read_source

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

DEADLINE_SECONDS = 60.0
"""How long a file of tests may take, unless the caller says otherwise."""

_JOB = "cwm_engine.properties.running.job"
_TICK = 0.2
_SHARE = 3
"""One test may take a third of the time of all, so that others are run where the model hangs in one."""
_SHRINK_SECONDS = 5.0
"""How long Hypothesis may look for a simpler case once a test has failed; slow models never come to an end."""
_OFFERED = ({"hypothesis", "pytest", "numpy"} | sys.stdlib_module_names) - {"antigravity"}  # which opens a browser
_MOST_SAVED = 20_000
_LONGEST_SAVED = 1 << 16
_OUTPUT = 64 << 20

OnOutcome = Callable[[Outcome], None]


@dataclass(frozen=True)
class Tests:
    """A file of tests and the model it is about.

    Attributes:
        path: The file of tests.
        text: What is in it.
        model: The file of the model.
        model_text: What is in that, saved or not.
        root: The project's directory.
        allow_modules: Modules the model may import besides those always allowed.
        only: Names of the tests to run; all of them when None. A name without parameters means all of its cases.
    """

    path: Path
    text: str
    model: Path
    model_text: str
    root: Path
    allow_modules: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None

    @cached_property
    def _model_imports(self) -> Imports:
        return resolve_imports(_tree(self.model_text, self.model), self.model, self.allow_modules, root=self.root)

    @cached_property
    def _imports(self) -> Imports:
        allowed = (*self.allow_modules, *_OFFERED)
        return resolve_imports(_tree(self.text, self.path), self.path, allowed, root=self.root)

    @property
    def preload(self) -> list[str]:
        """The modules that have to be there before the sandbox closes."""
        return sorted({*self._model_imports.preload, *self._imports.preload})

    @property
    def request(self) -> dict[str, Any]:
        """What the job is told.

        Raises:
            CwmError: The model or the tests are no Python, or import what the sandbox does not offer.
        """
        imports, model = self._imports, self._model_imports
        name = self.model.stem
        for problem in (*model.problems, *imports.problems):
            # The tests may import the model by its name, which is not found where it is not installed.
            if problem.code == "CWM105" and f"`{name}`" in problem.message:
                continue
            path = self.model if problem in model.problems else self.path
            raise CwmError(f"line {problem.span.line}: {problem.message}", path=path, hint=problem.note)
        module = f"{model.package}.{name}" if model.package else name
        siblings = {part: text for part, text in imports.siblings.items() if part != module}
        parents = module.split(".")[:-1]
        packages = {".".join(parents[: end + 1]): "" for end in range(len(parents))}
        return {
            "job": f"{_JOB}:run",
            "tests": {"path": str(self.path), "source": self.text, "siblings": siblings, "only": self.only},
            "model": {
                "path": str(self.model),
                "source": self.model_text,
                "module": module,
                "siblings": {**packages, **model.siblings},
                "package": model.package,
                "allowed": sorted(ALLOWED_MODULES | {entry.partition(".")[0] for entry in self.allow_modules}),
            },
        }


def written_tests(
    target: ModelTarget, model_text: str, path: Path, *, only: Sequence[str] | None = None, text: str | None = None
) -> Tests:
    """The tests of a model, as they are in their file.

    Args:
        target: The model.
        model_text: What is in its file, saved or not.
        path: The file of tests.
        only: Names of the tests to run.
        text: What is in their file, where that is not what was saved.

    Raises:
        CwmError: The file cannot be read.
    """
    if text is None:
        read = read_source(path.absolute())
        if isinstance(read, Finding):
            raise CwmError(f"{read.message[0].lower()}{read.message[1:].rstrip('.')}", path=path)
        text = read.text
    names = None if only is None else tuple(only)
    model = target.path.absolute()
    return Tests(path.absolute(), text, model, model_text, target.root.absolute(), target.allow_modules, names)


def run_tests(
    tests: Tests,
    limits: Limits = Limits(),
    *,
    seconds: float = DEADLINE_SECONDS,
    on_outcome: OnOutcome | None = None,
    stop: Stop | None = None,
) -> Run:
    """Run tests in the sandbox.

    What failed before is tried first: examples that failed are kept where Hypothesis keeps them, in `.hypothesis` in
    the project's directory.

    Args:
        tests: What to run.
        limits: What the model may use.
        seconds: How long all of it may take; tests that are left then are `unfinished`.
        on_outcome: Called when a test has ended.
        stop: Lets another thread stop the run.

    Raises:
        CwmError: The tests cannot be run at all.
        Stopped: `stop` was called.
    """
    return _Runner(tests, limits, seconds, on_outcome, stop or Stop()).run()


class _Runner:
    def __init__(self, tests: Tests, limits: Limits, seconds: float, on_outcome: OnOutcome | None, stop: Stop) -> None:
        self.tests = tests
        self.request = tests.request
        self.seconds = seconds
        self.limits = replace(
            limits, wall_seconds=seconds, cpu_seconds=seconds + 10, output_bytes=max(limits.output_bytes, _OUTPUT)
        )
        self.on_outcome = on_outcome
        self.stop = stop
        self.lines: dict[str, int] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.broke: dict[str, Failure] = {}
        self.broken_since = float("inf")
        self.begun: str | None = None
        self.began = 0.0
        self.saved = 0
        self.problem: Mapping[str, Any] | None = None

    def run(self) -> Run:
        started = time.monotonic()
        with SharedArrays.pack({"none": np.zeros(1)}) as inputs:
            zygote = Zygote.start(
                inputs=inputs, result_bytes=8, preload=self.tests.preload, jobs=(_JOB,), limits=self.limits
            )
        with zygote:
            deadline = time.monotonic() + self.seconds  # the sandbox takes as long as it takes to start
            left: Sequence[str] | None = self.tests.only
            while time.monotonic() < deadline and self._run_some(zygote, left, deadline):
                # That process ended in one test, or had to; the others are run in another one.
                left = [name for name in self.lines if name not in self.outcomes]
                if not left:
                    break
        self.stop.check()
        for name in self.lines:
            if name not in self.outcomes:
                self._end(Outcome(name, self.lines[name], "unfinished", reason="there was no time left for it"))
        outcomes = tuple(self.outcomes[name] for name in self.lines)
        unfinished = any(outcome.status == "unfinished" for outcome in outcomes)
        return Run(
            outcomes,
            status="error" if self.problem is not None else "partial" if unfinished else "complete",
            problem=None if self.problem is None else _problem(self.problem),
            problem_line=None if self.problem is None else Failure.of(self.problem).line,
            isolation=zygote.isolation.level,
            seconds=time.monotonic() - started,
        )

    def _run_some(self, zygote: Zygote, only: Sequence[str] | None, deadline: float) -> bool:
        """Run tests in one process; whether it ended in the middle of one."""
        self.stop.check()
        child = zygote.take()
        self.stop.watch(child)
        with child:
            child.send({**self.request, "tests": {**self.request["tests"], "only": only}})
            try:
                while (left := deadline - time.monotonic()) > 0:
                    message = child.receive(min(left, _TICK))
                    if message is not None and not self._take(child, message.data):
                        return False
                    if self.begun is not None and time.monotonic() - self.broken_since > _SHRINK_SECONDS:
                        self._interrupted("", None)
                        return True
                    longest = self.seconds / _SHARE
                    if self.begun is not None and time.monotonic() - self.began > longest:
                        place = child.kill()
                        self._interrupted(f"it did not finish within {longest:.0f} seconds", place.line, late=True)
                        return True
            except ChildDied as death:
                self.stop.check()
                self._interrupted(f"it ends its process: {death.reason}", death.line)
                return self.problem is None
            place = child.kill()
            self._interrupted("the time for all tests was over", place.line, late=True)
            return False

    def _take(self, child: Child, message: Mapping[str, Any]) -> bool:
        """Take in a message; False for the last one."""
        match message:
            case {"tests": list(found)} if not self.lines:
                for item in found:
                    if isinstance(item, list) and len(item) == 2 and type(item[1]) is int:
                        self.lines[str(item[0])] = item[1]
            case {"begins": str(name)} if name in self.lines:
                self.begun, self.began, self.broken_since = name, time.monotonic(), float("inf")
            case {"broke": str(name), "failure": dict(failure)} if name in self.lines:
                self.broke[name] = Failure.of(failure)
                self.broken_since = min(self.broken_since, time.monotonic())
            case {"ends": dict(told)} if told.get("test") in self.lines:
                self._end(_outcome(told, self.lines[told["test"]]))
                self.begun = None
            case {"fetch": str(key)}:
                child.send({"values": [value.hex() for value in self._fetched(key)]})
            case {"save": [str(key), str(value)]}:
                self._kept(key, value, keep=True)
            case {"delete": [str(key), str(value)]}:
                self._kept(key, value, keep=False)
            case {"failed": dict(problem)}:
                self.problem = problem
                return False
            case {"error": dict(problem)}:
                raise CwmError(f"the tests could not be run: {_problem(problem)}", path=self.tests.path)
            case {"done": _}:
                return False
        return True

    def _interrupted(self, reason: str, line: int | None, *, late: bool = False) -> None:
        """The test that was running is over."""
        name, self.begun = self.begun, None
        if name is None:
            if not self.lines:
                self.problem = {"type": "", "message": reason, "line": line}
            return
        seconds = time.monotonic() - self.began
        if name in self.broke:  # it fails; only the simplest case is not known
            self._end(Outcome(name, self.lines[name], "failed", seconds, (self.broke[name],)))
        elif late:
            self._end(Outcome(name, self.lines[name], "unfinished", seconds, reason=reason, hung=line))
        else:
            failure = Failure("", reason, line=line)
            self._end(Outcome(name, self.lines[name], "failed", seconds, (failure,), hung=line))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.test] = outcome
        if self.on_outcome is not None:
            self.on_outcome(outcome)

    # The examples that failed before

    @cached_property
    def _database(self) -> ExampleDatabase:
        from hypothesis.database import DirectoryBasedExampleDatabase

        return DirectoryBasedExampleDatabase(self.tests.root / ".hypothesis" / "examples")

    def _fetched(self, key: str) -> list[bytes]:
        with suppress(OSError, ValueError):
            return list(self._database.fetch(bytes.fromhex(key)))
        return []

    def _kept(self, key: str, value: str, *, keep: bool) -> None:
        """Keep an example, or no longer; within bounds, since the model could have sent it."""
        self.saved += 1
        if self.saved > _MOST_SAVED or len(key) + len(value) > _LONGEST_SAVED:
            return
        with suppress(OSError, ValueError):
            change = self._database.save if keep else self._database.delete
            change(bytes.fromhex(key), bytes.fromhex(value))


def _outcome(told: Mapping[str, Any], line: int) -> Outcome:
    status = told.get("outcome")
    failures = told.get("failures")
    passing = told.get("passing")
    return Outcome(
        str(told["test"]),
        line,
        status if status in ("passed", "failed", "skipped") else "failed",
        float(told["seconds"]) if isinstance(told.get("seconds"), int | float) else 0.0,
        tuple(Failure.of(one) for one in failures if isinstance(one, dict)) if isinstance(failures, list) else (),
        str(told["reason"])[:500] if told.get("reason") else None,
        passing={number_of(path): count for path, count in passing.items() if type(count) is int}
        if isinstance(passing, dict)
        else {},
    )


def _problem(problem: Mapping[str, Any]) -> str:
    kind, message = problem.get("type"), str(problem.get("message", ""))[:500]
    return f"{kind}: {message}" if kind else message


def _tree(text: str, path: Path) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise CwmError(f"is not valid Python{f' in line {line}' if line else ''}", path=path) from None
