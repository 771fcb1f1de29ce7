"""SARIF 2.1.0: the parts of the standard that the log uses, written down as a schema."""

import json
from dataclasses import replace
from typing import Any

import jsonschema

from cwm_engine.checking.report import ModelReport, Report
from cwm_engine.cli.output_sarif import to_sarif


def some(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


# Section numbers are those of the OASIS standard.
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = some(["text"], text={"type": "string", "minLength": 1})  # 3.11
COUNT = {"type": "integer", "minimum": 1}
REGION = some(["startLine"], startLine=COUNT, startColumn=COUNT, endLine=COUNT, endColumn=COUNT)  # 3.30
LOCATION = some(  # 3.28
    ["physicalLocation"],
    id={"type": "integer", "minimum": 0},
    message=MESSAGE,
    physicalLocation=some(
        ["artifactLocation"],
        artifactLocation=some(["uri"], uri={"type": "string", "format": "uri-reference"}),
        region=REGION,
    ),
)
RULE = some(  # 3.49
    ["id"],
    id={"type": "string"},
    name={"type": "string"},
    shortDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=some([], level=LEVEL),
)
RESULT = some(  # 3.27
    ["message"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={"type": "array", "items": LOCATION},
    relatedLocations={"type": "array", "items": LOCATION, "uniqueItems": True},
    properties={"type": "object"},
)
NOTIFICATION = some(["message"], level=LEVEL, message=MESSAGE, locations={"type": "array", "items": LOCATION})  # 3.58
INVOCATION = some(  # 3.20
    ["executionSuccessful"],
    executionSuccessful={"type": "boolean"},
    toolExecutionNotifications={"type": "array", "items": NOTIFICATION},
)
RUN = some(  # 3.14
    ["tool"],
    tool=some(["driver"], driver=some(["name"], name={}, version={}, rules={"type": "array", "items": RULE})),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations={"type": "array", "items": INVOCATION},
    results={"type": "array", "items": RESULT},
)
LOG = some(
    ["version", "runs"],
    **{"$schema": {"type": "string"}},
    version={"const": "2.1.0"},
    runs={"type": "array", "items": RUN},
)


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(json.dumps(to_sarif(report)))
    jsonschema.validate(log, LOG)
    (run,) = log["runs"]
    return run  # type: ignore[no-any-return]


def test_the_log_follows_the_standard(report: Report) -> None:
    run_of(report)
    run_of(Report())


def test_rules_are_the_codes_that_occur_and_results_point_at_them(report: Report) -> None:
    run = run_of(report)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["CWM201", "CWM601", "CWM602"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_a_result_has_its_place_its_count_and_the_other_suspects(report: Report) -> None:
    result = run_of(report)["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "models/wrong.py"
    assert place["region"] == {"startLine": 8, "startColumn": 9, "endLine": 8, "endColumn": 24}
    assert result["message"]["text"] == "`obs[1]` is wrong (37 of 1,000 transitions)"
    assert [other["physicalLocation"]["region"] for other in result["relatedLocations"]] == [{"startLine": 6}]


def test_a_model_that_could_not_be_checked_is_a_failed_run(report: Report) -> None:
    (invocation,) = run_of(report)["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "there are no trajectories for this model"
    assert run_of(Report(report.models[:2]))["invocations"][0]["executionSuccessful"]


def test_file_names_become_uris(report: Report) -> None:
    def uri(file: str) -> str:
        moved: ModelReport = replace(report.models[0], file=file)
        place = run_of(Report((moved,)))["results"][0]["locations"][0]["physicalLocation"]
        return str(place["artifactLocation"]["uri"])

    assert uri("my models/50 %.py") == "my%20models/50%20%25.py"
    assert uri("/models/a.py") == "file:///models/a.py"
