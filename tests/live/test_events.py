"""Events with invalid values are rejected before anything changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scoring.columns.board_definition import DEFAULT_BOARD, make_own_column
from scoring.errors import DataError
from scoring.live import Event

AT = datetime(2025, 6, 1, tzinfo=UTC)
VALID: dict[str, Any] = {"seq": 1, "kind": "job", "key": 9, "body": {"job_id": 9, "fee": 800.0}, "at": AT}


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"seq": 0}, "seq"),
        ({"seq": True}, "seq"),
        ({"seq": 2**63}, "seq"),
        ({"kind": "jobs"}, "kind"),
        ({"key": "9"}, "key"),
        ({"at": datetime(2025, 6, 1)}, "at"),
        ({"body": {"fee": 1.0}}, "job_id"),
        ({"body": {"job_id": 8}}, "job_id"),
        ({"body": [9]}, "job_id"),
        ({"kind": "action", "body": None}, "body"),
    ],
)
def test_invalid_event_names_the_field(changed: dict[str, Any], column: str) -> None:
    with pytest.raises(DataError) as raised:
        Event(**VALID | changed)
    assert (raised.value.reason, raised.value.column) == ("invalid rows", column)


@pytest.mark.parametrize(
    ("kind", "body", "column"),
    [
        ("job", {"job_id": 9, "pay": 1.0}, "pay"),
        ("job", {"job_id": 9, "fee": "800"}, "fee"),
        ("job", {"job_id": 9, "fee": float("inf")}, "fee"),
        ("job", {"job_id": 9, "fee": 1e13}, "fee"),
        ("job", {"job_id": 9, "posted_at": "2025-06-01"}, "posted_at"),
        ("job", {"job_id": 9, "prefecture_code": 13}, "prefecture_code"),
        ("user", {"user_id": 9, "preferred_occupations": "1|2"}, "preferred_occupations"),
        ("action", {"user_id": 9, "job_id": 1, "action": "like", "occurred_at": AT}, "action"),
        ("action", {"user_id": 9, "job_id": 1, "action": "view"}, "occurred_at"),
        ("action", {"user_id": 9, "action": "view", "occurred_at": AT}, "job_id"),
    ],
)
def test_value_that_is_not_canonical_names_the_column(kind: Any, body: dict[str, Any], column: str) -> None:
    event = Event(1, kind, 9, body, AT)
    with pytest.raises(DataError) as raised:
        event.require_canonical(DEFAULT_BOARD)
    assert raised.value.column == column


def test_missing_values_are_canonical() -> None:
    Event(1, "job", 9, {"job_id": 9, "fee": None}, AT).require_canonical(DEFAULT_BOARD)
    Event(1, "job", 9, None, AT).require_canonical(DEFAULT_BOARD)


def test_each_board_checks_an_event() -> None:
    event = Event(1, "job", 9, {"job_id": 9, "grade": 2.0}, AT)
    event.require_canonical(DEFAULT_BOARD.with_columns("jobs", [make_own_column("jobs", "grade", "number")]))
    with pytest.raises(DataError) as raised:
        event.require_canonical(DEFAULT_BOARD)
    assert raised.value.column == "grade"
