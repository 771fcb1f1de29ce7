"""How well constants are fitted: right models with every constant wrong by up to 20 % and 50 %, seeded.

Every number that `cwm_engine.induction.literals` takes for a constant is multiplied by 1 + s or 1 - s with a random
sign (whole numbers are rounded, and changed by at least one). Held-out accuracy is over other episodes, recorded with
another seed; a start counts when it is within .002 of the right program's. Times are of the whole fit, two checks of
all transitions and a new sandbox included: on the wall clock, and of processors, which other work does not change.

    python -m benchmarks fitting
    python -m benchmarks.fitting pendulum acrobot --starts 5 --seed 1000
"""

from __future__ import annotations

import argparse
import ast
import collections
import os
from functools import cache
from typing import Any

import gymnasium
import numpy as np

from benchmarks.rollouts import Policy, rollouts, source_of
from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.induction.fit import JOBS, fit
from cwm_engine.induction.identifiability import Reason
from cwm_engine.induction.literals import Numbers
from cwm_engine.induction.telling import Undetermined
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import ModelSpec, discover

ENVIRONMENTS = {
    "cartpole": "CartPole-v1",
    "mountain_car": "MountainCar-v0",
    "pendulum": "Pendulum-v1",
    "acrobot": "Acrobot-v1",
}
TRANSITIONS = 1000
LONGEST = 200
SPREADS = (0.2, 0.5)
STARTS = 20
WITHIN = 0.002
WORDS = {
    Reason.UNREACHED: "named as never reached",
    Reason.UNEXECUTED: "named as never run",
    Reason.UNUSED: "named as without influence",
    Reason.EXCHANGEABLE: "named as no better than another value",
    Reason.UNSEEN: "named as of influence in held-out episodes only",
    Reason.TOGETHER: "named as determined only together",
}


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(ENVIRONMENTS))
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--seed", type=int, default=0, help="of the recording, and of the first start")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args([] if arguments is None else arguments)
    print(
        f"Fitting constants, {options.starts} starts each (Must show: 20 of 20 within .002 on held-out data, <= 20 s)\n"
    )
    print(f"{'':24}  {'right':>6}  {'before':>6}  {'held-out, least / median':>24}  {'within .002':>11}"
          f"  {'s, median / max':>15}  {'CPU s':>12}")  # fmt: skip
    for name in options.names:
        for spread in SPREADS:
            _row(name, spread, range(options.seed, options.seed + options.starts), options.verbose)


def _row(name: str, spread: float, seeds: range, verbose: bool) -> None:
    unseen = Prepared(recorded(name, seed=seeds.start + 1))
    accuracies, seconds, used, before = [], [], [], []
    named: collections.Counter[tuple[str, Reason]] = collections.Counter()
    with Runner(unseen) as elsewhere:
        right = elsewhere.run(program_of(source_of(name)), determinism=False).accuracy or 0.0
        for seed in seeds:
            source = perturbed(source_of(name), spread, seed)
            before.append(elsewhere.run(program_of(source), determinism=False).accuracy or 0.0)
            already = processor_seconds()
            with Runner(Prepared(recorded(name, seed=seeds.start)), jobs=JOBS) as runner:
                found = fit(runner, program_of(source))
            used.append(processor_seconds() - already)
            accuracies.append(elsewhere.run(program_of(found.text), determinism=False).accuracy or 0.0)
            seconds.append(found.seconds)
            named.update(_known_as(name, source, item) for item in found.undetermined)
            if verbose:
                changed = ", ".join(f"{c.literal.name} {c.literal.text} -> {c.text}" for c in found.changed)
                took = f"{seconds[-1]:.1f} s, {used[-1]:.1f} CPU s"
                print(f"  {seed}: {accuracies[-1]:.4f} {took} {found.problem or ''} {changed}", flush=True)
    within = sum(accuracy >= right - WITHIN for accuracy in accuracies)
    print(
        f"{f'{name}, {100 * spread:.0f} %':24}  {right:>6.4f}  {np.mean(before):>6.3f}"
        f"  {f'{min(accuracies):.4f} / {np.median(accuracies):.4f}':>24}  {f'{within} of {len(seeds)}':>11}"
        f"  {f'{np.median(seconds):.1f} / {max(seconds):.1f}':>15}"
        f"  {f'{np.median(used):.1f} / {max(used):.1f}':>12}",
        flush=True,
    )
    for reason, words in WORDS.items():
        listed = ", ".join(f"{known} ({count})" for (known, why), count in named.items() if why == reason)
        if listed:
            print(f"    {words}: {listed}")


def processor_seconds() -> float:
    """Of this process and all that have ended below it."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _known_as(name: str, source: str, item: Undetermined) -> tuple[str, Reason]:
    """What a constant is called in the right model: many have no name but their value."""
    spans = [literal.span for literal in Numbers(source).literals]
    right = Numbers(source_of(name)).literals[spans.index(item.span)]
    return right.name, item.reason


def program_of(source: str) -> Program:
    """The program of a file with one model."""
    return Program(source, spec_of(source))


def spec_of(source: str) -> ModelSpec:
    """The one model of a file."""
    return discover(ast.parse(source), source.splitlines()).models[0]


def perturbed(source: str, spread: float, seed: int) -> str:
    """The source with every constant wrong by the spread, up or down."""
    numbers, rng = Numbers(source), np.random.default_rng(seed)
    texts = {}
    for index, literal in enumerate(numbers.literals):
        sign = 1 if rng.random() < 0.5 else -1
        value = literal.value * (1 + sign * spread)
        if literal.whole:
            moved = round(value)
            texts[index] = str(moved if moved != literal.value else literal.value + sign)
        else:
            texts[index] = repr(float(f"{value:.6g}"))
    return numbers.written(texts)


@cache
def recorded(name: str, seed: int = 0, count: int = TRANSITIONS) -> Dataset:
    """At least `count` transitions, whole episodes: random actions and ones that reach what random ones do not."""

    def policy(env: gymnasium.Env[Any, Any], rng: np.random.Generator) -> Policy:
        def act(episode: int, step: int, observation: Any, action: Any) -> Any:
            wild = episode % 2 == 0
            if step == 0:
                action = env.action_space.sample()
            if rng.random() < (1.0 if wild else 0.3):
                action = env.action_space.sample()
            if not wild and name == "mountain_car":
                action = 2 if observation[1] >= 0 else 0
            elif not wild and name == "acrobot":
                action = 2 if observation[4] < 0 else 0
            return action if isinstance(action, np.ndarray) else int(action)

        return act

    return rollouts(ENVIRONMENTS[name], policy, count, seed, episodes=10, longest=LONGEST)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
