"""Where the language model is, which one it is and how to ask it: settings, from the environment or given."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.prices import Price, price_of
from cwm_engine.synthesis.prompt import MAX_CHARACTERS, PromptStyle

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An OpenAI-compatible endpoint and how it is asked.

    Attributes:
        model: The language model's name at the endpoint.
        base_url: The address without `/chat/completions`; it usually ends in `/v1`.
        api_key: The key; never shown, logged or stored. Servers of one's own usually need none.
        replies: Proposals for each request, 1 or more.
        max_tokens: Tokens of a reply at most, those of hidden reasoning included.
        temperature: How freely it is sampled; the endpoint's own choice when None.
        top_p: The share of likely tokens it is sampled from, 0..1; the endpoint's own choice when None.
        extra: Further parameters of the request, e.g. `{"reasoning_effort": "low"}`.
        style: What the language model is told.
        max_characters: How long a prompt may be unless the program alone is longer.
        prices: The user's own prices by name of the model.
        attempts: How often a request is tried before it fails.
        backoff_seconds: The pause after the first failure; it doubles with every further one, up to a minute.
        idle_seconds: How long the endpoint may be silent.
        total_seconds: How long one request may take altogether, pauses and repetitions included.
    """

    model: str
    base_url: str = OPENAI
    api_key: str = field(default="", repr=False)
    replies: int = 1
    max_tokens: int = 16_000
    temperature: float | None = None
    top_p: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    style: PromptStyle = PromptStyle.DEFAULT
    max_characters: int = MAX_CHARACTERS
    prices: Mapping[str, Price] = field(default_factory=dict)
    attempts: int = 6
    backoff_seconds: float = 1.0
    idle_seconds: float = 600.0
    total_seconds: float = 1800.0

    def __post_init__(self) -> None:
        for name, least in (("replies", 1), ("max_tokens", 1), ("attempts", 1)):
            if getattr(self, name) < least:
                raise CwmError(f"`{name}` of the endpoint is {getattr(self, name)}, but must be at least {least}")
        _check_address(self.base_url)
        _check_key(self.api_key)
        if not self.api_key and self.is_openai:
            raise CwmError("there is no key for api.openai.com", hint="set OPENAI_API_KEY, or OPENAI_BASE_URL")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **settings: Any) -> Endpoint:
        """The endpoint that `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `CWM_MODEL` name.

        Args:
            environment: The variables; those of the process when None.
            settings: Attributes that win over the environment; those that are None do not.

        Raises:
            CwmError: There is no model, no key for OpenAI itself, or the address is none.
        """
        variables = os.environ if environment is None else environment
        found = {
            name: variables.get(variable, "").strip()
            for name, variable in (
                ("model", "CWM_MODEL"),
                ("base_url", "OPENAI_BASE_URL"),
                ("api_key", "OPENAI_API_KEY"),
            )
        }
        chosen: dict[str, Any] = {name: value for name, value in found.items() if value}
        chosen |= {name: value for name, value in settings.items() if value is not None}
        if not chosen.get("model"):
            raise CwmError("no language model is named", hint="set CWM_MODEL or give its name")
        return cls(**chosen)

    @property
    def host(self) -> str:
        """The host and port, which is what may be shown of the address."""
        parts = urlsplit(self.base_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI itself, where its list prices hold."""
        return urlsplit(self.base_url).hostname == "api.openai.com"

    @property
    def is_local(self) -> bool:
        """Whether the endpoint is on this machine, so that nothing leaves it."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def price(self) -> Price | None:
        """What tokens cost here; None where that is not known."""
        return price_of(self.model, self.prices, listed=self.is_openai)

    def redacted(self, text: str) -> str:
        """The text without the key, whole or as services quote it: for everything that is shown or stored."""
        if len(self.api_key) >= 6:
            text = text.replace(self.api_key, "***")
        return _KEY.sub("***", text)


_KEY = re.compile(r"\bsk-[A-Za-z0-9_*.-]{8,}")


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise CwmError(
            "the address of the language model's endpoint is not an http(s) address",
            hint="OPENAI_BASE_URL looks like http://127.0.0.1:8080/v1",
        )
    if parts.username or parts.password or parts.query:
        raise CwmError(
            "the address of the language model's endpoint holds a user, a password or a query",
            hint="give the key as OPENAI_API_KEY",
        )


def _check_key(key: str) -> None:
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise CwmError("the key of the endpoint has characters that no key has", hint="check OPENAI_API_KEY")
