"""Each printed table equals its golden file."""

from __future__ import annotations

import pytest

from tests.cli.golden.pages import FOLDER, PAGES, WIDTH, text_of

UNWRAPPED = {"import_report"}
"""Pages of lines that the command does not wrap."""


@pytest.mark.parametrize("name", PAGES)
def test_printed_table_equals_its_golden_file(name: str) -> None:
    """If the change of a table is intended, run `python -m tests.cli.golden`."""
    assert text_of(PAGES[name]()) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_file_has_a_page() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(PAGES)


@pytest.mark.parametrize("name", sorted(set(PAGES) - UNWRAPPED))
def test_golden_file_fits_eighty_columns(name: str) -> None:
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= WIDTH
