"""A small market in a database, for tests of live engines."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scoring.columns.dataset_frames import Tables
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.live.live_engine import LiveEngine
from scoring.live.live_tables import make_row
from tests.support.random_markets import CLOCK, random_market

__all__ = ["SECONDS", "LiveClock", "is_settled", "job_row", "make_tables", "save_market", "wait_until"]

SECONDS: Final = 120.0
"""Timeout of one step on a busy machine."""


class LiveClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = CLOCK.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def make_tables(seed: int = 1, users: int = 20, jobs: int = 100) -> Tables:
    """Return a random market with factors, so that no engine trains any."""
    frames: dict[str, Any] = random_market(seed, users, jobs, 150, factors=True).frames()
    return Tables(**frames)


def save_market(url: str, seed: int = 1, users: int = 20, jobs: int = 100) -> Tables:
    """Write a random market to an empty database, and return its tables."""
    tables = make_tables(seed, users, jobs)
    with Database.open(url) as database:
        database.create()
        save_tables(database, tables)
    return tables


def job_row(tables: Tables, place: int, **values: Any) -> dict[str, Any]:
    """Return the row of a job as `LiveEngine.write` takes it, with other values."""
    row = {**make_row(tables.jobs.iloc[place]), **values}
    return {"kind": "job", "row": {name: value for name, value in row.items() if value is not None}}


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until a condition is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true in time"
        time.sleep(0.01)


def is_settled(engine: LiveEngine) -> bool:
    """Return whether the engine has no lag and applied the whole log."""
    return engine.status().seq == engine.log.end().seq
