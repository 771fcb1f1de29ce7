"""The proposer of language models against a server on loopback that does everything right, then everything wrong."""

import asyncio
import gc
import json
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Proposal, ProposerError, Request, Usage
from cwm_engine.synthesis.prices import Price
from cwm_engine.synthesis.prompt import PromptStyle
from cwm_engine.synthesis.proposers.endpoint import Endpoint
from cwm_engine.synthesis.proposers.openai_proposer import OpenAIProposer
from tests.synthesis.llm_server import (
    Behaviour,
    Server,
    answers,
    chunk,
    cut,
    events,
    fails,
    falls_silent,
    hangs_up,
    is_silent,
    never_ends,
    page,
    refuses,
    streams,
)
from tests.synthesis.requests import PROGRAM, generate, improve

KEY = "sk-test-0123456789abcdef"
BETTER = PROGRAM.replace("else 0.1", "else -0.1")
GOOD = f"The sign.\n\n```python\n{BETTER}```\n"
OTHER = f"No change.\n\n```python\n{PROGRAM}\n\n# the same\n```\n"


def settings(url: str, **changes: Any) -> Endpoint:
    return Endpoint(
        **{"model": "test", "base_url": url, "api_key": KEY, "backoff_seconds": 0.01, "idle_seconds": 10.0, **changes}
    )


def ask(
    *script: Behaviour, requests: Sequence[Request] = (improve(),), **changes: Any
) -> tuple[list[Sequence[Proposal]], Server]:
    """Ask a server with a script, one request after the other; the answers and what the server was sent."""

    async def run(server: Server) -> list[Sequence[Proposal]]:
        async with OpenAIProposer(settings(server.url, **changes)) as proposer:
            return [await proposer.propose(request) for request in requests]

    with Server(*script) as server:
        return asyncio.run(run(server)), server


def ask_once(*script: Behaviour, **changes: Any) -> Proposal:
    (((proposal, *others),), _) = ask(*script, **changes)
    assert not others
    return proposal


def error_of(*script: Behaviour, **changes: Any) -> str:
    """What is said when nobody answers."""
    with pytest.raises(ProposerError) as caught:
        ask(*script, **{"attempts": 3, **changes})
    return str(caught.value)


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_open() -> Any:
    """Sockets and tasks that nobody closed would be warnings here, and warnings are errors."""
    yield
    gc.collect()


