"""The data of a file beside what its model makes of it, as the trajectory viewer and the Test Explorer ask for it."""

from __future__ import annotations

import pytest
from pygls.exceptions import JsonRpcException

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _nothing_left_open(shared_editor):
    yield
    for uri in list(shared_editor.versions):
        shared_editor.close(uri)


async def test_episodes_are_listed_with_their_failing_steps(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    found = await shared_editor.request("cwm/dataset", {"uri": project.uri})
    assert found.models == ["Environment"]
    assert found.dataset.accuracy == pytest.approx(1 / 3)
    assert sum(episode.failing for episode in found.dataset.episodes) == 20


async def test_an_episode_is_told_step_by_step(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    params = {"uri": project.uri, "episode": 0, "model": "Environment"}
    told = (await shared_editor.request("cwm/episode", params)).episode
    state = next(field for field in told.fields if field.name == "obs")
    wrong = [bool(cells) for cells in state.wrong]
    assert wrong == [one != other for one, other in zip(state.expected, state.predicted, strict=True)]
    failures = (await shared_editor.request("cwm/failures", params | {"count": 1})).failures
    assert [failure.step for failure in failures] == [wrong.index(True)]
    images = await shared_editor.request("cwm/images", {"uri": project.uri, "episode": 0, "step": 0})
    assert images.images == []


async def test_it_is_about_the_text_that_was_checked_last(shared_editor, project):
    await shared_editor.opened(project.uri, project.wrong)
    shared_editor.edit(project.uri, project.text)
    await shared_editor.settled(project.uri)
    found = await shared_editor.request("cwm/dataset", {"uri": project.uri})
    assert found.dataset.accuracy == 1.0


async def test_a_file_that_was_not_run_is_answered_with_what_to_do(shared_editor, project):
    shared_editor.set({"run": "manual"})
    await shared_editor.opened(project.uri, project.text)
    with pytest.raises(JsonRpcException, match=r"no model of this file was run.*check it first"):
        await shared_editor.request("cwm/dataset", {"uri": project.uri})
    shared_editor.set({})


async def test_an_episode_that_is_not_there_is_answered_with_how_many_there_are(shared_editor, project):
    await shared_editor.opened(project.uri, project.text)
    with pytest.raises(JsonRpcException, match="no episode 99"):
        await shared_editor.request("cwm/episode", {"uri": project.uri, "episode": 99})
