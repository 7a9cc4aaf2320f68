"""Results in the database, published in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Update, delete, func, insert, select, update

from scoring.bundle.ranked_lists import Ranking
from scoring.columns.series_functions import to_objects
from scoring.database.database import Database
from scoring.database.schema import current_runs, results, runs
from scoring.database.sql_filters import to_microseconds
from scoring.database.writers import insert_columns, insert_rows
from scoring.errors import DatabaseError
from scoring.runs.memory_forecast import BYTES_PER_RESULT
from scoring.runs.publishers.database_digests import Digest
from scoring.runs.publishers.database_list_reader import DatabaseRun, read_users
from scoring.runs.publishers.database_lock import KeyLock, hold_key
from scoring.runs.publishers.database_runs import (
    CURRENT,
    PUBLISHED,
    WRITING,
    find_current_run,
    find_runs,
    has_all_rows,
    remove_run,
)
from scoring.runs.publishers.published_lists import ListBlock, PublishedRun
from scoring.runs.publishers.publisher import (
    Claim,
    Destination,
    ExistingRun,
    OpenRun,
    Publisher,
    RunCounts,
    RunMetadata,
)
from scoring.runs.shards import Shard, ShardResult
from scoring.storage.file_lock import LockHeldError
from scoring.telemetry import fault_injection
from scoring.telemetry.signal_deferral import defer_signals

__all__ = ["DatabasePublisher"]

_NAMES = [column.name for column in results.columns if not column.nullable]
"""Columns of numbers in the order of the table, which `insert_columns` requires to insert three times as fast."""

_TEXTS = [column.name for column in results.columns if column.nullable]
"""Columns of external ids."""

FENCE = "fence"
"""Key of the fencing number in the settings of an unpublished run. Each process that continues the run increments it.
An earlier process that is still alive can then neither write nor publish."""

_ROWS_AT_ONCE = 50_000
"""Rows in one transaction. They are Python objects meanwhile, which take ten times the memory of their arrays."""


class DatabasePublisher(Publisher):
    """Insert rows into `results`, and publish the run in one transaction.

    The run has the status 'writing' until it is published. Each shard is inserted in short transactions. The last
    transaction sets the status and moves `current_runs` to this run. Readers join through `current_runs`, so they get
    the previous run until then. A run over selected users is published under its id and does not change
    `current_runs`. The settings of the run contain its key and the number of rows of each committed shard. `resume`
    deletes the rows of other shards.

    The settings of an unpublished run also contain a fencing number, which every transaction checks. It matters if the
    lock is lost with its connection, and another process resumes the run meanwhile.

    If the connection is lost, the transaction is repeated. The rows of an attempt with an unconfirmed commit are
    deleted first. If the database stays unavailable, the run ends unpublished and can be resumed.
    """

    is_slow_to_read = True

    def __init__(self, database: Database, *, name: str = CURRENT) -> None:
        self._database, self._name = database, name

    def check(self) -> None:
        """Raise DatabaseError if a run cannot be written. Call it before long work."""
        self._database.require_tables("runs", "current_runs", "results")
        self._database.migrate()

    def claim(self, metadata: RunMetadata) -> Claim:
        self.check()
        with ExitStack() as stack:
            try:
                with defer_signals():
                    lock = hold_key(self._database, metadata.key)
                    stack.callback(lock)
            except LockHeldError:
                raise _make_lock_error(self._database) from None
            existing_runs = [
                run for run in find_runs(self._database, metadata.key) if self._is_current(run, metadata.whole)
            ]
            stack.pop_all()
        unfinished = [run for run in existing_runs if not run.is_published]
        existing = max(unfinished or existing_runs, key=lambda run: run.run_id, default=None)
        return _DatabaseClaim(self._database, self._name, lock, existing)

    def _is_current(self, run: ExistingRun, covers_all_users: bool) -> bool:
        """Return whether the run is unfinished, or is the run that readers get and has all of its rows."""
        if not run.is_published:
            return True
        return (not covers_all_users or run.run_id == find_current_run(self._database, self._name)) and has_all_rows(
            self._database, run.run_id
        )

    def list_published_runs(self) -> list[PublishedRun]:
        query = select(runs.c.run_id).where(runs.c.status == PUBLISHED)
        ids = self._database.read(lambda connection: connection.execute(query).scalars().all())
        used = find_current_run(self._database, self._name)
        return [DatabaseRun(self._database, run_id, run_id == used) for run_id in ids]

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        in_shard = min(rows, shard_rows)
        # the shard as a frame; as Python objects: lists of columns, and tuples of a batch
        return BYTES_PER_RESULT * in_shard + 400 * min(in_shard, _ROWS_AT_ONCE)


class _DatabaseClaim(Claim):
    def __init__(self, database: Database, name: str, lock: KeyLock, existing: ExistingRun | None) -> None:
        self.existing = existing
        self.database, self.name, self._lock = database, name, lock
        self._unpublished: str | None = None  # the run that `abort` deletes

    def begin(self, metadata: RunMetadata) -> OpenRun:
        settings = {
            "k": metadata.k,
            "weights": dict(metadata.weights),
            "model_digest": metadata.model_digest,
            "definition": dict(metadata.definition),
            "clock_set_back": metadata.clock_set_back,
            "code_version": metadata.code_version,
            "whole": metadata.whole,
            "key": metadata.key,
            "facts": dict(metadata.facts),
            **({"list_rules": list(metadata.list_rules)} if metadata.list_rules else {}),
            "gate": None,
            FENCE: 1,
            "shards": {},
            "digests": {},
        }
        row = insert(runs).values(
            run_id=metadata.run_id,
            status=WRITING,
            model=metadata.model,
            settings=json.dumps(settings, ensure_ascii=False),
            data_fingerprint=metadata.dataset_fingerprint,
            as_of=to_microseconds(metadata.as_of),
            created_at=to_microseconds(metadata.created_at),
            run_key=metadata.key,
        )

        def work(connection: Connection, is_retry: bool) -> None:
            for run in find_runs(self.database, metadata.key):
                if not run.is_published:
                    remove_run(connection, run.run_id)
            connection.execute(row)

        self._unpublished = metadata.run_id  # before the commit, because Ctrl-C may interrupt right after it
        self.write(work)
        fault_injection.reach("run inserted")
        return _DatabaseOpenRun(self, metadata, settings, {}, is_published=False)

    def resume(self, metadata: RunMetadata, shards: Sequence[Shard]) -> OpenRun:
        existing = {run.run_id: run for run in find_runs(self.database, metadata.key)}.get(metadata.run_id)
        if existing is None:
            return self.begin(metadata)
        is_published = existing.is_published
        settings: dict[str, Any] = {}
        committed: dict[int, int] = {}

        def work(connection: Connection, is_retry: bool) -> None:
            nonlocal settings, committed
            text = connection.execute(select(runs.c.settings).where(runs.c.run_id == metadata.run_id)).scalar_one()
            settings = json.loads(text)
            committed = {int(number): rows for number, rows in settings["shards"].items()}
            if not is_published:
                settings[FENCE] = settings.get(FENCE, 0) + 1
                committed = _find_complete_shards(connection, metadata.run_id, shards, committed)
                settings["shards"] = {str(number): rows for number, rows in committed.items()}
                connection.execute(_update_settings(metadata.run_id, settings))

        self.write(work)
        self._unpublished = None if is_published else metadata.run_id
        return _DatabaseOpenRun(self, metadata, settings, committed, is_published=is_published)

    def write(self, work: Callable[[Connection, bool], None], *, is_last: bool = False) -> None:
        """Run `work(connection, is_retry)` in a transaction. `is_retry` is true after a failed attempt.

        The lock is renewed before a repeated attempt and before the last transaction, because it is lost with its
        connection.
        """
        attempts = 0

        def once(connection: Connection) -> None:
            nonlocal attempts
            attempts += 1
            if is_last or attempts > 1:
                self._lock.renew()
            work(connection, attempts > 1)

        try:
            self.database.write(once)
        except LockHeldError:
            raise _make_lock_error(self.database) from None

    def end(self) -> None:
        """End the claim of a published run."""
        self._unpublished = None
        self._lock()

    def abort(self) -> None:
        run_id, self._unpublished = self._unpublished, None
        if run_id is not None:
            # the database may be the cause of the failure; readers never see an unpublished run
            with suppress(DatabaseError), self.database.begin() as connection:
                remove_run(connection, run_id)
        self._lock()

    def suspend(self) -> None:
        self._unpublished = None
        self._lock()


class _WrittenPart:
    """The users, the rows and the digest of the lists of a shard that are stored."""

    def __init__(self) -> None:
        self.users, self.rows, self.digest = 0, 0, Digest()

    def add(self, lists: Ranking, insert_lists: Callable[[Ranking, pd.DataFrame], None]) -> None:
        for part in _split(lists):
            frame = part.frame()
            insert_lists(part, frame)
            self.users += len(part.user_id)
            self.rows += len(frame)
            self.digest.add(frame)


class _DatabaseOpenRun(OpenRun):
    def __init__(
        self,
        claim: _DatabaseClaim,
        metadata: RunMetadata,
        settings: dict[str, Any],
        committed: Mapping[int, int],
        *,
        is_published: bool,
    ) -> None:
        self.committed = committed
        self.is_thread_safe = claim.database.allows_threads
        self._claim, self._metadata, self._settings, self._is_published = claim, metadata, settings, is_published
        self._parts: dict[int, _WrittenPart] = {}  # by shard

    def write_part(self, shard: Shard, lists: Ranking) -> None:
        self._parts.setdefault(shard.number, _WrittenPart()).add(lists, self._insert)

    def commit_shard(self, result: ShardResult) -> None:
        written, ranking = self._parts.pop(result.shard.number, _WrittenPart()), result.ranking
        if written.users:
            ranking = ranking.take(np.arange(written.users, len(ranking.user_id)))
        written.add(ranking, self._insert)
        digest, rows, number = written.digest, written.rows, str(result.shard.number)
        # sorted by number, so that the settings do not depend on the order of the shards
        for name, value in (("shards", rows), ("digests", digest.text())):
            values = self._settings.get(name, {}) | {number: value}
            self._settings[name] = {key: values[key] for key in sorted(values, key=int)}
        self._store_settings()
        fault_injection.reach("shard committed")

    def _insert(self, part: Ranking, frame: pd.DataFrame) -> None:
        run_id, users = self._metadata.run_id, part.user_id

        def work(connection: Connection, is_retry: bool) -> None:
            self._require_fence(connection)
            if is_retry:
                of_users = results.c.user_id.between(int(users[0]), int(users[-1]))
                connection.execute(delete(results).where(results.c.run_id == run_id, of_users))
            for first in range(0, len(frame), _ROWS_AT_ONCE):
                batch = frame.iloc[first : first + _ROWS_AT_ONCE]
                texts = [name for name in _TEXTS if name in batch]
                if texts:
                    columns = [to_objects(batch[name]) for name in (*_NAMES[1:], *texts)]
                    rows = zip(repeat(run_id), *columns, strict=False)
                    insert_rows(connection, results, [*_NAMES, *texts], rows)
                else:
                    numbers = {name: batch[name].to_numpy() for name in _NAMES[1:]}
                    insert_columns(connection, results, {_NAMES[0]: run_id, **numbers})
            fault_injection.reach("rows inserted")

        self._claim.write(work)
        fault_injection.reach("rows committed")

    def _store_settings(self) -> None:
        statement = _update_settings(self._metadata.run_id, self._settings)

        def work(connection: Connection, is_retry: bool) -> None:
            self._require_fence(connection)
            self._require_run(connection.execute(statement).rowcount)

        self._claim.write(work)

    def _require_fence(self, connection: Connection) -> None:
        """Lock the row of the run, and check that no other process has continued or published the run."""
        query = select(runs.c.settings).where(runs.c.run_id == self._metadata.run_id).with_for_update()
        text = connection.execute(query).scalar_one_or_none()
        self._require_run(text is not None)
        if json.loads(text or "{}").get(FENCE) != self._settings.get(FENCE):
            raise DatabaseError(
                f"{self._claim.database.display}: another process has continued run {self._metadata.run_id}. This "
                "process has lost its lock and does not publish. Wait for the other one.",
                reason="other writer",
            )

    def _require_run(self, exists: int) -> None:
        if not exists:
            raise DatabaseError(
                f"{self._claim.database.display}: another process removed the run that was being written. "
                "Start the run again.",
                reason="removed run",
            )

    def _has_published(self, connection: Connection) -> bool:
        query = select(runs.c.status).where(runs.c.run_id == self._metadata.run_id)
        return connection.execute(query).scalar_one_or_none() == PUBLISHED

    def read_back(self, shard: Shard, k: int) -> ListBlock:
        return read_users(self._claim.database, self._metadata.run_id, shard.first_user, shard.last_user, k)

    def record_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        if verdict == self._settings.get("gate") or self._is_published:
            return
        self._settings["gate"] = verdict
        self._store_settings()
        fault_injection.reach("verdict committed")

    def seal(self, counts: RunCounts) -> None:
        """Do nothing: every committed shard is on disk."""

    def publish(self, counts: RunCounts) -> Destination:
        metadata, claim = self._metadata, self._claim
        if not self._is_published:
            final = {name: value for name, value in self._settings.items() if name != FENCE}
            statement = _mark_published(metadata, counts, final)

            def work(connection: Connection, is_retry: bool) -> None:
                if not (is_retry and self._has_published(connection)):  # a commit may succeed without a confirmation
                    self._require_fence(connection)
                self._require_run(connection.execute(statement).rowcount)
                if metadata.whole:
                    _move_current(connection, claim.name, metadata.run_id)
                fault_injection.reach("database publishing")

            claim.write(work, is_last=True)
            fault_injection.reach("database published")
        claim.end()
        return Destination("database", f"{claim.database.display}, results of run {metadata.run_id}")


def _split(ranking: Ranking) -> Iterator[Ranking]:
    """Yield the lists that one transaction inserts, and deletes before it is repeated."""
    users = max(1, _ROWS_AT_ONCE // max(1, ranking.job_id.shape[1]))
    n = len(ranking.user_id)
    for first in range(0, n, users):
        yield ranking if n <= users else ranking.take(np.arange(first, min(first + users, n)))


def _make_lock_error(database: Database) -> DatabaseError:
    return DatabaseError(
        f"Another process is writing the same run (data, model and settings) to {database.display}. Wait for it, or "
        "omit the database (--no-database).",
        reason="locked",
    )


def _move_current(connection: Connection, name: str, run_id: str) -> None:
    moved = connection.execute(update(current_runs).where(current_runs.c.name == name).values(run_id=run_id))
    if not moved.rowcount:
        connection.execute(insert(current_runs).values(name=name, run_id=run_id))


def _find_complete_shards(
    connection: Connection, run_id: str, shards: Sequence[Shard], recorded: Mapping[int, int]
) -> dict[int, int]:
    """Return number → rows of the shards that have all of their rows; delete the rows of other shards."""
    complete = {}
    for shard in shards:
        condition = (results.c.run_id == run_id) & results.c.user_id.between(shard.first_user, shard.last_user)
        if shard.number in recorded:
            n_rows = connection.execute(select(func.count()).select_from(results).where(condition)).scalar_one()
            if n_rows == recorded[shard.number]:
                complete[shard.number] = n_rows
                continue
        connection.execute(delete(results).where(condition))
    return complete


def _update_settings(run_id: str, settings: Mapping[str, Any]) -> Update:
    text = json.dumps(settings, ensure_ascii=False)
    return update(runs).where(runs.c.run_id == run_id).values(settings=text)


def _mark_published(metadata: RunMetadata, counts: RunCounts, settings: Mapping[str, Any]) -> Update:
    return (
        update(runs)
        .where(runs.c.run_id == metadata.run_id)
        .values(
            status=PUBLISHED,
            settings=json.dumps(settings, ensure_ascii=False),
            published_at=to_microseconds(datetime.now(metadata.created_at.tzinfo)),
            users=counts.users_scored,
            jobs=counts.jobs_ranked,
            rows=counts.rows,
        )
    )
