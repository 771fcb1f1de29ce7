"""All messages beyond the protocol's own, in one place; the TypeScript side is generated from this module.

Each carries `schema`, the version of its form. Names are written as Python writes them and travel in camelCase.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
from lsprotocol import types

SCHEMA = 1

State = Literal[
    "checking",
    "complete",
    "partial",
    "timeout",
    "error",
    "notRun",
    "noData",
    "noModel",
    "blocked",
    "stopped",
    "untrusted",
]
"""What a status item shows of a file; `complete`, `partial`, `timeout` and `error` as in the report document."""


@attrs.frozen(kw_only=True, slots=False)
class ModelStatus:
    """One model in a status.

    Attributes:
        name: Its class or function; None where none was found.
        accuracy, baseline, ceiling: Fractions, 0..1.
        passed, checked, total: Numbers of transitions.
        fields: The accuracy of every field.
        trajectories: The data it was checked against.
        environment: What the data is of.
        message: Why it could not be checked.
    """

    name: str | None
    status: Literal["complete", "partial", "timeout", "error"]
    accuracy: float | None
    baseline: float | None
    ceiling: float | None
    passed: int
    checked: int
    total: int
    fields: dict[str, float]
    trajectories: str | None
    environment: str | None
    message: str | None


@attrs.frozen(kw_only=True, slots=False)
class Counts:
    """How many findings there are of each severity."""

    error: int
    warning: int
    info: int
    hint: int


@attrs.frozen(kw_only=True, slots=False)
class StatusParams:
    """`cwm/status`, from the server: where the check of a file stands.

    Attributes:
        uri: The file.
        version: The version of the buffer.
        state: Where it stands.
        stale: Whether models and counts are about an older version.
        run: The run mode: `onType`, `onSave` or `manual`.
        accuracy: The lowest accuracy of the models.
        isolation: The level at which models run: `full`, `partial` or `process`.
        seconds: How long the check took.
    """

    schema: int
    uri: str
    version: int
    state: State
    stale: bool
    run: Literal["onType", "onSave", "manual"]
    models: list[ModelStatus]
    counts: Counts
    accuracy: float | None
    isolation: str | None
    seconds: float | None


@attrs.frozen(kw_only=True, slots=False)
class CheckParams:
    """`cwm/check`, to the server: check a file now, whatever its run mode. Cancelling the request stops the check.

    Attributes:
        uri: The file, which has to be open.
        anyway: Run it below the full isolation level too, from now on.
    """

    uri: str
    anyway: bool = False


@attrs.frozen(kw_only=True, slots=False)
class CheckResult:
    """The answer to `cwm/check`.

    Attributes:
        version: The version that was checked.
        outcome: How it ended, see `documents.Outcome`.
        report: The report document, as `cwm check --output-format json` prints it.
    """

    schema: int
    version: int
    outcome: str
    report: dict[str, Any]


@attrs.frozen(kw_only=True, slots=False)
class DatasetParams:
    """`cwm/dataset`, to the server: what data a file was checked against, and where it fails.

    Attributes:
        uri: The file, which has to be open and checked.
        model: Which model of it; the first one where it is not said.
    """

    uri: str
    model: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class DatasetResult:
    """The answer to `cwm/dataset`.

    Attributes:
        models: All models of the file that were run.
        dataset: The document of `cwm_engine.checking.episodes.dataset_json`.
    """

    schema: int
    models: list[str]
    dataset: dict[str, Any]


@attrs.frozen(kw_only=True, slots=False)
class EpisodeParams:
    """`cwm/episode`, to the server: steps of an episode, as they were observed and predicted.

    Attributes:
        uri: The file, which has to be open and checked.
        episode: The number of the episode, from 0.
        model: Which model of the file; the first one where it is not said.
        start: The first step, from 0.
        count: How many steps at most.
    """

    uri: str
    episode: int
    model: str | None = None
    start: int = 0
    count: int = 500


@attrs.frozen(kw_only=True, slots=False)
class EpisodeResult:
    """The answer to `cwm/episode`.

    Attributes:
        episode: The document of `cwm_engine.checking.episodes.episode_json`.
    """

    schema: int
    episode: dict[str, Any]


@attrs.frozen(kw_only=True, slots=False)
class FailuresParams:
    """`cwm/failures`, to the server: the first failing steps of an episode, whole.

    Attributes:
        uri: The file, which has to be open and checked.
        episode: The number of the episode, from 0.
        model: Which model of the file; the first one where it is not said.
        count: How many at most.
    """

    uri: str
    episode: int
    model: str | None = None
    count: int = 100


@attrs.frozen(kw_only=True, slots=False)
class FailuresResult:
    """The answer to `cwm/failures`.

    Attributes:
        failures: The documents of `cwm_engine.checking.episodes.failures_json`.
    """

    schema: int
    failures: list[dict[str, Any]]


@attrs.frozen(kw_only=True, slots=False)
class ImagesParams:
    """`cwm/images`, to the server: the pictures of one step.

    Attributes:
        uri: The file, which has to be open and checked.
        episode: The number of the episode, from 0.
        step: The number of the step, from 0.
        model: Which model of the file; the first one where it is not said.
    """

    uri: str
    episode: int
    step: int
    model: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class ImagesResult:
    """The answer to `cwm/images`.

    Attributes:
        images: The documents of `cwm_engine.checking.episodes.images_json`.
    """

    schema: int
    images: list[dict[str, Any]]


@attrs.frozen(kw_only=True, slots=False)
class SynthesizeParams:
    """`cwm/synthesize`, to the server: search for a program that predicts the data, from the buffer's text.

    Cancelling the request or its progress stops the search within a second; the run stays, to go on with later.

    Attributes:
        uri: The file, which has to be open; its data is found as for a check.
        model: Which model of the file; None if there is one.
        proposer: Who writes programs: `local`, `openai`, `editor` or `replay`; as configured when None.
        llm: The language model's name; as configured when None.
        strategy: What chooses where the search goes on; as configured when None.
        max_calls, max_tokens, max_cost, max_seconds, max_nodes: What it may spend; as configured when None.
        description: What the environment is; as configured when None.
        resume: The run that goes on; None begins one.
        apply: Whether the server has the client apply what was found, which asks the user; the client does it itself
            where not.
        work_done_token: Where progress is reported; the server makes one where it is not said.
    """

    uri: str
    model: str | None = None
    proposer: Literal["local", "openai", "editor", "replay"] | None = None
    llm: str | None = None
    strategy: str | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    max_seconds: float | None = None
    max_nodes: int | None = None
    description: str | None = None
    resume: str | None = None
    apply: bool = True
    work_done_token: int | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class SynthesizeResult:
    """The answer to `cwm/synthesize`.

    Attributes:
        version: The version of the buffer that the search began with.
        result: The result document, as `cwm synthesize --output-format json` prints it.
        program: The best program; None if there is none.
        edit: From that version to the program, for exactly that version; None if there is nothing to change.
        applied: Whether the client has applied it.
    """

    schema: int
    version: int
    result: dict[str, Any]
    program: str | None
    edit: types.WorkspaceEdit | None
    applied: bool


@attrs.frozen(kw_only=True, slots=False)
class FitParams:
    """`cwm/fit`, to the server: fit the numbers of the buffer's text to the data.

    Attributes:
        uri: The file, which has to be open; its data is found as for a check.
        model: Which model of the file; None if there is one.
        apply: As in `SynthesizeParams`.
        work_done_token: Where progress is reported; the server makes one where it is not said.
    """

    uri: str
    model: str | None = None
    apply: bool = True
    work_done_token: int | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class FitResult:
    """The answer to `cwm/fit`.

    Attributes:
        version: The version of the buffer that was fitted.
        fit: The document, as `cwm fit --output-format json` prints it.
        program, edit, applied: As in `SynthesizeResult`.
    """

    schema: int
    version: int
    fit: dict[str, Any]
    program: str | None
    edit: types.WorkspaceEdit | None
    applied: bool


@attrs.frozen(kw_only=True, slots=False)
class SearchEventParams:
    """`cwm/searchEvent`, from the server: where a search stands.

    Attributes:
        uri: The file it is about.
        run: The name of the run.
        kind: A program became a node, or the search ended.
        nodes, most_nodes: Programs tried, and how many may be.
        best: Accuracy of the best one, 0..1.
        calls, most_calls: Requests to a language model, and how many may be.
        tokens: Tokens read and written.
        cost: Dollars.
        seconds: How long it has worked.
        under_way: Requests that are not answered yet.
        tree: The search with the nodes that are new, see `cwm_engine.synthesis.view.TreeWatch`.
    """

    schema: int
    uri: str
    run: str
    kind: Literal["node", "ended"]
    nodes: int
    most_nodes: int | None
    best: float | None
    calls: int
    most_calls: int | None
    tokens: int
    cost: float
    seconds: float
    under_way: int
    tree: dict[str, Any]


@attrs.frozen(kw_only=True, slots=False)
class PinParams:
    """`cwm/pin`, to the server: keep a transition as one that must stay right, and have the configuration name it.

    Attributes:
        uri: The file, which has to be open and checked.
        episode, step: The transition.
        model: Which model of the file; the first one where it is not said.
    """

    uri: str
    episode: int
    step: int
    model: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class PinResult:
    """The answer to `cwm/pin`.

    Attributes:
        file: Where pinned transitions of the model are kept.
        added: Whether it was not among them before.
        applied: Whether the client has put the file into the configuration, or it was there.
    """

    schema: int
    file: str
    added: bool
    applied: bool


@attrs.frozen(kw_only=True, slots=False)
class ChatMessage:
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@attrs.frozen(kw_only=True, slots=False)
class CompleteParams:
    """`cwm/lm/complete`, to the client: ask a language model that the editor gives access to.

    Attributes:
        llm: Its name; the one the user has chosen when None.
        messages: What it is told.
        max_tokens: Tokens of the reply at most.
    """

    schema: int
    llm: str | None
    messages: list[ChatMessage]
    max_tokens: int


@attrs.frozen(kw_only=True, slots=False)
class CompleteResult:
    """The answer to `cwm/lm/complete`.

    Attributes:
        text: The reply.
        prompt_tokens, completion_tokens: As the editor counts them; None where it does not.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@attrs.frozen(kw_only=True, slots=False)
