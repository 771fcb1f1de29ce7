"""Diagnostics: what a user sees on the lines, and when."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lsprotocol import types

from tests.lsp.conftest import ROWS

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMENT = '    """A walk, 散歩 🚶🏽 — von links nach rechts."""\n'


def _place(line, character):
    """One unit of a line, both counted from 0."""
    return types.Range(types.Position(line, character), types.Position(line, character + 1))


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


async def test_a_diagnostic_says_how_often_shows_the_smallest_example_and_what_to_do(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    (diagnostic,) = shared_editor.shown(project.uri)
    count, example, field, note = diagnostic.message.splitlines()
    assert count == "`obs` is wrong in 20 of 30 transitions"
    assert example.startswith("episode 0, step ")
    assert "state " in example
    assert field.startswith("  obs: expected ")
    assert note.startswith("help: Replace `-` by `+`")
    shared_editor.close(project.uri)


async def test_a_diagnostic_leads_to_its_page_and_to_the_stored_transitions(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    (diagnostic,) = shared_editor.shown(project.uri)
    page = diagnostic.code_description.href
    assert Path(page.removeprefix("file://")).read_text().startswith("# CWM201")
    stored = [item for item in diagnostic.related_information if "observed in episode 0" in item.message]
    data = project.folder / "trajectories" / "walk.jsonl"
    assert {item.location.uri for item in stored} == {data.as_uri()}
    lines = data.read_text().splitlines()
    for item in stored:
        step = int(item.message.rpartition(" ")[2])
        assert json.loads(lines[item.location.range.start.line])["observation"] == ROWS[step][0]
    assert diagnostic.source == "cwm"
    shared_editor.close(project.uri)


async def test_other_suspicious_lines_are_related_places(shared_editor, project):
    text = project.text.replace("return self.state + action", "moved = self.state - action\n        return moved")
    shared_editor.open(project.uri, text)
    await shared_editor.until(lambda: any(item.version == 1 for item in shared_editor.published))
    await shared_editor.settled(project.uri)
    (diagnostic,) = shared_editor.shown(project.uri)
    places = [item.location for item in diagnostic.related_information if "may be the cause" in item.message]
    assert {place.uri for place in places} == {project.uri}
    assert diagnostic.range.start.line not in {place.range.start.line for place in places}
    shared_editor.close(project.uri)


async def test_the_data_of_a_diagnostic_names_model_fields_and_examples(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    (diagnostic,) = shared_editor.shown(project.uri)
    data = diagnostic.data
    assert (data["schema"], data["model"], data["code"], data["fields"]) == (1, "Environment", "CWM201", ["obs"])
    assert data["examples"][0]["episode"] == 0
    shared_editor.close(project.uri)


async def test_places_are_counted_in_utf_16_units_unless_agreed_otherwise(shared_editor, project):
    line = 'return ("散歩🚶🏽", self.state - action)[1], 0.0, False'
    text = project.text.replace("return self.state + action, 0.0, False", line)
    await shared_editor.opened(project.uri, text)
    (diagnostic,) = shared_editor.shown(project.uri)
    before = f"        {line}".partition("- action")[0]
    assert diagnostic.range.start.character == len(before.encode("utf-16-le")) // 2
    shared_editor.close(project.uri)


async def test_edits_after_wide_characters_hit_the_right_place(shared_editor, project):
    text = project.text.replace("Environment:\n", f"Environment:\n{COMMENT}")
    await shared_editor.opened(project.uri, text)
    line = COMMENT.rstrip("\n")
    end = len(line.encode("utf-16-le")) // 2
    dot = types.TextDocumentContentChangePartial(_place(1, end - 4), "🙂")
    row = text.splitlines().index("        return self.state + action, 0.0, False")
    plus = text.splitlines()[row].index("+")
    sign = types.TextDocumentContentChangePartial(_place(row, plus), "-")
    shared_editor.change(project.uri, [dot, sign], text)
    status = await shared_editor.settled(project.uri)
    assert status.accuracy == 1 / 3
    shared_editor.close(project.uri)


async def test_a_form_feed_is_no_new_line(shared_editor, project):
    text = project.text.replace("    def step", "\f\n    def step")
    await shared_editor.opened(project.uri, text)
    row = text.split("\n").index("        return self.state + action, 0.0, False")
    plus = text.split("\n")[row].index("+")
    shared_editor.change(project.uri, [types.TextDocumentContentChangePartial(_place(row, plus), "-")], text)
    await shared_editor.settled(project.uri)
    assert [item.range.start.line for item in shared_editor.shown(project.uri)] == [row]
    shared_editor.close(project.uri)


async def test_a_syntax_error_takes_the_place_of_what_was_known(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    shared_editor.edit(project.uri, f"{project.wrong}\n(")
    status = await shared_editor.settled(project.uri)
    assert (shared_editor.codes(project.uri), status.state) == (["CWM101"], "error")
    shared_editor.close(project.uri)


async def test_diagnostics_never_vanish_while_a_check_runs(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    first = len(shared_editor.published)
    for number in range(5):
        shared_editor.edit(project.uri, project.wrong.replace("0.0", f"{number}.5"))
        await shared_editor.settled(project.uri)
    told = [item for item in shared_editor.published[first:] if item.uri == project.uri]
    assert told
    assert all(item.diagnostics for item in told)
    shared_editor.close(project.uri)


async def test_an_edit_of_a_comment_moves_the_diagnostics(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    shared_editor.edit(project.uri, f"# one\n# two\n{project.wrong}")
    status = await shared_editor.settled(project.uri)
    (diagnostic,) = shared_editor.shown(project.uri)
    assert (diagnostic.range.start.line, status.state) == (7, "complete")
    shared_editor.close(project.uri)


async def test_closing_a_file_clears_its_diagnostics(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    shared_editor.close(project.uri)
    await shared_editor.until(lambda: not shared_editor.shown(project.uri))


async def test_what_no_transition_executes_is_a_hint_that_fades_only_on_request(shared_editor, project):
    text = project.text.replace("        return", "        if action > 5:\n            action = 5\n        return")
    await shared_editor.opened(project.uri, text)
    (hint,) = shared_editor.shown(project.uri)
    assert (hint.code, hint.severity, hint.tags) == ("CWM601", types.DiagnosticSeverity.Hint, None)
    shared_editor.set({"fadeUnexercised": True})
    await shared_editor.until(lambda: shared_editor.shown(project.uri)[0].tags)
    shared_editor.set({})
    shared_editor.close(project.uri)


async def test_both_models_of_a_file_are_shown(shared_editor, project):
    text = f"{project.wrong}\n\n{project.wrong.replace('Environment', 'Other')}"
    status = await shared_editor.opened(project.uri, text)
    lines = sorted(item.range.start.line for item in shared_editor.shown(project.uri))
    assert (lines, [model.name for model in status.models]) == ([5, 13], ["Environment", "Other"])
    shared_editor.close(project.uri)


async def test_data_that_cannot_be_read_is_said_on_the_first_line(shared_editor, project):
    (project.folder / "trajectories" / "walk.jsonl").write_text("{nonsense\n")
    status = await shared_editor.opened(project.uri, project.text)
    (diagnostic,) = shared_editor.shown(project.uri)
    assert (diagnostic.range.start.line, status.state) == (0, "error")
    assert "walk.jsonl" in diagnostic.message
    shared_editor.close(project.uri)
