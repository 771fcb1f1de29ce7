"""The job of fitting the numbers of one model: runs in a worker process on the text of the buffer."""

from __future__ import annotations

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.opening import load_data, sandbox_limits, session_settings
from cwm_engine.errors import CwmError
from cwm_engine.induction.documents import fit_json
from cwm_engine.induction.fit import JOBS, fit
from cwm_engine.induction.repair.reading import read
from cwm_engine.project import find_project
from cwm_engine.synthesis.result import whole_diff
from cwm_server.searching import target_of
from cwm_server.worker import Channel, Message


def main(channel: Channel, params: Message) -> None:
    """The job; see `worker.main`. The params are `path`, `model` and `text`; one message, `result` or `error`."""
    channel.listen()
    try:
        channel.send({"result": _fitted(params)})
    except CwmError as error:
        channel.send({"error": str(error)})


def _fitted(params: Message) -> Message:
    project = find_project(params["path"])
    target = target_of(params, project)
    settings, text = session_settings(target), params["text"]
    reading = read(text, settings)
    if reading is None:
        raise CwmError("holds no model whose numbers could be fitted", path=target.path, hint="`cwm check` says why")
    prepared = Prepared(load_data(target), settings.mode, settings.tolerance, settings.ignore_fields)
    with Runner(prepared, sandbox_limits(project.settings), jobs=JOBS) as runner:
        fitted = fit(runner, reading.program)
    diff = whole_diff(text, fitted.text, str(target.path))
    return {"document": fit_json(fitted, str(target.path), diff), "program": fitted.text}