class TestRightAnswers:
    def test_a_streamed_reply_becomes_a_program(self) -> None:
        proposal = ask_once(streams(GOOD))
        assert proposal.program == BETTER
        assert proposal.reply == GOOD
        assert proposal.reason is None
        assert proposal.usage == Usage(1000, 100)
        assert "# The program" in proposal.prompt
        assert proposal.seconds > 0

    def test_the_prompt_is_sent_as_it_is_recorded(self) -> None:
        ((proposals,), server) = ask(streams(GOOD))
        messages = server.requests[0]["messages"]
        assert [message["role"] for message in messages] == ["system", "user"]
        assert all(message["content"] in proposals[0].prompt for message in messages)

    def test_an_endpoint_that_does_not_stream_is_read_all_the_same(self) -> None:
        assert ask_once(answers(GOOD)).program == BETTER

    def test_comments_between_events_are_no_content(self) -> None:
        assert ask_once(streams(GOOD, comments=True)).program == BETTER

    def test_missing_usage_is_estimated_and_marked(self) -> None:
        usage = ask_once(streams(GOOD, usage=None)).usage
        assert usage.estimated
        assert usage.completion_tokens == pytest.approx(len(GOOD) / 4, rel=0.2)
        assert usage.prompt_tokens > 300

    def test_nonsense_in_usage_is_no_count(self) -> None:
        assert ask_once(answers(GOOD, usage={"prompt_tokens": "many", "completion_tokens": -1})).usage.estimated

    def test_the_cost_comes_from_the_users_prices(self) -> None:
        assert ask_once(streams(GOOD), prices={"test": Price(1.0, 10.0)}).cost == pytest.approx(0.002)

    def test_without_a_price_there_is_no_cost(self) -> None:
        assert ask_once(streams(GOOD)).cost is None

    def test_cached_tokens_are_cheaper(self) -> None:
        usage = {"prompt_tokens": 1000, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 1000}}
        assert ask_once(answers(GOOD, usage=usage), prices={"test": Price(1.0, 1.0, cached=0.1)}).cost == pytest.approx(
            1e-4
        )

    def test_hidden_reasoning_is_no_part_of_the_reply(self) -> None:
        proposal = ask_once(events(chunk(None, reasoning_content="hm " * 50), chunk(GOOD, finish="stop")))
        assert proposal.reply == GOOD
        assert proposal.usage.completion_tokens > len(GOOD) / 4

    def test_settings_reach_the_endpoint_and_unset_ones_do_not(self) -> None:
        _, server = ask(streams(GOOD), temperature=0.6, extra={"seed": 3})
        body = server.requests[0]
        assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.6, 3, 16_000)
        assert "top_p" not in body
        assert "n" not in body

    def test_the_papers_prompts_begin_the_reply(self) -> None:
        prefix = "\n".join(PROGRAM.splitlines()[:6])
        rest = "\n".join(PROGRAM.splitlines()[6:])
        ((proposals,), server) = ask(
            streams(rest + "\n```"), requests=[generate(prefix=prefix)], style=PromptStyle.PAPER
        )
        assert server.requests[0]["messages"][-1]["role"] == "assistant"
        assert proposals[0].program == PROGRAM

    def test_one_proposer_works_in_several_event_loops(self) -> None:
        """A notebook or a language server may ask from another loop than before."""
        with Server(streams(GOOD)) as server:
            proposer = OpenAIProposer(settings(server.url))

            async def run() -> Proposal:
                try:
                    return (await proposer.propose(improve()))[0]
                finally:
                    await proposer.aclose()

            assert asyncio.run(run()).program == asyncio.run(run()).program == BETTER

    def test_a_server_on_this_machine_may_be_called_localhost(self) -> None:
        async def run(server: Server) -> Sequence[Proposal]:
            async with OpenAIProposer(settings(server.url.replace("127.0.0.1", "localhost"))) as proposer:
                return await proposer.propose(improve())

        with Server(streams(GOOD)) as server:
            assert asyncio.run(run(server))[0].program == BETTER

    def test_many_requests_at_the_same_time_are_all_answered(self) -> None:
        async def run(server: Server) -> list[Sequence[Proposal]]:
            async with OpenAIProposer(settings(server.url)) as proposer:
                return await asyncio.gather(*(proposer.propose(improve(number=number)) for number in range(12)))

        with Server(streams(GOOD)) as server:
            assert all(proposals[0].program == BETTER for proposals in asyncio.run(run(server)))


class TestSeveralReplies:
    def test_several_replies_come_from_one_request_where_that_works(self) -> None:
        ((proposals,), server) = ask(streams(GOOD, OTHER, GOOD), replies=3, prices={"test": Price(1.0, 10.0)})
        assert [proposal.reply for proposal in proposals] == [GOOD, OTHER, GOOD]
        assert len(server.requests) == 1
        assert [proposal.usage.tokens for proposal in proposals] == [1100, 0, 0]
        assert [proposal.cost for proposal in proposals] == [pytest.approx(0.002), 0.0, 0.0]

    def test_an_endpoint_that_ignores_n_is_asked_several_times_and_known_from_then_on(self) -> None:
        results, server = ask(streams(GOOD, OTHER, honours_n=False), replies=3, requests=[improve(), improve()])
        assert [len(proposals) for proposals in results] == [3, 3]
        assert [body.get("n", 1) for body in server.requests] == [3, 1, 1, 1, 1, 1]
        assert all(proposal.usage.tokens == 1100 for proposals in results for proposal in proposals)

    def test_an_endpoint_that_refuses_n_is_asked_several_times(self) -> None:
        ((proposals,), _) = ask(refuses("n", streams(GOOD)), replies=2)
        assert len(proposals) == 2

    def test_what_came_is_kept_when_the_rest_does_not_come(self) -> None:
        ((proposals,), _) = ask(streams(GOOD, honours_n=False), fails(401), replies=3)
        assert [proposal.program for proposal in proposals] == [BETTER]

    def test_if_none_comes_the_reason_is_told(self) -> None:
        assert "HTTP 401" in error_of(fails(401), replies=3)