class LinesParams:
    """`cwm/lines`, to the server: which lines of a file the last check has executed.

    Attributes:
        uri: The file, which has to be open and checked.
    """

    uri: str


@attrs.frozen(kw_only=True, slots=False)
class LineExecutions:
    """One line of the functions of a model.

    Attributes:
        line: Counted from 1.
        transitions: How many transitions execute it; 1 for what runs before them.
        failing: How many of those are predicted wrongly.
        before: Whether it only runs before the transitions, while the model is loaded and constructed.
    """

    line: int
    transitions: int
    failing: int
    before: bool


@attrs.frozen(kw_only=True, slots=False)
class LinesResult:
    """The answer to `cwm/lines`.

    Attributes:
        version: The version of the buffer that the lines are of.
        lines: The lines of all models that were run, in order; none where that is not known.
    """

    schema: int
    version: int
    lines: list[LineExecutions]


@attrs.frozen(kw_only=True, slots=False)
class RunsParams:
    """`cwm/runs`, to the server: which searches there were."""


@attrs.frozen(kw_only=True, slots=False)
class RunSummary:
    """One search.

    Attributes:
        run: Its name.
        file: The model it is about, as it was named; None where its journal cannot be read.
        path: The model's file; None where it is not there any more.
        status: How it ended the last time, `unfinished` if it did not, `unreadable` where nobody can say.
        nodes: Programs that were tried.
        accuracy: Of the best one on the searched transitions, 0..1.
        created: When it began, as ISO 8601.
        size: Bytes on disk.
    """

    run: str
    file: str | None
    path: str | None
    status: Literal["verified", "partial", "failed", "cancelled", "unfinished", "unreadable"]
    nodes: int
    accuracy: float | None
    created: str | None
    size: int


