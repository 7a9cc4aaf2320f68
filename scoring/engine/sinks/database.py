"""Results in the database, published in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Update, delete, func, insert, select, update

from scoring.dataset.database import Database
from scoring.dataset.storing import insert_columns
from scoring.dataset.tables import current_runs, results, runs
from scoring.engine.ranking import Ranking
from scoring.engine.sinks.base import Earlier, Place, RunCounts, RunHead, Shard, Sink
from scoring.engine.sinks.database_lists import CURRENT, DatabaseRun, read_users
from scoring.engine.sinks.database_lock import hold_key
from scoring.engine.sinks.journal import Held
from scoring.engine.sinks.lists import Lists, PublishedRun
from scoring.errors import DatabaseError
from scoring.telemetry import faults
from scoring.telemetry.uncut import uncut

__all__ = ["DatabaseSink", "current_run", "remove_run", "runs_of_key"]

_NAMES = [column.name for column in results.columns]
"""In the table's own order, which the fast way of inserting asks for: three times as fast."""

_ROWS_AT_ONCE = 50_000
"""Rows that are Python objects at one time: ten times the size of their arrays."""


class DatabaseSink(Sink):
    """Inserts into `results` under a run with status 'writing', each piece in a short transaction of its own;
    publishing is one more, which sets the status and moves `current_runs` to this run.

    Readers join through `current_runs` and so see yesterday's run until today's is whole. A run over some users
    only is published under its id, and `current_runs` stays where it is. The run's settings hold its key, and the rows
    of each shard that is whole: rows of a shard that is not are taken away before the run goes on.
    """

    def __init__(self, database: Database, *, name: str = CURRENT) -> None:
        self._database, self._name = database, name
        self._head: RunHead | None = None
        self._counts: RunCounts | None = None
        self._settings: dict[str, Any] = {}
        self._rows = 0  # since the last shard
        self._published = False
        self._let_go: Callable[[], None] = lambda: None

    def check(self) -> None:
        self._database.require_tables("runs", "current_runs", "results")

    # What is there of a run

    def claim(self, head: RunHead) -> Earlier | None:
        self.check()
        try:
            with uncut():
                self._let_go = hold_key(self._database, head.key)
        except Held:
            raise DatabaseError(
                f"The same run (data, model and settings) is being written to {self._database.display} by another "
                "process: wait for it, or leave the database out."
            ) from None
        there = [run for run in runs_of_key(self._database, head.key) if self._counts_as_there(run, head.whole)]
        unfinished = [run for run in there if not run.published]
        return max(unfinished or there, key=lambda run: run.run_id, default=None)

    def _counts_as_there(self, run: Earlier, whole: bool) -> bool:
        return not run.published or not whole or run.run_id == current_run(self._database, self._name)

    # Writing

    def open(self, head: RunHead) -> None:
        self._settings = {
            "k": head.k,
            "weights": dict(head.weights),
            "model_digest": head.model_digest,
            "clock_set_back": head.clock_set_back,
            "code_version": head.code_version,
            "whole": head.whole,
            "key": head.key,
            "facts": dict(head.facts),
            "gate": None,
            "shards": {},
        }
        # before it is there: a Ctrl-C may come between its commit and the next line
        self._head, self._rows, self._published = head, 0, False
        with self._database.begin() as connection:
            for run in runs_of_key(self._database, head.key):
                if not run.published:
                    remove_run(connection, run.run_id)
            connection.execute(
                insert(runs).values(
                    run_id=head.run_id,
                    status="writing",
                    model=head.model,
                    settings=json.dumps(self._settings, ensure_ascii=False),
                    data_fingerprint=head.dataset_fingerprint,
                    as_of=_microseconds(head.as_of),
                    created_at=_microseconds(head.created_at),
                )
            )
        faults.point("run inserted")

    def go_on(self, head: RunHead, shards: Sequence[Shard]) -> Mapping[int, int]:
        found = {run.run_id: run for run in runs_of_key(self._database, head.key)}.get(head.run_id)
        if found is None:
            self.open(head)
            return {}
        with self._database.begin() as connection:
            text = connection.execute(select(runs.c.settings).where(runs.c.run_id == head.run_id)).scalar_one()
            self._settings = json.loads(text)
            noted = {int(number): rows for number, rows in self._settings["shards"].items()}
            if not found.published:
                noted = _whole(connection, head.run_id, shards, noted)
                self._settings["shards"] = {str(number): rows for number, rows in noted.items()}
                connection.execute(_with_settings(head.run_id, self._settings))
        self._head, self._rows, self._published = head, 0, found.published
        return noted

    def write(self, ranking: Ranking) -> None:
        assert self._head is not None, "open() comes before write()"
        frame = ranking.frame()
        with self._database.begin() as connection:
            for first in range(0, len(frame), _ROWS_AT_ONCE):
                part = frame.iloc[first : first + _ROWS_AT_ONCE]
                numbers = {name: part[name].to_numpy() for name in _NAMES[1:]}
                insert_columns(connection, results, {_NAMES[0]: self._head.run_id, **numbers})
            faults.point("rows inserted")
        faults.point("rows committed")
        self._rows += len(frame)

    def end_shard(self, shard: Shard) -> None:
        assert self._head is not None, "open() comes before end_shard()"
        self._settings["shards"][str(shard.number)] = self._rows
        self._rows = 0
        with self._database.begin() as connection:
            connection.execute(_with_settings(self._head.run_id, self._settings))
        faults.point("shard committed")

    # What is compared before it is published

    slow_to_read = True

    def written(self, shard: Shard, k: int) -> Lists | None:
        assert self._head is not None, "open() comes before written()"
        return read_users(self._database, self._head.run_id, shard.first_user, shard.last_user, k)

    def published_runs(self) -> list[PublishedRun]:
        with self._database.connect() as connection:
            ids = connection.execute(select(runs.c.run_id).where(runs.c.status == "published")).scalars().all()
        used = current_run(self._database, self._name)
        return [DatabaseRun(self._database, run_id, run_id == used) for run_id in ids]

    def take_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        assert self._head is not None, "open() comes before take_verdict()"
        if verdict == self._settings.get("gate") or self._published:
            return
        self._settings["gate"] = verdict
        with self._database.begin() as connection:
            connection.execute(_with_settings(self._head.run_id, self._settings))
        faults.point("verdict committed")

    def seal(self, counts: RunCounts) -> None:
        self._counts = counts

    def publish(self) -> Place:
        assert self._head is not None, "open() comes before publish()"
        assert self._counts is not None, "seal() comes before publish()"
        head = self._head
        if not self._published:
            with self._database.begin() as connection:
                connection.execute(_as_published(head, self._counts))
                if head.whole:
                    self._move_current(connection, head.run_id)
                faults.point("database publishing")
            faults.point("database published")
        self._release()
        return Place("database", f"{self._database.display}, results of run {head.run_id}")

    def _move_current(self, connection: Connection, run_id: str) -> None:
        here = current_runs.c.name == self._name
        moved = connection.execute(update(current_runs).where(here).values(run_id=run_id))
        if not moved.rowcount:
            connection.execute(insert(current_runs).values(name=self._name, run_id=run_id))

    # Stopping

    def abort(self) -> None:
        head = self._head
        if head is not None and not self._published:
            # what went wrong may be the database itself; readers never see a run that is not published
            with suppress(DatabaseError), self._database.begin() as connection:
                remove_run(connection, head.run_id)
        self._release()

    def suspend(self) -> None:
        self._release()

    def _release(self) -> None:
        self._head = None
        let_go, self._let_go = self._let_go, lambda: None
        let_go()

    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        return 400 * min(chunk_rows, _ROWS_AT_ONCE)  # as Python objects: lists of columns, and tuples of a batch


