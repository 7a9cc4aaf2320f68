"""The generated pages of the documentation site contain every public name."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest
import reference_pages

import scoring
from tests.docs.guide_names import find_imported_names

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scoring"
ROW = re.compile(r"^   \* - :py:obj:`(\w+) <(scoring[\w.]*)\.\w+>`$", re.MULTILINE)
ENTRY = re.compile(r"^\.\. auto(?:class|function|data):: (scoring[\w.]*)\.(\w+)$", re.MULTILINE)


@cache
def pages() -> dict[str, str]:
    """Return the text of each page by the name of its package, module or class."""
    return {file.removesuffix(".rst"): text for file, text in reference_pages.make_api_pages().items()}


@cache
def entries() -> dict[str, set[str]]:
    """Return the names in the table of each package and module that have an entry on some page."""
    documented = {entry for text in pages().values() for entry in ENTRY.findall(text)}
    return {
        page: {name for name, home in ROW.findall(text) if (home, name) in documented} for page, text in pages().items()
    }


def exports(file: Path) -> set[str]:
    """Return `__all__` of an `__init__` by its source, or the names that it imports."""
    names: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and [t.id for t in node.targets if isinstance(t, ast.Name)] == ["__all__"]:
            return set(importlib.import_module(module_name(file)).__all__)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("scoring"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def module_name(file: Path) -> str:
    """Return the name of the package of an `__init__`."""
    return ".".join(file.parent.relative_to(ROOT).parts)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("__init__.py")), ids=module_name)
def test_every_export_has_an_entry(file: Path) -> None:
    assert exports(file) <= entries()[module_name(file)]


def test_every_public_name_has_an_entry() -> None:
    assert set(scoring.__all__) <= entries()["scoring"]


def test_files_of_pages_differ_without_case() -> None:
    assert len({page.lower() for page in pages()}) == len(pages())


def test_every_public_name_has_a_text() -> None:
    assert {text for page in pages().values() for text in re.findall(r"`(\w+) <.*>`\n     - \\ $", page, re.M)} == set()


def test_every_import_of_guides_has_an_entry() -> None:
    found = find_imported_names()
    assert len(found) > 50
    modules = {f"{module}.{name}" for module, name in found} & set(entries())
    missing = {(m, n) for m, n in found if n not in entries().get(m, ()) and f"{m}.{n}" not in modules}
    assert missing == set()


@pytest.mark.parametrize(
    ("docstring", "converted"),
    [
        (["Text:", "- a", "- b"], ["Text:", "", "- a", "- b"]),
        (["Text.", "", "    code()"], ["Text.", "", "::", "", "    code()"]),
        (["- a", "", "    more of a"], ["- a", "", "    more of a"]),
        (
            ["| a | b |", "|---|---|", "| 1 | 2 |"],
            ["", ".. list-table::", "   :header-rows: 1", "", "   * - a", "     - b", "", "   * - 1", "     - 2", ""],
        ),
        (
            ["Raises", "------", "DataError: If it is damaged."],
            ["Raises", "------", "DataError", "    If it is damaged."],
        ),
        (
            ["Parameters", "----------", "jobs, users: Frames", "    of a request.", "n_jobs: Their number."],
            [
                "Parameters",
                "----------",
                "jobs, users",
                "    Frames",
                "    of a request.",
                "n_jobs",
                "    Their number.",
            ],
        ),
    ],
)
def test_docstrings_become_restructured_text(docstring: list[str], converted: list[str]) -> None:
    assert [line.rstrip() for line in reference_pages.convert_docstring(docstring)] == converted


def test_docstring_of_a_constant_is_found_where_it_is_defined() -> None:
    find = reference_pages.find_constant_docstring
    assert find("scoring.synthetic", "HIDDEN_WEIGHTS")[0].endswith(".")
    assert find("scoring.synthetic", "absent") == []


def test_signatures_are_shortened() -> None:
    signature = "(a: int = 1, b: dict[str, int] = <factory>, c: F = <function <lambda> at 0x7f>, d: str = 'x')"
    shortened = "(a: int = 1, b: dict[str, int] = ..., c: F = ..., d: str = 'x')"
    assert reference_pages.shorten_signature(signature) == shortened
    assert reference_pages.shorten_signature("TypeAliasForwardRef('scoring.array_types.Longs')") == "Longs"
