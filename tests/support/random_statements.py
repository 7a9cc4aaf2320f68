"""Random statements of other programs on the tables of a database, and the state that the log defines."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pandas as pd
import sqlalchemy as sa

from scoring.columns.dataset_frames import Tables
from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.readers import read_database, read_tables
from scoring.dataset.clock import Clock
from scoring.live.event_log import EventLog
from scoring.live.live_tables import LiveTables
from scoring.validation.cross_table_checks import accept_tables

__all__ = ["LogReplica", "RandomPrograms", "read_accepted_tables"]

LATE = Clock(pd.Timestamp("2100-01-01", tz="UTC"), set_back=False)


def read_accepted_tables(database: Database) -> Tables:
    """Return the tables without the rows that a run leaves out."""
    return read_database(database, on_bad="quarantine", as_of=LATE.as_of)[0]


class RandomPrograms:
    """Several connections that change the tables in random transactions.

    On SQLite, one transaction follows another. On PostgreSQL, three are open at a time.
    """

    def __init__(self, database: Database, seed: int) -> None:
        self.random = random.Random(f"statements-{seed}")
        self.is_postgres = database.dialect == "postgresql"
        self._connections = [database.engine.connect() for _ in range(3 if self.is_postgres else 1)]
        if self.is_postgres:
            for connection in self._connections:
                connection.exec_driver_sql("SET lock_timeout = '30ms'")
                connection.commit()

    def step(self) -> None:
        """Run one statement, and end its transaction sometimes."""
        connection, statements = self.random.choice(self._connections), self._make()
        try:
            for statement in statements:
                connection.execute(sa.text(statement))
        except sa.exc.DBAPIError:  # a constraint, or a lock of another transaction
            connection.rollback()
        # readers would wait for the transaction of a TRUNCATE
        if self.random.random() < 0.4 or statements[0].startswith("TRUNCATE"):
            connection.rollback() if self.random.random() < 0.25 else connection.commit()

    def finish(self) -> None:
        for connection in self._connections:
            connection.commit()
            connection.close()

    def abandon(self) -> None:
        for connection in self._connections:
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()

    def _make(self) -> list[str]:
        draw, job, user = self.random.random(), self.random.randrange(1, 12), self.random.randrange(1, 8)
        if draw < 0.2:
            columns = ", ".join(f"{name} = excluded.{name}" for name in ("fee", "title", "posted_at", "is_active"))
            values = f"{job}, {self._fee()}, {self._text()}, {self._time()}, {self._flag()}"
            return [
                f"INSERT INTO jobs (job_id, fee, title, posted_at, is_active) VALUES ({values}) "
                + self.random.choice(("ON CONFLICT DO NOTHING", f"ON CONFLICT (job_id) DO UPDATE SET {columns}"))
            ]
        if draw < 0.4:
            column, value = self.random.choice(
                [("fee", self._fee()), ("title", self._text()), ("company_id", self._text()),
                 ("occupation_code", str(job)), ("is_active", self._flag()), ("expires_at", self._time())]
            )  # fmt: skip
            some = self.random.choice((f"job_id = {job}", f"job_id > {job}", "is_active"))
            return [f"UPDATE jobs SET {column} = {value} WHERE {some}"]
        if draw < 0.48:
            return [f"DELETE FROM jobs WHERE job_id = {job}"]
        if draw < 0.6:
            columns = "user_id, preferred_occupations, is_active, registered_at, external_id"
            values = f"{user}, {self._list()}, {self._flag()}, {self._time()}, {self._text()}"
            return [f"INSERT INTO users ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"]
        if draw < 0.68:
            return [f"UPDATE users SET preferred_occupations = {self._list()}, age_group = {self._text()} "
                    f"WHERE user_id <= {user}"]  # fmt: skip
        if draw < 0.74:
            deletion = [f"DELETE FROM users WHERE user_id = {user}", f"DELETE FROM actions WHERE user_id = {user}"]
            return self.random.choice((deletion, deletion[:1], deletion[::-1]))
        if draw < 0.97:
            kind = self.random.choice(("view", "click", "application"))
            return [f"INSERT INTO actions VALUES ({user}, {job}, '{kind}', {self._time()}) ON CONFLICT DO NOTHING"]
        rare = [
            [f"DELETE FROM actions WHERE job_id = {job}"],
            [f"UPDATE jobs SET job_id = {job + 20} WHERE job_id = {job}"],
            [f"UPDATE users SET user_id = {user + 20} WHERE user_id = {user}"],
            [f"UPDATE actions SET occurred_at = occurred_at + 1 WHERE user_id = {user}"],
        ]
        if self.is_postgres:
            rare += [["TRUNCATE actions"], ["TRUNCATE jobs"]]
        return self.random.choice(rare)

    def _fee(self) -> str:
        infinity = "'Infinity'" if self.is_postgres else "9e999"
        return self.random.choice(("NULL", "0.1", "1200", f"{self.random.random()!r}", "1e13", infinity))

    def _text(self) -> str:
        values = ["NULL", "'a'", "' b '", "'居酒屋 \"x\"'", "'C\\1'", "'13'", "'line\nend'"]
        return self.random.choice([*values, "x'00ff'"] if not self.is_postgres else values)

    def _time(self) -> str:
        return self.random.choice((str(1_748_736_000_000_000 + self.random.randrange(3)), str(2**62)))

    def _flag(self) -> str:
        return self.random.choice(("true", "true", "false") if self.is_postgres else ("1", "1", "0", "'yes'", "7"))

    def _list(self) -> str:
        return self.random.choice(("NULL", "'1|2'", "'1202'", "'x|y'", "''"))


class LogReplica:
    """The tables that the log defines: those at the start, and the events since then."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self.database, self.log = database, log
        self.n_events = self.n_rebuilds = 0
        self._read_tables()

    def _read_tables(self) -> None:
        with self.database.snapshot() as connection:
            board = read_board(connection)
            found = read_tables(connection, board)
            tables = accept_tables(found, on_bad="quarantine", as_of=LATE.as_of, board=board)[0]
            # actions whose user or job does not exist count as soon as it appears
            self.tables = LiveTables(tables.with_tables(actions=found["actions"].frame))
            self.position = self.log.end(connection)

    def catch_up(self, limit: int) -> None:
        """Read all pages. After an event `table_replaced`, read the tables again."""
        while True:
            page = self.log.read(self.position, limit)
            self.position = page.position
            self.n_events += len(page.events) + len(page.rejected_seqs)
            if any(event.kind == "table_replaced" for event in page.events):
                self.n_rebuilds += 1
                self._read_tables()
                continue
            for event in page.events:
                self.tables.apply(event.event())
            if not page.n_left:
                return

    def require_equal(self) -> None:
        """Require that the rows equal those of the database which a run accepts."""
        found, wanted = self.tables.make_dataset(LATE).tables, read_accepted_tables(self.database)
        for name in ("jobs", "users", "actions"):
            left, right = (_sort(getattr(tables, name)) for tables in (found, wanted))
            pd.testing.assert_frame_equal(left, right, check_dtype=False, obj=name)


def _sort(frame: pd.DataFrame) -> pd.DataFrame:
    key: list[Any] = [name for name in ("user_id", "job_id", "action", "occurred_at") if name in frame]
    return frame.sort_values(key, ignore_index=True)