@attrs.frozen(kw_only=True, slots=False)
class RunsResult:
    """The answer to `cwm/runs`.

    Attributes:
        directory: Where they lie.
        runs: All of them, the latest first.
    """

    schema: int
    directory: str
    runs: list[RunSummary]


@attrs.frozen(kw_only=True, slots=False)
class RunParams:
    """`cwm/run`, to the server: the tree of a search, in parts.

    Attributes:
        run: Its name.
        after: The last node that is known; 0 for none.
        count: How many nodes at most.
    """

    run: str
    after: int = 0
    count: int = 50


@attrs.frozen(kw_only=True, slots=False)
class RunResult:
    """The answer to `cwm/run`.

    Attributes:
        path: The model's file; None where it is not there any more.
        tree: The document of `cwm_engine.synthesis.view.tree_json`, with some of the nodes.
        more: Whether there are nodes after these.
    """

    schema: int
    path: str | None
    tree: dict[str, Any]
    more: bool


@attrs.frozen(kw_only=True, slots=False)
class DeleteRunsParams:
    """`cwm/deleteRuns`, to the server: delete searches and everything they hold.

    Attributes:
        runs: Their names.
    """

    runs: list[str]


@attrs.frozen(kw_only=True, slots=False)
class DeleteRunsResult:
    """The answer to `cwm/deleteRuns`.

    Attributes:
        deleted: The names of those that are gone.
        problems: Why others are not.
    """

    schema: int
    deleted: list[str]
    problems: list[str]


