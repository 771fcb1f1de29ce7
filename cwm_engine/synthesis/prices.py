"""What tokens cost, and how many tokens a text is where nobody counted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cwm_engine.synthesis.interfaces import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens.

    Attributes:
        prompt: Tokens read.
        completion: Tokens written, those of hidden reasoning included.
        cached: Tokens read that the endpoint had read shortly before; the full price where None.
    """

    prompt: float
    completion: float
    cached: float | None = None


PRICES: Mapping[str, Price] = {
    "gpt-5.5": Price(5.00, 30.00, 0.50),
    "gpt-5.4": Price(2.50, 15.00, 0.25),
    "gpt-5.4-mini": Price(0.75, 4.50, 0.075),
    "gpt-5.4-nano": Price(0.20, 1.25, 0.02),
    "gpt-5.2": Price(1.75, 14.00, 0.175),
    "gpt-5.1": Price(1.25, 10.00, 0.125),
    "gpt-5": Price(1.25, 10.00, 0.125),
    "gpt-5-mini": Price(0.25, 2.00, 0.025),
    "gpt-5-nano": Price(0.05, 0.40, 0.005),
    "gpt-4.1": Price(2.00, 8.00, 0.50),
    "gpt-4.1-mini": Price(0.40, 1.60, 0.10),
    "gpt-4.1-nano": Price(0.10, 0.40, 0.025),
    "gpt-4o": Price(2.50, 10.00, 1.25),
    "gpt-4o-mini": Price(0.15, 0.60, 0.075),
    "gpt-4-turbo": Price(10.00, 30.00),
    "o3": Price(2.00, 8.00, 0.50),
    "o4-mini": Price(1.10, 4.40, 0.275),
}
"""OpenAI's list prices as published in the middle of 2026; they change, so the user's own table goes first."""


def price_of(model: str, own: Mapping[str, Price] | None = None, *, listed: bool = True) -> Price | None:
    """The price of a model, or None where it is not known.

    Args:
        model: Its name; a date at its end, as in `gpt-4o-2024-08-06`, does not change the price.
        own: The user's prices by name of the model, which win over the list.
        listed: Whether OpenAI's list prices apply: the same name at another endpoint is another price.
    """
    undated = _DATE.sub("", model)
    for table in (own or {}, PRICES if listed else {}):
        for name in (model, undated):
            if name in table:
                return table[name]
    return None


def cost_of(price: Price | None, usage: Usage, *, cached_tokens: int = 0) -> float | None:
    """What a call cost in dollars; None where the price is not known.

    Args:
        price: The price of the model.
        usage: Tokens read and written.
        cached_tokens: Those of the tokens read that the endpoint says were cached.
    """
    if price is None:
        return None
    cached = min(max(cached_tokens, 0), usage.prompt_tokens)
    read = (usage.prompt_tokens - cached) * price.prompt
    read += cached * (price.prompt if price.cached is None else price.cached)
    return (read + usage.completion_tokens * price.completion) / 1e6


def tokens_in(text: str) -> int:
    """About how many tokens a text is: four characters of English or code, three bytes of another script."""
    ascii_characters = sum(map(str.isascii, text))
    return math.ceil(ascii_characters / 4 + (len(text) - ascii_characters))


def tokens_at_most(text: str) -> int:
    """How many tokens a text can be for the tokenizers in use, to be reserved before it is sent.

    Digits and signs may be a token each, a word one for every three of its letters, a character of another script one
    for every byte. Real tokenizers need about half of that.
    """
    words = sum(math.ceil(len(word) / 3) for word in _WORD.findall(text))
    spaces = len(_SPACE.findall(text))
    signs = len(_SIGN.findall(text))
    foreign = sum(len(character.encode("utf-8", "replace")) for character in text if not character.isascii())
    return words + spaces + signs + foreign


_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_WORD = re.compile(r"[A-Za-z]+")
_SPACE = re.compile(r"\n|[ \t\r\f\v]+")
_SIGN = re.compile(r"[^A-Za-z\s\x80-\U0010ffff]")
