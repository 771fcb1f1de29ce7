"""The job of fitting the numbers of one model: runs in a worker process on the text of the buffer."""

from __future__ import annotations

from cwm_engine.errors import CwmError
from cwm_engine.induction.documents import fit_json
from cwm_engine.induction.opening import fit_target
from cwm_engine.project import find_project
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
    fitted = fit_target(target, project.settings, params["text"])
    return {"document": fit_json(fitted, str(target.path)), "program": fitted.text}
