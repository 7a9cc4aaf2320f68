"""docs/proof.md names existing tests, and has a line for every claim that tests count."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.support.counts import CLAIMS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/proof.md").read_text("utf-8")
TEST = re.compile(r"`(?:tests/)?([\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """Return the cells of the tables, without headers and separators."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(("| what ", "|---"))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@cache
def names_of(path: Path) -> set[str]:
    """Return the names of the functions at the top level of a file."""
    found = ast.parse(path.read_text("utf-8")).body
    return {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_on_the_page_exists() -> None:
    named = TEST.findall(PAGE)
    assert len(named) > 40
    missing = [f"{path}::{name}" for path, name in named if name not in names_of(ROOT / "tests" / path)]
    assert missing == []


def test_every_row_names_a_test_or_says_why_there_is_none() -> None:
    assert len(rows()) > 30
    for cells in rows():
        assert len(cells) == 4, cells
        assert TEST.search(cells[1]) or cells[2:] == ["—", "—"], cells


def test_every_claim_that_is_counted_stands_on_the_page() -> None:
    """The counts also come from the files that the page names for the claim."""
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
    assert list(sections) == [claim for claims in CLAIMS.values() for claim in claims]
    for claim, text in sections.items():
        files = {path for path, _ in TEST.findall(text)}
        sources = "".join((ROOT / "tests" / path).read_text("utf-8") for path in files)
        assert re.search(rf'record_count\(\s*"{claim}"', sources) or f'claim = "{claim}"' in sources, claim
