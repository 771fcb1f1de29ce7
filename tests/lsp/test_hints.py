"""Inlay hints: how many transitions execute each branch, for those who ask."""

from __future__ import annotations

import pytest
from lsprotocol import types

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYWHERE = types.Range(types.Position(0, 0), types.Position(1000, 0))


@pytest.fixture
def branching(project) -> str:
    """A right model with two branches, one of which no transition executes."""
    return project.text.replace(
        "        return",
        "        if action == 1:\n            pass\n        if action > 7:\n            action = 7\n        return",
    )


async def hints(editor, uri, place=EVERYWHERE):
    params = types.InlayHintParams(types.TextDocumentIdentifier(uri), place)
    return await editor.text_document_inlay_hint_async(params) or []


async def test_there_are_none_unless_asked_for(shared_editor, project, branching):
    await shared_editor.outlined(project.uri, branching)
    assert await hints(shared_editor, project.uri) == []
    shared_editor.close(project.uri)


async def test_each_branch_says_how_many_transitions_execute_it(shared_editor, project, branching):
    shared_editor.set({"inlayHints": {"enabled": True}})
    await shared_editor.outlined(project.uri, branching)
    await shared_editor.until(lambda: shared_editor.refreshes["hints"])
    found = await hints(shared_editor, project.uri)
    assert [(hint.position.line, hint.label) for hint in found] == [(6, "10 of 30"), (8, "0 of 30")]
    assert [hint.position.character for hint in found] == [len("            pass"), len("            action = 7")]
    shared_editor.set({})
    shared_editor.close(project.uri)


async def test_only_those_in_sight_are_sent(shared_editor, project, branching):
    shared_editor.set({"inlayHints": {"enabled": True}})
    await shared_editor.outlined(project.uri, branching)
    seen = await hints(shared_editor, project.uri, types.Range(types.Position(7, 0), types.Position(9, 0)))
    assert [hint.label for hint in seen] == ["0 of 30"]
    shared_editor.set({})
    shared_editor.close(project.uri)


async def test_switching_them_on_and_off_takes_effect_at_once(shared_editor, project, branching):
    await shared_editor.outlined(project.uri, branching)
    before = shared_editor.refreshes["hints"]
    shared_editor.set({"inlayHints": {"enabled": True}})
    await shared_editor.until(lambda: shared_editor.refreshes["hints"] > before)
    assert await hints(shared_editor, project.uri)
    before = shared_editor.refreshes["hints"]
    shared_editor.set({})
    await shared_editor.until(lambda: shared_editor.refreshes["hints"] > before)
    assert await hints(shared_editor, project.uri) == []
    shared_editor.close(project.uri)


async def test_they_move_with_their_lines(shared_editor, project, branching):
    shared_editor.set({"inlayHints": {"enabled": True}})
    await shared_editor.outlined(project.uri, branching)
    shared_editor.edit(project.uri, f"# new\n{branching}")
    assert [hint.position.line for hint in await hints(shared_editor, project.uri)] == [7, 9]
    shared_editor.set({})
    shared_editor.close(project.uri)


async def test_they_stay_on_their_lines_when_a_check_finds_that_nothing_but_a_comment_is_new(
    shared_editor, project, branching
):
    shared_editor.set({"inlayHints": {"enabled": True}})
    await shared_editor.outlined(project.uri, branching)
    shared_editor.edit(project.uri, f"# new\n{branching}")
    await shared_editor.settled(project.uri)
    await shared_editor.until(lambda: shared_editor.refreshes["hints"])
    found = await hints(shared_editor, project.uri)
    assert [(hint.position.line, hint.label) for hint in found] == [(7, "10 of 30"), (9, "0 of 30")]
    shared_editor.set({})
    shared_editor.close(project.uri)
