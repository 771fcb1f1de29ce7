"""Findings: the one form in which anything wrong with a model or its data is told.

Every room produces findings and every front door (terminal, editor, CI) shows them, so the vocabulary
lives below all rooms. The stable codes are registered in `CODES`; each has a page in `docs/findings/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters; the order of the members is from worst to mildest."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    HINT = "hint"

    def at_least(self, other: Severity) -> bool:
        """Whether this severity is as bad as `other` or worse."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text; lines and columns count from 1 in characters, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A line that may be the cause, with a suspiciousness in 0..1."""

    line: int
    score: float


@dataclass(frozen=True, slots=True)
class Example:
    """One transition that shows a finding; all values are JSON values.

    `expected` and `predicted` are objects with the keys `observation`, `reward`, `terminated`;
    `differs` names the fields of them that differ, e.g. `obs[2]` or `reward`.
    """

    episode: int
    step: int
    state: Any
    action: Any
    expected: Any
    predicted: Any
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to tell the user: many mismatches with one cause, a crash, a note.

    `count` is the number of transitions concerned (0 where that makes no sense), `suspects` are the
    lines that may be the cause, most suspicious first, and `note` is the advice that goes with the message.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    count: int = 0
    fields: tuple[str, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    examples: tuple[Example, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding: its stable code, its name, its default severity and the documented fix."""

    code: str
    name: str
    severity: Severity
    summary: str
    fix: str


def _register(*codes: Code) -> dict[str, Code]:
    return {code.code: code for code in codes}


CODES: dict[str, Code] = _register(
    Code("CWM101", "syntax-error", Severity.ERROR,
         "The file is not valid Python.", "Correct the syntax at the marked place."),
    Code("CWM102", "no-model", Severity.ERROR,
         "The file holds no world model.",
         "Define a class with `set_state` and `step`, or the functions `transition` and `reward`."),
    Code("CWM103", "missing-member", Severity.ERROR,
         "The model lacks a member its dialect needs.", "Add the missing method or function."),
    Code("CWM104", "wrong-signature", Severity.ERROR,
         "A method of the model takes the wrong arguments.", "Use the signature of the dialect."),
    Code("CWM105", "import-not-found", Severity.ERROR,
         "The model imports a module that is not installed.", "Install the module or remove the import."),
    Code("CWM106", "import-not-allowed", Severity.ERROR,
         "The model imports a module that the sandbox does not offer.",
         "Remove the import, or list the module under `allow_modules`."),
    Code("CWM107", "load-failed", Severity.ERROR,
         "The model could not be loaded or constructed.", "Correct the code that runs at import or in `__init__`."),
    Code("CWM108", "wrong-arity", Severity.ERROR,
         "`step` returned the wrong number of values.", "Return observation, reward and done."),
    Code("CWM109", "wrong-shape", Severity.ERROR,
         "A prediction has another shape than the observations.", "Return an observation of the stored shape."),
    Code("CWM110", "wrong-type", Severity.ERROR,
         "A prediction has a type that cannot be compared.", "Return numbers where the data has numbers."),
    Code("CWM111", "unreadable-source", Severity.ERROR,
         "The file cannot be read as Python source.", "Save it as UTF-8 text."),
    Code("CWM112", "prints", Severity.INFO,
         "The model writes to standard output.", "Remove the print; it slows every step down."),
    Code("CWM113", "wrong-data", Severity.ERROR,
         "The model was written for another environment than the data comes from.",
         "Point `trajectories` at the data of the right environment."),
    Code("CWM201", "state-mismatch", Severity.ERROR,
         "The predicted next state is wrong.", "Correct the dynamics on the marked line."),
    Code("CWM202", "not-finite", Severity.ERROR,
         "The predicted next state or reward is NaN or infinite.",
         "Guard the division, root or logarithm that produces it."),
    Code("CWM301", "reward-mismatch", Severity.ERROR,
         "The predicted reward is wrong.", "Correct the reward on the marked line."),
    Code("CWM302", "termination-mismatch", Severity.ERROR,
         "The predicted end of the episode is wrong.", "Correct the termination condition."),
    Code("CWM401", "exception", Severity.ERROR,
         "The model raised an exception.", "Handle the state that raises it."),
    Code("CWM402", "timeout", Severity.ERROR,
         "The model did not answer in time.", "Look for a loop that does not end on the marked line."),
    Code("CWM403", "crash", Severity.ERROR,
         "The model ended its process.", "Remove the call that exits or crashes the interpreter."),
    Code("CWM404", "memory-limit", Severity.ERROR,
         "The model ran out of the memory it may use.", "Use less memory, or raise the limit."),
    Code("CWM405", "forbidden-operation", Severity.ERROR,
         "The model tried something that the sandbox forbids.",
         "A model may only compute: remove files, network, processes."),
    Code("CWM406", "endless-loop", Severity.ERROR,
         "A loop ran longer than the iteration limit.", "Make sure that the loop ends for this state."),
    Code("CWM501", "nondeterministic", Severity.WARNING,
         "The same state and action gave different predictions.",
         "Remove the randomness, or declare the model stochastic."),
    Code("CWM502", "hidden-state", Severity.WARNING,
         "A prediction depends on the steps before it.",
         "Put everything the dynamics need into the state, or check in episode mode."),
    Code("CWM503", "input-mutated", Severity.WARNING,
         "The model changes the state or action it was given.", "Copy the argument before changing it."),
    Code("CWM601", "unexercised-code", Severity.HINT,
         "No transition executes this code, so nothing is known about it.",
         "Record transitions that reach it, or remove it."),
    Code("CWM602", "unreached-threshold", Severity.INFO,
         "No transition reaches this threshold, so the data cannot tell whether it is right.",
         "Record transitions beyond the threshold."),
    Code("CWM603", "never-skipped", Severity.HINT,
         "Every transition that comes to this condition fulfils it, so nothing is known about the others.",
         "Record transitions that do not fulfil the condition, or remove it."),
    Code("CWM604", "untested-rule", Severity.INFO,
         "This code can be changed without any recorded transition showing it.",
         "Record a transition in which the change would show."),
    Code("CWM701", "property-broken", Severity.WARNING,
         "A property test fails on the model.",
         "Correct the marked line, or the test if the environment does what it forbids."),
    Code("CWM702", "property-raises", Severity.WARNING,
         "The model raises an exception, or ends its process, in a property test.",
         "Handle the state that raises it."),
    Code("CWM703", "property-undecided", Severity.INFO,
         "A property test did not finish in time because the model hangs or is slow.",
         "Look for a loop that does not end on the marked line, or allow more time."),
    Code("CWM801", "scalar-numpy", Severity.INFO,
         "NumPy on single numbers is several times slower than `math`.", "Use `math` for scalars."),
    Code("CWM802", "truncation-as-termination", Severity.INFO,
         "The data marks a time limit as termination; no model can predict it from the state.",
         "Store `terminated` and `truncated` apart; it is not held against the model."),
    Code("CWM803", "conflicting-transitions", Severity.INFO,
         "The data holds the same state and action with different outcomes.",
         "No deterministic model can predict all of them; see `cwm describe`."),
)  # fmt: skip
