"""docs/proof.md lists every promise with existing tests, and every promise is recorded by a test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.promises import PROMISES, SECTIONS
from tests.support.proof_page import PAGE, page

ROOT = Path(__file__).parents[1]
TEXT = PAGE.read_text("utf-8")
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """Return the cells of the tables, without headers and separators."""
    lines = [line for line in TEXT.splitlines() if line.startswith("|") and not line.startswith(("| promise ", "|---"))]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


@cache
def names_of(path: Path) -> set[str]:
    """Return the names of the functions at the top level of a file."""
    found = ast.parse(path.read_text("utf-8")).body
    return {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def recorded_keys() -> set[str]:
    """Return the keys with which test files call `record_count`."""
    keys: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text("utf-8")
        if path.name == "test_proof_counts.py" or "record_count" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record_count":
                keys |= {leaf.value for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)}
                if isinstance(node.args[0], ast.Name):  # assigned in the same file
                    keys |= {key for key in PROMISES if f'"{key}"' in text}
    return keys


def test_tests_on_the_page_exist() -> None:
    named = TEST.findall(TEXT)
    assert len(named) > 40
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / "tests" / path).exists() or name not in names_of(ROOT / "tests" / path)
    ]
    assert missing == []


def test_every_row_names_a_test_or_a_reason() -> None:
    for cells in rows():
        assert len(cells) == 4, cells
        assert TEST.search(cells[1]) or cells[2:] == ["—", "—"], cells
    untested = [cells[0] for cells in rows() if not TEST.search(cells[1])]
    assert untested == [promise.text for promise in PROMISES.values() if promise.not_tested]


def test_page_lists_every_promise_in_order() -> None:
    assert [cells[0] for cells in rows()] == [promise.text for promise in PROMISES.values()]
    topics = re.findall(r"^### (.+)$", TEXT, re.MULTILINE)
    assert topics == [topic for promises in SECTIONS.values() for topic in promises]


def test_every_promise_is_recorded_by_a_test() -> None:
    assert recorded_keys() == {key for key, promise in PROMISES.items() if not promise.not_tested}
    assert len(PROMISES) == sum(len(promises) for topics in SECTIONS.values() for promises in topics.values())


@pytest.mark.parametrize("key", PROMISES)
def test_rows_of_the_page_have_counts(key: str) -> None:
    """Each promise has a count of one of the two runs, unless it states why it has no test."""
    (cells,) = [cells for cells in rows() if cells[0] == PROMISES[key].text]
    assert (cells[2:] == ["—", "—"]) == bool(PROMISES[key].not_tested)


def test_counts_of_both_runs_are_added_up() -> None:
    runs = (
        {
            "tests/a.py::test_one[1]": [["ties", "{} cases", [1200]]],
            "tests/a.py::test_one[2]": [["ties", "{} cases", [1]]],
        },
        {"tests/b.py::test_two": [["ties", "{} cases", [7]]]},
    )
    line = next(line for line in page(*runs).splitlines() if "smaller job id" in line)
    assert line == f"| {PROMISES['ties'].text} | `a.py::test_one`, `b.py::test_two` | 1,201 cases | 7 cases |"
