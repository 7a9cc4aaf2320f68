"""The search of the documentation site ranks sections. Sphinx's part of its page is a stub."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import section_index  # noqa: E402
from section_index import Section  # noqa: E402

STUB = """
var splitQuery = (text) => text.split(/[^\\p{L}\\p{N}_]+/u).filter((word) => word);
const stopwords = new Set(["how", "do", "i", "a", "the", "is"]);
const SearchResultKind = { text: "text" };
class Stemmer { stemWord(word) { return word.replace(/s$/, ""); } }
const Documentation = { addTranslations() {} };
const Search = { performObjectSearch: (name) => [
  ["docs/api/x", "scoring.Gate", "#scoring.Gate", "", 1, "x", "object"],
  ["docs/api/x", "scoring.GateLimits", "#scoring.GateLimits", "", 1, "x", "object"],
].filter(([, full]) => full.toLowerCase().includes(name)) };
"""

PAGES = {
    "docs/night": (
        "Nightly runs",
        [
            Section("", "Nightly runs", "Runs are started by a scheduler."),
            Section("gate", "The gate", "The gate compares a run with the published run."),
            Section("memory", "Memory", "A run predicts its memory. " * 20),
        ],
    ),
    "CHANGELOG": ("Changelog", [Section("gate", "The gate", "The gate compares a run with the published run.")]),
    "docs/rules": ("Rules", [Section("", "Rules", "Rules exclude jobs of a company.")]),
}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.set_content("<main></main>")
    index = section_index.make_index(PAGES, lambda word: word.removesuffix("s"))
    for text in (STUB, f"const SECTION_INDEX = {json.dumps(index)};", (ROOT / "docs/_static/search.js").read_text()):
        page.add_script_tag(content=text)
    yield page
    page.close()


def search(page: Page, query: str, excluded: str = "") -> list[str]:
    """Return the page and anchor of each result, the best one first."""
    words = [word.removesuffix("s") for word in query.lower().split() if word not in ("how", "do", "i", "the", "is")]
    found = page.evaluate(
        "([query, terms, excluded]) => Search._performSearch(query, new Set(terms), new Set(excluded))",
        [query, words, excluded.split()],
    )
    return [result[0] + result[2] for result in reversed(found)]


def test_section_with_the_words_comes_first(page: Page) -> None:
    assert search(page, "how do i exclude jobs")[0] == "docs/rules"
    assert search(page, "nightly scheduler")[0] == "docs/night"


def test_guides_come_before_records(page: Page) -> None:
    assert search(page, "the gate compares")[:2] == ["docs/night#gate", "CHANGELOG#gate"]


def test_missing_word_does_not_hide_a_section(page: Page) -> None:
    assert search(page, "memory elephants")[0] == "docs/night#memory"


def test_excluded_word_hides_a_section(page: Page) -> None:
    assert "docs/night#gate" not in search(page, "run", excluded="gate")


def test_public_name_comes_first_if_it_equals_the_query(page: Page) -> None:
    assert search(page, "Gate")[0] == "docs/api/x#scoring.Gate"
    assert "docs/api/x#scoring.GateLimits" not in search(page, "Gate")


def test_query_without_known_words_has_no_result(page: Page) -> None:
    assert search(page, "elephants") == []


def test_excerpt_is_the_part_with_the_words(page: Page) -> None:
    html = f"""<article><section id="top"><h1>Runs</h1><p>{"Filler text. " * 40}A shard is resumed.</p>
    <section id="other"><h2>Other</h2><p>shard shard</p></section></section></article>"""
    text = page.evaluate("([html]) => Search.makeSearchSummary(html, new Set(['shard']), '').textContent", [html])
    assert "A shard is resumed." in text
    assert "shard shard" not in text


def test_letters_after_an_apostrophe_are_not_words(page: Page) -> None:
    assert page.evaluate("splitQuery(\"a user's data, don’t o'clock\")") == ["a", "user", "data", "don", "o", "clock"]
