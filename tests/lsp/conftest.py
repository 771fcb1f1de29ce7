"""A real server over real stdio, and an editor that remembers all it was told."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_lsp
from pytest_lsp import ClientServerConfig

from cwm_engine.trajectories.formats.jsonl import write_jsonl
from tests.lsp.editor import SERVER, Editor, Project
from tests.recordings import made

WALK = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state + action, 0.0, False
"""
"""A walk along the whole numbers; what the data of `project` shows."""

ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]

CONFIG = ClientServerConfig(server_command=SERVER, client_factory=Editor)


@pytest.fixture(scope="session", autouse=True)
def _runs_of_their_own(tmp_path_factory):
    """Keep searches of tests apart from those of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CWM_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest_lsp.fixture(config=CONFIG)
async def editor(lsp_client: Editor):
    """An editor with a server of its own, not yet initialized: a test may want to say how."""
    yield
    await lsp_client.leave()


@pytest_lsp.fixture(config=CONFIG, scope="module")
async def shared_editor(lsp_client: Editor):
    """An initialized editor for tests that leave nothing behind but closed files.

    Such a module says `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
    """
    await lsp_client.enter()
    yield
    await lsp_client.leave()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with a model, `walk.py`, which is right, and its data."""
    return project_in(tmp_path)


def project_in(folder: Path) -> Project:
    """A folder with a right model and its data."""
    (folder / "trajectories").mkdir()
    write_jsonl(made(ROWS), folder / "trajectories" / "walk.jsonl")
    (folder / "walk.py").write_text(WALK)
    return Project(folder, folder / "walk.py", WALK)
