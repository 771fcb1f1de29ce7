"""Frames survive being cut anywhere; whatever else arrives is refused, cheaply."""

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.sandbox.messages import Decoder, Message, OutputLimitError, ProtocolError, encode, read_message

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
messages = st.builds(Message, st.dictionaries(st.text(), json_values, max_size=4), st.binary(max_size=100))


def frame(text, blob=b""):
    return struct.pack("<II", len(text), len(blob)) + text + blob


@given(st.lists(messages, max_size=5), st.integers(1, 50))
def test_messages_arrive_as_they_were_sent_however_they_are_cut(sent, size):
    content = b"".join(encode(message.data, message.blob) for message in sent)
    decoder, received = Decoder(limit=len(content)), []
    for start in range(0, len(content), size):
        decoder.feed(content[start : start + size])
        while (message := decoder.next()) is not None:
            received.append(message)
    assert received == sent


@given(st.lists(messages, max_size=5))
def test_the_child_reads_the_same_messages(sent):
    stream = io.BytesIO(b"".join(encode(message.data, message.blob) for message in sent))
    received = []
    while (message := read_message(stream.read)) is not None:
        received.append(message)
    assert received == sent


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_or_a_protocol_error(content):
    """Never another exception, and never more than was sent."""
    decoder = Decoder(limit=1000)
    try:
        decoder.feed(content)
        while decoder.next() is not None:
            pass
    except ProtocolError:
        pass


@pytest.mark.parametrize("text", [b"", b"[]", b"1", b"{", b'{"a":\xff}', b"nonsense", b"[" * 100_000, b"{" * 100_000])
def test_what_is_not_a_json_object_is_refused(text):
    decoder = Decoder(limit=1 << 20)
    decoder.feed(frame(text))
    with pytest.raises(ProtocolError):
        decoder.next()


def test_a_number_too_long_to_convert_is_refused():
    decoder = Decoder(limit=1 << 20)
    decoder.feed(frame(b'{"x":' + b"9" * 10_000 + b"}"))
    with pytest.raises(ProtocolError):
        decoder.next()


def test_a_small_message_that_would_become_big_objects_is_refused():
    decoder = Decoder(limit=1 << 24)
    decoder.feed(frame(b'{"x":[' + b"[]," * 1_200_000 + b"0]}"))
    with pytest.raises(ProtocolError, match="too many parts"):
        decoder.next()


def test_more_than_the_limit_is_refused_over_all_messages():
    decoder = Decoder(limit=100)
    decoder.feed(encode({}, bytes(60)))
    assert decoder.next() == Message({}, bytes(60))
    with pytest.raises(OutputLimitError):
        decoder.feed(encode({}, bytes(60)))


def test_an_announcement_past_the_limit_is_refused_before_it_is_waited_for():
    decoder = Decoder(limit=1000)
    decoder.feed(struct.pack("<II", 10, 1 << 31))
    with pytest.raises(OutputLimitError):
        decoder.next()


def test_a_message_that_ends_in_the_middle_is_no_message():
    content = encode({"a": 1}, b"blob")
    assert read_message(io.BytesIO(content[:-1]).read) is None


def test_only_json_can_be_sent():
    with pytest.raises(TypeError):
        encode({"x": object()})


def test_text_of_any_script_is_sent_as_ascii():
    """Also halves of surrogate pairs, which a program may well put into its error message."""
    content = encode({"x": "\ud800 ü"})
    assert content.isascii()
    assert json.loads(content[8:]) == {"x": "\ud800 ü"}
