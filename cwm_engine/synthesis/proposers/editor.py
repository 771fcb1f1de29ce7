"""Proposals of a language model that the editor gives access to, such as those of VS Code: no key of one's own."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, Request, Usage
from cwm_engine.synthesis.prices import tokens_at_most, tokens_in
from cwm_engine.synthesis.prompt import MAX_CHARACTERS, Message, PromptStyle, build_messages, show_messages
from cwm_engine.synthesis.reply import read_reply


@dataclass(frozen=True, slots=True)
class Completion:
    """What a language model said.

    Attributes:
        text: The reply.
        prompt_tokens, completion_tokens: As the editor counts them; None where it does not.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


Complete = Callable[[Sequence[Message], int], Awaitable[Completion]]
"""Asks the language model: messages, and tokens of the reply at most.

Raises:
    ProposerError: The editor does not answer, or the user does not allow it.
"""


class EditorProposer:
    """Asks whatever the editor asks for us; what it costs is between the user and the editor.

    Args:
        complete: Asks the language model.
        model: Its name, for journals.
        max_tokens: Tokens of a reply at most.
        style: What it is told.
    """

    actions = WRITING

    def __init__(
        self,
        complete: Complete,
        *,
        model: str = "default",
        max_tokens: int = 16_000,
        style: PromptStyle = PromptStyle.DEFAULT,
    ) -> None:
        self._complete = complete
        self._model = model
        self._max_tokens = max_tokens
        self._style = style

    @property
    def name(self) -> str:
        """How the proposer is called in journals and messages."""
        return f"editor:{self._model}"

    def estimate(self, request: Request) -> Estimate:
        """The most that the request will take: the longest reply allowed and every sign a token."""
        prompt = sum(tokens_at_most(message.content) for message in self._messages(request))
        return Estimate(Usage(prompt, self._max_tokens, estimated=True))

    async def propose(self, request: Request) -> Sequence[Proposal]:
        """Ask for one proposal.

        Raises:
            ProposerError: The editor does not answer, or the user does not allow it.
        """
        started = time.monotonic()
        messages = self._messages(request)
        completion = await self._complete(messages, self._max_tokens)
        reply = read_reply(completion.text, request)
        return [
            Proposal(
                program=reply.program,
                reply=completion.text,
                reason=reply.reason,
                usage=_usage(completion, messages),
                seconds=time.monotonic() - started,
                prompt=show_messages(messages),
            )
        ]

    def _messages(self, request: Request) -> tuple[Message, ...]:
        return build_messages(request, self._style, max_characters=MAX_CHARACTERS)


def _usage(completion: Completion, messages: Sequence[Message]) -> Usage:
    """Tokens as the editor counts them, or estimated."""
    read, written = completion.prompt_tokens, completion.completion_tokens
    if read is not None and written is not None:
        return Usage(read, written)
    prompt = sum(tokens_in(message.content) for message in messages)
    return Usage(prompt, tokens_in(completion.text), estimated=True)
