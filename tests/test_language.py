"""Committed text is plain English, test names are short, and module names are unique."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support import language_patterns

PACKAGE = Path(__file__).parents[1] / "scoring"


def test_committed_text_has_no_dialect() -> None:
    assert [str(hit) for hit in language_patterns.find_hits()] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nobody reads it", True),
        ("it is no number", True),
        ("it is no longer used", False),
        ("A run is gone on with", True),
        ("status = 'kept aside'", True),
        ("The table stands twice", True),
        ("The column is a duplicate", False),
    ],
)
def test_patterns_match_dialect(text: str, found: bool) -> None:
    assert any(re.search(pattern, text, re.IGNORECASE) for pattern in language_patterns.PATTERNS) == found
    assert bool(language_patterns.SCREEN.search(text.lower())) == found


def test_test_names_are_short() -> None:
    assert [(file, name) for file, name in language_patterns.test_names() if len(name) > 60] == []


def test_module_names_are_unique() -> None:
    """Outside `cli` and `components`, at most 12 base names occur twice."""
    names = Counter(
        path.stem
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("cli", "components") and path.stem not in ("__init__", "__main__")
    )
    assert len([name for name, n in names.items() if n > 1]) <= 12