@attrs.frozen(kw_only=True, slots=False)
class PropertiesParams:
    """`cwm/properties`, to the server: write property tests for a model, or bring those that are there up to date.

    What was edited by hand stays as it is. Cancelling the request or its progress stops it.

    Attributes:
        uri: The model's file, which has to be open; its data is found as for a check.
        model: Which model of the file; None if there is one.
        apply: Whether the server has the client apply the edit, which asks the user where a file is changed; the client
            does it itself otherwise.
        work_done_token: Where progress is reported; the server makes one where it is not said.
    """

    uri: str
    model: str | None = None
    apply: bool = True
    work_done_token: int | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class PropertiesResult:
    """The answer to `cwm/properties`.

    Attributes:
        tests: The file of tests.
        created: Whether it is new.
        count: How many tests it has.
        rules: How many of them say what was mined from the data.
        dropped: Rules of the data that the real environment breaks.
        environment: The real environment, where it was asked.
        added, updated, kept, removed, left: Names of tests; `kept` were edited by hand, and so were those `left`, whose
            rules were not found again.
        text: The whole new text.
        edit: From what is there to the new text; None if nothing changes.
        applied: Whether the client has applied it.
    """

    schema: int
    tests: str
    created: bool
    count: int
    rules: int
    dropped: list[str]
    environment: str | None
    added: list[str]
    updated: list[str]
    kept: list[str]
    removed: list[str]
    left: list[str]
    text: str
    edit: types.WorkspaceEdit | None
    applied: bool


@attrs.frozen(kw_only=True, slots=False)
class PropertyTestsParams:
    """`cwm/propertyTests`, to the server: which property tests there are for a model.

    Attributes:
        uri: The model's file, which has to be open.
        model: Which model of the file; None if there is one.
    """

    uri: str
    model: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class PropertyTest:
    """One property test: its name, and its line in the file of tests."""

    name: str
    line: int


@attrs.frozen(kw_only=True, slots=False)
class PropertyTestsResult:
    """The answer to `cwm/propertyTests`.

    Attributes:
        tests: The file of tests; None where there is none yet.
        items: What is in it.
    """

    schema: int
    tests: str | None
    items: list[PropertyTest]


