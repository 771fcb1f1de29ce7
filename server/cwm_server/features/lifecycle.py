"""Beginning and end: what the client can do, whether it trusts its workspace, what is configured, and the way out."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from cwm_server.app import CwmServer


def register(server: CwmServer) -> None:
    """Add the handlers."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        options: Any = params.initialization_options
        server.checks.trusted = _option(options, "trusted", default=True) is not False
        commands = _option(options, "commands", default=())
        named = commands if isinstance(commands, list | tuple) else ()
        server.client_commands = frozenset(name for name in named if isinstance(name, str))
        server.documents.encoding = server.workspace.position_encoding or types.PositionEncodingKind.Utf16

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        await server.begin()

    @server.when_ready
    async def watch_configuration() -> None:
        workspace = server.client_capabilities.workspace
        changes = workspace.did_change_configuration if workspace is not None else None
        if changes is not None and changes.dynamic_registration:
            method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
            options = types.DidChangeConfigurationRegistrationOptions(section="cwm")
            await server.register_capability(types.Registration(id=method, method=method, register_options=options))

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        section = _option(params.settings, "cwm", default=None)
        workspace = server.client_capabilities.workspace
        if section is not None and not (workspace is not None and workspace.configuration):
            server.configure(_plain(section))
        else:
            await server.pull_configuration()

    @server.feature(types.SHUTDOWN)
    def shutdown(_: Any) -> None:
        server.has_shut_down = True
        server.checks.close_all()


def _option(options: Any, name: str, *, default: Any) -> Any:
    """A value in what a client sent as it pleased."""
    if isinstance(options, dict):
        return options.get(name, default)
    return getattr(options, name, default)


def _plain(value: Any) -> Any:
    """Objects as the protocol library makes them of JSON it does not know, as dictionaries."""
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
