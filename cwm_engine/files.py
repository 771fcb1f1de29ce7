"""Files written whole or not at all, and what to say of those that cannot be read whole."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cwm_engine.errors import CwmError

SKIP_HINT: Final = "correct it, or leave such records out with --skip-bad"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A scratch file beside `path` that takes its place when the block ends well, and is removed when it does not.

    Raises:
        CwmError: The file cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield scratch
        scratch.replace(path)
    except OSError as error:
        raise CwmError(f"cannot be written: {error.strerror or error}", path=path) from error
    finally:
        scratch.unlink(missing_ok=True)
