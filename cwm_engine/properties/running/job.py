"""The job that runs a file of tests in the sandbox: plain pytest on modules that are there in memory only.

Nothing can be opened here, so pytest is set up before the sandbox closes, the tests and the model are loaded from what
the host sent, and the example database of Hypothesis is the host's, asked for by message. What a test does is otherwise
what it does under bare pytest.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import linecache
import os
import pkgutil
import sys
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest.config import _prepareconfig
from hypothesis.database import ExampleDatabase
from hypothesis.strategies import _internal as strategies

from cwm_engine.properties.running.failing import (
    EndlessLoopError,
    counterexample,
    frames,
    is_refused,
    parts,
    raised_by_model,
    seen,
    short,
)
from cwm_engine.properties.running.loading import Model, leave_the_file_system
from cwm_engine.sandbox.program import error_of
from cwm_engine.world_model.counters import LoopLimit

ARGUMENTS = (
    *(f"-pno:{name}" for name in (
        "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging",
        "pastebin", "terminal", "tmpdir",
    )),
    "-c", os.devnull, "--rootdir", os.sep, "--noconftest", os.sep,
)  # fmt: skip
"""Everything of pytest is left out that looks for files or talks to a terminal."""

_PASSING = 512
_TELL_SECONDS = 0.3


def prepare(_inputs: Any, shared: dict[str, Any]) -> None:
    """Set pytest up, and have it and Hypothesis load what they load when they are first used."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for module in pkgutil.iter_modules(strategies.__path__, f"{strategies.__name__}."):
        with contextlib.suppress(ImportError):  # some are for packages that may not be there
            importlib.import_module(module.name)
    shared["config"] = _prepareconfig(list(ARGUMENTS))
    rehearsal = {"path": "/test_rehearsal.py", "source": _REHEARSAL, "only": None}
    config = _prepareconfig(list(ARGUMENTS))
    _pytest(config, _Plugin(rehearsal, lambda _: None, Model(None)))
    sys.modules.pop("test_rehearsal", None)


