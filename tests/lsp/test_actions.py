"""Code actions: repairs as quick fixes, and what else can be done about a finding."""

from __future__ import annotations

import json
import tomllib

import pytest
from lsprotocol import types

from tests.lsp.editor import apply_to

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _everything_as_usual(shared_editor):
    shared_editor.offered.clear()
    yield
    for uri in list(shared_editor.versions):
        shared_editor.close(uri)


async def actions(editor, uri, *, only=None):
    """The actions offered at the first diagnostic of a file, by title."""
    diagnostic = editor.shown(uri)[0]
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(uri), diagnostic.range, types.CodeActionContext([diagnostic], only=only)
    )
    return {action.title: action for action in await editor.text_document_code_action_async(params) or ()}


def starting(found, title):
    """The action with a title that starts like this."""
    return next(action for name, action in found.items() if name.startswith(title))


async def edited(editor, action, text):
    """A text after the edit of an action, which is made only now."""
    assert action.edit is None
    resolved = await editor.code_action_resolve_async(action)
    (change,) = resolved.edit.document_changes
    return apply_to(text, change.edits)


async def test_the_verified_repair_is_the_preferred_fix(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    found = await actions(shared_editor, project.uri)
    (preferred,) = [action for action in found.values() if action.is_preferred]
    assert preferred.kind == types.CodeActionKind.QuickFix
    assert await edited(shared_editor, preferred, project.wrong) == project.text


async def test_a_fix_of_an_older_text_has_no_edit(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    (preferred,) = [one for one in (await actions(shared_editor, project.uri)).values() if one.is_preferred]
    shared_editor.edit(project.uri, project.wrong.replace("0.0", "1.0"))
    assert (await shared_editor.code_action_resolve_async(preferred)).edit is None


async def test_a_right_model_has_no_actions(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    place = types.Range(types.Position(0, 0), types.Position(6, 0))
    params = types.CodeActionParams(types.TextDocumentIdentifier(project.uri), place, types.CodeActionContext([]))
    assert not await shared_editor.text_document_code_action_async(params)


async def test_searches_are_offered_as_commands(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    found = await actions(shared_editor, project.uri, only=[types.CodeActionKind.Refactor])
    assert {title: action.command.command for title, action in found.items()} == {
        "Repair with search...": "cwm.synthesize",
        "Fit constants": "cwm.fit",
    }


async def test_a_finding_is_suppressed_on_its_line(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    action = starting(await actions(shared_editor, project.uri), "Suppress")
    text = await edited(shared_editor, action, project.wrong)
    (changed,) = set(text.splitlines()) - set(project.wrong.splitlines())
    assert changed.endswith("  # cwm: ignore[CWM201]")
    shared_editor.edit(project.uri, text)
    await shared_editor.settled(project.uri)
    assert "CWM201" not in shared_editor.codes(project.uri)


async def test_a_field_is_ignored_by_a_new_configuration(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    action = starting(await actions(shared_editor, project.uri), "Ignore the field obs")
    resolved = await shared_editor.code_action_resolve_async(action)
    create, change = resolved.edit.document_changes
    assert create.uri == (project.folder / "cwm.toml").as_uri()
    assert tomllib.loads(apply_to("", change.edits)) == {"models": [{"file": "walk.py", "ignore": ["obs"]}]}


async def test_a_pinned_transition_is_kept_and_named_in_the_configuration(shared_editor, project):
    config = project.folder / "cwm.toml"
    config.write_text('# mine\n[[models]]\nfile = "walk.py"\ntrajectories = "trajectories/walk.jsonl"\n')
    await shared_editor.opened(project.uri, project.wrong)
    action = starting(await actions(shared_editor, project.uri), "Pin this transition")
    params = types.ExecuteCommandParams(action.command.command, action.command.arguments)
    answer = await shared_editor.workspace_execute_command_async(params)
    assert (answer["added"], answer["applied"]) == (True, True)
    (change,) = shared_editor.offered[-1].edit.document_changes
    after = apply_to(config.read_text(), change.edits)
    assert after.startswith("# mine\n")
    assert tomllib.loads(after)["models"][0]["pinned"] == ["pinned/walk.jsonl"]
    kept = (project.folder / "pinned" / "walk.jsonl").read_text().splitlines()
    (transition,) = [record for record in map(json.loads, kept) if "action" in record]
    example = action.command.arguments[0]
    assert transition["action"] == example["step"] % 3


async def test_a_transition_is_pinned_once(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    params = {"uri": project.uri, "episode": 0, "step": 4}
    first = await shared_editor.request("cwm/pin", params)
    again = await shared_editor.request("cwm/pin", params)
    assert (first.added, again.added) == (True, False)
    with pytest.raises(Exception, match="there is no step 99 in episode 0"):
        await shared_editor.request("cwm/pin", {**params, "step": 99})
