"""Diagnostics: what a user sees on the lines."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_wrong_model_is_wrong_on_its_line(shared_editor, project):
    status = await shared_editor.opened(project.uri, project.wrong)
    (diagnostic,) = shared_editor.shown(project.uri)
    assert (diagnostic.code, diagnostic.range.start.line) == ("CWM201", 5)
    assert (status.state, status.accuracy) == ("complete", 1 / 3)
    shared_editor.close(project.uri)


async def test_a_right_model_has_no_diagnostics(shared_editor, project):
    status = await shared_editor.opened(project.uri, project.text)
    assert (status.state, status.accuracy, list(shared_editor.shown(project.uri))) == ("complete", 1.0, [])
    shared_editor.close(project.uri)
