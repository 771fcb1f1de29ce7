"""The diagnosing jobs in a real, fully sandboxed child."""

from __future__ import annotations

import pytest

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from tests.diagnosis.worlds import ARRAYS, GYMNASIUM, KEYS, PENDULUM, QUEUES, World

JOBS = "cwm_engine.diagnosis.jobs"


def ask(world: World, source: str, job: str, **request) -> list[dict]:
    """All messages of a job about a model."""
    preload = ("gymnasium",) if world is GYMNASIUM else ()
    with Runner(Prepared(world.dataset), jobs=(JOBS,)) as runner, runner.child(preload) as child:
        child.send(
            {
                "job": f"{JOBS}:{job}",
                "source": source,
                "siblings": {},
                "model": {"name": world.model.name, "dialect": str(world.model.dialect), "goal": None},
                **request,
            },
            world.sample(world.source if "sample" in request else source).to_bytes(),
        )
        messages = []
        while (message := child.receive(60)) is not None:
            messages.append(message.data)
            if message.data["event"] in ("localized", "searched", "failed"):
                return messages
        return messages


FAULTS = [
    (PENDULUM, "3 * self.gravity", "4 * self.gravity"),
    (ARRAYS, "DT = 0.1", "DT = 0.2"),
    (KEYS, "keys + 1", "keys + 2"),
    (GYMNASIUM, "FRICTION = 0.25", "FRICTION = 0.35"),
    (QUEUES, "3 * served", "2 * served"),
]


@pytest.mark.parametrize(("world", "right", "wrong"), FAULTS, ids=[right for _, right, _ in FAULTS])
def test_lines_are_ranked_in_the_sandbox(world, right, wrong):
    source = world.broken(right, wrong)
    (message,) = ask(world, source, "localize_job", seconds=20)
    assert message["event"] == "localized"
    assert world.line_of(right) in [line for line, _ in message["ranked"][:3]]
    sample = world.sample(source)
    failing = set(sample.rows[sample.failing].tolist())
    for group in message["groups"]:
        assert set(group["rows"]) <= failing
        assert group["suspects"][0][0] == group["line"]


@pytest.mark.parametrize(("world", "right", "wrong"), FAULTS, ids=[right for _, right, _ in FAULTS])
def test_the_repair_is_found_in_the_sandbox(world, right, wrong):
    source = world.broken(right, wrong)
    lines = [[line, 1.0] for line in range(1, source.count("\n") + 1)]
    *hits, last = ask(world, source, "search_job", ranked=lines, seconds=20)
    assert [hit["event"] for hit in hits] == ["hit"] * len(hits)
    assert last["event"] == "searched"
    assert last["tried"] > 0
    assert world.source in [hit["text"] for hit in last["hits"]]
    assert sorted(hit["text"] for hit in hits) == sorted(hit["text"] for hit in last["hits"])
    first = last["hits"][0]
    line, column, end_line, end_column = first["span"]
    assert (line, end_line) == (first["line"], first["line"])
    assert column <= end_column


def test_siblings_are_imported_as_in_the_check():
    source = PENDULUM.broken("import math\n", "import math\nfrom helpers import GRAVITY\n")
    source = source.replace("self.gravity = 10.0", "self.gravity = GRAVITY", 1).replace("3 * self.g", "4 * self.g", 1)
    with Runner(Prepared(PENDULUM.dataset), jobs=(JOBS,)) as runner, runner.child() as child:
        right = PENDULUM.broken("3 * self.gravity", "4 * self.gravity")
        child.send(
            {
                "job": f"{JOBS}:localize_job",
                "source": source,
                "siblings": {"helpers": "GRAVITY = 10.0\n"},
                "allowed": ["math"],
                "model": {"name": "Environment", "dialect": "environment"},
                "seconds": 20,
            },
            PENDULUM.sample(right).to_bytes(),
        )
        message = child.receive(60)
    assert message.data["event"] == "localized"
    assert PENDULUM.line_of("4 * self.g", source) in [line for line, _ in message.data["ranked"][:3]]


@pytest.mark.parametrize("job", ["localize_job", "search_job"])
def test_a_model_that_cannot_be_loaded_is_told(job):
    (message,) = ask(KEYS, "1 / 0\n" + KEYS.source, job, ranked=[[1, 1.0]], sample=True)
    assert message["event"] == "failed"
    assert message["error"]["type"] == "ZeroDivisionError"
    assert message["error"]["line"] == 1


def test_little_time_gives_a_partial_answer_in_time():
    source = PENDULUM.broken("3 * self.gravity", "4 * self.gravity").replace("0.1 * self", "0.3 * self")
    (message,) = ask(PENDULUM, source, "localize_job", seconds=0.0)
    assert message["ranked"]
    *_, last = ask(PENDULUM, source, "search_job", ranked=message["ranked"], seconds=0.0)
    assert not last["exhausted"]
    assert last["hits"] == []
