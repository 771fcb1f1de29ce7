"""Links: from the files that a configuration names to these files."""

from __future__ import annotations

import pytest
from lsprotocol import types

from cwm_server.features.links import links

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def folder(tmp_path):
    """A folder with some data and a model."""
    (tmp_path / "data" / "more").mkdir(parents=True)
    for name in ("data/a.jsonl", "data/b.jsonl", "data/ö 🚶.jsonl", "walk.py", "about.md"):
        (tmp_path / name).write_text("")
    return tmp_path


def linked(folder, text: str, name: str = "cwm.toml") -> list[tuple[str, str]]:
    """The linked texts with their targets, relative to the folder."""
    lines = text.splitlines()
    return [
        (
            lines[link.span.line - 1][link.span.column - 1 : link.span.end_column - 1],
            link.target.relative_to(folder).as_posix(),
        )
        for link in links(lines, folder / name)
    ]


async def test_a_link_leads_from_the_name_to_the_file(shared_editor, folder):
    config = folder / "cwm.toml"
    text = '[[models]]\nfile = "walk.py"\ntrajectories = "data/ö 🚶.jsonl"\n'
    config.write_text("")
    document = types.TextDocumentItem(config.as_uri(), "toml", 1, text)
    shared_editor.text_document_did_open(types.DidOpenTextDocumentParams(document))
    place = types.TextDocumentIdentifier(config.as_uri())
    found = await shared_editor.text_document_document_link_async(types.DocumentLinkParams(place))
    assert [link.target for link in found] == [
        (folder / "walk.py").as_uri(),
        (folder / "data" / "ö 🚶.jsonl").as_uri(),
    ]
    assert found[1].range == types.Range(types.Position(2, 16), types.Position(2, 16 + len("data/ö 🚶.jsonl") + 1))
    shared_editor.text_document_did_close(types.DidCloseTextDocumentParams(place))


async def test_other_files_have_none(shared_editor, project):
    place = types.TextDocumentIdentifier(project.uri)
    assert not await shared_editor.text_document_document_link_async(types.DocumentLinkParams(place))


@pytest.mark.parametrize("uri", ["file:///nowhere/cwm.toml", "untitled:cwm.toml", "nonsense"])
async def test_what_is_no_file_has_none(shared_editor, uri):
    place = types.TextDocumentIdentifier(uri)
    assert not await shared_editor.text_document_document_link_async(types.DocumentLinkParams(place))


async def test_in_pyproject_the_table_is_another(folder):
    text = '[[tool.cwm.models]]\ntrajectories = "data/a.jsonl"\n[tool.other]\nfile = "walk.py"\n'
    assert linked(folder, text, "pyproject.toml") == [("data/a.jsonl", "data/a.jsonl")]


async def test_lists_on_one_line_and_on_several_are_read(folder):
    text = "[[models]]\ntrajectories = ['data/a.jsonl', \"data/b.jsonl\"]\n"
    text += 'pinned = [ # "walk.py"\n  "data/b.jsonl",\n  # "about.md"\n  "data/a.jsonl"]\n"walk.py"\n'
    assert [name for name, _ in linked(folder, text)] == [
        "data/a.jsonl",
        "data/b.jsonl",
        "data/b.jsonl",
        "data/a.jsonl",
    ]


async def test_a_class_after_the_file_is_no_part_of_its_name(folder):
    assert linked(folder, '[[models]]\nfile = "walk.py::Walk"\n') == [("walk.py::Walk", "walk.py")]


async def test_a_description_is_a_file_or_words(folder):
    assert linked(folder, '[[models]]\ndescription = "about.md"\n') == [("about.md", "about.md")]
    assert linked(folder, '[[models]]\ndescription = "A walk."\n') == []


async def test_patterns_and_folders_lead_to_the_first_of_their_files(folder):
    text = '[[models]]\ntrajectories = ["data", "data/?.jsonl"]\n'
    assert linked(folder, text) == [("data", "data/a.jsonl"), ("data/?.jsonl", "data/a.jsonl")]
    notes = [link.note for link in links(text.splitlines(), folder / "cwm.toml")]
    assert notes == ["The first of 3 files.", "The first of 2 files."]


async def test_what_is_not_there_has_no_link(folder):
    text = '[[models]]\ntrajectories = ["data/c.jsonl", "minari:D4RL/door-v2", "\\u0000", ""]\n'
    assert linked(folder, text) == []


async def test_keys_outside_of_a_model_and_half_written_ones_are_passed_over(folder):
    assert linked(folder, 'file = "walk.py"\n[[models]]\nfile = \nfile = "walk\ntrajectories = [\n') == []
