"""Proposals of a language model behind any OpenAI-compatible endpoint: OpenAI, vLLM, llama.cpp, Ollama and others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, ProposerError, Request, Usage
from cwm_engine.synthesis.prices import cost_of, tokens_at_most, tokens_in
from cwm_engine.synthesis.prompt import Message, as_user_message, build_messages, show_messages
from cwm_engine.synthesis.proposers.abilities import Abilities
from cwm_engine.synthesis.proposers.chat import Answer, BadAnswerError, Choice, ask
from cwm_engine.synthesis.proposers.endpoint import Endpoint
from cwm_engine.synthesis.proposers.troubles import Trouble, trouble_of
from cwm_engine.synthesis.reply import read_reply

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAIError

_LONGEST_PAUSE = 60.0
_LEAST_TOKENS = 256  # less room for a reply is not worth another attempt
_TOKENS_PER_MESSAGE = 8  # what chat templates put around a message, and some more
_LONGEST_TOKEN = 16  # characters; runs of spaces are the longest tokens that code has


class OpenAIProposer:
    """Asks a language model for programs.

    What an endpoint cannot do (stream, count tokens, several replies at once, some parameter, a prompt of this length)
    is found out once and then worked around. Use it as an asynchronous context manager, or call `aclose`.

    Args:
        endpoint: Where and how to ask.
    """

    actions = WRITING

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._clients: dict[asyncio.AbstractEventLoop, AsyncOpenAI] = {}
        self._abilities = Abilities("max_completion_tokens" if endpoint.is_openai else "max_tokens")

    @property
    def name(self) -> str:
        """How the proposer is called in journals and messages."""
        return f"openai:{self.endpoint.model}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def estimate(self, request: Request) -> Estimate:
        """The most that the request will take: the longest replies allowed and every sign a token."""
        endpoint = self.endpoint
        messages = self._messages(request)
        prompt = sum(tokens_at_most(message.content) + _TOKENS_PER_MESSAGE for message in messages)
        usage = Usage(prompt * endpoint.replies, endpoint.max_tokens * endpoint.replies, estimated=True)
        return Estimate(usage, cost_of(endpoint.price, usage), endpoint.replies)

    async def propose(self, request: Request) -> Sequence[Proposal]:
        """Ask for `replies` proposals.

        Raises:
            ProposerError: The endpoint does not answer, not even after several attempts, or will not.
        """
        wanted = self.endpoint.replies
        if wanted == 1 or not self._abilities.several:
            return await self._singly(request, wanted)
        proposals = await self._exchange(request, wanted)
        missing = wanted - len(proposals)
        if missing > 0:
            self._abilities.several = False
            # What came is paid and kept; if nobody answers any more, the next request will tell.
            with contextlib.suppress(ProposerError):
                proposals += await self._singly(request, missing)
        return proposals

    async def _singly(self, request: Request, count: int) -> list[Proposal]:
        """One request for each reply, at the same time; those that fail are only told if none succeeds."""
        if count == 1:
            return await self._exchange(request, 1)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._caught(request)) for _ in range(count)]
        results = [task.result() for task in tasks]
        proposals = [proposal for result in results if isinstance(result, list) for proposal in result]
        if proposals:
            return proposals
        raise next(result for result in results if isinstance(result, ProposerError))

    async def _caught(self, request: Request) -> list[Proposal] | ProposerError:
        try:
            return await self._exchange(request, 1)
        except ProposerError as error:
            return error

    async def _exchange(self, request: Request, count: int) -> list[Proposal]:
        """One successful request, after as many attempts as it takes."""
        endpoint, started = self.endpoint, time.monotonic()
        lost = Usage()
        attempt = 0
        last: Trouble | None = None
        try:
            async with asyncio.timeout(endpoint.total_seconds):
                while True:
                    messages, sent = self._messages(request), replace(self._abilities)
                    body = self._body(messages, count, lost)
                    try:
                        answer = await self._attempt(body, count)
                    except BadAnswerError as error:
                        lost += _lost(error, messages)
                        last = trouble_of(error, endpoint)
                    except _openai_error() as error:
                        last = trouble_of(error, endpoint)
                    else:
                        self._abilities.answered = True
                        return self._proposals(request, messages, answer, lost, time.monotonic() - started)
                    if self._abilities.adapted(last, sent, body):
                        continue
                    attempt += 1
                    pause = self._pause(last, attempt, request)
                    late = pause is None or time.monotonic() - started + pause > endpoint.total_seconds
                    if pause is None or late or self._left(lost, count) < min(endpoint.max_tokens, _LEAST_TOKENS):
                        raise self._error(last, attempt, lost)
                    await asyncio.sleep(pause)
        except TimeoutError:
            before = f"; before that it {last.message}" if last else ""
            slow = Trouble(f"did not finish within {endpoint.total_seconds:g} seconds{before}", "allow more time")
            raise self._error(slow, 1, lost) from None

    def _error(self, trouble: Trouble, attempts: int, lost: Usage) -> ProposerError:
        """The error that ends the search, with what was paid for nothing."""
        endpoint = self.endpoint
        often = f" (tried {attempts} times)" if attempts > 1 else ""
        text = f"the language model's endpoint at {endpoint.host} {trouble.message}{often}"
        return ProposerError(
            endpoint.redacted(text),
            hint=endpoint.redacted(trouble.hint) if trouble.hint else None,
            usage=lost,
            cost=cost_of(endpoint.price, lost),
        )

    def _left(self, lost: Usage, count: int) -> int:
        """Tokens that a reply may have so that everything, with what was lost, takes no more than was estimated."""
        return self.endpoint.max_tokens - lost.tokens // count

    def _pause(self, trouble: Trouble, attempt: int, request: Request) -> float | None:
        """Seconds until the next attempt; None if there is to be none."""
        # A server that never answered is most likely not there: no need to wait long to say so.
        attempts = (
            self.endpoint.attempts if trouble.reachable or self._abilities.answered else min(2, self.endpoint.attempts)
        )
        if not trouble.again or attempt >= attempts:
            return None
        # Requests under way at the same time shall not all come back at the same time.
        spread = 1 + (request.number % 8) / 16
        pause = min(self.endpoint.backoff_seconds * 2 ** (attempt - 1) * spread, _LONGEST_PAUSE)
        return max(pause, trouble.wait or 0.0)

    def _body(self, messages: Sequence[Message], count: int, lost: Usage) -> dict[str, Any]:
        endpoint, abilities = self.endpoint, self._abilities
        body: dict[str, Any] = {
            "model": endpoint.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            abilities.tokens_parameter: min(abilities.fitting(endpoint.max_tokens), self._left(lost, count)),
            "temperature": endpoint.temperature,
            "top_p": endpoint.top_p,
            "n": count if count > 1 else None,
        }
        return {name: value for name, value in body.items() if value is not None and name not in abilities.refused}

    async def _attempt(self, body: Mapping[str, Any], count: int) -> Answer:
        endpoint = self.endpoint
        return await ask(
            self._client(),
            {**body, "extra_body": dict(endpoint.extra)} if endpoint.extra else body,
            idle_seconds=endpoint.idle_seconds,
            max_characters=endpoint.max_tokens * count * _LONGEST_TOKEN,
        )

    def _client(self) -> AsyncOpenAI:
        """The client of this event loop; its connections cannot be used in another one."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            import httpx2
            from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

            endpoint = self.endpoint
            timeout = httpx2.Timeout(connect=15.0, read=None, write=60.0, pool=None)
            self._clients[loop] = AsyncOpenAI(
                api_key=endpoint.api_key or "none",
                base_url=endpoint.base_url,
                max_retries=0,
                timeout=timeout,
                # A proxy leads away from this machine, so that a server on it is never behind one.
                http_client=DefaultAsyncHttpx2Client(trust_env=not endpoint.is_local, timeout=timeout),
            )
        return self._clients[loop]

    def _messages(self, request: Request) -> tuple[Message, ...]:
        endpoint, abilities = self.endpoint, self._abilities
        messages = build_messages(request, endpoint.style, max_characters=endpoint.max_characters >> abilities.halvings)
        return messages if abilities.roles else as_user_message(messages)

    def _proposals(
        self, request: Request, messages: Sequence[Message], answer: Answer, lost: Usage, seconds: float
    ) -> list[Proposal]:
        endpoint = self.endpoint
        usage, cached = _usage(answer, messages)
        usage += lost
        cost = cost_of(endpoint.price, usage, cached_tokens=cached)
        prompt = show_messages(messages)
        proposals = [self._proposal(request, choice, seconds, prompt) for choice in answer.replies]
        proposals[0] = replace(proposals[0], usage=usage, cost=cost)
        free = None if cost is None else 0.0
        return [proposals[0], *(replace(proposal, cost=free) for proposal in proposals[1:])]

    def _proposal(self, request: Request, choice: Choice, seconds: float, prompt: str) -> Proposal:
        text = self.endpoint.redacted(choice.text)
        reply = read_reply(text, request)
        reason = reply.reason
        if reason is not None:
            if choice.refusal:
                reason = f"The language model refuses: {self.endpoint.redacted(choice.refusal)[:200]}"
            elif choice.finish == "content_filter":
                reason = "The endpoint withheld the reply (content filter)."
            elif choice.finish == "length":
                reason = f"{reason} It was cut off at the limit of tokens."
        return Proposal(program=reply.program, reply=text, reason=reason, seconds=seconds, prompt=prompt)


def _openai_error() -> type[OpenAIError]:
    from openai import OpenAIError

    return OpenAIError


def _lost(error: BadAnswerError, messages: Sequence[Message]) -> Usage:
    """What an answer that broke off has taken; nothing where none had begun."""
    answer = error.answer
    if answer is None or not answer.received:
        return Usage()
    return _usage(answer, messages)[0]


def _usage(answer: Answer, messages: Sequence[Message]) -> tuple[Usage, int]:
    """Tokens read and written and those read that were cached: as counted by the endpoint, or estimated."""
    counted = answer.usage or {}
    read, written = _count(counted.get("prompt_tokens")), _count(counted.get("completion_tokens"))
    if read is not None and written is not None:
        details = counted.get("prompt_tokens_details")
        cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
        return Usage(read, written), cached or 0
    prompt = sum(tokens_in(message.content) + _TOKENS_PER_MESSAGE for message in messages)
    visible = sum(tokens_in(choice.text) for choice in answer.replies)
    return Usage(prompt, max(visible, answer.received // 4), estimated=True), 0


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
