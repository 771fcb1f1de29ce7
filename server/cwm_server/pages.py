"""The page of documentation that each code has."""

from __future__ import annotations

from functools import cache
from pathlib import Path

# Where they are installed, beside this package, and where they are in the repository.
_HOMES = (Path(__file__).parents[1] / "cwm_pages", Path(__file__).parents[2] / "docs" / "findings")


@cache
def page_of(code: str) -> str | None:
    """Address of the page of a code; None if the pages are not installed."""
    pages = (home / f"{code}.md" for home in _HOMES)
    return next((page.as_uri() for page in pages if page.is_file()), None)
