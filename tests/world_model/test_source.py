"""Reading model files: whatever the bytes, the user learns what is wrong and where."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity, Span
from cwm_engine.world_model.source import ModelSource, decode_source, parse, read_source, span_of, split_lines


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.py"
    path.write_bytes(data)
    return path


def source_of(data: bytes) -> ModelSource:
    source = decode_source(data, "model.py")
    assert isinstance(source, ModelSource), source
    return source


def problem_of(data: bytes) -> Finding:
    problem = decode_source(data, "model.py")
    assert isinstance(problem, Finding), problem
    assert (problem.code, problem.severity) == ("CWM111", Severity.ERROR)
    return problem


# -- files that are not there ------------------------------------------------------------------------------------------


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CwmError, match=r"gone\.py: no such file .*check the spelling"):
        read_source(tmp_path / "gone.py")


def test_a_directory_is_not_a_model_file(tmp_path: Path) -> None:
    with pytest.raises(CwmError, match="is a directory, not a model file"):
        read_source(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(CwmError, match="is not a regular file"):
        read_source(tmp_path / "pipe.py")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_file_that_cannot_be_read_says_why() -> None:
    with pytest.raises(CwmError, match="cannot be read: Input/output error"):
        read_source("/proc/self/mem")


# -- bytes that are text -----------------------------------------------------------------------------------------------


def test_an_empty_file_is_a_source(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, b""))
    assert isinstance(source, ModelSource)
    assert (source.text, source.lines) == ("", ("",))


def test_windows_newlines_and_a_byte_order_mark_survive_an_edit() -> None:
    source = source_of(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    assert (source.text, source.bom, source.newline, source.encoding) == ("x = 1\r\ny = 2\r\n", True, "\r\n", "utf-8")
    assert source.encode("x = 1\ny = 3\n") == b"\xef\xbb\xbfx = 1\r\ny = 3\r\n"


def test_mixed_newlines_stay_as_they_are_on_every_line() -> None:
    source = source_of(b"x = 1\r\ny = 2\nz = 3\r\n")
    assert source.encode(source.text.replace("2", "5")) == b"x = 1\r\ny = 5\nz = 3\r\n"
    assert source.lines == ("x = 1", "y = 2", "z = 3", "")


def test_a_coding_comment_is_followed_in_both_directions() -> None:
    source = source_of("# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"))
    assert source.lines[1] == "name = 'é'"
    assert source.encode(source.text) == source.text.encode("latin-1")
    with pytest.raises(CwmError, match=r"encoding iso-8859-1 cannot write: '→' .*save the file as UTF-8"):
        source.encode("→")


@given(text=st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), bom=st.booleans())
def test_writing_back_an_unchanged_text_gives_the_same_bytes(text: str, bom: bool) -> None:
    data = ("\ufeff" * bom + text).encode()
    source = decode_source(data, "model.py")
    if isinstance(source, ModelSource):  # the text may start with a coding comment of nonsense
        assert source.encode(source.text) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_either_a_source_or_a_finding(data: bytes) -> None:
    read = decode_source(data, "model.py")
    if isinstance(read, ModelSource):
        assert isinstance(parse(read.text), ast.Module | Finding)
    else:
        assert read.code == "CWM111"
        assert read.note


# -- bytes that are not ------------------------------------------------------------------------------------------------


def test_a_byte_that_is_not_utf8_is_given_with_offset_and_line() -> None:
    problem = problem_of(b"x = 1\r\nname = '\xe9'\n")
    assert problem.message == "The file is not UTF-8 text: byte 0xe9 at offset 15 (line 2)."
    assert problem.span == Span(2, 9, 2, 10)
    assert problem.note is not None
    assert "coding: latin-1" in problem.note


def test_a_binary_file_is_called_one() -> None:
    problem = problem_of(b"x = 1\n\x7fELF\0\0")
    assert problem.message == "The file is binary: byte 10 is a null byte."
    assert problem.span.line == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_recognized(encoding: str) -> None:
    data = b"\xff\xfe" * (encoding == "utf-16-le") + b"\xfe\xff" * (encoding == "utf-16-be") + "x = 1".encode(encoding)
    assert "UTF-16" in problem_of(data).message


@pytest.mark.parametrize(
    "name", ["klingon", "utf-7", "unicode_escape", "raw_unicode_escape", "rot13", "zip", "punycode"]
)
def test_a_coding_comment_that_names_no_text_encoding_is_refused(name: str) -> None:
    problem = problem_of(f"# coding: {name}\nx = 1\n".encode())
    assert "coding comment" in problem.message
    assert problem.note is not None
    assert "UTF-8" in problem.note


def test_an_enormous_file_is_not_taken_for_a_program() -> None:
    assert "larger than 16 MB" in problem_of(b"#" * (17 << 20)).message


# -- parsing -----------------------------------------------------------------------------------------------------------


def error_in(text: str) -> Finding:
    found = parse(text)
    assert isinstance(found, Finding), ast.dump(found)
    assert found.code == "CWM101"
    return found


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_syntax_error_is_marked_where_python_stopped(newline: str) -> None:
    found = error_in(newline.join(["def step(self):", "    é = (1 +", "", "x = 2"]))
    assert found.span == Span(2, 9, 2, 10)
    assert found.message == "The file is not valid Python: '(' was never closed."


def test_an_error_that_spans_words_is_marked_whole() -> None:
    assert error_in("def f(x):\n    if x = 10: pass\n").span == Span(2, 8, 2, 14)


def test_an_answer_pasted_with_its_markdown_fence_is_explained() -> None:
    found = error_in("Here is the model:\n```python\nclass Environment: pass\n```\n")
    assert found.note == "Line 2 is a Markdown fence: keep only the code between the fences."


def test_a_null_character_in_an_editor_is_marked() -> None:
    assert error_in("x = 1\ny = '\0'\n").message.startswith("The file is not valid Python")
    assert "no text" in error_in("x = '\ud800'").message


def test_the_warnings_of_the_parser_do_not_reach_the_host() -> None:
    """Under `-W error`, as these tests run, Python would call them syntax errors."""
    assert isinstance(parse(r"x = '\d'; y = 1 if x is 2 else 0"), ast.Module)


HOSTILE = """
import sys
from cwm_engine.findings import Finding
from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.imports import resolve_imports
from cwm_engine.world_model.notes import scalar_numpy
from cwm_engine.world_model.probes import instrument
from cwm_engine.world_model.source import parse, split_lines
from cwm_engine.world_model.suppress import suppressions

