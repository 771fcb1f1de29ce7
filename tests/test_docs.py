"""The documentation follows the source: a page for each code, examples that show it, generated parts up to date."""

import json
import re
from pathlib import Path

import pytest

from cwm_engine.findings import CODES, Code
from docs.generate import DOCS, FINDINGS, check_example, example_of, generated_pages, page_of, with_blocks

PAGES = sorted(FINDINGS.glob("CWM*.md"))
ROOT = DOCS.parent
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/**/*.md")])


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert [page.stem for page in PAGES] == sorted(CODES)


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_a_page_opens_with_name_severity_and_summary_of_its_code(code: Code) -> None:
    expected = f"# {code.code}: {code.name}\n\n**{code.severity.capitalize()}.** {code.summary}\n\n"
    assert page_of(code.code).read_text().startswith(expected)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_how_to_fix_and_how_to_suppress(page: Path) -> None:
    text = page.read_text()
    assert "\n## How to fix it\n" in text
    assert "\n## How to suppress it\n" in text


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_page_has_the_finding(code: str) -> None:
    done = check_example(code, "--output-format", "json")
    assert done.stdout, done.stderr
    (model,) = json.loads(done.stdout)["models"]
    assert code in [finding["code"] for finding in model["findings"]]


@pytest.mark.parametrize("code", CODES)
def test_the_output_on_a_page_names_its_code(code: str) -> None:
    output = re.findall(r"^```text\n(.*?)^```$", page_of(code).read_text(), re.DOTALL | re.MULTILINE)[0]
    assert f": {code} " in output


def test_the_right_model_of_the_index_is_right() -> None:
    done = check_example("README", "--output-format", "json")
    (model,) = json.loads(done.stdout)["models"]
    assert model["accuracy"] == 1.0
    assert done.returncode == 0


@pytest.mark.parametrize("page", generated_pages(), ids=lambda page: page.stem)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    assert page.read_text() == with_blocks(page), "run `make docs`"


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        if anchor:
            assert anchor in headings(file), target


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_examples_on_pages_are_python_unless_that_is_the_point() -> None:
    for code in sorted(set(CODES) - {"CWM101", "CWM111"}):
        compile(example_of(code).model, code, "exec")
