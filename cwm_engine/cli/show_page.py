"""The page of `cwm show --html`: a search tree in one file that fetches nothing.

The page is drawn by `extension/src/webviews/searchTree`, whose bundle lies in `assets/` (`npm run build` makes it).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page shows a search tree with the help of a script that is part of it.</noscript>
<script type="application/json" id="search-tree">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def page(tree: Mapping[str, Any]) -> str:
    """The page of a search.

    Args:
        tree: What `cwm_engine.synthesis.view.tree_json` wrote.

    Returns:
        HTML in ASCII. It may run the script that is part of it and nothing else, whatever the programs say.
    """
    script, style = _asset("search-tree.js"), _asset("search-tree.css")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_source(script)}",
            f"style-src {_source(style)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    title = html.escape(f"{tree.get('file') or tree.get('run')}: search tree")
    page = _PAGE.format(policy=policy, title=title, style=style, script=script, data=embedded(tree))
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def embedded(value: Any) -> str:
    """A value as JSON that can stand in a script element: nothing in it can end the element or begin a comment.

    Raises:
        ValueError: It holds NaN or an infinity, which JSON has not.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    text = files("cwm_engine.cli").joinpath("assets", name).read_text(encoding="ascii")
    if "</script" in text or "</style" in text or "<!--" in text:
        raise ValueError(f"{name} cannot stand in a page")
    return text


def _source(text: str) -> str:
    """What a policy has to say to allow exactly this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
