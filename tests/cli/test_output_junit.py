"""JUnit XML: what a CI server counts, and that it is XML whatever a model says."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_engine.checking.report import Report, Status
from cwm_engine.cli.output_junit import to_junit


def test_each_model_is_a_suite_and_each_failing_finding_a_case(report: Report) -> None:
    root = ET.fromstring(to_junit(report))
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["4", "1", "1"]
    wrong, right, failed = root
    assert [case.get("name") for case in wrong] == ["check", "CWM201 state-mismatch line 8"]
    failure = wrong[1].find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("CWM201", "`obs[1]` is wrong")
    assert "obs[1]: expected 1.25, predicted -0.75" in (failure.text or "")
    assert [case.get("name") for case in right] == ["check"]
    assert right.find("testcase/error") is None
    error = failed.find("testcase/error")
    assert error is not None
    assert error.get("message") == "there are no trajectories for this model"


def test_infos_and_hints_are_output_of_the_check(report: Report) -> None:
    output = ET.fromstring(to_junit(report)).findtext("testsuite/testcase/system-out")
    assert output is not None
    assert "line 9: CWM602 No transition reaches 100." in output
    assert "accuracy 96.3 %" in output


def test_an_unfinished_check_is_an_error(report: Report) -> None:
    late = replace(report.models[1], status=Status.PARTIAL)
    root = ET.fromstring(to_junit(Report((late,))))
    assert root.get("errors") == "1"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.text(), file=st.text(min_size=1))
def test_the_document_is_xml_whatever_a_model_says(report: Report, message: str, file: str) -> None:
    model = report.models[0]
    finding = replace(model.findings[0], message=message)
    ET.fromstring(to_junit(Report((replace(model, file=file, findings=(finding,)),))))
