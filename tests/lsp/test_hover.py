"""Hover: what is wrong on a line, shown by one transition, and how often an assigned field is right."""

from __future__ import annotations

import pytest
from lsprotocol import types

from cwm_engine.checking.report import ModelReport, Transitions
from cwm_engine.findings import Example, Finding, Severity, Span
from cwm_server.documents import Checked, Snapshot
from cwm_server.features.hover import hover_text
from cwm_server.outlines import ModelOutline

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def hovered(editor, uri: str, text: str, part: str) -> str:
    """What is shown over a part of the text; an empty text for nothing."""
    row = next(number for number, line in enumerate(text.splitlines()) if part in line)
    column = text.splitlines()[row].index(part)
    place = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(row, column))
    found = await editor.text_document_hover_async(place)
    if found is None:
        return ""
    assert found.contents.kind is types.MarkupKind.Markdown
    return found.contents.value


async def settled_hover(editor, project, text: str, part: str) -> str:
    """The same once the outline has come, too."""
    await editor.outlined(project.uri, text)
    shown = await hovered(editor, project.uri, text, part)
    editor.close(project.uri)
    return shown


async def test_a_flagged_line_shows_a_transition_as_a_table(shared_editor, project):
    shown = await settled_hover(shared_editor, project, project.wrong, "return self.state")
    assert "**CWM201** `obs` is wrong in 20 of 30 transitions" in shown
    assert "Episode 0, step " in shown
    table = shown[shown.index("| field") :].splitlines()
    assert table[0] == "| field | state | expected | predicted | difference |"
    assert table[2].startswith("| `obs` | `")


async def test_over_step_the_accuracy_and_the_example_that_weighs_most_are_shown(shared_editor, project):
    shown = await settled_hover(shared_editor, project, project.wrong, "def step")
    assert "**Environment**: 33.3 % of 30 transitions right" in shown
    assert "(line 6)" in shown
    assert "| `obs` |" in shown


async def test_over_step_of_a_right_model_there_is_no_example(shared_editor, project):
    shown = await settled_hover(shared_editor, project, project.text, "def step")
    assert shown == "**Environment**: 100 % of 30 transitions right"


async def test_an_assignment_of_a_field_shows_its_accuracy(shared_editor, project):
    text = project.wrong.replace(
        "return self.state - action, 0.0",
        "moved = self.state - action\n        reward = 0.0\n        return moved, reward",
    )
    shown = await settled_hover(shared_editor, project, text, "reward = 0.0")
    assert shown.splitlines() == ["| field | right of 30 transitions |", "| --- | --- |", "| `reward` | 100 % |"]
    shown = await settled_hover(shared_editor, project, text, "moved =")
    assert "| `obs` | 33.3 % |" in shown


async def test_other_lines_show_nothing(shared_editor, project):
    assert await settled_hover(shared_editor, project, project.wrong, "class") == ""


async def test_a_model_that_never_answers_does_not_keep_the_hover_waiting(shared_editor, project):
    await shared_editor.outlined(project.uri, project.wrong)
    endless = project.wrong.replace(
        "        return", "        while True:\n            sum(range(10**9))\n        return"
    )
    shared_editor.edit(project.uri, endless)
    await shared_editor.until(lambda: shared_editor.status(project.uri).version == 2)
    shown = await hovered(shared_editor, project.uri, endless, "return self.state")
    assert "*Of an older version; the check goes on.*" in shown
    assert shared_editor.status(project.uri).state == "checking"
    shared_editor.close(project.uri)


async def test_a_file_that_is_not_open_shows_nothing(shared_editor, project):
    assert await hovered(shared_editor, project.uri, project.text, "def step") == ""


@pytest.mark.parametrize(("line", "character"), [(10**6, 0), (0, 10**6), (5, 10**6)])
async def test_places_outside_of_the_text_do_no_harm(shared_editor, project, line, character):
    await shared_editor.opened(project.uri, project.wrong)
    place = types.HoverParams(types.TextDocumentIdentifier(project.uri), types.Position(line, character))
    found = await shared_editor.text_document_hover_async(place)
    assert (found is not None) == (line == 5)
    shared_editor.close(project.uri)


async def test_after_an_edit_above_it_the_hover_is_on_the_moved_line(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    text = f"# one\n# two\n{project.wrong}"
    shared_editor.edit(project.uri, text)
    assert "CWM201" in await hovered(shared_editor, project.uri, text, "return self.state")
    shared_editor.close(project.uri)


# Without a server


def told(finding: Finding, **more) -> str:
    report = ModelReport(
        file="model.py",
        model="Environment",
        findings=(finding,),
        accuracy=0.5,
        transitions=Transitions(10, 10, 5),
        **more,
    )
    checked = Checked(Snapshot("file:///model.py", None, 1, "a\nb\nc"), (report,), 1, complete=True)
    return hover_text(checked, (), 1, ("a", "b", "c"))


def found(message: str, example: Example | None = None) -> Finding:
    examples = () if example is None else (example,)
    return Finding(code="CWM201", severity=Severity.ERROR, message=message, span=Span(1, 1, 1, 2), examples=examples)


def example(state, expected, predicted, differs=("obs",)) -> Example:
    outcome = {"reward": 0.0, "terminated": False}
    return Example(0, 1, state, 0, {"observation": expected, **outcome}, {"observation": predicted, **outcome}, differs)


async def test_what_strangers_write_is_no_markup():
    shown = told(found("![x](http://evil) <b>*_"))
    assert "\\!" not in shown
    assert "![x](" not in shown
    assert "\\<b\\>\\*\\_" in shown


async def test_texts_with_bars_and_ticks_stay_in_their_cell():
    shown = told(found("wrong", example("a|b", "`|`", "``")))
    (row,) = [line for line in shown.splitlines() if line.startswith("| `obs`")]
    assert row.replace("\\|", "").count("|") == 6


async def test_an_example_without_a_prediction_shows_the_error():
    crashed = Example(0, 1, 3, 0, {"observation": 3}, {"error": "ZeroDivisionError"}, ())
    assert "ZeroDivisionError" in told(found("raised", crashed))


async def test_many_fields_are_cut_short():
    names = tuple(f"obs[{number}]" for number in range(40))
    shown = told(found("wrong", example([0] * 40, [0] * 40, [1] * 40, names)))
    assert shown.count("| `obs[") == 12
    assert "and 28 more" in shown


async def test_what_is_shown_of_an_older_version_says_so():
    report = ModelReport(file="model.py", model="Environment", findings=(found("wrong"),))
    checked = Checked(Snapshot("file:///model.py", None, 1, "a"), (report,), 1, stale=True)
    assert "older version" in hover_text(checked, (), 1, ("a",))


async def test_fields_are_told_from_worst_to_best():
    report = ModelReport(
        file="model.py",
        model="Environment",
        transitions=Transitions(10, 10, 5),
        fields={"obs[0]": 1.0, "obs[1]": 0.5, "reward": 0.1},
    )
    outline = ModelOutline("Environment", 1, (1, 3), 2, {3: ("obs",)}, {}, 10)
    checked = Checked(Snapshot("file:///model.py", None, 1, "a\nb\nc"), (report,), 1, complete=True)
    shown = hover_text(checked, (outline,), 3, ("a", "b", "c"))
    assert [line for line in shown.splitlines() if "`" in line] == ["| `obs[1]` | 50.0 % |", "| `obs[0]` | 100 % |"]
