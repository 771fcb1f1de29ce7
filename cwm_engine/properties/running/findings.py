"""From tests that fail to findings on the responsible line of the model.

An exception has its line. For a wrong prediction the lines are those that feed the fields which the property is about,
ordered by how much more they run where it fails than where it holds (Ochiai's coefficient over the cases that were
tried; Abreu et al. 2007). Among equals a branch is likelier than what always runs, and what assigns the field than what
it reads.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cwm_engine.checking.report import filter_findings
from cwm_engine.diagnosis.localization.spectrum import ochiai
from cwm_engine.diagnosis.places import Places
from cwm_engine.findings import CODES, Finding, Suspect
from cwm_engine.properties.running.feeding import feeding
from cwm_engine.properties.running.results import Failure, Outcome, Run
from cwm_engine.world_model.blocks import Instrumented
from cwm_engine.world_model.counters import hits_of
from cwm_engine.world_model.discovery import ModelSpec, discover
from cwm_engine.world_model.outcomes import assigned_fields, belongs
from cwm_engine.world_model.probes import instrument
from cwm_engine.world_model.source import split_lines
from cwm_engine.world_model.suppress import suppressions

_MARKER = re.compile(r"^# cwm: (?P<kind>[a-z]+) (?P<digest>[0-9a-f]{8})(?: (?P<fields>.*))?$")
_FIELD = re.compile(r"\bnext_state(?P<path>(?:\[[^\]]*\])*)|\b(?P<name>reward|terminated|done)\b")
_KEY = re.compile(r"\[['\"](?P<name>\w+)['\"]\]")
_NO_DECISION = frozenset({"body", "after", "skip", "try", "finally"})
_STATEMENT = re.compile(r"(.+?)(?:[.:](?=\s|$)|$)")  # what follows a colon are details
_SUSPECTS = 5
_LONGEST = 300


def findings_of(run: Run, text: str, test_text: str, test: Path, model: str | None = None) -> tuple[Finding, ...]:
    """What a run says of a model, by line.

    Args:
        run: What came of the tests.
        text: The model's file as it ran.
        test_text: The file of tests.
        test: Its name, for people.
        model: Which model of the file; the first when None.
    """
    tree, lines = ast.parse(text), split_lines(text)
    models = discover(tree, lines).models
    spec = next((spec for spec in models if model in (None, spec.name)), None)
    if spec is None:
        return ()
    locator = _Locator(tree, spec, Places(lines, spec), test_text)
    found: list[Finding] = []
    if run.problem is not None and run.problem_line is not None:
        message = f"The tests in {test.name} cannot be loaded: {_cut(run.problem)}."
        found.append(locator.finding("CWM702", message, run.problem_line))
    found += [*_raised(run, locator, test), *_undecided(run, locator, test)]
    for outcome in run.outcomes:
        found += _of_outcome(outcome, locator, test)
    return filter_findings(found, suppressions=suppressions(text))


def _of_outcome(outcome: Outcome, locator: _Locator, test: Path) -> Iterator[Finding]:
    """What does not hold; where the model raises is told for all tests together."""
    for failure in outcome.failures if outcome.status == "failed" else ():
        if failure.line is not None:
            continue
        fields = locator.fields(outcome, failure)
        suspects = locator.suspects(failure, outcome, fields)
        line = suspects[0].line if suspects else locator.places.step.line
        told = f" ({_cut(failure.message)})" if failure.message else ""
        message = f"`{locator.statement(outcome)}` does not hold{_case(failure)}{told}."
        place = f"{test.name}:{failure.test_line or outcome.line}"
        yield locator.finding("CWM701", message, line, fields, suspects, note=place)


def _raised(run: Run, locator: _Locator, test: Path) -> Iterator[Finding]:
    """Where the model raises, once for each reason: a state that it cannot handle breaks many properties."""
    groups: dict[tuple[int, str], list[tuple[Outcome, Failure]]] = {}
    for outcome in run.failed:
        for failure in outcome.failures:
            if failure.line is not None:
                raised = f"{failure.type}: {failure.message}".removeprefix(": ")
                groups.setdefault((failure.line, raised), []).append((outcome, failure))
    for (line, raised), failures in groups.items():
        outcome, failure = min(failures, key=lambda item: sum(len(value) for _, value in item[1].counterexample))
        several = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
        message = f"The model fails{_case(failure)}: {_cut(raised)} (in `{locator.statement(outcome)}`{several})."
        place = f"{test.name}:{failure.test_line or outcome.line}"
        yield locator.finding("CWM702", message, line, note=place)


def _undecided(run: Run, locator: _Locator, test: Path) -> Iterator[Finding]:
    """Where the model was when the time was over, once for each line."""
    groups: dict[int, list[Outcome]] = {}
    for outcome in run.outcomes:
        if outcome.status == "unfinished" and outcome.hung is not None:
            groups.setdefault(outcome.hung, []).append(outcome)
    for line, outcomes in groups.items():
        first, more = outcomes[0], len(outcomes) - 1
        were = f" and {more} more were" if more else " was"
        message = f"`{locator.statement(first)}`{were} not decided: {first.reason}."
        yield locator.finding("CWM703", message, line, note=f"{test.name}:{first.line}")


class _Locator:
    """Where things are in a model and in its tests."""

    def __init__(self, tree: ast.Module, spec: ModelSpec, places: Places, test_text: str) -> None:
        self.places = places
        self._tree = tree
        self._assigned = assigned_fields(tree, spec)
        self._instrumented: Instrumented = instrument(tree)
        self._test_lines = test_text.splitlines()
        self._test_tree = ast.parse(test_text)

    def finding(
        self,
        code: str,
        message: str,
        line: int,
        fields: Sequence[str] = (),
        suspects: Sequence[Suspect] = (),
        *,
        note: str | None = None,
    ) -> Finding:
        """A finding on a line of the model."""
        about = CODES[code]
        return Finding(
            code=code, severity=about.severity, message=message, span=self.places.line(line), fields=tuple(fields),
            suspects=tuple(suspects[:_SUSPECTS]), note=about.fix if note is None else f"{about.fix} See {note}.",
        )  # fmt: skip

    def fields(self, outcome: Outcome, failure: Failure) -> tuple[str, ...]:
        """The fields that a test is about: as its marker says, or as the assertion that failed reads them."""
        for line in reversed(self._test_lines[: self._start_of(outcome) - 1]):
            marker = _MARKER.match(line)
            if marker is not None and marker["fields"]:
                return tuple(field.strip() for field in marker["fields"].split(","))
            if line.strip() and not line.startswith("#"):
                break
        return tuple(dict.fromkeys(_fields_in(self._assertion(failure.test_line or 0))))

    def statement(self, outcome: Outcome) -> str:
        """What a test states: the first sentence of its docstring up to details, or its name where it has none."""
        node = self._function(outcome)
        paragraph = (ast.get_docstring(node) if node is not None else None) or ""
        sentence = _STATEMENT.match(" ".join(paragraph.partition("\n\n")[0].split()))
        if sentence is None:
            return _words(outcome.test)
        _, bracket, parameters = outcome.test.partition("[")
        return _cut(sentence[1]) + (f" [{parameters}" if bracket else "")

    def _function(self, outcome: Outcome) -> ast.FunctionDef | None:
        name = outcome.test.partition("[")[0]
        functions = (node for node in ast.walk(self._test_tree) if isinstance(node, ast.FunctionDef))
        return next((node for node in functions if node.name == name), None)

    def _start_of(self, outcome: Outcome) -> int:
        """The first line of a test, its decorators included."""
        node = self._function(outcome)
        if node is None:
            return outcome.line
        return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])

    def _assertion(self, line: int) -> str:
        for node in ast.walk(self._test_tree):
            if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or node.lineno):
                return ast.unparse(node)
        return ""

    def suspects(self, failure: Failure, outcome: Outcome, fields: Sequence[str]) -> list[Suspect]:
        """Lines that may be the cause, the most suspicious first."""
        failing = self._executed(failure.path)
        assigning = {
            line
            for line, assigned in self._assigned.items()
            if any(belongs(field, to) or belongs(to, field) for field in fields for to in assigned)
        }
        passing: dict[int, int] = {}
        for path, count in outcome.passing.items():
            for block in self._executed(path):
                passing[block] = passing.get(block, 0) + count
        scores: dict[int, float] = {}
        for block in failing:
            score = ochiai(1.0, min(passing.get(block, 0), 1_000_000) / max(sum(outcome.passing.values()), 1), 1.0)
            for line in self._instrumented.blocks[block].lines:
                scores[line] = max(scores.get(line, 0.0), score)
        inside = {line for line in scores if self._predicts(line)} if failing else assigning
        own = {line for line in assigning if not self._returns(line)}  # a return hands over the other fields too
        ranked = sorted(
            feeding(self._tree, own or assigning) & inside or inside,
            key=lambda line: (
                -scores.get(line, 1.0),
                -self._depth(line),
                self._returns(line),
                line not in assigning,
                -line,
            ),
        )
        return [Suspect(line, round(scores.get(line, 1.0), 3)) for line in ranked]

    def _returns(self, line: int) -> bool:
        """Whether a line only hands over what others have worked out."""
        return self.places.lines[line - 1].strip().startswith("return ")

    def _executed(self, path: int) -> frozenset[int]:
        if not path:
            return frozenset()
        return self._instrumented.executed(hits_of(path, len(self._instrumented.probes)))

    def _depth(self, line: int) -> int:
        """How many decisions lead to a line: where no case passed, a branch is likelier than what always runs."""
        depth = 0
        for index in self._instrumented.blocks_at(line)[-1:]:
            block: int | None = index
            while block is not None:
                depth += self._instrumented.blocks[block].kind not in _NO_DECISION
                block = self._instrumented.blocks[block].parent
        return depth

    def _predicts(self, line: int) -> bool:
        """Whether a line is in a function that predicts: what sets the state is only what it was given."""
        blocks = self._instrumented.blocks_at(line)
        names = {self._instrumented.blocks[index].function.rpartition(".")[2] for index in blocks}
        return not names & {"__init__", "set_state", "reset"}


def _fields_in(assertion: str) -> Iterable[str]:
    """The fields of a prediction that an expression reads."""
    for found in _FIELD.finditer(assertion):
        if found["name"]:
            yield {"done": "terminated"}.get(found["name"], found["name"])
        else:
            yield "obs" + _KEY.sub(lambda key: f".{key['name']}", found["path"])


def _words(test: str) -> str:
    """What a test states, from its name."""
    name, bracket, parameters = test.partition("[")
    return name.removeprefix("test_").replace("_", " ") + (f" [{parameters}" if bracket else "")


def _case(failure: Failure) -> str:
    """The counterexample, and what came out."""
    given = ", ".join(f"{name}={value}" for name, value in failure.counterexample)
    seen = ", ".join(f"{name} is {value}" for name, value in failure.seen)
    told = (f" for {_cut(given)}" if given else "") + (f", where {_cut(seen)}" if seen else "")
    return told + ("" if failure.shrunk else " (a simpler case was not found in time)")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
