"""Marked regions: what nobody has touched is brought up to date, what somebody has edited stays."""

import ast
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.properties.generation.regions import Region, merge, written


def region(name, value=1, kind="mined"):
    return Region(kind, name, f"def {name}():\n    assert {value} == {value}")


HEADER = Region("header", "__doc__", '"""Tests."""\n\nimport math')
FILE = [HEADER, region("test_a"), region("test_b"), region("test_c")]


def test_a_new_file_holds_every_region_with_its_marker():
    merged = merge("", FILE)
    assert merged.added == ("__doc__", "test_a", "test_b", "test_c")
    assert merged.text == written(FILE)
    assert merged.text.count("# cwm: mined ") == 3
    ast.parse(merged.text)


def test_the_marker_names_kind_digest_and_fields():
    marker = Region("mined", "test_a", "x = 1", ("obs[0]", "reward")).marker
    kind, digest, fields = marker.removeprefix("# cwm: ").strip().split(" ", 2)
    assert (kind, len(digest), fields) == ("mined", 8, "obs[0], reward")


def test_what_has_not_changed_is_left_as_it_is():
    merged = merge(written(FILE), FILE)
    assert merged == merge(merged.text, FILE)
    assert merged.text == written(FILE)
    assert {merged.added, merged.updated, merged.kept, merged.removed, merged.left} == {()}


def test_an_untouched_region_says_what_is_new():
    merged = merge(written(FILE), [HEADER, region("test_a"), region("test_b", 2), region("test_c")])
    assert merged.updated == ("test_b",)
    assert "assert 2 == 2" in merged.text
    assert merged.text.count("def test_b") == 1


def test_an_edited_region_stays_and_is_told():
    edited = written(FILE).replace("def test_b():\n    assert 1 == 1", "def test_b():\n    assert 'mine'")
    merged = merge(edited, [HEADER, region("test_a"), region("test_b", 2), region("test_c")])
    assert merged.kept == ("test_b",)
    assert merged.text == edited


def test_new_regions_come_where_they_belong_and_vanished_ones_go():
    merged = merge(written(FILE), [HEADER, region("test_a"), region("test_new"), region("test_c")])
    assert (merged.added, merged.removed) == (("test_new",), ("test_b",))
    assert merged.text == written([HEADER, region("test_a"), region("test_new"), region("test_c")])


def test_an_edited_region_that_vanished_stays_and_is_told():
    edited = written(FILE).replace("def test_b():\n    assert 1 == 1", "def test_b():\n    assert 'mine'")
    merged = merge(edited, [HEADER, region("test_a"), region("test_c")])
    assert merged.left == ("test_b",)
    assert merged.text == edited


def test_a_test_of_ones_own_between_regions_stays_where_it_is():
    own = "def test_mine():\n    # a thought\n    assert True"
    with_own = written(FILE).replace("\n\n\n# cwm: mined", f"\n\n\n{own}\n\n\n# cwm: mined", 2)
    merged = merge(with_own, [HEADER, region("test_a", 2), region("test_b", 3), region("test_c")])
    assert merged.updated == ("test_a", "test_b")
    assert merged.text.count(own) == 2
    places = [merged.text.index(f"def test_{one}") for one in "abc"]
    assert places[0] < merged.text.index(own) < places[1] < merged.text.rindex(own) < places[2]


def test_what_stands_before_the_first_region_stays():
    merged = merge(f"# Copyright\n\n{written(FILE)}", [HEADER, region("test_a")])
    assert merged.text.startswith("# Copyright\n")


def test_a_renamed_test_is_known_by_what_was_written():
    renamed = written(FILE).replace("test_b", "test_better")
    merged = merge(renamed, FILE)
    assert merged.kept == ("test_b",)
    assert merged.text == renamed


def test_a_region_can_be_kept_out():
    without = f"# cwm: without test_b\n{written([HEADER, region('test_a'), region('test_c')])}"
    assert merge(without, FILE).text == without


def test_formatting_is_no_edit_but_a_comment_is():
    tight = Region("mined", "test_a", "def test_a():\n    assert f(1, 'x', [2, 3]) == (4)")
    before = written([HEADER, tight])
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "30", "-"],
        input=before, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert formatted != before
    assert merge(formatted, [HEADER, tight]).kept == ()
    commented = before.replace("    assert", "    # because\n    assert")
    assert merge(commented, [HEADER, tight]).kept == ("test_a",)


def test_an_unfinished_edit_is_kept():
    broken = written(FILE).replace("def test_b():\n    assert 1 == 1", "def test_b():\n    assert (1 ==")
    merged = merge(broken, FILE)
    assert merged.kept == ("test_b",)
    assert "assert (1 ==" in merged.text


def test_somebody_elses_file_is_refused():
    with pytest.raises(CwmError, match="was not written by `cwm properties`"):
        merge("def test_mine():\n    assert True\n", FILE)


names = st.sampled_from(["test_a", "test_b", "test_c", "test_d", "test_e"])
files = st.dictionaries(names, st.integers(0, 3)).map(lambda made: [HEADER, *(region(*one) for one in made.items())])


@given(before=files, after=files)
def test_untouched_files_become_whatever_they_should_be(before, after):
    merged = merge(written(before), after)
    assert sorted(one.name for one in after) == sorted(
        node.name if isinstance(node, ast.FunctionDef) else "__doc__"
        for node in ast.parse(merged.text).body
        if isinstance(node, ast.FunctionDef | ast.Expr)
    )
    assert merge(merged.text, after).text == merged.text
