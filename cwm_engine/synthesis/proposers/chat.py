"""One exchange with a chat endpoint: what was answered, or in which way it failed.

The `openai` package sends the request and tells its errors apart. The answer is read here, as plain JSON, because
endpoints answer in every way: as a stream or not whatever was asked, without a count of tokens, with a web page, with
half a stream and then nothing.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cwm_engine.synthesis.reply import storable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_BYTES = 64 << 20
"""More than any reply is, so that an endpoint that never ends does not fill the memory."""


@dataclass
class Choice:
    """One reply: its text, why it ended (None if it did not say) and what it says instead of answering."""

    text: str = ""
    finish: str | None = None
    refusal: str = ""


@dataclass
class Answer:
    """What an endpoint answered.

    Attributes:
        choices: The replies by index.
        usage: The endpoint's own count of tokens; None when it gave none.
        received: Characters of all replies, of hidden reasoning too as far as it was sent.
    """

    choices: dict[int, Choice] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    received: int = 0

    @property
    def replies(self) -> list[Choice]:
        """The replies in order."""
        return [self.choices[index] for index in sorted(self.choices)]


class BadAnswerError(Exception):
    """The endpoint answered, but not with a reply.

    Args:
        message: What it did, as the end of a sentence that begins with "the endpoint".
        answer: What had come until then; it may have to be paid.
        hint: What to do about it.
        silent: Whether it just stopped saying anything.
    """

    def __init__(
        self, message: str, answer: Answer | None = None, *, hint: str | None = None, silent: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.answer = answer
        self.hint = hint
        self.silent = silent


async def ask(client: AsyncOpenAI, body: Mapping[str, Any], *, idle_seconds: float, max_characters: int) -> Answer:
    """Send one request and read the answer to its end.

    Args:
        client: The client; it must not repeat requests by itself.
        body: The parameters of `chat.completions.create`.
        idle_seconds: How long nothing may come; a sign of life without content does not count.
        max_characters: Where an endless reply is cut.

    Raises:
        BadAnswerError: What came is no reply, or only a part of one.
        openai.OpenAIError: The request was refused, or nobody answered.
    """
    answer = Answer()
    clock = asyncio.get_running_loop().time
    request = client.chat.completions.with_streaming_response.create(**body)
    try:
        async with asyncio.timeout(idle_seconds) as patience, request as response:
            reader = Reader(answer)
            async with contextlib.aclosing(_chunks(response.iter_bytes(), answer)) as chunks:
                async for chunk in chunks:
                    if reader.feed(chunk):
                        patience.reschedule(clock() + idle_seconds)
                    if reader.ended or answer.received > max_characters:
                        break
                else:
                    reader.close()
    except TimeoutError:
        raise BadAnswerError(
            f"said nothing for {idle_seconds:g} seconds", answer, hint="see whether it is overloaded", silent=True
        ) from None
    if not any(choice.text or choice.refusal or choice.finish for choice in answer.choices.values()):
        raise BadAnswerError("answered without any reply in it (empty `choices`)", answer)
    return answer


async def _chunks(chunks: AsyncIterator[bytes], answer: Answer) -> AsyncGenerator[bytes, None]:
    """The body piece by piece; a body that breaks off or never ends is a bad answer."""
    import httpx2

    size = 0
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise BadAnswerError("sent more than any reply is", answer)
            yield chunk
    except httpx2.HTTPError as error:
        raise BadAnswerError(f"broke off in the middle of its answer ({type(error).__name__})") from None


class Reader:
    """Reads the body of an answer as it comes: server-sent events, or one JSON document."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.ended = False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._streamed: bool | None = None
        self._document: list[str] = []

    def feed(self, chunk: bytes) -> bool:
        """Take in a piece of the body; tell whether it said anything."""
        text = self._decode(chunk)
        if self._streamed is None:
            text, self._rest = self._rest + text, ""
            if len(text.lstrip()) < _TELLING:
                self._rest = text
                return False
            self._streamed = bool(_EVENT.match(text))
        if not self._streamed:
            self._document.append(text)
            return True
        *lines, self._rest = _NEWLINE.split(self._rest + text)
        heard = [self._line(line) for line in lines]
        return any(heard)

    def close(self) -> None:
        """The body is at its end: read the document, or see whether the stream was whole."""
        if not self._streamed:
            self._read_document("".join([*self._document, self._rest]))
            return
        self._line(self._rest)
        if self.ended:
            return
        choices = self.answer.choices.values()
        if not choices or any(choice.finish is None for choice in choices):
            raise BadAnswerError("broke off in the middle of its answer (the stream has no end)", self.answer)

    def _line(self, line: str) -> bool:
        if self.ended or not line.startswith("data:"):
            return False
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            self.ended = True
            return True
        try:
            event = json.loads(data)
        except ValueError:
            raise BadAnswerError(f"streamed something else than JSON: {_excerpt(data)}", self.answer) from None
        self._take(event, "delta")
        return True

    def _read_document(self, text: str) -> None:
        if not text.strip():
            raise BadAnswerError("answered with an empty page", hint=_ADDRESS)
        try:
            document = json.loads(text)
        except ValueError:
            kind = "a web page" if re.match(r"\s*<", text) else "something else"
            raise BadAnswerError(f"answered with {kind} instead of JSON: {_excerpt(text)}", hint=_ADDRESS) from None
        self._take(document, "message")

    def _take(self, event: Any, part: str) -> None:
        """Add an event of a stream, or a whole document, to the answer."""
        if not isinstance(event, dict):
            raise BadAnswerError(f"answered with JSON of another form: {_excerpt(json.dumps(event))}", self.answer)
        if event.get("error"):
            error = event["error"]
            message = error.get("message") if isinstance(error, dict) else error
            raise BadAnswerError(f"reported an error: {_excerpt(str(message))}", self.answer)
        if isinstance(event.get("usage"), dict):
            self.answer.usage = event["usage"]
        choices = event.get("choices")
        for item in choices if isinstance(choices, list) else []:
            if isinstance(item, dict):
                self._take_choice(item, part)

    def _take_choice(self, item: Mapping[str, Any], part: str) -> None:
        index = item.get("index")
        choice = self.answer.choices.setdefault(index if isinstance(index, int) else 0, Choice())
        message = item.get(part)
        if not isinstance(message, dict):
            message = {"content": item.get("text")}
        choice.text += _text(message.get("content"))
        choice.refusal += _text(message.get("refusal"))
        hidden = _text(message.get("reasoning_content") or message.get("reasoning"))
        self.answer.received += len(_text(message.get("content"))) + len(hidden)
        if isinstance(item.get("finish_reason"), str):
            choice.finish = item["finish_reason"]


_NEWLINE = re.compile(r"\r\n|\n|\r")
_TELLING = len("event:")  # characters after which a stream is told from a document
_EVENT = re.compile(r"\s*(?:data|event|id|retry)?:")
_ADDRESS = "check the address in OPENAI_BASE_URL: it usually ends in /v1"


def _text(content: Any) -> str:
    """Content as text; some endpoints send a list of parts."""
    match content:
        case str():
            return storable(content)
        case list():
            return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
        case _:
            return ""


def _excerpt(text: str) -> str:
    """The beginning of what an endpoint sent, on one line."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    plain = "".join(character for character in storable(plain) if character.isprintable())
    return f"{plain[:117]}..." if len(plain) > 120 else plain
