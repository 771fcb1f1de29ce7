"""Searches from the editor: on the buffer's text, with progress, stoppable, and with an edit that the user accepts."""

from __future__ import annotations

import asyncio
import time

import pytest
from lsprotocol import types

from cwm_engine.trajectories.formats.jsonl import write_jsonl
from tests.lsp.conftest import ROWS
from tests.lsp.editor import apply_to
from tests.recordings import made

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG_NUMBER = """\
class Environment:
    def __init__(self):
        self.scale = 1.37

    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state + self.scale * action, 0.0, False
"""


over = asyncio.Event()
"""Whether the test is over that a language model lets wait."""


@pytest.fixture
def project(project):
    """Data in several episodes, so that some can be held out."""
    write_jsonl(made(ROWS, lengths=[6] * 5), project.folder / "trajectories" / "walk.jsonl")
    return project


@pytest.fixture(autouse=True)
def _everything_as_usual(shared_editor):
    """Leave no settings, no open file and no disagreement behind."""
    shared_editor.search_events.clear()
    shared_editor.offered.clear()
    shared_editor.progress.clear()
    shared_editor.prompts.clear()
    over.clear()
    yield
    over.set()
    shared_editor.agrees = True
    for uri in list(shared_editor.versions):
        shared_editor.close(uri)
    if shared_editor.settings != {"": {}}:
        shared_editor.set({})


async def test_a_search_repairs_the_buffer_by_an_edit_that_has_to_be_confirmed(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    answer = await shared_editor.request("cwm/synthesize", {"uri": project.uri})
    assert (answer.result.status, answer.applied, answer.program) == ("verified", True, project.text)
    (offered,) = shared_editor.offered
    (change,) = offered.edit.document_changes
    assert (change.text_document.uri, change.text_document.version) == (project.uri, 1)
    (annotation,) = offered.edit.change_annotations.values()
    assert annotation.needs_confirmation
    assert apply_to(project.wrong, change.edits) == project.text


async def test_the_text_of_the_buffer_is_what_counts(shared_editor, project):
    """The file on disk is right; the buffer is not."""
    await shared_editor.opened(project.uri, project.text)
    shared_editor.edit(project.uri, project.wrong)
    answer = await shared_editor.request("cwm/synthesize", {"uri": project.uri, "apply": False})
    assert (answer.version, answer.applied, shared_editor.offered) == (2, False, [])
    assert apply_to(project.wrong, answer.edit.documentChanges[0].edits) == project.text


async def test_a_user_who_disagrees_keeps_the_text(shared_editor, project):
    shared_editor.agrees = False
    await shared_editor.opened(project.uri, project.wrong)
    answer = await shared_editor.request("cwm/synthesize", {"uri": project.uri})
    assert (answer.result.status, answer.applied) == ("verified", False)


async def test_a_right_model_needs_no_edit(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/synthesize", {"uri": project.uri})
    assert (answer.result.status, answer.edit, shared_editor.offered) == ("verified", None, [])


async def test_the_search_is_a_command_too(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    params = types.ExecuteCommandParams("cwm.synthesize", [{"uri": project.uri}])
    answer = await shared_editor.workspace_execute_command_async(params)
    assert answer["applied"]
    assert len(shared_editor.offered) == 1


async def test_progress_and_events_tell_where_a_search_stands(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    await shared_editor.request("cwm/synthesize", {"uri": project.uri, "maxNodes": 9})
    ((begin, *reports, end),) = shared_editor.progress.values()
    assert (begin["kind"], begin["cancellable"], end["kind"]) == ("begin", True, "end")
    assert any(report["message"].startswith("node 1/9, best ") for report in reports)
    assert [event.kind for event in shared_editor.search_events][-1] == "ended"
    told = [node.id for event in shared_editor.search_events for node in event.tree.nodes]
    assert told == sorted(set(told))
    assert shared_editor.search_events[-1].best == 1.0


async def test_cancelling_the_request_stops_it_within_a_second(shared_editor, project):
    shared_editor.answers = _never
    await shared_editor.opened(project.uri, project.wrong.replace("self.state - action", "None"))
    request = asyncio.ensure_future(
        shared_editor.request("cwm/synthesize", {"uri": project.uri, "proposer": "editor", "workDoneToken": "mine"})
    )
    await shared_editor.until(lambda: shared_editor.prompts)
    started = time.monotonic()
    number = next(iter(shared_editor.protocol._request_futures))
    shared_editor.protocol.notify("$/cancelRequest", types.CancelParams(number))
    with pytest.raises(Exception, match=r"(?i)cancel"):
        await request
    assert time.monotonic() - started < 1.0
    await shared_editor.until(lambda: shared_editor.progress["mine"][-1]["kind"] == "end")


async def test_the_button_of_the_progress_stops_it_and_gives_what_there_is(shared_editor, project):
    shared_editor.answers = _never
    await shared_editor.opened(project.uri, project.wrong.replace("self.state - action", "None"))
    params = {"uri": project.uri, "proposer": "editor", "workDoneToken": "mine"}
    request = asyncio.ensure_future(shared_editor.request("cwm/synthesize", params))
    await shared_editor.until(lambda: shared_editor.prompts)
    started = time.monotonic()
    shared_editor.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams("mine"))
    answer = await request
    assert time.monotonic() - started < 1.0
    assert answer.result.status == "cancelled"


async def test_the_language_model_of_the_editor_writes_programs(shared_editor, project):
    async def answers(params):
        assert any("Environment" in message.content for message in params.messages)
        return f"```python\n{project.text}```"

    shared_editor.answers = answers
    broken = project.text.replace("self.state + action", "undefined_name(action) ** 3")
    await shared_editor.opened(project.uri, broken)
    answer = await shared_editor.request("cwm/synthesize", {"uri": project.uri, "proposer": "editor", "apply": False})
    assert (answer.result.status, answer.program) == ("verified", project.text)
    assert answer.result.calls == 1


async def test_numbers_are_fitted(shared_editor, project):
    rows = [(place / 4, action, place / 4 + 2.5 * action, 0.0, False) for place in range(10) for action in range(3)]
    write_jsonl(made(rows, lengths=[6] * 5), project.folder / "trajectories" / "walk.jsonl")
    await shared_editor.opened(project.uri, WRONG_NUMBER)
    answer = await shared_editor.request("cwm/fit", {"uri": project.uri})
    assert (answer.applied, answer.fit.accuracy.after) == (True, 1.0)
    assert "self.scale = 2.5" in answer.program


async def test_a_file_without_data_is_told_how_to_get_some(shared_editor, tmp_path):
    uri = (tmp_path / "lonely.py").as_uri()
    await shared_editor.opened(uri, WRONG_NUMBER)
    with pytest.raises(Exception, match="there is no data to check this model against"):
        await shared_editor.request("cwm/synthesize", {"uri": uri})


async def _never(_):
    await over.wait()
    return ""
