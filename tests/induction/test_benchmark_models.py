"""The models that the fitting benchmark starts from are right: they predict what Gymnasium does."""

import pytest

from benchmarks.fitting import ENVIRONMENTS, perturbed, program_of, recorded
from benchmarks.rollouts import source_of
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.induction.fit import JOBS, fit


@pytest.mark.parametrize("name", ["mountain_car", "pendulum"])
def test_the_model_is_right(name: str) -> None:
    with Runner(Prepared(recorded(name))) as runner:
        assert runner.run(program_of(source_of(name))).accuracy == 1.0


@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if name != "acrobot"])
def test_constants_wrong_by_half_are_fitted(name: str) -> None:
    with Runner(Prepared(recorded(name)), jobs=JOBS) as runner:
        found = fit(runner, program_of(perturbed(source_of(name), 0.5, seed=1)))
    assert found.accuracy_before < 0.1
    assert found.accuracy_after == 1.0
