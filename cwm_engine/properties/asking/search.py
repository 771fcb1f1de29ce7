"""Looking for what to record next: action sequences that would tell the surviving mutants from a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.errors import CwmError
from cwm_engine.properties.adequacy.batches import columns_that_count
from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.properties.adequacy.score import actions_of
from cwm_engine.properties.sampling import as_cases
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import Columns, to_json
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.blocks import Block

JOBS = ("cwm_engine.properties.asking.jobs",)
"""Job modules that a `Runner` must have ready."""

SECONDS, STEPS, LONGEST = 20.0, 200_000, 500
"""How long, how far and how deep to look."""

SEEDS = 16
"""From so many resets of the real environment sequences start."""

_RECORDED = 5_000
_MOST_ACTIONS = 256
_STANDSTILL = 30.0


@dataclass(frozen=True)
class Start:
    """Where a sequence begins.

    Attributes:
        state: The state, as JSON.
        seed: The seed of the reset that leads there; None where only the recording knows it.
        episode: The recorded episode that begins there; None where the environment was reset.
    """

    state: Any
    seed: int | None = None
    episode: int | None = None


@dataclass(frozen=True)
class Question:
    """What to ask of the environment: actions, the last of which shows what the recording leaves open.

    Attributes:
        target: The mutant that predicts something else at the last step, or the block that runs there.
        start: Where they begin.
        actions: The actions, as JSON.
    """

    target: Mutant | Block
    start: Start
    actions: tuple[Any, ...]

    @property
    def line(self) -> int:
        """The line that it is about."""
        return self.target.line


@dataclass(frozen=True)
class Asked:
    """What was found.

    Attributes:
        questions: For each target that was reached, a sequence of actions; shorter ones first.
        open: The targets for which none was found.
        steps: How many steps the model was walked.
    """

    questions: tuple[Question, ...]
    open: tuple[Mutant | Block, ...]
    steps: int


def ask(
    program: Program,
    dataset: Dataset,
    mutants: Sequence[Mutant],
    blocks: Sequence[Block] = (),
    *,
    form: Form,
    starts: tuple[Columns, Sequence[Start]] | None = None,
    tolerance: Tolerance = Tolerance(),
    ignore: tuple[str, ...] = (),
    limits: Limits = Limits(),
    seconds: float = SECONDS,
    steps: int = STEPS,
    longest: int = LONGEST,
    seed: int = 0,
    on_found: Callable[[int], None] | None = None,
) -> Asked:
    """Look for sequences of actions after which mutants and model differ, or which run code that never ran.

    The model is the simulator, so a sequence is as good as the model. What a model remembers from step to step without
    telling it is lost: its state is set before every step.

    Args:
        program: The model.
        dataset: What was observed.
        mutants: What to tell from it.
        blocks: What of its code to reach, as `instrument` numbers it.
        form: How it is given states and actions.
        starts: States to begin at and where they come from; where recorded episodes begin when None.
        tolerance: How near a float must be to be the same.
        ignore: Fields that are not compared.
        limits: What the model may use.
        seconds: Processor time.
        steps: How many steps to walk at most.
        longest: How long a sequence may be.
        seed: Of the lot.
        on_found: Called with the number of sequences that are found.
    """
    states, origins = starts or recorded_starts(dataset)
    prepared = _inputs(dataset, states, tolerance, ignore)
    targets: dict[tuple[str, int], Mutant | Block] = {("mutant", mutant.number): mutant for mutant in mutants}
    targets |= {("block", block.index): block for block in blocks}
    request = {
        **program.request,
        **columns_that_count(prepared),
        "job": "cwm_engine.properties.asking.jobs:explore",
        "form": form,
        "edits": [[mutant.number, *mutant.edit] for mutant in mutants],
        "blocks": [block.index for block in blocks],
        "starts": len(states),
        "seconds": seconds,
        "steps": steps,
        "longest": longest,
        "seed": seed,
    }
    questions: list[Question] = []
    walked = 0
    limits = replace(limits, cpu_seconds=limits.cpu_seconds + 2 * seconds)
    with Runner(prepared, limits, JOBS) as runner, runner.child(program.preload) as child:
        child.send(request)
        try:
            while (message := child.receive(_STANDSTILL + 5 * seconds)) is not None:
                if message.data.get("event") != "found":
                    walked = int(message.data.get("steps", 0))
                    break
                target = targets.pop((str(message.data["kind"]), int(message.data["number"])), None)
                question = _read(target, message.data, prepared, origins)
                if question is not None:
                    questions.append(question)
                    if on_found is not None:
                        on_found(len(questions))
        except ChildDied:
            runner.stop.check()
    questions.sort(key=lambda question: (len(question.actions), question.line))
    return Asked(tuple(questions), tuple(targets.values()), walked)


def recorded_starts(dataset: Dataset) -> tuple[Columns, list[Start]]:
    """Where recorded episodes begin."""
    rows = dataset.episode_starts
    states = dataset.observations.take(rows)
    return states, [
        Start(to_json(states.row(index)), episode=int(dataset.episode[row])) for index, row in enumerate(rows.tolist())
    ]


def reset_starts(
    environment: str, kwargs: Mapping[str, Any] | None, dataset: Dataset, seeds: int = SEEDS
) -> tuple[Columns, list[Start]]:
    """Where the real environment begins, for the first few seeds.

    Raises:
        CwmError: The environment cannot be made, or begins with something else than was recorded.
    """
    from cwm_engine.trajectories.recording.environments import make_environment

    env = make_environment(environment, kwargs)
    try:
        observations = [env.reset(seed=seed)[0] for seed in range(seeds)]
    finally:
        env.close()
    try:
        states = Columns.from_values(observations, dataset.observations.structure)
    except (CwmError, TypeError, ValueError) as error:
        raise CwmError(f"{environment} begins with another observation than was recorded: {error}") from error
    return states, [Start(to_json(states.row(seed)), seed=seed) for seed in range(seeds)]


def _inputs(dataset: Dataset, starts: Columns, tolerance: Tolerance, ignore: tuple[str, ...]) -> Prepared:
    """States to begin at, then some of those recorded; with them all actions to choose from, each as often."""
    lot = np.random.default_rng(0)
    known = dataset.observations.take(lot.permutation(len(dataset))[:_RECORDED])
    states = Columns.concatenate([starts, known])
    codes = actions_of(dataset)
    if codes:
        choice = Columns.from_values(list(codes), dataset.actions.structure)
    else:
        choice = dataset.actions.take(lot.permutation(len(dataset))[:_MOST_ACTIONS])
    actions = choice.take(np.arange(len(states)) % len(choice))
    # In episode mode rows stay as they are, whatever states are alike.
    return Prepared(as_cases(dataset, states, actions), "episode", tolerance, ignore)


def _read(
    target: Mutant | Block | None, data: Mapping[str, Any], prepared: Prepared, origins: Sequence[Start]
) -> Question | None:
    """A sequence as a child tells it; None where it makes no sense."""
    rows, start = data.get("actions"), data.get("start")
    count = len(prepared.dataset)
    if target is None or not isinstance(rows, list) or not isinstance(start, int) or not 0 <= start < len(origins):
        return None
    if not all(isinstance(row, int) and 0 <= row < count for row in rows):
        return None
    actions = tuple(to_json(prepared.dataset.actions.row(row)) for row in rows)
    return Question(target, origins[start], actions)
