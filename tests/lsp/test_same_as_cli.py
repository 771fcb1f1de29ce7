"""One engine, one answer: the editor shows what `cwm check` says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cwm_engine.cli.check import CheckOptions, check
from tests.lsp.conftest import WALK

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.py"))

RETURN = "        return"
TROUBLES = {
    "wrong in one place": WALK.replace("+ action", "- action"),
    "wrong in reward and end": WALK.replace("0.0, False", "1.0, True"),
    "right": WALK,
    "no Python": WALK + "(",
    "empty": "",
    "without a model": "x = 1\n",
    "half a model": WALK.replace("set_state", "put_state"),
    "a wrong signature": WALK.replace("def step(self, action)", "def step(self)"),
    "too few values": WALK.replace(", 0.0, False", ", 0.0"),
    "an exception": WALK.replace(RETURN, "        1 / (action - 1)\n        return"),
    "an exception at once": "1 / 0\n" + WALK,
    "no end of a loop": WALK.replace(RETURN, "        while action > 1:\n            pass\n        return"),
    "an exit": WALK.replace(RETURN, "        raise SystemExit\n        return"),
    "a forbidden module": "import socket\n" + WALK,
    "a module that is not there": "import nowhere_to_be_found\n" + WALK,
    "a forbidden call": WALK.replace(RETURN, "        open('/etc/passwd')\n        return"),
    "chance": "import random\n" + WALK.replace("+ action", "+ action + random.choice([0, 1])"),
    "a memory": WALK.replace(RETURN, "        self.state += 1\n        return"),
    "prints": WALK.replace(RETURN, "        print(action)\n        return"),
    "unexercised code": WALK.replace(
        "        return", "        if action > 7:\n            action = 0\n        return"
    ),
    "a condition that always holds": WALK.replace(
        "        return", "        if action < 7:\n            action += 0\n        return"
    ),
    "an unreached limit": WALK.replace("0.0, False", "0.0, self.state + action > 100 or action > 7"),
    "suppressed": WALK.replace("+ action, 0.0, False", "- action, 0.0, False  # cwm: ignore[CWM201]"),
    "two models": WALK + "\n\n" + WALK.replace("Environment", "Other").replace("0.0", "1.0"),
    "wide characters": WALK.replace("        return", '        "散歩🚶🏽"\n        return').replace(
        "+ action", "- action"
    ),
    "carriage returns": WALK.replace("+ action", "- action").replace("\n", "\r\n"),
}


def said(path):
    """What the command line says: status, accuracy and findings of each model."""
    (outcome, *others) = check(CheckOptions(files=(str(path),)))
    assert not others
    return [_essence(report.to_json()) for report in outcome.reports]


async def shown(editor, path, text):
    """What the server says of the same text, and what it shows of it."""
    uri = path.as_uri()
    await editor.opened(uri, text)
    answer = (await editor.workspace_execute_command_async(_check(uri)))["report"]
    codes = sorted(code for code in editor.codes(uri) if code)
    editor.close(uri)
    return [_essence(report) for report in answer["models"]], codes


def _check(uri):
    from lsprotocol.types import ExecuteCommandParams

    return ExecuteCommandParams("cwm.check", [{"uri": uri}])


def _essence(report):
    """A report without what differs from run to run."""
    findings = [
        {**finding, "suspects": [suspect["line"] for suspect in finding["suspects"]]} for finding in report["findings"]
    ]
    repairs = [(repair["line"], repair["replacement"]) for repair in report["repairs"]]
    numbers = {name: report[name] for name in ("class", "status", "transitions", "accuracy", "fields", "message")}
    return {**numbers, "findings": findings, "repairs": repairs}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
async def test_an_example_is_the_same_in_both(shared_editor, path):
    if path.name == "driver.py":
        pytest.importorskip("gymnasium")
    by_command = said(path)
    by_server, codes = await shown(shared_editor, path, path.read_text(encoding="utf-8"))
    if by_command[0]["message"] is None:
        assert by_server == by_command
        assert codes == sorted(finding["code"] for report in by_command for finding in report["findings"])
    else:  # there is no data for it
        assert codes == []


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_model_in_trouble_is_the_same_in_both(shared_editor, project, trouble):
    text = TROUBLES[trouble]
    project.model.write_bytes(text.encode())
    os.utime(project.model)
    by_command = said(project.model)
    by_server, codes = await shown(shared_editor, project.model, text)
    assert by_server == by_command
    assert codes == sorted(finding["code"] for report in by_command for finding in report["findings"])
