"""Lenses: how right a model is by field and by which data, and what can be done about it."""

from __future__ import annotations

import pytest
from lsprotocol import types

from cwm_engine.checking.report import ModelReport, Transitions
from cwm_engine.findings import Example, Finding, Severity, Span
from cwm_server.documents import Checked, Snapshot
from cwm_server.features.lenses import lenses
from cwm_server.outlines import ModelOutline

pytestmark = pytest.mark.asyncio(loop_scope="module")


def titles(shown) -> list[str]:
    return [lens.command.title for lens in shown]


async def test_a_model_says_how_right_it_is_in_which_fields_and_by_which_data(shared_editor, project):
    shown = await shared_editor.outlined(project.uri, project.wrong)
    assert titles(shown)[:2] == ["33.3 % of 30 transitions · obs 33.3 % · walk.jsonl", "Check"]
    assert {lens.range.start.line for lens in shown} == {0}
    shared_editor.close(project.uri)


async def test_a_right_model_names_no_field(shared_editor, project):
    shown = await shared_editor.outlined(project.uri, project.text)
    assert titles(shown) == ["100 % of 30 transitions · walk.jsonl", "Check", "Generate properties"]
    shared_editor.close(project.uri)


async def test_the_lens_to_check_checks(shared_editor, project):
    shown = await shared_editor.outlined(project.uri, project.wrong)
    check = next(lens.command for lens in shown if lens.command.title == "Check")
    done = await shared_editor.workspace_execute_command_async(
        types.ExecuteCommandParams(check.command, arguments=check.arguments)
    )
    assert done["outcome"] == "checked"
    shared_editor.close(project.uri)


async def test_the_client_asks_again_when_the_result_changes_and_only_then(shared_editor, project):
    await shared_editor.outlined(project.uri, project.wrong)
    before = shared_editor.refreshes["lenses"]
    shared_editor.edit(project.uri, project.text)
    await shared_editor.until(lambda: shared_editor.refreshes["lenses"] > before)
    assert titles(await shared_editor.lenses(project.uri))[0].startswith("100 %")
    before = shared_editor.refreshes["lenses"]
    shared_editor.edit(project.uri, f"{project.text}\nUNUSED = 1\n")
    await shared_editor.settled(project.uri)
    shared_editor.edit(project.uri, project.wrong)
    await shared_editor.until(lambda: shared_editor.refreshes["lenses"] > before)
    assert shared_editor.refreshes["lenses"] == before + 1
    shared_editor.close(project.uri)


async def test_each_model_of_a_file_has_its_own(shared_editor, project):
    text = f"{project.wrong}\n\n{project.text.replace('Environment', 'Other')}"
    shown = await shared_editor.outlined(project.uri, text)
    found = [(lens.range.start.line, lens.command.title[:5]) for lens in shown if "transitions" in lens.command.title]
    assert found == [(0, "33.3 "), (8, "100 %")]
    shared_editor.close(project.uri)


async def test_lenses_move_with_the_model_before_the_next_check(shared_editor, project):
    await shared_editor.outlined(project.uri, project.wrong)
    shared_editor.edit(project.uri, f"# one\n# two\n{project.wrong}")
    shown = await shared_editor.lenses(project.uri)
    assert {lens.range.start.line for lens in shown} == {2}
    shared_editor.close(project.uri)


async def test_lenses_stay_while_the_text_is_half_written(shared_editor, project):
    before = shared_editor.refreshes["lenses"] + 1
    await shared_editor.outlined(project.uri, project.text)
    shared_editor.edit(project.uri, f"{project.text}\n(")
    await shared_editor.until(lambda: shared_editor.refreshes["lenses"] > before)
    shown = await shared_editor.lenses(project.uri)
    assert titles(shown) == ["could not be checked", "Check"]
    assert shown[0].range.start.line == 0
    shared_editor.close(project.uri)


async def test_a_model_without_data_says_so(shared_editor, tmp_path, project):
    alone = tmp_path / "alone.py"
    shown = await shared_editor.outlined(alone.as_uri(), project.text)
    assert titles(shown) == ["not checked: no trajectories", "Check"]
    shared_editor.close(alone.as_uri())


async def test_a_file_without_a_model_has_none(shared_editor, project):
    await shared_editor.opened(project.uri, "print('hello')\n")
    assert not await shared_editor.lenses(project.uri)
    shared_editor.close(project.uri)


@pytest.mark.asyncio(loop_scope="function")
async def test_what_only_the_client_can_do_is_offered_where_it_says_so(editor, project):
    await editor.enter(commands=["cwm.debugMismatch"])
    assert "Debug first mismatch" in titles(await editor.outlined(project.uri, project.wrong))


