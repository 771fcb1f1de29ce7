"""Property tests from the editor: written as an edit, listed, run, and shown on the model's lines until they hold."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest
from lsprotocol import types

from tests.lsp.editor import apply_to
from tests.properties.running.files import HEAD, MODEL, line_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

TESTS = """
@given(state=states, action=actions)
def test_it_always_answers(state, action):
    predict(state, action)


# cwm: mined 01234567 obs
@given(state=states, action=actions)
def test_the_state_never_falls(state, action):
    next_state, _, _ = predict(state, action)
    assert next_state >= state
"""
FALLS = MODEL.replace("action == 2 and x > 20", "action == 2")
RIGHT = MODEL.replace("x = x - 1", "x = x + 1")


@pytest.fixture
def tests(project) -> Path:
    """Tests of the model, which somebody has written."""
    (project.folder / "cwm.toml").write_text("")
    path = project.folder / "tests/test_walk_properties.py"
    path.parent.mkdir()
    path.write_text(HEAD + TESTS)
    return path


@pytest.fixture(autouse=True)
def _everything_as_usual(shared_editor):
    """Leave no open file and no disagreement behind."""
    shared_editor.offered.clear()
    shared_editor.progress.clear()
    yield
    shared_editor.agrees = True
    for uri in list(shared_editor.versions):
        shared_editor.close(uri)


def broken(editor, uri):
    """The diagnostics about properties."""
    return [one for one in editor.shown(uri) if str(one.code).startswith("CWM7")]


# Writing


async def test_tests_are_written_as_an_edit_that_makes_a_file(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/properties", {"uri": project.uri})
    assert (answer.created, answer.applied) == (True, True)
    assert answer.tests.endswith("/tests/test_walk_properties.py")
    (offered,) = shared_editor.offered
    new, change = offered.edit.document_changes
    assert (new.kind, new.uri, change.text_document.uri) == ("create", answer.tests, answer.tests)
    (annotation,) = offered.edit.change_annotations.values()
    assert not annotation.needs_confirmation
    text = apply_to("", change.edits)
    assert answer.count == sum(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.parse(text).body
    )
    assert answer.count > answer.rules > 0


async def test_a_file_that_is_there_is_changed_only_if_the_user_agrees_and_keeps_what_was_edited(
    shared_editor, project
):
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/properties", {"uri": project.uri, "apply": False})
    text = apply_to("", answer.edit.documentChanges[1].edits)
    name = next(name for name in answer.added if name.startswith("test_"))
    path = project.folder / "tests/test_walk_properties.py"
    path.parent.mkdir(exist_ok=True)
    last = text.rindex("\n# cwm: ")
    path.write_text(text[:last].replace(f"def {name}(", f"def {name}_of_mine("))
    shared_editor.agrees = False
    again = await shared_editor.request("cwm/properties", {"uri": project.uri})
    assert (again.created, again.applied) == (False, False)
    (offered,) = shared_editor.offered
    (annotation,) = offered.edit.change_annotations.values()
    assert annotation.needs_confirmation
    merged = apply_to(path.read_text(), offered.edit.document_changes[0].edits)
    assert f"def {name}_of_mine(" in merged
    assert again.kept or again.left
    assert again.added


async def test_what_is_up_to_date_is_left_alone(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/properties", {"uri": project.uri, "apply": False})
    uri = answer.tests
    shared_editor.open(uri, apply_to("", answer.edit.documentChanges[1].edits))  # in the editor, not saved
    again = await shared_editor.request("cwm/properties", {"uri": project.uri})
    assert (again.edit, again.applied, again.created, shared_editor.offered) == (None, False, False, [])


async def test_the_command_of_the_lens_does_the_same(shared_editor, project):
    lenses = await shared_editor.outlined(project.uri, project.text)
    (lens,) = [lens for lens in lenses if lens.command.title == "Generate properties"]
    params = types.ExecuteCommandParams(lens.command.command, arguments=list(lens.command.arguments))
    await shared_editor.workspace_execute_command_async(params)
    (offered,) = shared_editor.offered
    assert offered.edit.document_changes[0].uri.endswith("/tests/test_walk_properties.py")


# Listing


async def test_the_tests_are_listed_with_their_lines(shared_editor, project, tests):
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/propertyTests", {"uri": project.uri})
    assert answer.tests == tests.as_uri()
    assert [(item.name, item.line) for item in answer.items] == [
        ("test_it_always_answers", line_of(HEAD + TESTS, "def test_it_always_answers")),
        ("test_the_state_never_falls", line_of(HEAD + TESTS, "def test_the_state_never_falls")),
    ]


async def test_where_there_are_no_tests_none_are_listed_and_none_can_be_run(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/propertyTests", {"uri": project.uri})
    assert (answer.tests, answer.items) == (None, [])
    with pytest.raises(Exception, match="there are no property tests of this model yet"):
        await shared_editor.request("cwm/runProperties", {"uri": project.uri})


# Running


async def test_what_does_not_hold_is_shown_on_the_line_of_the_model(shared_editor, project, tests):
    await shared_editor.opened(project.uri, FALLS)
    answer = await shared_editor.request("cwm/runProperties", {"uri": project.uri})
    assert [(one.test, one.status) for one in answer.outcomes] == [
        ("test_it_always_answers", "passed"), ("test_the_state_never_falls", "failed"),
    ]  # fmt: skip
    (failure,) = answer.outcomes[1].failures
    assert "test_the_state_never_falls fails for state=0, action=2" in failure.message
    assert failure.line == line_of(HEAD + TESTS, "assert next_state")
    (diagnostic,) = await shared_editor.until(lambda: broken(shared_editor, project.uri))
    assert diagnostic.code == "CWM701"
    assert diagnostic.range.start.line + 1 == line_of(FALLS, "x = x - 1")
    assert "does not hold for state=0, action=2, where next_state is -1" in diagnostic.message
    assert diagnostic.code_description is not None


async def test_they_stay_beside_the_others_while_the_model_is_edited_and_go_when_it_holds(
    shared_editor, project, tests
):
    uri = project.uri
    await shared_editor.opened(uri, FALLS)
    await shared_editor.request("cwm/runProperties", {"uri": uri})
    await shared_editor.until(lambda: broken(shared_editor, uri))
    others = len(shared_editor.shown(uri)) - 1
    seen = len(shared_editor.published)
    shared_editor.edit(uri, "# A comment.\n" + FALLS)
    await shared_editor.settled(uri)
    await shared_editor.until(
        lambda: [one.range.start.line for one in broken(shared_editor, uri)] == [line_of(FALLS, "x = x - 1")]
    )
    assert all(
        any(str(one.code).startswith("CWM7") for one in params.diagnostics)
        for params in shared_editor.published[seen:]
        if params.uri == uri
    ), "they flickered"
    assert len(shared_editor.shown(uri)) == others + 1
    shared_editor.edit(uri, RIGHT)
    await shared_editor.until(lambda: not broken(shared_editor, uri))


async def test_where_they_come_to_no_verdict_they_are_run_once_more(shared_editor, project, tests):
    uri = project.uri
    await shared_editor.opened(uri, FALLS)
    await shared_editor.request("cwm/runProperties", {"uri": uri})
    await shared_editor.until(lambda: broken(shared_editor, uri))
    shared_editor.open(tests.as_uri(), HEAD + "import no_such_module\n" + TESTS)
    shared_editor.edit(uri, RIGHT)
    await shared_editor.settled(uri)
    await asyncio.sleep(1.5)  # by then they were run
    assert broken(shared_editor, uri)
    shared_editor.edit(tests.as_uri(), HEAD + TESTS)
    await shared_editor.until(lambda: not broken(shared_editor, uri))


async def test_one_test_alone_tells_of_itself_and_forgets_no_other(shared_editor, project, tests):
    uri = project.uri
    await shared_editor.opened(uri, FALLS)
    await shared_editor.request("cwm/runProperties", {"uri": uri})
    await shared_editor.until(lambda: broken(shared_editor, uri))
    answer = await shared_editor.request("cwm/runProperties", {"uri": uri, "only": ["test_it_always_answers"]})
    assert [one.test for one in answer.outcomes] == ["test_it_always_answers"]
    assert broken(shared_editor, uri)


async def test_what_the_editor_shows_of_the_tests_is_what_runs(shared_editor, project, tests):
    await shared_editor.opened(project.uri, FALLS)
    shared_editor.open(tests.as_uri(), HEAD + TESTS.replace("next_state >= state", "True"))
    answer = await shared_editor.request("cwm/runProperties", {"uri": project.uri})
    assert [one.status for one in answer.outcomes] == ["passed", "passed"]


async def test_the_run_reports_how_far_it_is(shared_editor, project, tests):
    await shared_editor.opened(project.uri, RIGHT)
    await shared_editor.request("cwm/runProperties", {"uri": project.uri})
    (told,) = shared_editor.progress.values()
    assert (told[0]["kind"], told[0]["title"]) == ("begin", "Running the properties of walk.py")
    assert any("test_it_always_answers passed" in value.get("message", "") for value in told)
    assert told[-1]["kind"] == "end"


async def test_tests_that_cannot_be_loaded_say_why(shared_editor, project, tests):
    tests.write_text("raise RuntimeError('not yet')\n")
    await shared_editor.opened(project.uri, project.text)
    answer = await shared_editor.request("cwm/runProperties", {"uri": project.uri})
    assert (answer.status, answer.problem, answer.outcomes) == ("error", "RuntimeError: not yet", [])
