"""What goes wrong with an endpoint, sorted: worth another attempt or not, and in words that say what to do."""

from __future__ import annotations

import email.utils
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_engine.synthesis.proposers.chat import BadAnswerError
from cwm_engine.synthesis.proposers.endpoint import Endpoint

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAIError


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt failed.

    Attributes:
        message: What happened, as the end of a sentence that begins with "the endpoint at ...".
        hint: What to do about it.
        again: Whether another attempt may help.
        reachable: Whether anybody answered at all.
        wait: Seconds the endpoint asks to wait.
        parameter: The parameter of the request that the endpoint does not take.
        too_long: Whether prompt and reply together do not fit into the model's context.
        roles: Whether it does not take these roles of messages.
    """

    message: str
    hint: str | None = None
    again: bool = False
    reachable: bool = True
    wait: float | None = None
    parameter: str | None = None
    too_long: bool = False
    roles: bool = False


OPTIONAL = ("stream_options", "max_completion_tokens", "max_tokens", "temperature", "top_p", "n")
"""Parameters that a request can do without; of the two for tokens one is tried after the other."""


def trouble_of(error: OpenAIError | BadAnswerError, endpoint: Endpoint) -> Trouble:
    """Sort what an attempt ended in."""
    import openai

    match error:
        case BadAnswerError():
            return Trouble(error.message, error.hint, again=not error.silent)
        case openai.APIStatusError():
            return _status(error, endpoint)
        case openai.APITimeoutError():
            return Trouble("could not be reached in time", _REACH, again=True, reachable=False)
        case openai.APIConnectionError():
            return _connection(error)
        case _:
            return Trouble(f"could not be asked: {_short(str(error))}")


_REACH = "start the server, or correct its address"
_CONTEXT = re.compile(
    r"context.{0,12}(?:length|window|size)|maximum context|too many tokens|prompt is too long", re.IGNORECASE
)
_HANGS_UP = frozenset({"ConnectionResetError", "BrokenPipeError", "ReadError", "WriteError", "RemoteProtocolError"})
_ROLES = re.compile(r"\broles?\b|system message|assistant message|prefill|chat template", re.IGNORECASE)


def _status(error: APIStatusError, endpoint: Endpoint) -> Trouble:
    status = error.status_code
    said, code, parameter = _said(error)
    told = f"HTTP {status}{f': {said}' if said else ''}"
    match status:
        case 401 | 403:
            return Trouble(f"does not accept the key ({told})", "check OPENAI_API_KEY")
        case 402:
            return Trouble(f"wants to be paid ({told})", "check your account there")
        case 404:
            return Trouble(
                f"does not know the model {endpoint.model!r} or the address ({told})",
                "check the name of the model, and the address, which usually ends in /v1",
            )
        case 429 if code == "insufficient_quota":
            return Trouble(f"says that the account is used up ({told})", "check plan and billing there")
        case 429:
            return Trouble(
                f"gets too many requests ({told})",
                "continue the search later, or with fewer requests at a time",
                again=True,
                wait=_wait(error),
            )
        case 408 | 409 | 425:
            return Trouble(f"could not take the request ({told})", again=True, wait=_wait(error))
        case _ if status >= 500:
            return Trouble(f"fails ({told})", "continue the search later", again=True, wait=_wait(error))
        case 400 | 413 | 422 if code == "context_length_exceeded" or _CONTEXT.search(said):
            return Trouble(f"has no room for the prompt ({told})", "give the model a larger context", too_long=True)
        case 400 | 422 if parameter:
            return Trouble(f"does not take the parameter `{parameter}` ({told})", parameter=parameter)
        case 400 | 422 if _ROLES.search(said):
            return Trouble(f"does not take the messages ({told})", roles=True)
        case _:
            return Trouble(f"does not take the request ({told})")


def _said(error: APIStatusError) -> tuple[str, str | None, str | None]:
    """What the endpoint said, the code it gave, and which optional parameter it complains about."""
    body: Any = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return _short(re.sub(r"<[^>]*>", " ", str(body or ""))), None, None
    message = body.get("message") or body.get("detail") or body.get("error") or ""
    code, named = body.get("code") or body.get("type"), body.get("param")
    text = message if isinstance(message, str) else str(message)
    if named in OPTIONAL:
        return _short(text), str(code), named
    mentioned = [name for name in OPTIONAL if re.search(rf"(?<![\w]){name}(?![\w])", text)]
    return _short(text), str(code), mentioned[0] if mentioned else None


def _wait(error: APIStatusError) -> float | None:
    """Seconds to wait according to the headers `retry-after-ms` or `retry-after`, which is a number or a date."""
    headers = error.response.headers
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        date = email.utils.parsedate_tz(value)
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
    return seconds if 0 <= seconds < float("inf") else None


def _connection(error: BaseException) -> Trouble:
    """Why there is no connection, according to the innermost cause; a server that hangs up is there all the same."""
    causes = _causes(error)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Trouble("refuses the connection: nothing is listening there", _REACH, again=True, reachable=False)
    innermost = _short(next((str(cause) for cause in reversed(causes) if str(cause)), type(causes[-1]).__name__))
    if any(type(cause).__name__ in _HANGS_UP for cause in causes):
        return Trouble(f"closed the connection without an answer: {innermost}", "look into its log", again=True)
    certificate = "certificate" in innermost.lower()
    hint = "add the certificate to those of the operating system" if certificate else _REACH
    return Trouble(f"cannot be reached: {innermost}", hint, again=not certificate, reachable=False)


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while len(causes) < 20:
        cause = causes[-1].__cause__ or causes[-1].__context__
        if cause is None:
            break
        causes.append(cause)
    return causes


def _short(text: str) -> str:
    plain = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return f"{plain[:197]}..." if len(plain) > 200 else plain