class TestRepliesWithoutProgram:
    def test_words_alone_are_a_recorded_failure(self) -> None:
        proposal = ask_once(streams("I would rather not."))
        assert proposal.program is None
        assert proposal.reason is not None
        assert "I would rather not." in proposal.reason
        assert proposal.reply == "I would rather not."
        assert proposal.usage.tokens == 1100

    def test_a_refusal_is_told_as_one(self) -> None:
        proposal = ask_once(events(chunk(refusal="I can't do that."), chunk(finish="stop")))
        assert proposal.reason == "The language model refuses: I can't do that."

    def test_a_withheld_reply_is_told_as_one(self) -> None:
        assert (
            ask_once(streams("", finish="content_filter")).reason == "The endpoint withheld the reply (content filter)."
        )

    def test_a_reply_that_was_all_thought_says_what_to_change(self) -> None:
        proposal = ask_once(events(chunk(reasoning_content="hm"), chunk(finish="length")))
        assert proposal.reason == "The reply is empty. It was cut off at the limit of tokens."

    def test_a_reply_that_never_ends_is_cut(self) -> None:
        proposal = ask_once(never_ends, max_tokens=100)
        assert proposal.program is None
        assert 1600 < len(proposal.reply) < 20_000
        assert proposal.usage.estimated

    def test_half_a_character_can_be_stored(self) -> None:
        proposal = ask_once(events(chunk("\ud83d"), chunk(GOOD, finish="stop")))
        assert proposal.program == BETTER
        proposal.reply.encode()


class TestSecrets:
    def test_the_key_is_sent_to_the_endpoint_and_shown_nowhere(self) -> None:
        ((proposals,), server) = ask(streams(GOOD))
        assert server.headers[0]["authorization"] == f"Bearer {KEY}"
        assert KEY not in repr(proposals)
        assert KEY not in json.dumps(server.requests)
        assert KEY not in repr(settings("http://127.0.0.1:1/v1"))

    def test_a_reply_that_quotes_the_key_is_stored_without_it(self) -> None:
        """A gateway that echoes its request must not put the key into the journal."""
        proposal = ask_once(streams(f"Authorization: Bearer {KEY}\n{GOOD}"))
        assert KEY not in repr(proposal)
        assert proposal.program == BETTER

    def test_an_error_that_quotes_the_key_is_told_without_it(self) -> None:
        text = error_of(fails(401, f"Incorrect API key provided: {KEY}. Find yours at sk-proj-abcdefghijk."))
        assert "Incorrect API key provided: ***" in text
        assert KEY not in text
        assert "sk-proj" not in text

    def test_a_proxy_is_not_asked_for_a_server_on_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert ask_once(streams(GOOD)).program == BETTER


