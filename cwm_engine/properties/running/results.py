"""What a run of property tests has shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["passed", "failed", "skipped", "unfinished"]
"""`skipped` where a test says so or needs what the sandbox does not offer, `unfinished` where the time was over."""

_LONGEST = 2000


@dataclass(frozen=True)
class Failure:
    """How a test fails.

    Attributes:
        type: Of the exception.
        message: Of the exception; empty for a plain `assert`.
        counterexample: The arguments for which it fails, as Python: the simplest that were found.
        seen: Names in the assertion that failed, with their values.
        test_line: The line of the file of tests on which it failed.
        line: The line of the model that raised, where the model did.
        path: The probes that the model hit, as one number.
        shrunk: Whether the counterexample is the simplest, or only the first.
    """

    type: str
    message: str
    counterexample: tuple[tuple[str, str], ...] = ()
    seen: tuple[tuple[str, str], ...] = ()
    test_line: int | None = None
    line: int | None = None
    path: int = 0
    shrunk: bool = True

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Failure:
        """What a child said, as far as it can be true: code nobody has reviewed may have said it."""

        def text(key: str) -> str:
            return str(data.get(key, ""))[:_LONGEST]

        def pairs(key: str) -> tuple[tuple[str, str], ...]:
            found = data.get(key)
            items = [item for item in found if isinstance(item, list)] if isinstance(found, list) else []
            return tuple((str(item[0])[:200], str(item[1])[:_LONGEST]) for item in items if len(item) == 2)

        def line(key: str) -> int | None:
            number = data.get(key)
            return number if type(number) is int and number > 0 else None

        return cls(
            text("type"), text("message"), pairs("counterexample"), pairs("seen"), line("test_line"), line("line"),
            number_of(data.get("path")), bool(data.get("shrunk", True)),
        )  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of one test.

    Attributes:
        test: Its name, with the parameters pytest gives it: `test_x[1]`.
        line: Where it starts in its file.
        status: How it ended.
        seconds: How long it took.
        failures: How it fails; several where several things are wrong.
        reason: Why it was skipped or did not finish.
        hung: The line of the model on which it hung or ended its process, where that is known.
        passing: How many of its cases took each path and passed, by the probes that the model hit.
    """

    test: str
    line: int
    status: Status
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()
    reason: str | None = None
    hung: int | None = None
    passing: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What came of a file of tests.

    Attributes:
        outcomes: One for each test, in the order of the file.
        status: `complete`, `partial` where tests did not finish, `error` where the file could not be run.
        problem: Why it could not be run.
        problem_line: The line of the model that kept it from running, where one did.
        isolation: The level of the sandbox.
        seconds: How long it took.
    """

    outcomes: tuple[Outcome, ...] = ()
    status: Literal["complete", "partial", "error"] = "complete"
    problem: str | None = None
    problem_line: int | None = None
    isolation: str | None = None
    seconds: float = 0.0

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The tests that fail."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    def to_json(self) -> dict[str, Any]:
        """The run as JSON values, without what only localization needs."""
        return {
            "status": self.status,
            "problem": self.problem,
            "isolation": self.isolation,
            "seconds": self.seconds,
            "tests": [
                {
                    "test": one.test,
                    "line": one.line,
                    "status": one.status,
                    "seconds": one.seconds,
                    "reason": one.reason,
                    "failures": [
                        {
                            "type": failure.type,
                            "message": failure.message,
                            "counterexample": dict(failure.counterexample),
                            "seen": dict(failure.seen),
                            "line": failure.test_line,
                        }
                        for failure in one.failures
                    ],
                }
                for one in self.outcomes
            ],
        }


def number_of(text: Any) -> int:
    """A path as it was sent, in hexadecimal; 0 for nonsense."""
    try:
        return max(int(text, 16), 0) if isinstance(text, str) and len(text) < 1 << 16 else 0
    except ValueError:
        return 0
