"""Tests of `scoring.live.change_gate`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scoring.live.change_gate import MAX_SHARE, MIN_ROWS, ChangeGate

START = datetime(2025, 6, 1, tzinfo=UTC)


def changes(n: int, *, first: int = 0, seconds: float = 0.0) -> list[tuple[int, datetime, int]]:
    at = START + timedelta(seconds=seconds)
    return [(first + place, at, first + place + 1) for place in range(n)]


def test_more_than_a_fifth_within_a_minute_is_a_problem() -> None:
    gate, limit = ChangeGate(), int(MAX_SHARE * 10_000)
    assert gate.check(changes(limit), 10_000) is None
    assert gate.check(changes(1, first=limit, seconds=59), 10_000) is not None


def test_rows_count_once_and_for_a_minute() -> None:
    gate, limit = ChangeGate(), int(MAX_SHARE * 10_000)
    for _ in range(3):
        assert gate.check(changes(limit), 10_000) is None
    assert gate.check(changes(limit, first=limit, seconds=61), 10_000) is None


def test_few_rows_of_a_small_market_are_allowed() -> None:
    assert ChangeGate().check(changes(MIN_ROWS), 10) is None
    assert ChangeGate().check(changes(MIN_ROWS + 1), 10) is not None


def test_allowed_events_are_not_checked() -> None:
    gate = ChangeGate()
    gate.allow(5000)
    assert gate.check(changes(5000), 10_000) is None
    assert gate.check(changes(2001, first=5000), 10_000) is not None
