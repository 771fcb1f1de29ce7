"""The report document, what is shown of it, and what the process ends with."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.report import (
    ModelReport,
    Repair,
    Report,
    Status,
    Transitions,
    exit_code,
    filter_findings,
    report_schema,
)
from cwm_engine.errors import CwmError
from cwm_engine.findings import CODES, Example, Finding, Severity, Span, Suspect

RIGHT = ModelReport(
    file="right.py", model="Environment", dialect="environment", transitions=Transitions(10, 10, 10), accuracy=1.0
)


def finding(code: str = "CWM201", line: int = 3, severity: Severity | None = None, **more: Any) -> Finding:
    return Finding(
        code=code,
        severity=severity or CODES[code].severity,
        message="`obs[0]` is wrong",
        span=Span(line, 5, line, 9),
        **more,
    )


def wrong(*findings: Finding, accuracy: float = 0.5) -> ModelReport:
    return replace(RIGHT, transitions=Transitions(10, 10, 5), accuracy=accuracy, findings=findings)


# The document


def test_document_has_the_keys_of_the_schema_in_order() -> None:
    document = Report((wrong(finding()),)).to_json()
    assert list(document) == ["schema", "status", "models"]
    properties = report_schema()["$defs"]
    assert list(document["models"][0]) == list(properties["model"]["properties"])
    assert list(document["models"][0]["findings"][0]) == list(properties["finding"]["properties"])


def test_lines_and_columns_count_from_one_as_in_the_span() -> None:
    told = Report((wrong(finding(line=7)),)).to_json()["models"][0]["findings"][0]
    assert (told["line"], told["column"], told["end_line"], told["end_column"]) == (7, 5, 7, 9)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
examples = st.builds(
    Example,
    episode=st.integers(0, 99),
    step=st.integers(0, 99),
    state=json_values,
    action=json_values,
    expected=json_values,
    predicted=json_values,
    differs=st.lists(st.text(), max_size=3).map(tuple),
)
shares = st.none() | st.floats(0, 1)


@given(
    shown=st.lists(examples, max_size=2).map(tuple),
    status=st.sampled_from(Status),
    accuracy=shares,
    baseline=shares,
    separated=st.none() | st.fixed_dictionaries({"state": json_values, "action": json_values}),
)
def test_every_report_is_valid_json_of_the_schema(
    shown: tuple[Example, ...], status: Status, accuracy: float | None, baseline: float | None, separated: Any
) -> None:
    model = replace(
        wrong(finding(examples=shown, suspects=(Suspect(3, 0.5),), fields=("obs[0]",))),
        status=status,
        accuracy=accuracy,
        baseline=baseline,
        fields={"obs[0]": 0.5},
        repairs=(Repair(3, Span(3, 5, 3, 6), "-x", "negate", "--- a\n", separated_by=separated),),
    )
    text = json.dumps(Report((model, RIGHT)).to_json(), allow_nan=False)
    jsonschema.validate(json.loads(text), report_schema())


def test_numbers_json_lacks_are_strings_that_python_reads_back() -> None:
    shown = Example(0, 0, [float("nan")], 1, {"reward": float("inf")}, {"reward": float("-inf")}, ("reward",))
    told = Report((wrong(finding(examples=(shown,))),)).to_json()["models"][0]["findings"][0]["examples"][0]
    assert told["state"] == ["NaN"]
    assert float(told["expected"]["reward"]) == float("inf")
    assert float(told["predicted"]["reward"]) == float("-inf")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], Status.ERROR),
        ([Status.COMPLETE, Status.COMPLETE], Status.COMPLETE),
        ([Status.COMPLETE, Status.PARTIAL], Status.PARTIAL),
        ([Status.PARTIAL, Status.TIMEOUT], Status.TIMEOUT),
        ([Status.ERROR, Status.COMPLETE], Status.ERROR),
    ],
)
def test_status_of_a_report_is_the_worst_of_its_models(statuses: list[Status], expected: Status) -> None:
    assert Report(tuple(replace(RIGHT, status=status) for status in statuses)).status is expected


def test_model_is_named_by_file_and_class() -> None:
    assert RIGHT.name == "right.py::Environment"
    assert replace(RIGHT, model=None).name == "right.py"


def test_worst_severity_of_a_model() -> None:
    assert RIGHT.worst is None
    assert wrong(finding("CWM601"), finding("CWM801")).worst is Severity.INFO


# Exit codes


def test_a_right_model_ends_with_0() -> None:
    assert exit_code(Report((RIGHT,))) == 0


def test_an_error_ends_with_1() -> None:
    assert exit_code(Report((RIGHT, wrong(finding())))) == 1


def test_infos_and_hints_do_not_fail() -> None:
    assert exit_code(Report((replace(RIGHT, findings=(finding("CWM801"), finding("CWM601"))),))) == 0


def test_fail_on_moves_the_bar() -> None:
    noted = Report((replace(RIGHT, findings=(finding("CWM801"),)),))
    assert exit_code(noted, fail_on=Severity.INFO) == 1
    assert exit_code(Report((wrong(finding()),)), fail_on=None) == 0


def test_no_model_ends_with_2() -> None:
    assert exit_code(Report()) == 2


def test_nothing_checked_is_never_a_pass() -> None:
    """A dataset without transitions, or a model whose findings are all filtered away."""
    unchecked = replace(RIGHT, transitions=Transitions(), accuracy=None)
    assert exit_code(Report((unchecked,))) == 2
    assert exit_code(Report((unchecked,)), fail_on=None) == 2


def test_a_model_with_a_syntax_error_ends_with_1() -> None:
    broken = replace(RIGHT, status=Status.ERROR, transitions=Transitions(), findings=(finding("CWM101"),))
    assert exit_code(Report((broken,))) == 1


def test_a_model_that_could_not_be_checked_ends_with_2_beside_any_other() -> None:
    failed = replace(RIGHT, status=Status.ERROR, message="the trajectories do not exist")
    assert exit_code(Report((wrong(finding()), failed, RIGHT))) == 2


@pytest.mark.parametrize("status", [Status.PARTIAL, Status.TIMEOUT])
def test_an_unfinished_check_is_not_verified(status: Status) -> None:
    assert exit_code(Report((replace(RIGHT, status=status),))) == 1


def test_min_accuracy_decides_about_mismatches() -> None:
    model = wrong(finding("CWM201"), finding("CWM401"), accuracy=0.96)
    assert exit_code(Report((model,)), min_accuracy=0.95) == 0
    assert exit_code(Report((model,)), min_accuracy=0.97) == 1


def test_min_accuracy_leaves_other_findings_to_their_severity() -> None:
    model = replace(RIGHT, findings=(finding("CWM501"),))
    assert exit_code(Report((model,)), min_accuracy=0.5) == 1


# What is shown


def codes_shown(*codes: str, **how: Any) -> list[str]:
    return [shown.code for shown in filter_findings([finding(code) for code in codes], **how)]


def test_all_findings_are_shown_by_default() -> None:
    assert codes_shown("CWM101", "CWM201", "CWM601") == ["CWM101", "CWM201", "CWM601"]


def test_select_takes_prefixes() -> None:
    assert codes_shown("CWM101", "CWM201", "CWM202", select=["CWM2"]) == ["CWM201", "CWM202"]


def test_ignore_wins_over_an_equal_select() -> None:
    assert codes_shown("CWM201", select=["CWM2"], ignore=["CWM2"]) == []
    assert codes_shown("CWM201", "CWM301", ignore=["ALL"]) == []


def test_the_longer_prefix_wins() -> None:
    assert codes_shown("CWM201", "CWM202", select=["CWM201"], ignore=["CWM2"]) == ["CWM201"]


@pytest.mark.parametrize("prefix", ["CWM999", "E501", ""])
def test_a_prefix_without_codes_is_refused(prefix: str) -> None:
    with pytest.raises(CwmError, match="no code of a finding starts with"):
        codes_shown("CWM201", ignore=[prefix])


def test_a_comment_suppresses_its_codes_on_its_line() -> None:
    findings = [finding("CWM201", line=3), finding("CWM302", line=3), finding("CWM201", line=4)]
    shown = filter_findings(findings, suppressions={3: frozenset({"CWM201"})})
    assert [(item.code, item.span.line) for item in shown] == [("CWM302", 3), ("CWM201", 4)]


def test_a_bare_comment_suppresses_everything_on_its_line() -> None:
    findings = [finding("CWM201", line=3), finding("CWM302", line=3), finding("CWM201", line=4)]
    shown = filter_findings(findings, suppressions={3: None})
    assert [item.span.line for item in shown] == [4]
