"""When a file is checked: run modes, on request, after changes beside it; and when it is not."""

from __future__ import annotations

import asyncio
import json

import pytest
from lsprotocol import types

from cwm_engine.trajectories.formats.jsonl import write_jsonl
from tests.lsp.conftest import ROWS
from tests.recordings import made

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS = "        while True:\n            pass\n"
STUCK = "        sum(range(10**12))\n"
"""Ends in no loop that could be counted."""

BAD_SIGNATURE = """\
class Environment:
    def set_state(self):
        pass

    def step(self, action):
        return 0, 0.0, False
"""


@pytest.fixture(autouse=True)
def _everything_as_usual(shared_editor):
    """Leave no settings and no open file behind."""
    yield
    for uri in list(shared_editor.versions):
        shared_editor.close(uri)
    if shared_editor.settings != {"": {}}:
        shared_editor.set({})


async def test_on_save_an_edit_alone_changes_nothing(shared_editor, project):
    shared_editor.set({"run": "onSave"})
    await shared_editor.opened(project.uri, project.wrong)
    shared_editor.edit(project.uri, project.text)
    edited = await shared_editor.settled(project.uri)
    assert (edited.state, edited.stale, edited.accuracy) == ("notRun", True, 1 / 3)
    shared_editor.save(project.uri)
    saved = await shared_editor.until(lambda: _status(shared_editor, project.uri, "complete"))
    assert (saved.stale, saved.accuracy, shared_editor.codes(project.uri)) == (False, 1.0, [])


async def test_on_save_a_syntax_error_is_shown_at_once_and_gives_way_to_what_was_known(shared_editor, project):
    shared_editor.set({"run": "onSave"})
    await shared_editor.opened(project.uri, project.wrong)
    shared_editor.edit(project.uri, f"{project.wrong}(")
    await shared_editor.settled(project.uri)
    assert shared_editor.codes(project.uri) == ["CWM101"]


async def test_manually_nothing_runs_until_it_is_asked_for(shared_editor, project):
    shared_editor.set({"run": "manual"})
    status = await shared_editor.opened(project.uri, project.wrong)
    assert (status.state, status.models, shared_editor.codes(project.uri)) == ("notRun", [], [])
    answer = await shared_editor.request("cwm/check", {"uri": project.uri})
    assert (answer.version, answer.outcome, answer.report.models[0].accuracy) == (1, "checked", 1 / 3)
    assert shared_editor.codes(project.uri) == ["CWM201"]


