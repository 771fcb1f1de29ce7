"""Adequacy: the mutation score of a model, and the rules of it that nothing tests.

A mutant is *killed by the data* when it predicts something else than the model in a recorded transition, and *killed by
the properties* when it breaks one, at states nobody has recorded, that the model keeps. What is left differs from the
model somewhere among the sampled states and *survived*, or differs nowhere there and passes for *equivalent*
(DeMillo, Lipton and Sayward, 1978; states instead of test cases).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Mode, Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.findings import Span
from cwm_engine.properties.adequacy.batches import JOBS, Outcome, compare
from cwm_engine.properties.adequacy.mutants import MOST, Mutant, mutants_of
from cwm_engine.properties.adequacy.second_places import broken_in_two_places
from cwm_engine.properties.adequacy.states import CASES, SAMPLED, sample_states
from cwm_engine.properties.invariants import Invariant, try_on
from cwm_engine.properties.sampling import as_cases
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import Columns, Kind, Leaf, to_json
from cwm_engine.trajectories.dataset import Dataset

DATA_SECONDS, STATES_SECONDS, TWICE_SECONDS = 10.0, 18.0, 30.0
"""Processor time for the comparison in recorded transitions, at sampled states, and for rules of two transitions."""

_OUTPUT_BYTES = 256 << 20
_CPU_SECONDS = 600.0


class Fate(StrEnum):
    """What became of a mutant."""

    DATA = "data"
    """Recorded transitions tell it from the model."""
    PROPERTIES = "properties"
    """A property tells it from the model."""
    SURVIVED = "survived"
    """Nothing tells it from the model, but it is not the same."""
    EQUIVALENT = "equivalent"
    """It predicted the same at every sampled state."""
    UNTRIED = "untried"
    """There was no time for it."""


@dataclass(frozen=True)
class Verdict:
    """A mutant and what became of it.

    Attributes:
        mutant: The mutant.
        fate: What became of it.
        by: The property that tells it from the model, in words.
        place: A state and an action, as JSON, at which it predicts something else than the model, and both predictions;
            None where there is none, or where it does not run at all.
    """

    mutant: Mutant
    fate: Fate
    by: str | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Place:
    """Where a mutant and its model differ; all values are JSON values."""

    state: Any
    action: Any
    model: Any
    mutant: Any


@dataclass(frozen=True)
class Adequacy:
    """How much of a model is tested.

    Attributes:
        verdicts: Its mutants, in the order of the text.
        transitions: How many recorded transitions there are.
        properties: How many properties were tried.
        broken: Properties that the model breaks itself; they tell nothing.
        states: At how many states and actions equivalent mutants were compared at least.
        seconds: Wall time.
    """

    verdicts: tuple[Verdict, ...]
    transitions: int
    properties: int
    broken: tuple[Invariant, ...]
    states: int
    seconds: float

    def count(self, fate: Fate) -> int:
        """How many mutants had a fate."""
        return sum(verdict.fate is fate for verdict in self.verdicts)

    @property
    def score(self) -> float | None:
        """The share of the mutants that are told from the model, of those that differ from it; None without any."""
        killed = self.count(Fate.DATA) + self.count(Fate.PROPERTIES)
        differing = killed + self.count(Fate.SURVIVED)
        return killed / differing if differing else None

    @property
    def survivors(self) -> tuple[Verdict, ...]:
        """The mutants that nothing tells from the model."""
        return tuple(verdict for verdict in self.verdicts if verdict.fate is Fate.SURVIVED)


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Attributes:
        program: The model; it should predict the recorded transitions.
        dataset: What was observed.
        form: How the model is given states and actions.
        mode: Whether its state is set before every step, or once an episode.
        prepared: The dataset as the model was checked against it.
        others: Where other models of the file stand.
    """

    program: Program
    dataset: Dataset
    form: Form
    prepared: Prepared
    others: tuple[Span, ...] = ()

    @property
    def mode(self) -> Mode:
        """Whether its state is set before every step, or once an episode."""
        return self.prepared.mode


OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def adequacy(
    subject: Subject,
    invariants: Sequence[Invariant] = (),
    *,
    limits: Limits = Limits(),
    observed: Dataset | None = None,
    most: int = MOST,
    states: int = SAMPLED,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Adequacy:
    """Find out how much of a model is tested by recorded transitions and by properties.

    Args:
        subject: The model and the data.
        invariants: Properties of the environment; none tests the data alone.
        limits: What the model may use.
        observed: All transitions of the environment there are, fresh ones too: properties are tried at such states.
        most: How many mutants to try.
        states: At how many states to compare those that the data does not kill.
        seed: Of the lot.
        on_progress: Told how far it is.
    """
    started = time.monotonic()
    tell = on_progress or (lambda *_: None)
    limits = replace(limits, output_bytes=max(limits.output_bytes, _OUTPUT_BYTES), cpu_seconds=_CPU_SECONDS)
    program, dataset = subject.program, subject.dataset
    mutants = mutants_of(program.source, program.spec, others=subject.others, actions=actions_of(dataset), most=most)
    found: dict[int, Verdict] = {}
    with Runner(subject.prepared, limits, JOBS) as runner:
        for outcome in compare(
            runner, program, mutants, form=subject.form, seconds=DATA_SECONDS,
            on_progress=lambda done: tell("recorded transitions", done, len(mutants)),
        ):  # fmt: skip
            if outcome.differs:
                found[outcome.mutant.number] = Verdict(outcome.mutant, Fate.DATA)
            elif not outcome.compared:
                found[outcome.mutant.number] = Verdict(outcome.mutant, Fate.UNTRIED)
        cases = sample_states(
            runner, program, subject.form, count=states, seed=seed, invariants=tuple(invariants), observed=observed
        )
    left = [mutant for mutant in mutants if mutant.number not in found]
    prepared = Prepared(cases, subject.mode, subject.prepared.tolerance, subject.prepared.ignore)
    broken: tuple[Invariant, ...] = ()
    with Runner(prepared, limits, JOBS) as runner:
        judge = _Properties(prepared, invariants)
        sampled = len(prepared.transitions)
        for outcome in compare(
            runner, program, left, form=subject.form, seconds=STATES_SECONDS,
            least=min(CASES, len(prepared.transitions)), most=CASES,
            on_progress=lambda done: tell("sampled states", done, len(left)),
        ):  # fmt: skip
            found[outcome.mutant.number] = judge.verdict(outcome)
            if found[outcome.mutant.number].fate is Fate.EQUIVALENT:
                sampled = min(sampled, outcome.compared)
        broken = judge.broken
    for mutant, statement in judge.in_two_places(program, subject.form, limits).items():
        found[mutant.number] = replace(found[mutant.number], fate=Fate.PROPERTIES, by=statement)
    return Adequacy(
        verdicts=tuple(found[mutant.number] for mutant in mutants if mutant.number in found),
        transitions=len(dataset),
        properties=len(invariants) - len(broken),
        broken=broken,
        states=sampled,
        seconds=time.monotonic() - started,
    )


def actions_of(dataset: Dataset) -> tuple[int, ...]:
    """The whole numbers that are actions; none where actions are something else, or too many."""
    structure = dataset.actions.structure
    space = dataset.spaces.action or {}
    if space.get("type") == "Discrete" and int(space["n"]) <= 64:
        first = int(space.get("start", 0))
        return tuple(range(first, first + int(space["n"])))
    if isinstance(structure, Leaf) and structure.kind is Kind.INT and not structure.shape:
        known = np.unique(dataset.actions.arrays[0])
        return tuple(known.tolist()) if len(known) <= 64 else ()
    return ()


class _Properties:
    """Says what became of a mutant that the data does not kill.

    Args:
        prepared: The sampled states.
        invariants: What is known of the environment.
    """

    def __init__(self, prepared: Prepared, invariants: Sequence[Invariant]) -> None:
        self._prepared = prepared
        self._invariants = list(invariants)
        self._broken: list[Invariant] = []
        self._undecided: dict[Mutant, tuple[Dataset, Dataset]] = {}

    def in_two_places(self, program: Program, form: Form, limits: Limits) -> dict[Mutant, str]:
        """The rules of two transitions that survivors break."""
        return broken_in_two_places(
            program, self._invariants, self._undecided, self._prepared, form=form, limits=limits, seconds=TWICE_SECONDS
        )

    @property
    def broken(self) -> tuple[Invariant, ...]:
        """Properties that the model itself has been seen to break."""
        return tuple(self._broken)

    def verdict(self, outcome: Outcome) -> Verdict:
        mutant = outcome.mutant
        if outcome.fails is not None:
            return Verdict(mutant, Fate.PROPERTIES, by="the model runs")
        if not outcome.differs:
            return Verdict(mutant, Fate.EQUIVALENT if outcome.compared else Fate.UNTRIED)
        row = int(outcome.rows[0])
        place = Place(
            state=to_json(self._prepared.transitions.states.row(row)),
            action=to_json(self._prepared.transitions.actions.row(row)),
            model=self._shown(outcome.expected[0]),
            mutant=self._shown(outcome.predicted[0]),
        )
        by = self._broken_by(outcome)
        fate = Fate.PROPERTIES if by is not None else Fate.SURVIVED
        return Verdict(mutant, fate, by, place)

    def _broken_by(self, outcome: Outcome) -> str | None:
        """The property that a mutant breaks and the model keeps."""
        if np.isnan(outcome.predicted).all(axis=1).any():
            return "the model predicts something in every state"
        if any(leaf.kind in (Kind.TEXT, Kind.JSON) for leaf in self._prepared.layout.leaves) or not self._invariants:
            return None
        cases = outcome.rows < CASES
        if not cases.any():
            return None
        mine, theirs = (
            self._transitions(outcome.rows[cases], numbers[cases]) for numbers in (outcome.expected, outcome.predicted)
        )
        kept = try_on(self._invariants, mine)
        broken = try_on(self._invariants, theirs)
        for invariant, own, other in zip(tuple(self._invariants), kept, broken, strict=True):
            if own.violations:
                self._invariants.remove(invariant)
                self._broken.append(invariant)
            elif other.violations:
                return invariant.statement
        self._undecided[outcome.mutant] = (mine, theirs)
        return None

    def _transitions(self, rows: Any, numbers: Any) -> Dataset:
        """Predictions as transitions."""
        layout, inputs = self._prepared.layout, self._prepared.transitions
        arrays = tuple(
            numbers[:, columns].reshape(len(rows), *leaf.shape)
            for columns, leaf in zip(layout.columns, layout.leaves, strict=True)
        )
        cases = as_cases(self._prepared.dataset, inputs.states.take(rows), inputs.actions.take(rows))
        return replace(
            cases,
            next_observations=Columns(layout.structure, arrays),
            rewards=numbers[:, layout.reward],
            terminated=numbers[:, layout.terminated] == 1.0,
        )

    def _shown(self, numbers: Any) -> Any:
        """A prediction for people: what it observes, the reward, the end."""
        if np.isnan(numbers).all():
            return None
        layout = self._prepared.layout
        return {
            "observation": [_plain(number) for number in numbers[: layout.reward].tolist()],
            "reward": _plain(float(numbers[layout.reward])),
            "terminated": bool(numbers[layout.terminated] == 1.0),
        }


def _plain(number: float) -> Any:
    if not np.isfinite(number):
        return str(number)
    return int(number) if number.is_integer() and abs(number) < 1e15 else float(f"{number:.7g}")
