"""Results in the database, published in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Update, delete, func, insert, select, update

from scoring.bundle.ranking import Ranking
from scoring.database.database import Database
from scoring.database.schema import current_runs, results, runs
from scoring.database.writers import insert_columns
from scoring.errors import DatabaseError
from scoring.runs.publishers.database_digests import Digest
from scoring.runs.publishers.database_lists import DatabaseRun, read_users
from scoring.runs.publishers.database_lock import KeyLock, hold_key
from scoring.runs.publishers.database_runs import CURRENT, current_run, has_its_rows, remove_run, runs_of_key
from scoring.runs.publishers.list_block import Lists, PublishedRun
from scoring.runs.publishers.publisher import Earlier, Place, RunCounts, RunHead, Shard, Sink
from scoring.storage.file_lock import LockHeldError
from scoring.telemetry import faults
from scoring.telemetry.signal_deferral import defer_signals

__all__ = ["DatabaseSink"]

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

    Each of these transactions is done again when the database goes away meanwhile, and bears it: what an attempt may
    have left behind, because the answer to its commit was lost, goes first. A database that stays away ends the run
    with nothing published, and what is there of it to be gone on with.
    """

    def __init__(self, database: Database, *, name: str = CURRENT) -> None:
        self._database, self._name = database, name
        self._head: RunHead | None = None
        self._counts: RunCounts | None = None
        self._settings: dict[str, Any] = {}
        self._digest = Digest()  # of the shard that is being written
        self._rows = 0  # since the last shard
        self._published = False
        self._lock = KeyLock()

    def check(self) -> None:
        self._database.require_tables("runs", "current_runs", "results")
        self._database.migrate()

    # What is there of a run

    def claim(self, head: RunHead) -> Earlier | None:
        self.check()
        try:
            with defer_signals():
                self._lock = hold_key(self._database, head.key)
        except LockHeldError:
            raise self._held() from None
        there = [run for run in runs_of_key(self._database, head.key) if self._counts_as_there(run, head.whole)]
        unfinished = [run for run in there if not run.published]
        return max(unfinished or there, key=lambda run: run.run_id, default=None)

    def _held(self) -> DatabaseError:
        return DatabaseError(
            f"The same run (data, model and settings) is being written to {self._database.display} by another "
            "process: wait for it, or leave the database out."
        )

    def _write(self, work: Callable[[Connection, bool], None], *, last: bool = False) -> None:
        """`work(connection, again)` in a transaction, `again` once an earlier attempt has failed.

        Then, and before the last one, the lock is looked at: it goes with its connection, when the server does.
        """
        attempts = 0

        def once(connection: Connection) -> None:
            nonlocal attempts
            attempts += 1
            if last or attempts > 1:
                self._lock.renew()
            work(connection, attempts > 1)

        try:
            self._database.write(once)
        except LockHeldError:
            raise self._held() from None

    def _counts_as_there(self, run: Earlier, whole: bool) -> bool:
        """An unfinished one; or what readers get, if all of its rows are there."""
        if not run.published:
            return True
        return (not whole or run.run_id == current_run(self._database, self._name)) and has_its_rows(
            self._database, run.run_id
        )

    # Writing

    def open(self, head: RunHead) -> None:
        self._settings = {
            "k": head.k,
            "weights": dict(head.weights),
            "model_digest": head.model_digest,
            "definition": dict(head.definition),
            "clock_set_back": head.clock_set_back,
            "code_version": head.code_version,
            "whole": head.whole,
            "key": head.key,
            "facts": dict(head.facts),
            "gate": None,
            "shards": {},
            "digests": {},
        }
        # before it is there: a Ctrl-C may come between its commit and the next line
        self._head, self._rows, self._digest, self._published = head, 0, Digest(), False
        row = insert(runs).values(
            run_id=head.run_id,
            status="writing",
            model=head.model,
            settings=json.dumps(self._settings, ensure_ascii=False),
            data_fingerprint=head.dataset_fingerprint,
            as_of=_microseconds(head.as_of),
            created_at=_microseconds(head.created_at),
            run_key=head.key,
        )

        def work(connection: Connection, again: bool) -> None:
            for run in runs_of_key(self._database, head.key):
                if not run.published:
                    remove_run(connection, run.run_id)
            connection.execute(row)

        self._write(work)
        faults.point("run inserted")

    def go_on(self, head: RunHead, shards: Sequence[Shard]) -> Mapping[int, int]:
        found = {run.run_id: run for run in runs_of_key(self._database, head.key)}.get(head.run_id)
        if found is None:
            self.open(head)
            return {}
        noted: dict[int, int] = {}

        def work(connection: Connection, again: bool) -> None:
            nonlocal noted
            text = connection.execute(select(runs.c.settings).where(runs.c.run_id == head.run_id)).scalar_one()
            self._settings = json.loads(text)
            noted = {int(number): rows for number, rows in self._settings["shards"].items()}
            if not found.published:
                noted = _whole(connection, head.run_id, shards, noted)
                self._settings["shards"] = {str(number): rows for number, rows in noted.items()}
                connection.execute(_with_settings(head.run_id, self._settings))

        self._write(work)
        self._head, self._rows, self._digest, self._published = head, 0, Digest(), found.published
        return noted

    def write(self, ranking: Ranking) -> None:
        assert self._head is not None, "open() comes before write()"
        run_id, users, frame = self._head.run_id, ranking.user_id, ranking.frame()

        def work(connection: Connection, again: bool) -> None:
            if again:
                mine = results.c.user_id.between(int(users[0]), int(users[-1]))
                connection.execute(delete(results).where(results.c.run_id == run_id, mine))
            for first in range(0, len(frame), _ROWS_AT_ONCE):
                part = frame.iloc[first : first + _ROWS_AT_ONCE]
                numbers = {name: part[name].to_numpy() for name in _NAMES[1:]}
                insert_columns(connection, results, {_NAMES[0]: run_id, **numbers})
            faults.point("rows inserted")

        self._write(work)
        faults.point("rows committed")
        self._rows += len(frame)
        self._digest.add(frame)

    def end_shard(self, shard: Shard) -> None:
        assert self._head is not None, "open() comes before end_shard()"
        self._settings["shards"][str(shard.number)] = self._rows
        self._settings.setdefault("digests", {})[str(shard.number)] = self._digest.text()
        self._rows, self._digest = 0, Digest()
        statement = _with_settings(self._head.run_id, self._settings)
        self._write(lambda connection, again: self._require_run(connection.execute(statement).rowcount))
        faults.point("shard committed")

    # What is compared before it is published

    slow_to_read = True

    def written(self, shard: Shard, k: int) -> Lists | None:
        assert self._head is not None, "open() comes before written()"
        return read_users(self._database, self._head.run_id, shard.first_user, shard.last_user, k)

    def published_runs(self) -> list[PublishedRun]:
        wanted = select(runs.c.run_id).where(runs.c.status == "published")
        ids = self._database.read(lambda connection: connection.execute(wanted).scalars().all())
        used = current_run(self._database, self._name)
        return [DatabaseRun(self._database, run_id, run_id == used) for run_id in ids]

    def take_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        assert self._head is not None, "open() comes before take_verdict()"
        if verdict == self._settings.get("gate") or self._published:
            return
        self._settings["gate"] = verdict
        statement = _with_settings(self._head.run_id, self._settings)
        self._write(lambda connection, again: self._require_run(connection.execute(statement).rowcount))
        faults.point("verdict committed")

    def seal(self, counts: RunCounts) -> None:
        self._counts = counts

    def publish(self) -> Place:
        assert self._head is not None, "open() comes before publish()"
        assert self._counts is not None, "seal() comes before publish()"
        head = self._head
        if not self._published:
            statement = _as_published(head, self._counts)

            def work(connection: Connection, again: bool) -> None:
                self._require_run(connection.execute(statement).rowcount)
                if head.whole:
                    self._move_current(connection, head.run_id)
                faults.point("database publishing")

            self._write(work, last=True)
            faults.point("database published")
        self._release()
        return Place("database", f"{self._database.display}, results of run {head.run_id}")

    def _require_run(self, there: int) -> None:
        if not there:
            raise DatabaseError(
                f"{self._database.display}: the run that was being written was removed by another process. Run again."
            )

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
        self._lock()

    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        return 400 * min(chunk_rows, _ROWS_AT_ONCE)  # as Python objects: lists of columns, and tuples of a batch


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