def runs_of_key(database: Database, key: str) -> list[Earlier]:
    """Every run of this key, unfinished or published."""
    wanted = select(runs.c.run_id, runs.c.status, runs.c.created_at, runs.c.settings)
    # the text holds it in this form: `json.dumps` wrote it
    with database.connect() as connection:
        found = connection.execute(wanted.where(runs.c.settings.contains(f'"key": "{key}"'))).all()
    return [
        Earlier(
            run.run_id,
            datetime.fromtimestamp(run.created_at / 1e6, UTC),
            published=run.status == "published",
            shards=len(json.loads(run.settings)["shards"]),
        )
        for run in found
    ]


def current_run(database: Database, name: str = CURRENT) -> str | None:
    """The run that readers of this name get."""
    with database.connect() as connection:
        return connection.execute(select(current_runs.c.run_id).where(current_runs.c.name == name)).scalar()


def remove_run(connection: Connection, run_id: str) -> None:
    """Takes away a run that is nobody's current one, and its rows."""
    connection.execute(delete(results).where(results.c.run_id == run_id))
    connection.execute(delete(runs).where(runs.c.run_id == run_id))


def _whole(connection: Connection, run_id: str, shards: Sequence[Shard], noted: Mapping[int, int]) -> dict[int, int]:
    """The shards whose rows are all there; rows of the others are taken away."""
    whole = {}
    for shard in shards:
        mine = (results.c.run_id == run_id) & results.c.user_id.between(shard.first_user, shard.last_user)
        if shard.number in noted:
            there = connection.execute(select(func.count()).select_from(results).where(mine)).scalar_one()
            if there == noted[shard.number]:
                whole[shard.number] = there
                continue
        connection.execute(delete(results).where(mine))
    return whole


def _with_settings(run_id: str, settings: Mapping[str, Any]) -> Update:
    text = json.dumps(settings, ensure_ascii=False)
    return update(runs).where(runs.c.run_id == run_id).values(settings=text)


def _as_published(head: RunHead, counts: RunCounts) -> Update:
    return (
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


def _microseconds(moment: datetime) -> int:
    return int(pd.Timestamp(moment).as_unit("us").asm8.astype("int64"))
