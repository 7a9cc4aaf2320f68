"""The log of changed rows, read in pages, and rows written with their events.

The tables and triggers of the log are in `scoring.database.event_tables`. On SQLite, numbers ascend in the order of
commits. On PostgreSQL, a transaction with lower numbers can commit later. A position there contains the snapshot of its
page: the next page has all events that are visible now and were not visible then. Nothing is lost, nothing is read
twice, and no transaction delays the events of others. After a whole page, the rows are those of one snapshot.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Connection, select, text

from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.event_tables import (
    has_log,
    has_triggers,
    install_log,
    log_settings,
    remove_log,
)
from scoring.errors import DatabaseError
from scoring.live.event_decoder import DecodedRow, EventDecoder, to_time
from scoring.live.events import Event, to_microseconds
from scoring.live.row_writer import Written, write_rows

__all__ = ["EventLog", "LogEvent", "LogPage", "LogPosition", "LogRestoredError", "Written"]

MAX_EVENTS: Final = 5_000
"""Events of a page, at most."""
MAX_BYTES: Final = 16 * 2**20
"""Bytes of the bodies of a page, at most, unless its first event is larger."""

_TABLES: Final = {"job": "jobs", "user": "users", "action": "actions"}
_REPLACED: Final = "table_replaced"


class LogRestoredError(DatabaseError):
    """The log is not the one of the position: the database was restored, or the log was cut or installed again."""


@dataclass(frozen=True)
class LogPosition:
    """Which events of a log have been read.

    Parameters
    ----------
    epoch: The identity of the log.
    seq: The highest number that was read; 0 if the log was empty.
    at: When that event was recorded, in microseconds since 1970. It differs in a restored database.
    snapshot: PostgreSQL: the snapshot whose events have all been read.
    upto: PostgreSQL: the later snapshot of which events up to `cursor` have been read; empty after a whole page.
    """

    epoch: str
    seq: int
    at: int
    snapshot: str = ""
    upto: str = ""
    cursor: int = 0

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, content: str) -> Self:
        """Return the position of a text that `str` has made."""
        return cls(**json.loads(content))


@dataclass(frozen=True)
class LogEvent:
    """One event of the log.

    Parameters
    ----------
    seq: Its number: the version of the row.
    kind: `job`, `user` or `action`; `table_replaced`, `tick` or `model`.
    key: The id of the job or user, the user of an action, or the number of a tick or a promotion.
    body: The row, as canonical Python values, or the JSON object of another kind. None if it was deleted.
    at: When it was recorded.
    """

    seq: int
    kind: str
    key: int | None
    body: Mapping[str, Any] | None
    at: datetime

    def event(self) -> Event:
        """Return the event of a job, a user or an action for `LiveLists`."""
        kind: Any = self.kind
        assert self.key is not None
        return Event(self.seq, kind, self.key, self.body, self.at)


@dataclass(frozen=True)
class LogPage:
    """Events of a log in the order of their numbers.

    Attributes
    ----------
    position: The position after the page.
    rejected_seqs: Numbers without an event: an invalid action, a body that is not JSON, or the row of a deleted user.
    held_back_by: PostgreSQL: a transaction that has been changing the tables for 10 seconds; None if there is none.
    n_left: Number of events after the page.
    """

    events: tuple[LogEvent, ...]
    position: LogPosition
    rejected_seqs: tuple[int, ...] = ()
    rejected: int = 0
    held_back_by: str | None = None
    n_left: int = 0


class EventLog:
    """The log of one database. One thread at a time may use an object.

    Parameters
    ----------
    database: SQLite or PostgreSQL.

    Raises
    ------
    DatabaseError: If the database is MySQL or MariaDB.

    Example
    -------
    >>> with Database.open(folder / "market.db") as database:
    ...     log = EventLog(database)
    ...     log.install()
    ...     start = log.end()
    ...     written = log.write_rows([{"kind": "job", "row": {"job_id": 7001, "fee": 5000}}])
    ...     page = log.read(start)
    ...     log.uninstall()
    >>> [(event.kind, event.key, event.body["fee"]) for event in page.events]
    [('job', 7001, 5000.0)]
    """

    def __init__(self, database: Database) -> None:
        database.require_writable()
        self.database = database
        self._decoder: EventDecoder | None = None

    # Tables and triggers

    def install(self, *, triggers: bool = True) -> None:
        """Create the tables of the log, and the triggers on jobs, users and actions. Existing ones are kept.

        Parameters
        ----------
        triggers: False: remove the triggers. Changes by other programs are then not in the log.

        Raises
        ------
        DatabaseError: If the database has another table `events`, or the user lacks a permission.
        """
        self.database.require_tables("jobs", "users", "actions")
        self.database.migrate()
        display = self.database.display
        self.database.write(
            lambda connection: install_log(connection, read_board(connection), display, triggers=triggers)
        )

    def uninstall(self) -> None:
        """Remove the triggers and the tables of the log."""
        self.database.write(remove_log)

    @property
    def is_installed(self) -> bool:
        """Whether the tables of the log exist."""
        return self.database.read(has_log)

    @property
    def has_triggers(self) -> bool:
        """Whether the triggers exist and write all columns."""
        return self.database.read(lambda connection: has_triggers(connection, read_board(connection)))

    # Reading

    def end(self, connection: Connection | None = None) -> LogPosition:
        """Return the position after all events that a snapshot contains.

        Parameters
        ----------
        connection: The connection of the snapshot; None: the current state.

        Raises
        ------
        DatabaseError: If the log is not installed.
        """
        return self._read_end(connection) if connection is not None else self.database.read(self._read_end)

    def start(self) -> LogPosition:
        """Return the position before all events."""
        return LogPosition(self.database.read(self._read_epoch), 0, 0)

    def _read_epoch(self, connection: Connection) -> str:
        if not has_log(connection):
            raise DatabaseError(
                f"{self.database.display} does not contain the log of live lists. Create it with `scoring live "
                "--install`.",
                reason="missing table",
            )
        epoch: str = connection.execute(select(log_settings.c.value).where(log_settings.c.name == "epoch")).scalar_one()
        return epoch

    def _read_end(self, connection: Connection) -> LogPosition:
        epoch = self._read_epoch(connection)
        last = connection.execute(text("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1")).first()
        return LogPosition(epoch, *((0, 0) if last is None else last))

    def read(self, after: LogPosition, limit: int = MAX_EVENTS) -> LogPage:
        """Return the next events after a position.

        Parameters
        ----------
        limit: Largest number of events. A page has fewer if their bodies are large.

        Raises
        ------
        LogRestoredError: If the position is not one of this log. Read the tables again.
        DatabaseError: If the database cannot be read.
        """
        return self.database.read(lambda connection: self._read_page(connection, after, limit))

    def _read_page(self, connection: Connection, after: LogPosition, limit: int) -> LogPage:
        end = self._read_end(connection)
        self._require_same_log(connection, after, end)
        rows = self._select(connection, "seq > :seq", {"seq": after.seq}, limit)
        if not rows:
            return LogPage((), after)
        events, rejected = self._decode(connection, rows)
        last = rows[-1]
        n_left = 0
        if last.seq < end.seq:
            count = text("SELECT count(*) FROM events WHERE seq > :seq")
            n_left = connection.execute(count, {"seq": last.seq}).scalar_one()
        position = LogPosition(after.epoch, last.seq, last.at)
        return LogPage(events, position, tuple(rejected), len(rejected), None, n_left)

    def _require_same_log(self, connection: Connection, after: LogPosition, end: LogPosition) -> None:
        found: int | None = 0
        if after.epoch == end.epoch and after.seq:
            found = connection.execute(text("SELECT at FROM events WHERE seq = :seq"), {"seq": after.seq}).scalar()
        if after.epoch != end.epoch or found != after.at:
            raise LogRestoredError(
                f"{self.database.display}: the log does not contain event {after.seq} as it was read: the database was "
                "restored, or the log was cut. Read the tables again.",
                reason="replaced file",
            )

    def _select(self, connection: Connection, condition: str, values: Mapping[str, Any], limit: int) -> list[Any]:
        body = "CAST(body AS BLOB)"
        statement = (
            "SELECT seq, kind, key, body, at FROM ("  # noqa: S608 - our conditions
            f"SELECT seq, kind, key, {body} AS body, at, sum(coalesce(length({body}), 0)) OVER (ORDER BY seq) "
            f"- coalesce(length({body}), 0) AS n_before FROM events WHERE {condition} ORDER BY seq LIMIT :n) AS page "
            "WHERE n_before < :n_bytes ORDER BY seq"
        )
        rows = connection.execute(text(statement), {**values, "n": limit, "n_bytes": MAX_BYTES})
        return list(rows)

    def read_tail(self, connection: Connection, since: datetime) -> tuple[LogEvent, ...]:
        """Return all events of a snapshot from the first one that was recorded after a time."""
        first = connection.execute(
            text("SELECT min(seq) FROM events WHERE at > :at"), {"at": to_microseconds(since)}
        ).scalar()
        if first is None:
            return ()
        events: list[LogEvent] = []
        last = first - 1
        while rows := self._select(connection, "seq > :seq", {"seq": last}, MAX_EVENTS):
            events += self._decode(connection, rows)[0]
            last = rows[-1].seq
        return tuple(events)

    def _decode(self, connection: Connection, rows: Sequence[Any]) -> tuple[tuple[LogEvent, ...], list[int]]:
        """Return the events of rows of the log, and the numbers of those that have none."""
        decoder = self._decoder
        if decoder is None or any(row.kind == _REPLACED for row in rows):
            decoder = self._decoder = EventDecoder.read(connection)
        bodies: dict[str, list[tuple[int, str]]] = {}
        for place, row in enumerate(rows):
            if row.kind in _TABLES and row.body is not None:
                bodies.setdefault(row.kind, []).append((place, bytes(row.body).decode("utf-8", "surrogateescape")))
        decoded: dict[int, DecodedRow] = {}
        for kind, of_kind in bodies.items():
            found = decoder.decode(_TABLES[kind], [body for _, body in of_kind])
            decoded.update(zip([place for place, _ in of_kind], found, strict=True))
        events: list[LogEvent] = []
        rejected: list[int] = []
        for place, row in enumerate(rows):
            at = to_time(row.at)
            if row.kind not in _TABLES:
                body = None if row.body is None else json.loads(bytes(row.body))
                events.append(LogEvent(row.seq, row.kind, row.key, body, at))
            elif row.body is None:
                if row.kind == "action":  # of a user who was deleted later
                    rejected.append(row.seq)
                else:
                    events.append(LogEvent(row.seq, row.kind, row.key, None, at))
            else:
                result = decoded[place]
                if result.row is not None:
                    events.append(LogEvent(row.seq, row.kind, row.key, result.row, at))
                elif row.kind == "user" or result.depends_on_tables:
                    events.append(LogEvent(row.seq, _REPLACED, None, None, at))
                elif row.kind == "job":
                    events.append(LogEvent(row.seq, row.kind, row.key, None, at))
                else:
                    rejected.append(row.seq)
        return tuple(events), rejected

    # Writing

    def append(self, kind: str, key: int | None, body: Mapping[str, Any] | None, connection: Connection) -> int:
        """Write an event of another kind within a transaction, and return its number."""
        statement = text("INSERT INTO events (kind, key, body, at) VALUES (:kind, :key, :body, :at) RETURNING seq")
        content = None if body is None else json.dumps(body)
        now = time.time_ns() // 1000
        row = connection.execute(statement, {"kind": kind, "key": key, "body": content, "at": now}).one()
        seq: int = row.seq
        return seq

    def write_rows(self, rows: Sequence[Mapping[str, Any]], idempotency_key: str | None = None) -> Written:
        """Store rows and their events in one transaction.

        Parameters
        ----------
        rows: Mappings `{"kind": "job", "row": {column: value}}` of a whole row, or
            `{"kind": "job", "id": 5, "deleted": True}`. Kinds are job, user and action. An action cannot be deleted.
            Values are those of a DataFrame or of JSON: times as ISO text, text ids.
        idempotency_key: A later call with the same key within 7 days returns the first result and writes nothing.

        Raises
        ------
        DataError: If the key was used for other rows.
        DatabaseError: If the database cannot be written.
        """
        return self.database.write(
            lambda connection: write_rows(connection, rows, idempotency_key, self._get_decoder(connection))
        )

    def _get_decoder(self, connection: Connection) -> EventDecoder:
        """Return the decoder of the columns that are declared now."""
        if self._decoder is None or self._decoder.board != read_board(connection):
            self._decoder = EventDecoder.read(connection)
        return self._decoder

    def wait(self, seconds: float) -> None:
        """Wait, at most for some seconds. On PostgreSQL, a notification of new events ends the wait."""
        time.sleep(seconds)
