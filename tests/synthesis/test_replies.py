"""From real findings to a prompt, over a socket to a reply, and back to a program that is checked."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwm_engine.checking.report import ModelReport
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.synthesis.contract import contract
from cwm_engine.synthesis.interfaces import Proposal, Request, SearchAction
from cwm_engine.synthesis.proposers.endpoint import Endpoint
from cwm_engine.synthesis.proposers.openai_proposer import OpenAIProposer
from cwm_engine.trajectories.load import load_dataset
from tests.synthesis.llm_server import Server, streams

EXAMPLES = Path(__file__).parents[2] / "examples"
REPLIES = Path(__file__).parent / "replies"


def checked(model: str, text: str) -> ModelReport:
    """A version of an example, checked against its recorded trajectories."""
    file = EXAMPLES / f"{model}.py"
    dataset = load_dataset(file.parent / "trajectories")
    with Session(Settings(file=file.name, path=file, repair=False), dataset) as session:
        (report,) = session.check(text)
    return report


def proposed(request: Request, reply: str) -> Proposal:
    text = (REPLIES / f"{reply}.md").read_text()

    async def run(server: Server) -> Proposal:
        async with OpenAIProposer(Endpoint(model="test", base_url=server.url)) as proposer:
            (proposal,) = await proposer.propose(request)
        return proposal

    with Server(streams(text)) as server:
        return asyncio.run(run(server))


def request_for(action: SearchAction, model: str, damage: Callable[[str], str]) -> Request:
    program = damage((EXAMPLES / f"{model}.py").read_text())
    report = checked(model, program)
    facts: dict[str, Any] = {"findings": report.findings, "fields": report.fields, "accuracy": report.accuracy}
    return Request(action=action, program=program, contract=contract(), **facts)


def three_faults(text: str) -> str:
    """The sign that the example has wrong, and two more faults."""
    text = text.replace("theta_dot**2 * sin", "theta_dot * sin")
    return text.replace("moment * theta_acc * cos", "moment * theta_acc * sin")


@pytest.mark.parametrize(
    ("action", "model", "damage", "reply"),
    [
        (SearchAction.IMPROVE, "cartpole/cartpole_broken", three_faults, "improve_cartpole"),
        (SearchAction.FIX, "taxi/taxi", lambda text: text.replace("divmod(rest, 5)", "divmod(rest)"), "fix_taxi"),
    ],
    ids=["improve", "fix"],
)
def test_a_reply_repairs_a_real_model(
    action: SearchAction, model: str, damage: Callable[[str], str], reply: str
) -> None:
    request = request_for(action, model, damage)
    assert request.accuracy == 0
    proposal = proposed(request, reply)
    assert proposal.program is not None
    assert checked(model, proposal.program).accuracy == 1


def test_a_reply_writes_a_real_model() -> None:
    proposal = proposed(Request(action=SearchAction.GENERATE, contract=contract()), "generate_mountain_car")
    assert proposal.program is not None
    assert checked("mountain_car/mountain_car", proposal.program).accuracy == 1
