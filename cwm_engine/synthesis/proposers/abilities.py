"""What an endpoint turns out to be able to do: found out once by what it refuses, then worked around."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cwm_engine.synthesis.proposers.troubles import Trouble

_LEAST_TOKENS = 1024
_MOST_HALVINGS = 4


@dataclass
class Abilities:
    """What was found out about an endpoint.

    Attributes:
        tokens_parameter: How the limit of tokens is called: OpenAI and the others differ.
        refused: Parameters it does not take.
        several: Whether it gives several replies to one request.
        roles: Whether it takes messages of the system and the beginning of a reply.
        halvings: How often prompt and reply were halved to fit into its context.
        answered: Whether it ever answered.
    """

    tokens_parameter: str
    refused: frozenset[str] = frozenset()
    several: bool = True
    roles: bool = True
    halvings: int = 0
    answered: bool = False

    def adapted(self, trouble: Trouble, sent: Abilities, parameters: Collection[str]) -> bool:
        """Learn from a trouble; tell whether the next attempt will be another one because of it.

        Args:
            trouble: What went wrong.
            sent: What was known when the request was sent; another request may have learned the same since.
            parameters: What the request consisted of.
        """
        if trouble.too_long:
            if sent.halvings == self.halvings < _MOST_HALVINGS:
                self.halvings += 1
            return sent.halvings < self.halvings
        if trouble.roles:
            self.roles = False
            return sent.roles
        name = trouble.parameter
        if name is None or name not in parameters:
            return False
        self.refused |= {name}
        if name == self.tokens_parameter:
            self.tokens_parameter = "max_tokens" if name == "max_completion_tokens" else "max_completion_tokens"
        return True

    def fitting(self, tokens: int) -> int:
        """The limit of tokens that leaves room for a prompt."""
        return min(tokens, max(tokens >> self.halvings, _LEAST_TOKENS))