async def test_the_command_answers_as_the_request_does(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    params = types.ExecuteCommandParams("cwm.check", [{"uri": project.uri}])
    answer = await shared_editor.workspace_execute_command_async(params)
    assert (answer["outcome"], answer["report"]["models"][0]["accuracy"]) == ("checked", 1 / 3)


async def test_a_file_that_is_not_open_cannot_be_checked(shared_editor, project):
    with pytest.raises(Exception, match="is not open"):
        await shared_editor.request("cwm/check", {"uri": project.uri})


async def test_a_cancelled_check_is_answered_and_stops(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    shared_editor.edit(project.uri, project.text.replace("        return", f"{STUCK}        return"))
    waiting = asyncio.ensure_future(
        shared_editor.protocol.send_request_async("cwm/check", {"uri": project.uri}, msg_id="check")
    )
    await asyncio.sleep(0.1)
    shared_editor.cancel_request(types.CancelParams("check"))
    with pytest.raises(Exception, match="canceled"):
        await asyncio.wait_for(waiting, 30)
    status = await shared_editor.settled(project.uri)
    assert status.state == "stopped"
    shared_editor.edit(project.uri, project.text)
    assert (await shared_editor.settled(project.uri)).accuracy == 1.0


@pytest.mark.parametrize("phase", ["told of nothing", "told of the mismatch", "told of the line"])
async def test_a_check_can_be_cancelled_in_every_phase(shared_editor, project, phase):
    await shared_editor.opened(project.uri, project.text)
    before = len(shared_editor.published)
    hopeless = project.text.replace("self.state + action", "self.state * 3 - action * 5 + 1")
    slow = hopeless.replace("        return", "        sum(range(30_000))\n        return")
    shared_editor.edit(project.uri, slow)
    waiting = asyncio.ensure_future(
        shared_editor.protocol.send_request_async("cwm/check", {"uri": project.uri}, msg_id=f"check {phase}")
    )
    await asyncio.sleep(0.05)
    if phase != "told of nothing":
        await shared_editor.until(lambda: len(shared_editor.published) > before)
    if phase == "told of the line":
        await shared_editor.until(lambda: shared_editor.shown(project.uri)[0].range.start.line == 6)
    shared_editor.cancel_request(types.CancelParams(f"check {phase}"))
    with pytest.raises(Exception, match="canceled"):
        await asyncio.wait_for(waiting, 60)
    assert (await shared_editor.settled(project.uri)).state == "stopped"
    shared_editor.edit(project.uri, project.wrong)
    await shared_editor.settled(project.uri)
    assert shared_editor.codes(project.uri) == ["CWM201"]


async def test_saving_looks_again_for_data_that_was_missing(shared_editor, project):
    data = project.folder / "trajectories" / "walk.jsonl"
    elsewhere = data.rename(project.folder / "elsewhere.jsonl")
    assert (await shared_editor.opened(project.uri, project.wrong)).state == "noData"
    elsewhere.rename(data)
    shared_editor.save(project.uri)
    await shared_editor.until(lambda: shared_editor.codes(project.uri) == ["CWM201"])


async def test_an_edit_during_a_check_ends_it(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    shared_editor.edit(project.uri, project.text.replace("        return", f"{STUCK}        return"))
    await asyncio.sleep(0.2)
    shared_editor.edit(project.uri, project.wrong)
    await shared_editor.settled(project.uri)
    assert shared_editor.codes(project.uri) == ["CWM201"]
    assert not any(
        item.code == "CWM402"
        for told in shared_editor.published
        if told.uri == project.uri
        for item in told.diagnostics
    )


async def test_of_a_hundred_rapid_edits_the_last_one_counts(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    before = len(shared_editor.published)
    for number in range(99):
        shared_editor.edit(project.uri, project.text.replace("0.0", f"{number}.0"))
    last = shared_editor.edit(project.uri, project.wrong)
    status = await shared_editor.settled(project.uri)
    told = [item.version for item in shared_editor.published[before:]]
    assert (status.version, status.accuracy, shared_editor.codes(project.uri)) == (last, 1 / 3, ["CWM201"])
    assert told == sorted(told)


async def test_a_model_that_never_ends_is_a_diagnostic_and_other_files_are_checked_meanwhile(shared_editor, project):
    text = project.text.replace("        return", f"{ENDLESS}        return")
    other = project.folder / "walk_2.py"
    (project.folder / "trajectories" / "walk_2.jsonl").write_bytes(
        (project.folder / "trajectories" / "walk.jsonl").read_bytes()
    )
    shared_editor.open(project.uri, text)
    status = await shared_editor.opened(other.as_uri(), project.text)
    assert status.accuracy == 1.0
    await shared_editor.settled(project.uri)
    assert shared_editor.codes(project.uri)[0] in {"CWM402", "CWM406"}


async def test_what_the_first_transitions_show_of_a_slow_model_is_shown_at_once(shared_editor, project):
    rows = [(state, 1, state + 1, 0.0, False) for state in range(200)]
    write_jsonl(made(rows), project.folder / "trajectories" / "walk.jsonl")
    text = project.text.replace("        return", "        sum(range(100_000))\n        return").replace("0.0", "2.0")
    shared_editor.open(project.uri, text)
    await shared_editor.until(lambda: shared_editor.shown(project.uri))
    first = await shared_editor.until(
        lambda: next((status for status in shared_editor.statuses if status.uri == project.uri and status.models), None)
    )
    assert (first.state, first.models[0].status, first.models[0].total) == ("checking", "partial", 200)
    assert first.models[0].checked < 200
    assert (await shared_editor.settled(project.uri)).state == "complete"


async def test_a_file_without_data_says_so_and_shows_what_its_text_alone_shows(shared_editor, tmp_path):
    uri = (tmp_path / "lonely.py").as_uri()
    status = await shared_editor.opened(uri, BAD_SIGNATURE)
    assert (status.state, shared_editor.codes(uri)) == ("noData", ["CWM104"])


async def test_a_file_that_was_never_saved_is_looked_at_but_not_run(shared_editor):
    uri = "untitled:Untitled-1"
    status = await shared_editor.opened(uri, BAD_SIGNATURE)
    assert (status.state, shared_editor.codes(uri)) == ("noData", ["CWM104"])


async def test_any_other_python_file_is_left_alone(shared_editor, tmp_path):
    uri = (tmp_path / "tool.py").as_uri()
    status = await shared_editor.opened(uri, "print('hello'\n")
    assert (status.state, shared_editor.codes(uri)) == ("noModel", [])
    shared_editor.edit(uri, "def step(x):\n    return x\n")
    assert (await shared_editor.settled(uri)).state == "noModel"


async def test_a_configuration_that_cannot_be_read_is_no_business_of_other_files(shared_editor, tmp_path):
    (tmp_path / "cwm.toml").write_text("colour = 3\n")
    uri = (tmp_path / "tool.py").as_uri()
    status = await shared_editor.opened(uri, "def step():\n    pass\n")
    assert (status.state, shared_editor.codes(uri)) == ("noModel", [])


async def test_a_file_becomes_a_model_while_it_is_written(shared_editor, project):
    uri = (project.folder / "new.py").as_uri()
    await shared_editor.opened(uri, "")
    shared_editor.edit(uri, project.text)
    assert (await shared_editor.settled(uri)).state == "noData"


async def test_new_data_checks_the_model_again(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    data = project.folder / "trajectories" / "walk.jsonl"
    write_jsonl(made([(*row[:3], 1.0, False) for row in ROWS]), data)
    shared_editor.changed_on_disk(data)
    await shared_editor.until(lambda: shared_editor.codes(project.uri) == ["CWM301"])


async def test_data_that_is_renamed_away_is_missed_and_found_again(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    data = project.folder / "trajectories" / "walk.jsonl"
    elsewhere = data.rename(project.folder / "elsewhere.jsonl")
    shared_editor.changed_on_disk(data, kind=types.FileChangeType.Deleted)
    await shared_editor.until(lambda: _status(shared_editor, project.uri, "noData"))
    elsewhere.rename(data)
    shared_editor.changed_on_disk(data, kind=types.FileChangeType.Created)
    await shared_editor.until(lambda: _status(shared_editor, project.uri, "complete"))
    assert shared_editor.codes(project.uri) == ["CWM201"]


async def test_a_change_of_the_configuration_checks_the_model_again(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    config = project.folder / "cwm.toml"
    config.write_text('ignore = "CWM201"\n')
    shared_editor.changed_on_disk(config, kind=types.FileChangeType.Created)
    await shared_editor.until(lambda: shared_editor.codes(project.uri) == [])
    config.write_text("colour = 3\n")
    shared_editor.changed_on_disk(config)
    await shared_editor.until(lambda: _status(shared_editor, project.uri, "error"))
    assert "unknown key `colour`" in shared_editor.shown(project.uri)[0].message


async def test_a_change_of_an_imported_module_checks_the_model_again(shared_editor, project):
    rules = project.folder / "rules.py"
    rules.write_text("def moved(state, action):\n    return state + action\n")
    text = "from rules import moved\n\n" + project.text.replace("self.state + action", "moved(self.state, action)")
    assert (await shared_editor.opened(project.uri, text)).accuracy == 1.0
    rules.write_text("def moved(state, action):\n    return state\n")
    shared_editor.changed_on_disk(rules)
    await shared_editor.until(lambda: _accuracy(shared_editor, project.uri) == 1 / 3)


async def test_tolerances_of_the_editor_count_where_the_project_says_nothing(shared_editor, project):
    shared_editor.set({"tolerance": {"atol": 0.5}})
    write_jsonl(
        made([(float(s), a, s + a + 0.1, r, d) for s, a, _, r, d in ROWS]), project.folder / "trajectories/walk.jsonl"
    )
    assert (await shared_editor.opened(project.uri, project.text)).accuracy == 1.0
    (project.folder / "cwm.toml").write_text("tolerance = { atol = 0.01 }\n")
    shared_editor.changed_on_disk(project.folder / "cwm.toml")
    await shared_editor.until(lambda: _accuracy(shared_editor, project.uri) == 0.0)


async def test_settings_that_make_no_sense_are_said_and_passed_over(shared_editor, project):
    shared_editor.set({"run": "sometimes", "workers": 2})
    assert (await shared_editor.opened(project.uri, project.text)).run == "onType"
    await shared_editor.until(lambda: any("cwm.run" in log.message for log in shared_editor.log_messages))


async def test_more_open_models_than_workers_are_all_checked(shared_editor, project):
    shared_editor.set({"workers": 1})
    data = (project.folder / "trajectories" / "walk.jsonl").read_bytes()
    uris = []
    for number in range(3):
        (project.folder / "trajectories" / f"walker{number}.jsonl").write_bytes(data)
        uris.append((project.folder / f"walker{number}.py").as_uri())
        shared_editor.open(uris[-1], project.wrong)
    for uri in uris:
        assert (await shared_editor.settled(uri)).accuracy == 1 / 3
    shared_editor.edit(uris[0], project.text)
    assert (await shared_editor.settled(uris[0])).accuracy == 1.0


async def test_a_check_answers_with_the_report_document(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    params = types.ExecuteCommandParams("cwm.check", [{"uri": project.uri}])
    report = (await shared_editor.workspace_execute_command_async(params))["report"]
    assert json.loads(json.dumps(report))["models"][0]["findings"][0]["code"] == "CWM201"


def _status(editor, uri, state):
    status = editor.status(uri)
    return status if status is not None and status.state == state else None


def _accuracy(editor, uri):
    status = _status(editor, uri, "complete")
    return status.accuracy if status is not None else None
