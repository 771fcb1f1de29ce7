"""`cwm serve`: the language server, for editors and for scripts that talk to it over its standard streams."""

from __future__ import annotations


def run_serve(*, tcp: bool, host: str, port: int, client: int | None) -> int:
    """Serve until the client ends it or is gone; the exit code."""
    from cwm_server.app import serve

    return serve(tcp=tcp, host=host, port=port, client=client)
