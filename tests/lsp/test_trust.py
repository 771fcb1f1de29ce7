"""In a workspace that the user does not trust, nothing of it is run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("method", ["cwm/synthesize", "cwm/fit"])
async def test_nothing_is_searched_in_an_untrusted_workspace(editor, project, method):
    await editor.enter(trusted=False)
    editor.open(project.uri, project.wrong)
    with pytest.raises(Exception, match="not trusted"):
        await editor.request(method, {"uri": project.uri})