class TestAnotherAttempt:
    """What may pass by is tried again, and the search never notices."""

    @pytest.mark.parametrize(
        "trouble",
        [
            fails(429, "slow down"),
            fails(500),
            fails(502, "<html>bad gateway</html>"),
            fails(503, "loading model"),
            fails(408),
            page("<html><body>Just a moment...</body></html>"),
            page("", "application/json"),
            page('{"object": "list"}', "application/json"),
            page("[1, 2]", "application/json"),
            page('{"error": {"message": "overloaded"}}', "application/json"),
            answers(),
            cut("```python\nclass Env"),
            cut("```python\nclass Env", clean=True),
            cut(GOOD, clean=True),
            hangs_up,
            events("not JSON"),
            events({"error": {"message": "out of memory"}}),
            events({"choices": None}, {"choices": [None]}, {"choices": [{"delta": None}]}),
            events(chunk("```python"), "[1"),
        ],
        ids=[
            "429", "500", "502", "503", "408", "web page", "empty page", "no choices", "a list", "error with 200",
            "empty choices", "cut", "cut cleanly", "whole but unfinished", "hangs up", "no JSON", "error in stream",
            "nulls", "half JSON",
        ],
    )  # fmt: skip
    def test_a_passing_trouble_is_tried_again(self, trouble: Behaviour) -> None:
        ((proposals,), server) = ask(trouble, trouble, streams(GOOD))
        assert proposals[0].program == BETTER
        assert len(server.requests) == 3

    def test_what_a_broken_stream_took_is_counted(self) -> None:
        usage = ask_once(cut("x" * 4000, clean=True), streams(GOOD)).usage
        assert usage.estimated
        assert usage.completion_tokens >= 1000 + 100

    def test_what_was_lost_is_taken_from_the_room_for_the_next_attempt(self) -> None:
        """All attempts together take no more than the search has reserved."""
        _, server = ask(cut("x" * 4000, clean=True), streams(GOOD), max_tokens=4000)
        first, second = (body["max_tokens"] for body in server.requests)
        assert first == 4000
        assert second <= 4000 - 1000 - 300

    def test_an_endpoint_that_breaks_off_again_and_again_is_left_before_the_reservation_is_used_up(self) -> None:
        with pytest.raises(ProposerError) as caught:
            ask(cut("x" * 4000, clean=True), max_tokens=4000, attempts=50, prices={"test": Price(1.0, 10.0)})
        error = caught.value
        reserved = OpenAIProposer(settings("http://127.0.0.1:1/v1", max_tokens=4000)).estimate(improve()).usage
        assert 2000 <= error.usage.completion_tokens < reserved.completion_tokens
        assert error.usage.tokens <= reserved.tokens
        assert error.usage.estimated
        assert error.cost == pytest.approx((error.usage.prompt_tokens + 10 * error.usage.completion_tokens) / 1e6)

    def test_what_was_refused_took_nothing(self) -> None:
        assert ask_once(fails(500), streams(GOOD)).usage == Usage(1000, 100)

    def test_the_endpoints_wish_to_wait_is_heard(self) -> None:
        proposal = ask_once(fails(429, headers={"retry-after-ms": "300"}), streams(GOOD))
        assert proposal.seconds >= 0.3

    @pytest.mark.parametrize("name", ["max_tokens", "stream_options", "temperature"])
    def test_a_parameter_that_is_refused_is_left_out_from_then_on(self, name: str) -> None:
        results, server = ask(
            refuses(name, streams(GOOD)), requests=[improve(), improve()], temperature=1.0, attempts=1
        )
        assert all(proposals[0].program == BETTER for proposals in results)
        assert [name in body for body in server.requests] == [True, False, False]

    def test_the_limit_of_tokens_is_called_as_the_endpoint_calls_it(self) -> None:
        message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
        _, server = ask(refuses("max_tokens", streams(GOOD), message))
        assert server.requests[1]["max_completion_tokens"] == 16_000

    def test_requests_at_the_same_time_learn_the_same(self) -> None:
        async def run(server: Server) -> list[Sequence[Proposal]]:
            async with OpenAIProposer(settings(server.url, attempts=1)) as proposer:
                return await asyncio.gather(*(proposer.propose(improve(number=number)) for number in range(4)))

        with Server(refuses("max_tokens", streams(GOOD))) as server:
            assert len(asyncio.run(run(server))) == 4

    def test_a_prompt_that_does_not_fit_is_shortened(self) -> None:
        message = "This model's maximum context length is 4096 tokens. However, you requested 20000 tokens."
        full = fails(400, message, code="context_length_exceeded")
        request = improve(description="word " * 10_000)
        ((proposals,), server) = ask(full, full, streams(GOOD), requests=[request], attempts=1)
        assert proposals[0].program == BETTER
        lengths = [len(body["messages"][1]["content"]) for body in server.requests]
        assert lengths[2] < lengths[0]
        assert [body["max_tokens"] for body in server.requests] == [16_000, 8_000, 4_000]

    def test_a_model_without_system_messages_gets_one_of_the_user(self) -> None:
        ((proposals,), server) = ask(fails(400, "System role not supported"), streams(GOOD), attempts=1)
        assert proposals[0].program == BETTER
        assert [message["role"] for message in server.requests[1]["messages"]] == ["user"]
        assert "You are an expert" in server.requests[1]["messages"][0]["content"]