def run(context: Any, request: dict[str, Any], _blob: bytes) -> None:
    """Run the tests.

    The request names `tests` (`path`, `source`, `siblings`, `only`: names or null), and `model` (`path`, `source`,
    `module`: its name where it is imported by name, `siblings`, `package`, `allowed`). Messages sent: `tests` with name
    and line of each; `begins` and `ends` for each; `broke` when one has failed and is still at it; `failed` where the
    file cannot be loaded; `fetch` and `save` for the example database, `fetch` is answered; `done`.
    """
    leave_the_file_system()
    model = Model(request["model"], context.limits.loop_iterations)
    model.offer(request["tests"]["siblings"])
    hypothesis.settings.register_profile(
        "cwm",
        database=_HostDatabase(context),
        deadline=None,
        print_blob=False,
        phases=[phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain],  # nobody is told of it
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("cwm")
    config = context.shared["config"]
    try:
        _pytest(config, _Plugin(request["tests"], context.send, model))
    except _CannotLoadError as stop:
        told = error_of(stop.error)
        context.send({"failed": told})
        return
    context.send({"done": True})


def _pytest(config: pytest.Config, plugin: _Plugin) -> None:
    config.pluginmanager.register(plugin)
    code = config.hook.pytest_cmdline_main(config=config)
    if plugin.broken is not None:
        raise _CannotLoadError(plugin.broken)
    if code == pytest.ExitCode.INTERNAL_ERROR:
        raise RuntimeError("pytest failed: " + " ".join(getattr(sys.stdout, "text", "").split()[-20:]))


class _CannotLoadError(Exception):
    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


# The tests


class _Plugin:
    """Collects one module from memory and tells what comes of its tests."""

    def __init__(self, tests: dict[str, Any], send: Callable[[dict[str, Any]], None], model: Model) -> None:
        self._tests = tests
        self._send = send
        self._model = model
        self._case: _Cases | None = None
        self.broken: BaseException | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        path, source = self._tests["path"], self._tests["source"]
        module = types.ModuleType(Path(path).stem)
        module.__file__ = path
        sys.modules[module.__name__] = module
        linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        try:
            exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        except BaseException as error:  # noqa: BLE001 - the user's and the model's code runs here
            self.broken = error
            session.items, session.testscollected = [], 0
            return True
        node = _InMemory.from_parent(session, path=Path(path), nodeid=Path(path).name)
        node.obj = module
        only = self._tests["only"]
        session.items = [
            item for item in session.genitems(node) if only is None or item.name in only or _base(item) in only
        ]
        session.testscollected = len(session.items)
        self._send({"tests": [[item.name, (item.reportinfo()[1] or 0) + 1] for item in session.items]})
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """A test begins; pytest goes on by itself."""
        self._case = _Cases(item, self._tests["path"], self._model, self._send)
        self._send({"begins": item.name})

    def pytest_runtest_makereport(self, call: pytest.CallInfo[Any]) -> None:
        """Take the exception, of which a report keeps no more than its text."""
        if self._case is not None and call.excinfo is not None:
            self._case.error = call.excinfo.value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test is over."""
        case = self._case
        if case is None:
            return
        case.seconds += report.duration
        if report.outcome != "passed" and case.outcome == "passed":
            case.outcome = report.outcome
        if report.when == "teardown":
            self._send({"ends": case.told()})
            self._case = None


class _InMemory(pytest.Module):
    """A module that was loaded already."""


def _base(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", item.name))


class _Cases:
    """The cases of one test: which paths passed, and what became of the last that failed.

    Args:
        item: The test.
        path: Its file.
        model: The model.
        send: Tells the host.
    """

    def __init__(self, item: pytest.Item, path: str, model: Model, send: Callable[[dict[str, Any]], None]) -> None:
        self._name = item.name
        self._path = path
        self._model = model
        self._send = send
        self._passing: Counter[int] = Counter()
        self._failing = 0
        self._told = 0.0
        self._parameters = getattr(getattr(item, "callspec", None), "params", {})
        self.error: BaseException | None = None
        self.outcome = "passed"
        self.seconds = 0.0
        function: Any = getattr(item, "obj", None)
        handle = getattr(function, "hypothesis", None)
        if handle is not None and not hasattr(handle.inner_test, "_cwm"):
            handle.inner_test = self._watched(handle.inner_test)
        else:
            model.begin()

    def _watched(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """The same test, each of whose cases is noted."""

        @functools.wraps(test)
        def case(*arguments: Any, **named: Any) -> Any:
            self._model.begin()
            try:
                result = test(*arguments, **named)
            except LoopLimit as error:  # no case in the eyes of Hypothesis, which would try no simpler one
                self._failed(error, named)
                raise EndlessLoopError.with_traceback(EndlessLoopError(), error.__traceback__) from None
            except Exception as error:
                if not isinstance(error, hypothesis.errors.HypothesisException):  # such as a case that does not apply
                    self._failed(error, named)
                raise
            self._passing[self._model.path] += 1
            return result

        return case

    def _failed(self, error: BaseException, named: dict[str, Any]) -> None:
        """Remember the path, and now and then tell the case: there may be no time to find a simpler one."""
        self._failing = self._model.path
        if time.monotonic() - self._told > _TELL_SECONDS:
            arguments = [[name, short(value)] for name, value in named.items()]
            told = self._failure(error)
            self._send({"broke": self._name, "failure": {**told, "counterexample": arguments, "shrunk": False}})
            self._told = time.monotonic()

    def told(self) -> dict[str, Any]:
        """What is sent of the test when it has ended."""
        passing = {format(path, "x"): count for path, count in self._passing.most_common(_PASSING)}
        found: dict[str, Any] = {"test": self._name, "outcome": self.outcome, "seconds": self.seconds}
        if self.outcome == "skipped":
            return {**found, "reason": str(getattr(self.error, "msg", "") or self.error or "")}
        if self.outcome == "passed" or self.error is None:
            return {**found, "passing": passing}
        if all(is_refused(error, self._path) for error in parts(self.error)):
            return {**found, "outcome": "skipped", "reason": "it needs what the sandbox does not offer"}
        return {**found, "passing": passing, "failures": [self._failure(error) for error in parts(self.error)]}

    def _failure(self, error: BaseException) -> dict[str, Any]:
        told = error_of(error)
        found = list(frames(error, self._path))
        own = [place for place in found if place[0].f_code.co_name == self._name.partition("[")[0]]
        frame, line = (own or found)[-1] if found else (None, None)
        if isinstance(error, EndlessLoopError | LoopLimit):
            told |= {"type": "", "message": "a loop does not end"}
        elif isinstance(error, AssertionError) and not error.args:
            told["message"] = ""
        return {
            "type": told["type"],
            "message": told["message"],
            "line": told["line"]
            if told["message"] == "a loop does not end" or raised_by_model(error, self._path)
            else None,
            "counterexample": counterexample(error) or [[k, short(v)] for k, v in self._parameters.items()],
            "seen": [] if frame is None else seen(frame, line or 0),
            "test_line": line,
            "path": format(self._failing or self._model.path, "x"),
        }


class _HostDatabase(ExampleDatabase):
    """The examples that failed before, which the host keeps."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def fetch(self, key: bytes) -> Iterator[bytes]:
        """Ask the host."""
        self._context.send({"fetch": key.hex()})
        answer, _ = self._context.receive()
        yield from (bytes.fromhex(value) for value in answer["values"])

    def save(self, key: bytes, value: bytes) -> None:
        """Tell the host."""
        self._context.send({"save": [key.hex(), value.hex()]})

    def delete(self, key: bytes, value: bytes) -> None:
        """Tell the host."""
        self._context.send({"delete": [key.hex(), value.hex()]})


# Without texts: Hypothesis works out for a second which characters there are.
_REHEARSAL = """
import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
@pytest.mark.parametrize("value", [1])
def test_parameters(value):
    assert value
@given(state=st.tuples(st.floats(-1, 1), st.integers()), action=st.sampled_from([1, 2]))
@example(state=(0.0, 1), action=1)
@settings(max_examples=10)
def test_cases(state, action):
    assert state == (0.0, 1)
@given(st.data())  # of as many cases as usual: only then all that Hypothesis has is loaded
def test_data(data):
    assert len(data.draw(st.lists(st.integers(), max_size=3))) < 4
"""
