"""Files beside the model: a change of configuration, trajectories or an imported module checks it again."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from cwm_server.app import CwmServer

PATTERNS = ("**/cwm.toml", "**/pyproject.toml", "**/*.py", "**/trajectories/**", "**/*.{sqlite,jsonl,gz,npz,parquet}")
"""What the client is asked to watch; which of it concerns a file is decided here."""


def register(server: CwmServer) -> None:
    """Add the handlers, and ask the client to watch."""

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        changed = {path for change in params.changes if (path := to_fs_path(change.uri)) is not None}
        for snapshot in server.documents:
            concerned = {
                path for path in changed if _concerns(path, snapshot.path, server.checks.watched(snapshot.uri))
            }
            if concerned and server.configured:
                code = all(path.endswith(".py") for path in concerned)
                server.checks.reload(snapshot, data=not code)

    @server.when_ready
    async def watch() -> None:
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is not None and watching.dynamic_registration:
            watchers = [types.FileSystemWatcher(glob_pattern=pattern) for pattern in PATTERNS]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers=watchers)
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            await server.register_capability(types.Registration(id=method, method=method, register_options=options))


def _concerns(path: str, model: Path | None, watched: frozenset[str]) -> bool:
    """Whether a change of a file may change the report about a model."""
    from cwm_engine.settings import CONFIG_NAMES  # not needed to start

    if model is None or path == str(model):
        return False  # the buffer counts, not the disk
    changed = Path(path)
    if changed.name in CONFIG_NAMES:
        return model.is_relative_to(changed.parent)
    if changed.suffix == ".py":
        return path in watched or changed.parent == model.parent
    near = any(Path(data) == changed or Path(data) in changed.parents for data in watched)
    return near or (changed.parent.name == "trajectories" and changed.name.startswith(model.stem))