# Without a server

MODEL = ModelOutline("Environment", 1, (1, 3), 2, {}, {}, 10)


def of(report: ModelReport | None, *, commands=(), **more) -> list[types.Command]:
    reports = () if report is None else (report,)
    checked = Checked(Snapshot("file:///model.py", None, 1, "a"), reports, 1, complete=True, **more)
    return [command for _, command in lenses(checked, (MODEL,), lambda name: name in commands)]


def report(accuracy: float | None = 0.5, **more) -> ModelReport:
    facts = {"transitions": Transitions(10, 10, 5), "trajectories": "/data/walk.jsonl"} | more
    return ModelReport(file="model.py", model="Environment", accuracy=accuracy, **facts)


async def test_below_full_isolation_the_only_offer_is_to_run_anyway():
    (told, anyway) = of(None, outcome="blocked", isolation="process")
    assert told.title == "not run: the sandbox is only at the level `process`"
    assert (anyway.title, anyway.command) == ("Run anyway", "cwm.check")
    assert anyway.arguments == [{"uri": "file:///model.py", "anyway": True}]


async def test_what_cannot_be_done_is_not_offered():
    assert [command.title for command in of(report())][1:] == ["Check"]


async def test_a_model_that_is_right_now_and_then_is_repaired_and_others_are_written():
    commands = ("cwm.synthesize", "cwm.fit")
    assert [command.title for command in of(report(0.5), commands=commands)][1:] == ["Check", "Repair", "Fit constants"]
    assert [command.title for command in of(report(0.0), commands=commands)][2] == "Synthesize"
    assert of(report(0.5), commands=commands)[2].arguments == [{"uri": "file:///model.py", "model": "Environment"}]


async def test_a_flawless_model_needs_no_repair():
    assert [command.title for command in of(report(1.0), commands=("cwm.synthesize", "cwm.fit"))][1:] == ["Check"]


async def test_the_first_mismatch_is_debugged_where_the_client_can_and_there_is_one():
    example = Example(3, 4, 0, 1, {"observation": 1}, {"observation": 2}, ("obs",))
    finding = Finding(
        code="CWM201", severity=Severity.ERROR, message="wrong", span=Span(1, 1, 1, 2), examples=(example,)
    )
    debug = of(report(findings=(finding,)), commands=("cwm.debugMismatch",))[2]
    assert debug.title == "Debug first mismatch"
    assert debug.arguments == [{"uri": "file:///model.py", "model": "Environment", "episode": 3, "step": 4}]
    assert len(of(report(), commands=("cwm.debugMismatch",))) == 2


async def test_properties_are_generated_for_right_models_too():
    assert of(report(1.0), commands=("cwm.properties",))[2].title == "Generate properties"


async def test_a_model_with_two_data_sets_has_a_result_for_each_and_offers_by_the_worse():
    reports = (report(1.0), report(0.5, trajectories="/data/other.jsonl"))
    checked = Checked(Snapshot("file:///model.py", None, 1, "a"), reports, 1, complete=True)
    shown = [command.title for _, command in lenses(checked, (MODEL,), lambda name: name == "cwm.fit")]
    assert shown == [
        "100 % of 10 transitions · walk.jsonl",
        "50.0 % of 10 transitions · other.jsonl",
        "Check",
        "Fit constants",
    ]


async def test_the_worst_fields_come_first_and_the_others_are_counted():
    fields = {f"obs[{number}]": 0.9 - number / 10 for number in range(5)} | {"reward": 1.0}
    title = of(report(fields=fields))[0].title
    assert title == "50.0 % of 10 transitions · obs[4] 50.0 % · obs[3] 60.0 % · obs[2] 70.0 % · and 2 more · walk.jsonl"


async def test_a_check_that_was_cut_short_says_of_how_many():
    title = of(report(transitions=Transitions(4, 10, 2)))[0].title
    assert title.startswith("50.0 % of 4 transitions (of 10)")


@pytest.mark.parametrize(
    ("outcome", "title"),
    [
        ("notRun", "not checked"),
        ("stopped", "not checked"),
        ("checked", "could not be checked"),
        ("noData", "not checked: no trajectories"),
    ],
)
async def test_a_model_that_was_not_run_says_why(outcome, title):
    assert of(None, outcome=outcome)[0].title == title


async def test_a_model_that_could_not_be_run_says_so():
    assert of(report(None, transitions=Transitions(0, 10, 0)))[0].title == "could not be checked"
