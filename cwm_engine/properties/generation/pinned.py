"""Tests of pinned transitions: what must stay right, each as an example of its own."""

from __future__ import annotations

from collections.abc import Iterator

from cwm_engine.properties.elements import state_elements
from cwm_engine.properties.generation.mined import example_of, written
from cwm_engine.properties.generation.regions import Region
from cwm_engine.properties.generation.writing import docstring
from cwm_engine.trajectories.dataset import Dataset

NAME = "test_pinned_transitions_stay_right"


def pinned_tests(pinned: Dataset | None, ignored: tuple[str, ...]) -> Iterator[Region]:
    """A test with every pinned transition as an example.

    Args:
        pinned: The transitions.
        ignored: Fields that are left out of the comparison.
    """
    if pinned is None or not len(pinned):
        return
    rows = zip(
        pinned.observations.plain(0, len(pinned)),
        pinned.actions.plain(0, len(pinned)),
        pinned.next_observations.plain(0, len(pinned)),
        pinned.rewards.tolist(),
        pinned.terminated.tolist(),
        strict=True,
    )
    names = ("state", "action", "next_state", "reward", "terminated")
    examples = dict.fromkeys(example_of(dict(zip(names, map(written, row), strict=True))) for row in rows)
    lines = [
        "@settings(phases=[Phase.explicit])",
        "@given(state=states, action=actions, next_state=states, reward=st.floats(), terminated=st.booleans())",
        *examples,
        f"def {NAME}({', '.join(names)}):",
        docstring("pinned transitions stay right"),
        "    predicted, paid, ends = predict(state, action)",
        *(f"    {line}" for line in _comparisons(pinned, ignored)),
    ]
    yield Region("pinned", NAME, "\n".join(lines))


def _comparisons(pinned: Dataset, ignored: tuple[str, ...]) -> Iterator[str]:
    if not any(name.startswith("obs") for name in ignored):
        yield "assert same(predicted, next_state)"
    else:
        for element in state_elements(pinned):
            if element.field not in ignored:
                compared = "==" if element.whole else None
                left, right = element.of("predicted"), element.of("next_state")
                yield f"assert {left} == {right}" if compared else f"assert close({left}, {right})"
    if "reward" not in ignored:
        yield "assert close(paid, reward)"
    if "terminated" not in ignored:
        yield "assert ends == terminated"
