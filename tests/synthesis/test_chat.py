"""Reading what an endpoint sends, however it is cut into pieces and whatever it is."""

import contextlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.synthesis.proposers.chat import Answer, BadAnswerError, Reader
from tests.synthesis.llm_server import USAGE, chunk


def read(*pieces: bytes) -> Answer:
    reader = Reader(Answer())
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return reader.answer


def stream(*texts: str, newline: str = "\n", comment: bool = True) -> bytes:
    documents = [chunk(text) for text in texts] + [chunk(finish="stop"), {"choices": [], "usage": USAGE}]
    lines = [f"data: {json.dumps(document, ensure_ascii=False)}" for document in documents]
    return (newline * 2).join([*([": hello"] if comment else []), *lines, "data: [DONE]", ""]).encode()


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12), max_size=5)


@given(
    TEXTS,
    st.lists(st.integers(0, 12) | st.integers(0, 400), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_a_stream_may_be_cut_anywhere(texts: list[str], cuts: list[int], newline: str, comment: bool) -> None:
    """In the middle of a line, of a newline, of a character."""
    body = stream(*texts, newline=newline, comment=comment)
    places = sorted({0, *(place for place in cuts if place < len(body)), len(body)})
    answer = read(*(body[start:stop] for start, stop in itertools.pairwise(places)))
    assert answer.replies[0].text == "".join(texts)
    assert answer.replies[0].finish == "stop"
    assert answer.usage == USAGE


EVENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "delta", "message", "content", "index", "usage", "error", "finish_reason"]), part
    ),
    max_leaves=10,
)  # fmt: skip


@given(st.lists(EVENTS, max_size=4), st.booleans())
def test_events_of_any_form_are_read_or_told_to_be_bad(documents: list[object], streamed: bool) -> None:
    mark = "data: " if streamed else ""
    body = "\n\n".join(f"{mark}{json.dumps(document)}" for document in documents)
    with contextlib.suppress(BadAnswerError):
        read(body.encode())


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_any_bytes_are_read_or_told_to_be_bad(pieces: list[bytes]) -> None:
    with contextlib.suppress(BadAnswerError):
        read(*pieces)


def test_parts_of_a_content_are_put_together() -> None:
    """Some endpoints send a message as a list of parts."""
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read(json.dumps({"choices": [{"message": {"content": content}}]}).encode()).replies[0].text == "ab"


def test_replies_come_in_the_order_of_their_index() -> None:
    choices = [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]
    assert [choice.text for choice in read(json.dumps({"choices": choices}).encode()).replies] == ["a", "b"]


def test_a_page_is_told_without_its_tags() -> None:
    with pytest.raises(BadAnswerError, match=r"a web page instead of JSON: Log in now\b"):
        read(b"<html><h1>Log in</h1> <b>now</b></html>")


def test_signs_of_life_say_nothing() -> None:
    reader = Reader(Answer())
    assert not reader.feed(b": keep-alive\n\n")
    assert not reader.feed(b"event: ping\n")
    assert reader.feed(b"data: {}\n\n")