@attrs.frozen(kw_only=True, slots=False)
class RunPropertiesParams:
    """`cwm/runProperties`, to the server: run the property tests of a model in the sandbox, as they are in the editor.

    What does not hold is shown as diagnostics of the model from then on, until it holds again. Cancelling the request
    or its progress stops the run.

    Attributes:
        uri: The model's file, which has to be open.
        model: Which model of the file; None if there is one.
        only: Names of the tests to run; all of them when None.
        work_done_token: Where progress is reported; the server makes one where it is not said.
    """

    uri: str
    model: str | None = None
    only: list[str] | None = None
    work_done_token: int | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class PropertyFailure:
    """How a property test fails.

    Attributes:
        message: What is wrong, with the simplest case that was found.
        line: In the file of tests; None where that is not known.
        counterexample: The arguments for which it fails, as Python.
        seen: What came out.
    """

    message: str
    line: int | None
    counterexample: dict[str, str]
    seen: dict[str, str]


@attrs.frozen(kw_only=True, slots=False)
class PropertyOutcome:
    """What came of one property test.

    Attributes:
        test: Its name, with the parameters of pytest.
        line: In the file of tests.
        seconds: How long it took.
        reason: Why it was skipped or did not finish.
    """

    test: str
    line: int
    status: Literal["passed", "failed", "skipped", "unfinished"]
    seconds: float
    reason: str | None
    failures: list[PropertyFailure]


@attrs.frozen(kw_only=True, slots=False)
class RunPropertiesResult:
    """The answer to `cwm/runProperties`.

    Attributes:
        version: The version of the model that was run.
        tests: The file of tests.
        status: `partial` where tests did not finish, `error` where they could not be loaded.
        problem: Why they could not be loaded.
        seconds: How long it took.
        outcomes: One for each test.
    """

    schema: int
    version: int
    tests: str
    status: Literal["complete", "partial", "error"]
    problem: str | None
    seconds: float
    outcomes: list[PropertyOutcome]


CHECK = "cwm/check"
COMPLETE = "cwm/lm/complete"
DATASET = "cwm/dataset"
DELETE_RUNS = "cwm/deleteRuns"
EPISODE = "cwm/episode"
FAILURES = "cwm/failures"
FIT = "cwm/fit"
IMAGES = "cwm/images"
LINES = "cwm/lines"
RUN = "cwm/run"
RUNS = "cwm/runs"
PIN = "cwm/pin"
PROPERTIES = "cwm/properties"
PROPERTY_TESTS = "cwm/propertyTests"
RUN_PROPERTIES = "cwm/runProperties"
SEARCH_EVENT = "cwm/searchEvent"
STATUS = "cwm/status"
SYNTHESIZE = "cwm/synthesize"

NOTIFICATIONS: dict[str, type] = {SEARCH_EVENT: SearchEventParams, STATUS: StatusParams}
"""By method; those from the client to the server are handed over as these types."""

REQUESTS: dict[str, tuple[type, type]] = {
    CHECK: (CheckParams, CheckResult),
    DATASET: (DatasetParams, DatasetResult),
    DELETE_RUNS: (DeleteRunsParams, DeleteRunsResult),
    EPISODE: (EpisodeParams, EpisodeResult),
    COMPLETE: (CompleteParams, CompleteResult),
    FAILURES: (FailuresParams, FailuresResult),
    FIT: (FitParams, FitResult),
    IMAGES: (ImagesParams, ImagesResult),
    LINES: (LinesParams, LinesResult),
    RUN: (RunParams, RunResult),
    RUNS: (RunsParams, RunsResult),
    PIN: (PinParams, PinResult),
    PROPERTIES: (PropertiesParams, PropertiesResult),
    PROPERTY_TESTS: (PropertyTestsParams, PropertyTestsResult),
    RUN_PROPERTIES: (RunPropertiesParams, RunPropertiesResult),
    SYNTHESIZE: (SynthesizeParams, SynthesizeResult),
}
"""By method: the parameters and the answer."""
