"""The page of `cwm show --html`: what is in it, that nothing can break out of it, and that a browser draws it."""

import base64
import filecmp
import hashlib
import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.cli.show_page import embedded, page

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "cwm_engine/cli/assets"
NASTY = "</script><script>document.title = 'taken over'</script><!--<script>\u2028 \ud800 & &lt; ]]>"


def node(number, parent=None, **rest):
    return {
        "id": number,
        "parent": parent,
        "action": "improve",
        "replaces": None,
        "accuracy": 0.5,
        "buggy": False,
        "passed": False,
        "reason": None,
        "note": None,
        "program": "x = 1\n",
        "diff": "",
        "fields": {"reward": 0.5},
        "findings": [],
        "prompt": "",
        "reply": "",
        "polished": False,
        "calls": 1,
        "tokens": 10,
        "cost": 0.0,
        "seconds": 1.0,
        **rest,
    }


def tree(*nodes, **rest):
    about = {"file": "counter.py", "environment": None, "strategy": "greedy", "proposer": "local", "created": None}
    ending = {"status": "partial", "message": None, "accuracy": {"search": 0.5, "heldout": None}, "best": 1}
    return {"schema": 1, "run": "run-1", **about, **ending, "nodes": list(nodes), **rest}


class Elements(html.parser.HTMLParser):
    """Reads a page as a browser does: a script ends where its end tag is, whatever was meant."""

    def __init__(self, text):
        super().__init__()
        self.found, self.attributes = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag):
        self.found.append([None, {}, ""])

    def handle_data(self, data):
        if self.found:
            self.found[-1][2] += data

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


def data_of(text):
    (found,) = (text for attributes, text in Elements(text).all("script") if attributes.get("id") == "search-tree")
    return json.loads(found)


def test_the_page_holds_the_tree():
    document = tree(node(1, reply="No."), node(2, 1))
    assert data_of(page(document)) == document


def test_a_program_cannot_break_out_of_its_place():
    document = tree(node(1, program=NASTY, reply=NASTY, diff=NASTY, reason=NASTY), file=NASTY)
    text = page(document)
    assert data_of(text) == document
    assert [attributes.get("id") for attributes, _ in Elements(text).all("script")] == ["search-tree", None]


@given(st.text() | st.text(alphabet="<>/!-&scriptSCRIPT \n\u2028\u2029\ud800"))
def test_no_text_can_end_the_element_it_stands_in(text):
    inside = embedded({"reply": text})
    assert not set(inside) & set("<>&")
    assert inside.isascii()
    assert json.loads(inside) == {"reply": text}


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        embedded(float("nan"))


def test_the_policy_allows_the_own_script_and_style_and_nothing_else():
    elements = Elements(page(tree(node(1))))
    ((policy, _),) = [(meta, text) for meta, text in elements.all("meta") if "http-equiv" in meta]
    allowed = dict(part.split(" ", 1) for part in policy["content"].split("; "))
    assert allowed.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert {allowed[name] for name in ("default-src", "base-uri", "form-action")} == {"'none'"}
    for directive, text in (
        ("script-src", elements.all("script")[-1][1]),
        ("style-src", elements.all("style")[-1][1]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed[directive] == f"'sha256-{digest}'"


def test_the_page_fetches_nothing_and_has_no_inline_handlers():
    elements = Elements(page(tree(node(1))))
    assert not {"src", "href", "srcset", "style"} & set(elements.attributes)
    assert not [name for name in elements.attributes if name.startswith("on")]
    assert not re.findall(r"url\(|@import", elements.all("style")[-1][1])


@pytest.mark.skipif(not (ROOT / "node_modules/esbuild").is_dir(), reason="needs `npm ci`")
def test_the_bundle_is_what_the_source_builds(tmp_path):
    """Built once more, in another folder."""
    subprocess.run(["node", "extension/scripts/build.mjs", "--out", str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    compared = filecmp.dircmp(tmp_path, ASSETS)
    assert (compared.left_only, compared.right_only, compared.diff_files) == ([], [], [])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_browser_draws_the_tree_and_runs_nothing_else(tmp_path):
    document = tree(
        node(1, program="<b>bold</b>\n", reply=NASTY.replace("\ud800", "")),
        node(2, 1, accuracy=0.987, diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-<b>bold</b>\n+y = 2\n", program="y = 2\n"),
        node(3, 1, program=None, buggy=True, reason="The reply holds no program."),
        best=2,
    )
    file = tmp_path / "page.html"
    file.write_text(page(document), encoding="ascii")
    drawn = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout.decode()
    elements = Elements(drawn)
    labels = [attributes["aria-label"] for attributes, _ in elements.all("g") if "data-node" in attributes]
    assert labels == [
        "Program 1, made by improve, 50.0 % right",
        "Program 2, made by improve, 98.7 % right, the best",
        "Program 3, made by improve, no program",
    ]
    assert elements.all("h2")[-1][1] == "Program 2"
    assert "<title>counter.py: search tree</title>" in drawn
    assert not elements.all("b")
