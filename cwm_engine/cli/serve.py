"""`cwm serve`: the language server, for editors and for scripts that talk to it over its standard streams."""

from __future__ import annotations

import gc


def run_serve(*, tcp: bool, host: str, port: int, client: int | None) -> int:
    """Serve until the client ends it or is gone; the exit code."""
    # What is imported stays: looking for garbage in it, now and later, would only make editors wait.
    gc.disable()
    from cwm_server.app import serve

    gc.freeze()
    gc.enable()
    return serve(tcp=tcp, host=host, port=port, client=client)