class TestErrors:
    """What does not pass by ends in one message that says what happened and what to do."""

    def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"

            async def run() -> None:
                async with OpenAIProposer(settings(url)) as proposer:
                    await proposer.propose(improve())

            with pytest.raises(ProposerError, match=r"refuses the connection.*tried 2 times.*start the server"):
                asyncio.run(run())

    def test_there_is_no_such_host(self) -> None:
        async def run() -> None:
            async with OpenAIProposer(settings("http://no-such-host.invalid/v1", attempts=1)) as proposer:
                await proposer.propose(improve())

        with pytest.raises(ProposerError, match=r"at no-such-host.invalid cannot be reached: .*correct its address"):
            asyncio.run(run())

    def test_a_server_without_encryption_is_asked_with_it(self) -> None:
        async def run(url: str) -> None:
            async with OpenAIProposer(settings(url, attempts=1)) as proposer:
                await proposer.propose(improve())

        with Server(streams(GOOD)) as server, pytest.raises(ProposerError, match=r"cannot be reached: .*SSL"):
            asyncio.run(run(server.url.replace("http:", "https:")))

    @pytest.mark.parametrize(
        ("trouble", "said"),
        [
            (fails(401, "bad key"), "does not accept the key (HTTP 401: bad key) (check OPENAI_API_KEY)"),
            (fails(403, "not allowed"), "does not accept the key (HTTP 403"),
            (fails(402, "no credit"), "wants to be paid (HTTP 402: no credit)"),
            (fails(404, "The model does not exist"), "does not know the model 'test' or the address"),
            (fails(400, "bad request"), "does not take the request (HTTP 400: bad request)"),
            (fails(400, "bad temperature", param="temperature"), "does not take the parameter `temperature`"),
            (fails(429, "used up", code="insufficient_quota"), "the account is used up"),
            (fails(418, "a teapot"), "does not take the request (HTTP 418: a teapot)"),
        ],
    )
    def test_what_no_repetition_helps_is_told_at_once(self, trouble: Behaviour, said: str) -> None:
        assert said in error_of(trouble, streams(GOOD))

    @pytest.mark.parametrize(
        ("trouble", "said"),
        [
            (fails(429, "slow down"), "gets too many requests (HTTP 429: slow down) (tried 3 times)"),
            (fails(500, "boom"), "fails (HTTP 500: boom) (tried 3 times)"),
            (page("<html><title>Log in</title></html>"), "answered with a web page instead of JSON: Log in"),
            (page("<html></html>"), "it usually ends in /v1"),
            (page("hello", "text/plain"), "answered with something else instead of JSON: hello"),
            (answers(), "answered without any reply in it (empty `choices`)"),
            (cut("```python"), "broke off in the middle of its answer"),
            (cut("```python", clean=True), "broke off in the middle of its answer (the stream has no end)"),
            (events({"error": {"message": "out of memory"}}), "reported an error: out of memory"),
            (hangs_up, "closed the connection without an answer"),
        ],
    )
    def test_what_does_not_pass_by_is_told_after_all_attempts(self, trouble: Behaviour, said: str) -> None:
        assert said in error_of(trouble)

    @pytest.mark.parametrize(
        "trouble",
        [is_silent, falls_silent("```python"), falls_silent("```python", comments=True)],
        ids=["from the start", "in the middle", "but for signs of life"],
    )
    def test_silence_is_told_after_the_time_that_was_set(self, trouble: Behaviour) -> None:
        assert "said nothing for 0.3 seconds" in error_of(trouble, idle_seconds=0.3)

    def test_an_endless_wait_ends_at_the_deadline(self) -> None:
        text = error_of(falls_silent("x"), idle_seconds=5.0, total_seconds=0.4)
        assert "did not finish within 0.4 seconds" in text

    def test_a_wish_to_wait_beyond_the_deadline_is_not_waited_for(self) -> None:
        text = error_of(fails(429, headers={"retry-after": "86400"}), total_seconds=5.0)
        assert "too many requests" in text

    def test_a_request_can_be_given_up_at_any_time(self) -> None:
        """Stopping a search must not wait for the language model."""

        async def run(server: Server) -> None:
            async with OpenAIProposer(settings(server.url)) as proposer:
                task = asyncio.create_task(proposer.propose(improve()))
                while not server.requests:
                    await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        with Server(falls_silent("```python")) as server:
            asyncio.run(run(server))


