"""Open files: edits land where the client means, whatever characters there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from cwm_engine.findings import Span
from cwm_engine.world_model.source import split_lines
from cwm_server.configuration import Configuration
from cwm_server.convert import characters_of, line_range, offset_of, place_of, position_of, range_of, units_of
from cwm_server.documents import Checked, Documents, Snapshot

CODECS = {
    types.PositionEncodingKind.Utf8: ("utf-8", 1),
    types.PositionEncodingKind.Utf16: ("utf-16-le", 2),
    types.PositionEncodingKind.Utf32: ("utf-32-le", 4),
}
ENCODINGS = st.sampled_from(list(CODECS))
TEXTS = st.text(st.sampled_from("ab =é中😀\f\u2028\v"), max_size=12)
FILES = st.lists(st.tuples(TEXTS, st.sampled_from(["\n", "\r\n", "\r"])), max_size=5).map(
    lambda lines: "".join(f"{text}{newline}" for text, newline in lines) + "end"
)


def position_at(text, offset, encoding):
    """The position of an offset, worked out by encoding what is before it."""
    codec, size = CODECS[encoding]
    lines = split_lines(text[:offset])
    if text[:offset].endswith("\r") and text[offset : offset + 1] == "\n":
        lines = split_lines(text[: offset - 1])
    return types.Position(len(lines) - 1, len(lines[-1].encode(codec)) // size)


def opened(text, encoding):
    documents = Documents(lambda _: Configuration())
    documents.encoding = encoding
    documents.open(types.TextDocumentItem("file:///model.py", "python", 1, text))
    return documents


@given(FILES, ENCODINGS, TEXTS, st.data())
def test_an_edit_replaces_exactly_what_it_names(text, encoding, new, data):
    places = [place for place in range(len(text) + 1) if text[place - 1 : place + 1] != "\r\n"]
    start = data.draw(st.sampled_from(places))
    end = data.draw(st.sampled_from([place for place in places if place >= start]))
    documents = opened(text, encoding)
    change = types.TextDocumentContentChangePartial(
        types.Range(position_at(text, start, encoding), position_at(text, end, encoding)), new
    )
    snapshot = documents.change(types.VersionedTextDocumentIdentifier(2, "file:///model.py"), [change])
    assert (snapshot.text, snapshot.version) == (text[:start] + new + text[end:], 2)


@given(FILES, ENCODINGS, st.integers(0, 9), st.integers(0, 99))
def test_a_position_outside_the_text_is_its_nearest_place(text, encoding, line, character):
    offset = offset_of(text, types.Position(line, character), encoding)
    assert 0 <= offset <= len(text)


@given(TEXTS, ENCODINGS)
def test_units_and_characters_are_inverse(text, encoding):
    for count in range(len(text) + 1):
        assert characters_of(text, units_of(text[:count], encoding), encoding) == count


@given(FILES, ENCODINGS, st.data())
def test_places_and_positions_are_inverse(text, encoding, data):
    lines = split_lines(text)
    line = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(1, len(lines[line - 1]) + 1))
    assert place_of(position_of(line, column, lines, encoding), lines, encoding) == (line, column)


def test_a_span_beyond_the_text_ends_where_the_text_ends():
    place = range_of(Span(1, 2, 9, 1), ("abc", "de"), types.PositionEncodingKind.Utf16)
    assert place == types.Range(types.Position(0, 1), types.Position(1, 2))


def test_the_range_of_a_line_leaves_its_indentation_out():
    place = line_range(1, ("    中 = 1  ",), types.PositionEncodingKind.Utf16)
    assert place == types.Range(types.Position(0, 4), types.Position(0, 9))


def test_what_is_known_is_stale_once_the_text_has_changed():
    documents = opened("a", types.PositionEncodingKind.Utf16)
    snapshot = documents.snapshot("file:///model.py")
    assert documents.current(snapshot.uri) is None
    documents.learn(Checked(snapshot, (report(),), 1))
    assert not documents.current(snapshot.uri).stale
    whole = types.TextDocumentContentChangeWholeDocument("b")
    documents.change(types.VersionedTextDocumentIdentifier(2, snapshot.uri), [whole])
    assert documents.current(snapshot.uri).stale


def test_what_is_found_out_about_a_closed_file_is_forgotten():
    documents = opened("a", types.PositionEncodingKind.Utf16)
    snapshot = documents.snapshot("file:///model.py")
    closed = []
    documents.on_close(closed.append)
    documents.close(snapshot.uri)
    documents.learn(Checked(snapshot))
    assert (documents.current(snapshot.uri), documents.snapshot(snapshot.uri), closed) == (None, None, [snapshot.uri])


def test_a_change_of_a_file_that_is_not_open_is_nothing():
    documents = Documents(lambda _: Configuration())
    assert documents.change(types.VersionedTextDocumentIdentifier(2, "file:///none.py"), []) is None


def test_a_text_that_was_never_saved_has_a_name_but_no_path():
    snapshot = Snapshot("untitled:Untitled-1", None, 1, "")
    assert (snapshot.name, snapshot.path) == ("Untitled-1", None)


def report():
    from cwm_engine.checking.report import ModelReport

    return ModelReport(file="model.py")