N = 30_000
sources = [
    "(" * N, "-" * N + "1", "not " * N + "1", "1" + "+1" * N, "a" + ".b" * N, "a" + "()" * N, "a" + "[0]" * N,
    "lambda:" * N + "1", "1 if 1 else " * N + "1", "2" + "**2" * N, "1" + "<1" * N, "'a' " * N, "a=" * N + "1",
    "if 1: pass\\n" + "elif 1: pass\\n" * N, "{" * 100 + ":", "f(" * 180, "[x for x in " * 100, "9" * N,
    "".join(" " * k + "if 1:\\n" for k in range(200)) + " " * 200 + "pass", "\\\\\\n" * N,
    "@a\\n" * N + "def f(): pass", "def step():\\n if 1: pass\\n" + " elif 1: pass\\n" * 700,
    "import numpy as np\\ndef step():\\n x = np.sin(1)" + "+1" * 900, "def step():\\n x = 1" + "+1" * 900,
    "class A(" + "A." * 500 + "A): pass", "class A(A): pass",
    "class A(B): pass\\nclass B(A):\\n def step(self, a): pass",
    "def transition(s, a): pass\\nREWARDS = {" + "a." * 900 + "a: lambda: 1}",
    "from " + "." * N + "a import b", "import " + "a." * 900 + "b", "# cwm: ignore\\n" + "(" * N, "x = 0x" + "f" * N,
    "match x:\\n case " + "(" * 150 + "1" + ")" * 150 + ": pass", "\\f\\f\\f", "\\ufeff\\ufeffx", "def " * N,
]
for source in sources:
    suppressions(source)
    tree = parse(source)
    if not isinstance(tree, Finding):
        lines = split_lines(source)
        discover(tree, lines), resolve_imports(tree, None), instrument(tree), scalar_numpy(tree, lines)
print("survived", len(sources))
"""


def test_no_source_crashes_the_process_that_reads_it() -> None:
    """In a process of its own, because a crash would take the tests along."""
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("survived")


def test_what_is_nested_too_deeply_is_marked_on_its_line() -> None:
    found = error_in("x = 1\ny = " + "-" * 20_000 + "1\n")
    assert "nested too deeply" in found.message
    assert found.span.line == 2


def test_fifty_thousand_lines_are_read() -> None:
    text = "class Environment:\n    def set_state(self, s): self.s = s\n    def step(self, a):\n"
    text += "        x = self.s\n" * 50_000 + "        return x, 0.0, False\n"
    source = source_of(text.encode())
    tree = parse(source.text)
    assert isinstance(tree, ast.Module)
    assert len(source.lines) == 50_005


# -- places ------------------------------------------------------------------------------------------------------------


def test_columns_count_characters() -> None:
    lines = ("größe = müller + 1",)
    value = ast.parse(lines[0]).body[0]
    assert isinstance(value, ast.Assign)
    assert span_of(value.value, lines) == Span(1, 9, 1, 19)


@given(st.text(alphabet="a\n\r\u2028\x0c\x1cé", max_size=40))
def test_lines_are_the_lines_python_counts(text: str) -> None:
    commented = "".join(f"#{part}" if part not in {"\n", "\r"} else part for part in text)
    tree = parse(commented + "\nlast")
    if isinstance(tree, ast.Module) and tree.body:
        assert tree.body[-1].lineno == len(split_lines(commented + "\nlast"))
