"""Fitting a model as it is configured: the same for the command line and the editor."""

from __future__ import annotations

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.opening import load_data, sandbox_limits, session_settings
from cwm_engine.errors import CwmError
from cwm_engine.induction.fit import JOBS, SECONDS, Fit, fit
from cwm_engine.induction.repair.reading import read
from cwm_engine.project import ModelTarget
from cwm_engine.settings import Settings


def fit_target(
    target: ModelTarget,
    configured: Settings,
    text: str,
    *,
    skip_bad: bool = False,
    seconds: float = SECONDS,
    seed: int = 0,
) -> Fit:
    """Fit the numbers of a model to its data.

    Args:
        target: The model and what is configured for it.
        configured: The settings of its project.
        text: The file's text, which may be another than on disk.
        skip_bad: Whether to leave malformed records of the data out.
        seconds: Processor time for the search.
        seed: For the choice of transitions and starts.

    Raises:
        CwmError: The text holds no model, or the data cannot be read.
    """
    settings = session_settings(target)
    reading = read(text, settings)
    if reading is None:
        raise CwmError("holds no model whose numbers could be fitted", path=target.path, hint="`cwm check` says why")
    dataset = load_data(target, skip_bad=skip_bad)
    prepared = Prepared(dataset, settings.mode, settings.tolerance, settings.ignore_fields)
    with Runner(prepared, sandbox_limits(configured), jobs=JOBS) as runner:
        return fit(runner, reading.program, seconds=seconds, seed=seed)
