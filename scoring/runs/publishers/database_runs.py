"""The runs of a database: those of a key, and the current run. `database_list_reader` reads their lists."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select

from scoring.database.database import Database
from scoring.database.migrations import parse_run_key
from scoring.database.schema import current_runs, results, runs
from scoring.runs.publishers.publisher import ExistingRun

__all__ = ["CURRENT", "PUBLISHED", "WRITING", "find_current_run", "find_runs", "has_all_rows", "remove_run"]

CURRENT: Final = "default"
"""Default name in `current_runs`."""

WRITING: Final = "writing"
"""Status in `runs` of an unpublished run."""
PUBLISHED: Final = "published"
"""Status in `runs` of a published run."""


def find_runs(database: Database, key: str) -> list[ExistingRun]:
    """Return every run of this key, unfinished or published."""
    query = select(runs.c.run_id, runs.c.status, runs.c.created_at, runs.c.settings)
    if database.has(runs.c.run_key):
        query = query.where(runs.c.run_key == key)
    rows = database.read(lambda connection: connection.execute(query).all())
    return [
        ExistingRun(
            run.run_id,
            datetime.fromtimestamp(run.created_at / 1e6, UTC),
            is_published=run.status == PUBLISHED,
            shards=len(json.loads(run.settings)["shards"]),
        )
        for run in rows
        if parse_run_key(run.settings) == key  # a database of version 1 has no column `run_key`
    ]


def find_current_run(database: Database, name: str = CURRENT) -> str | None:
    """Return the run that readers of this name get; None if the name does not exist."""
    query = select(current_runs.c.run_id).where(current_runs.c.name == name)
    return database.read(lambda connection: connection.execute(query).scalar())


def has_all_rows(database: Database, run_id: str) -> bool:
    """Return whether a published run still has as many rows as were written."""
    count = select(func.count()).select_from(results).where(results.c.run_id == run_id).scalar_subquery()
    query = select(runs.c.rows == count).where(runs.c.run_id == run_id)
    return bool(database.read(lambda connection: connection.execute(query).scalar()))


def remove_run(connection: Connection, run_id: str) -> None:
    """Remove a run and its rows. The run must not be in `current_runs`."""
    connection.execute(delete(results).where(results.c.run_id == run_id))
    connection.execute(delete(runs).where(runs.c.run_id == run_id))
