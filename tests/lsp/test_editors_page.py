"""The page about editors: what it says is what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from cwm_server.settings_model import EditorSettings

PAGE = Path(__file__).parents[2] / "docs" / "editors.md"


def block(language: str) -> str:
    """The first block of code in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_script_that_drives_the_server_prints_the_accuracy(project, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(block("python"))
    project.model.write_text(project.wrong)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, script, project.model],
        env={**os.environ, "PATH": path},
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert done.stdout.decode() == f"Environment {1 / 3}\n", done.stderr.decode()
    assert done.returncode == 0


def test_the_settings_are_all_there():
    listed = PAGE.read_text().partition("## Settings")[2]
    for name, field in EditorSettings.model_fields.items():
        assert f"`{field.alias or name}" in listed


def test_the_configuration_of_helix_is_read_as_it_is_meant():
    table = tomllib.loads(block("toml"))
    settings = EditorSettings.model_validate(table["language-server"]["cwm"]["config"]["cwm"])
    assert (settings.run, settings.inlay_hints.enabled) == ("onType", True)
    assert [table["language-server"]["cwm"]["command"], *table["language-server"]["cwm"]["args"]] == [
        "cwm",
        "serve",
        "--stdio",
    ]
