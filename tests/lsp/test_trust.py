"""What is not trusted does not run, and what runs it can be chosen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lsp.editor import Editor

pytestmark = pytest.mark.asyncio


async def test_in_an_untrusted_workspace_texts_are_read_and_nothing_runs(editor: Editor, project):
    await editor.enter(trusted=False)
    status = await editor.opened(project.uri, project.wrong)
    assert (status.state, status.models, editor.codes(project.uri)) == ("untrusted", [], [])
    editor.edit(project.uri, f"{project.wrong}(")
    await editor.settled(project.uri)
    assert editor.codes(project.uri) == ["CWM101"]
    editor.edit(project.uri, project.wrong)
    await editor.settled(project.uri)
    answer = await editor.request("cwm/check", {"uri": project.uri})
    assert (answer.outcome, answer.report.models) == ("notRun", [])
    assert editor.codes(project.uri) == []


async def test_an_untrusted_workspace_does_not_choose_the_interpreter(editor: Editor, project):
    program = project.folder / "python"
    program.write_text(f'#!/bin/sh\ntouch {project.folder / "ran"}\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    editor.settings[""] = {"interpreter": str(program)}
    await editor.enter(trusted=False)
    assert (await editor.opened(project.uri, project.wrong)).state == "untrusted"
    assert not (project.folder / "ran").exists()


async def test_workers_run_with_the_interpreter_that_is_chosen(editor: Editor, project):
    program = project.folder / "python"
    program.write_text(f'#!/bin/sh\ntouch {project.folder / "ran"}\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    await editor.enter()
    await editor.opened(project.uri, project.wrong)
    editor.set({"interpreter": str(program)})
    await editor.until((project.folder / "ran").exists)
    await editor.until(lambda: editor.status(project.uri).state == "complete")
    assert editor.codes(project.uri) == ["CWM201"]


async def test_an_interpreter_that_is_not_there_is_said_and_may_be_corrected(editor: Editor, project):
    editor.settings[""] = {"interpreter": str(project.folder / "no-python")}
    await editor.enter()
    status = await editor.opened(project.uri, project.wrong)
    assert status.state == "error"
    assert "no-python" in editor.shown(project.uri)[0].message
    editor.set({})
    await editor.until(lambda: editor.codes(project.uri) == ["CWM201"])


async def test_an_interpreter_without_what_a_check_needs_is_said(editor: Editor, project):
    program = project.folder / "python"
    # A Python that knows no packages and is not told of any.
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -S -P -c "$3" {Path(__file__).parents[2]} \\\n  {_server()}\n'
    )
    program.chmod(0o755)
    editor.settings[""] = {"interpreter": str(program)}
    await editor.enter()
    assert (await editor.opened(project.uri, project.wrong)).state == "error"
    assert "No module named 'numpy'" in editor.shown(project.uri)[0].message


def _server():
    import cwm_server

    return Path(cwm_server.__file__).parents[1]
