"""Which lines of a file its check has executed."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

BRANCHES = """\
class Environment:
    def __init__(self):
        self.state = 0

    def set_state(self, state):
        self.state = state

    def step(self, action):
        if action == 2:
            return self.state, 0.0, False
        if action > 2:
            return 0, 0.0, False
        return self.state + action, 0.0, False
"""
"""Wrong for one action of three, and with a branch that no data reaches."""


@pytest.fixture(autouse=True)
def _nothing_left_open(shared_editor):
    yield
    for uri in list(shared_editor.versions):
        shared_editor.close(uri)


async def test_lines_are_told_with_how_often_they_ran_and_failed(shared_editor, project):
    await shared_editor.opened(project.uri, BRANCHES)
    found = await shared_editor.request("cwm/lines", {"uri": project.uri})
    counts = {line.line: (line.transitions, line.failing) for line in found.lines}
    assert counts == {3: (1, 0), 6: (30, 10), 9: (30, 10), 10: (10, 10), 11: (20, 0), 12: (0, 0), 13: (20, 0)}
    assert [line.line for line in found.lines if line.before] == [3]
    assert found.version == 1


async def test_a_comment_moves_the_lines(shared_editor, project):
    await shared_editor.opened(project.uri, BRANCHES)
    shared_editor.edit(project.uri, f"# A comment.\n{BRANCHES}")
    await shared_editor.settled(project.uri)
    found = await shared_editor.request("cwm/lines", {"uri": project.uri})
    assert [line.line for line in found.lines] == [4, 7, 10, 11, 12, 13, 14]


async def test_nothing_is_known_of_a_file_that_was_not_run(shared_editor, project):
    await shared_editor.opened(project.uri, "class Environment:\n    pass\n")
    assert (await shared_editor.request("cwm/lines", {"uri": project.uri})).lines == []