class TestEstimate:
    def test_the_estimate_is_never_below_what_it_takes(self) -> None:
        endpoint = settings("http://127.0.0.1:1/v1", replies=2, max_tokens=500, prices={"test": Price(1.0, 10.0)})
        estimate = OpenAIProposer(endpoint).estimate(improve())
        assert estimate.calls == 2
        assert estimate.usage.completion_tokens == 1000
        assert estimate.usage.prompt_tokens > 2 * len(PROGRAM) / 4
        assert estimate.cost == pytest.approx((estimate.usage.prompt_tokens + 10_000) / 1e6)

    def test_without_a_price_there_is_no_estimate_of_the_cost(self) -> None:
        assert OpenAIProposer(settings("http://127.0.0.1:1/v1")).estimate(improve()).cost is None


class TestEndpoint:
    def test_it_comes_from_the_environment(self) -> None:
        variables = {"CWM_MODEL": " m ", "OPENAI_BASE_URL": "http://localhost:8080/v1", "OPENAI_API_KEY": f"{KEY}\n"}
        endpoint = Endpoint.from_environment(variables)
        assert (endpoint.model, endpoint.base_url, endpoint.api_key) == ("m", "http://localhost:8080/v1", KEY)
        assert endpoint.is_local
        assert endpoint.host == "localhost:8080"

    def test_settings_win_over_the_environment(self) -> None:
        endpoint = Endpoint.from_environment({"CWM_MODEL": "m", "OPENAI_API_KEY": KEY}, model="other", base_url=None)
        assert endpoint.model == "other"
        assert endpoint.is_openai
        assert not endpoint.is_local

    def test_a_server_of_ones_own_needs_no_key(self) -> None:
        Endpoint.from_environment({"CWM_MODEL": "m", "OPENAI_BASE_URL": "http://10.0.0.3:8000/v1"})

    @pytest.mark.parametrize(
        ("variables", "said"),
        [
            ({}, "no language model is named (set CWM_MODEL"),
            ({"CWM_MODEL": "m"}, "there is no key for api.openai.com"),
            ({"CWM_MODEL": "m", "OPENAI_BASE_URL": "localhost:8080/v1"}, "not an http(s) address"),
            ({"CWM_MODEL": "m", "OPENAI_BASE_URL": "http://[::1/v1"}, "not an http(s) address"),
            ({"CWM_MODEL": "m", "OPENAI_BASE_URL": "http://me:secret@host/v1"}, "holds a user, a password or a query"),
            ({"CWM_MODEL": "m", "OPENAI_API_KEY": "sk-ä"}, "characters that no key has"),
        ],
    )
    def test_what_cannot_work_is_said_before_anything_is_sent(self, variables: dict[str, str], said: str) -> None:
        with pytest.raises(CwmError) as caught:
            Endpoint.from_environment(variables)
        assert said in str(caught.value)
        assert "secret" not in str(caught.value)

    def test_the_list_prices_hold_at_openai_alone(self) -> None:
        assert Endpoint(model="gpt-4o", api_key=KEY).price is not None
        assert Endpoint(model="gpt-4o", base_url="http://127.0.0.1:1/v1").price is None
