"""Errors whose cure needs more than a sentence name a page."""

from __future__ import annotations

from typing import get_args

import pytest

from scoring.cli import error_pages
from scoring.cli.error_pages import find_page
from scoring.errors import (
    ConfigurationError,
    DatabaseError,
    DatabaseReason,
    DataError,
    DataReason,
    ModelError,
    NotEnoughMemoryError,
)
from scoring.evaluation import EmptyHoldoutError


@pytest.mark.parametrize(
    ("error", "page"),
    [
        (NotEnoughMemoryError("", bytes_needed=2, bytes_available=1), "docs/troubleshooting.md#memory"),
        (EmptyHoldoutError("", key=("days",)), "docs/evaluate_and_tune.md#options"),
        (DataError("", reason="missing column"), "docs/mapping.md#columns"),
        (DataError("", reason="open quote"), None),
        (DatabaseError("", reason="locked"), "docs/troubleshooting.md#database"),
        (DatabaseError("", reason="disk full"), None),
        (ModelError("", path="a.yaml", key=("eligibility", "rules")), "docs/eligibility_rules.md"),
        (ModelError("", path="a.yaml", key=("groups",)), "docs/models.md"),
        (ConfigurationError("", path="map.yaml", key=("tables", "jobs")), "docs/mapping.md#tables"),
        (ConfigurationError("", key=("tables",)), None),
        (ValueError(), None),
    ],
)
def test_page_of_an_error(error: Exception, page: str | None) -> None:
    assert find_page(error) == page


def test_reasons_with_a_page_exist() -> None:
    assert set(error_pages._BY_REASON) <= set(get_args(DataReason))
    assert set(error_pages._BY_DATABASE_REASON) <= set(get_args(DatabaseReason))
