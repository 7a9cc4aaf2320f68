"""Results in the database, published in one transaction."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, delete, insert, select, update

from scoring.columns import RESULT_COLUMNS
from scoring.dataset.database import Database
from scoring.dataset.storing import insert_columns
from scoring.dataset.tables import current_runs, results, runs
from scoring.engine.ranking import Ranking
from scoring.engine.sinks.base import Place, RunCounts, RunHead, Sink, no_results
from scoring.errors import DatabaseError

__all__ = ["CURRENT", "DatabaseSink", "read_results"]

CURRENT = "default"
"""The name in `current_runs` that readers follow unless they know better."""

_NAMES = [column.name for column in results.columns]
"""In the table's own order, which the fast way of inserting asks for: three times as fast."""

_ROWS_AT_ONCE = 50_000
"""Rows that are Python objects at one time: ten times the size of their arrays."""


class DatabaseSink(Sink):
    """Inserts into `results` under a run with status 'writing', each chunk in a short transaction of its own;
    publishing is one more, which sets the status and moves `current_runs` to this run.

    Readers join through `current_runs` and so see yesterday's run until today's is whole. A run over some users
    only is published under its id, and `current_runs` stays where it is.
    """

    def __init__(self, database: Database, *, name: str = CURRENT) -> None:
        self._database, self._name = database, name
        self._head: RunHead | None = None
        self._counts: RunCounts | None = None

    def check(self) -> None:
        self._database.require_tables("runs", "current_runs", "results")

    def open(self, head: RunHead) -> None:
        self.check()
        settings = {
            "k": head.k,
            "weights": dict(head.weights),
            "model_digest": head.model_digest,
            "clock_set_back": head.clock_set_back,
            "code_version": head.code_version,
            "whole": head.whole,
        }
        with self._database.begin() as connection:
            connection.execute(
                insert(runs).values(
                    run_id=head.run_id,
                    status="writing",
                    model=head.model,
                    settings=json.dumps(settings, ensure_ascii=False),
                    data_fingerprint=head.dataset_fingerprint,
                    as_of=_microseconds(head.as_of),
                    created_at=_microseconds(head.created_at),
                )
            )
        self._head = head

    def write(self, ranking: Ranking) -> None:
        assert self._head is not None, "open() comes before write()"
        frame = ranking.frame()
        with self._database.begin() as connection:
            for first in range(0, len(frame), _ROWS_AT_ONCE):
                part = frame.iloc[first : first + _ROWS_AT_ONCE]
                numbers = {name: part[name].to_numpy() for name in _NAMES[1:]}
                insert_columns(connection, results, {_NAMES[0]: self._head.run_id, **numbers})

    def seal(self, counts: RunCounts) -> None:
        self._counts = counts

    def publish(self) -> Place:
        assert self._head is not None, "open() comes before publish()"
        assert self._counts is not None, "seal() comes before publish()"
        head, counts = self._head, self._counts
        with self._database.begin() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.run_id == head.run_id)
                .values(
                    status="published",
                    published_at=_microseconds(datetime.now(head.created_at.tzinfo)),
                    users=counts.users_scored,
                    jobs=counts.jobs_ranked,
                    rows=counts.rows,
                )
            )
            if head.whole:
                self._move_current(connection, head.run_id)
        self._head = None
        return Place("database", f"{self._database.display}, results of run {head.run_id}")

    def _move_current(self, connection: Connection, run_id: str) -> None:
        here = current_runs.c.name == self._name
        moved = connection.execute(update(current_runs).where(here).values(run_id=run_id))
        if not moved.rowcount:
            connection.execute(insert(current_runs).values(name=self._name, run_id=run_id))

    def abort(self) -> None:
        if self._head is None:
            return
        run_id, self._head = self._head.run_id, None
        # what went wrong may be the database itself; readers never see a run that is not published
        with suppress(DatabaseError), self._database.begin() as connection:
            connection.execute(delete(results).where(results.c.run_id == run_id))
            connection.execute(delete(runs).where(runs.c.run_id == run_id))

    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        return 400 * min(chunk_rows, _ROWS_AT_ONCE)  # as Python objects: lists of columns, and tuples of a batch


def read_results(database: Database, run_id: str | None = None, *, name: str = CURRENT) -> pd.DataFrame:
    """`scoring.columns.RESULT_COLUMNS` of a published run (None: the current one of this name), as of one moment.

    Raises DatabaseError where there is none.
    """
    chosen = select(current_runs.c.run_id).where(current_runs.c.name == name).scalar_subquery()
    wanted = chosen if run_id is None else run_id
    published = select(runs.c.run_id).where(runs.c.run_id == wanted, runs.c.status == "published")
    columns = [results.c[column] for column in RESULT_COLUMNS]

    def work(connection: Connection) -> tuple[str | None, list[Any]]:
        found = connection.execute(published).scalar()
        statement = select(*columns).where(results.c.run_id == found).order_by(results.c.user_id, results.c.rank)
        return found, [] if found is None else list(connection.execute(statement).all())

    found, rows = database.read(work)
    if found is None:
        raise DatabaseError(f"{database.display} holds no published run{f' {run_id}' if run_id else ''}.")
    frame = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    return frame.astype(no_results().dtypes.to_dict())


def _microseconds(moment: datetime) -> int:
    return int(pd.Timestamp(moment).as_unit("us").asm8.astype("int64"))
