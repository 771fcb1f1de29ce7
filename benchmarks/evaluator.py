"""The evaluator to beat: deep-copies every transition and compares with `numpy.allclose` element by element.

It does per transition what the released CWMB evaluator does: copies of state and action, `set_state`,
`step`, one `allclose` for every element of the state, one for the reward and one for `done`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def evaluate(construct: Callable[[], Any], transitions: Sequence[tuple[Any, Any, Any, float, bool]]) -> float:
    """The fraction of transitions that a model predicts in every element.

    Args:
        construct: Makes the model.
        transitions: State, action, next observation, reward and done of each transition.
    """
    model = construct()
    right = 0
    for transition in transitions:
        state, action, observed, reward, done = copy.deepcopy(transition)
        model.set_state(state)
        predicted, predicted_reward, predicted_done = model.step(action)
        elements = zip(np.atleast_1d(predicted), np.atleast_1d(observed), strict=True)
        matches = [np.allclose(one, other, rtol=1e-5, atol=1e-5) for one, other in elements]
        matches += [np.allclose(predicted_reward, reward), np.allclose(predicted_done, done)]
        right += all(matches)
    return right / len(transitions)
