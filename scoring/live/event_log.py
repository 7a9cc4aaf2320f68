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
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Connection, func, select, text

from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.event_tables import (
    FORMAT,
    event_readers,
    has_log,
    has_triggers,
    install_log,
    is_restored,
    log_settings,
    notify_readers,
    rejected_events,
    remove_log,
)
from scoring.errors import ConfigurationError, DatabaseError, make_printable
from scoring.live.event_decoder import NOT_JSON, DecodedRow, EventDecoder, to_time
from scoring.live.event_listener import EventListener, can_listen
from scoring.live.events import Event, to_microseconds
from scoring.live.row_writer import Written, insert_new, write_rows

__all__ = ["EventLog", "LogEvent", "LogPage", "LogPosition", "LogRestoredError", "Written"]

MAX_EVENTS: Final = 5_000
"""Events of a page, at most."""
MAX_BYTES: Final = 16 * 2**20
"""Bytes of the bodies of a page, at most, unless its first event is larger."""

HELD_SECONDS: Final = 10
"""Age of a transaction that `LogPage.held_back_by` names."""
FORGOTTEN_DAYS: Final = 30
"""After how many days a reader that was not registered again does not count."""

_DAY: Final = 86_400_000_000
_TABLES: Final = {"job": "jobs", "user": "users", "action": "actions"}
_KEYS: Final = {"job": "job_id", "user": "user_id", "action": "user_id"}

# the transactions that a snapshot did not contain: those that were running, and later ones
_UNREAD: Final = """
    WITH unread AS MATERIALIZED (
        SELECT seq, xid FROM events WHERE xid >= '{xmax}'
        UNION ALL
        SELECT seq, xid FROM events WHERE xid = ANY('{{{running}}}'::xid8[])
    )
    SELECT {columns} FROM unread WHERE seq > {cursor} AND pg_visible_in_snapshot(xid, '{upto}')
"""

_OLDEST_WRITER: Final = """
    SELECT a.pid, a.application_name, extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        AND a.xact_start < clock_timestamp() - make_interval(secs => :seconds)
        AND EXISTS (
            SELECT 1 FROM pg_locks l
            WHERE l.pid = a.pid AND l.granted AND l.mode = 'RowExclusiveLock'
                AND l.relation IN (to_regclass('jobs'), to_regclass('users'), to_regclass('actions'))
        )
    ORDER BY a.xact_start
    LIMIT 1
"""
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
    kind: `job`, `user` or `action`; `table_replaced`, `tick` or `model`; others of a later version.
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
    rejected: Number of invalid rows. `note_reader` and `append` store their reasons in the table `rejected_events`:
        a page is also read while another program writes to SQLite.
    held_back_by: PostgreSQL: a transaction that has been changing the tables for 10 seconds; None if there is none. Its
        changes are read after its commit.
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
    >>> import shutil
    >>> with Database.open(shutil.copy(folder / "market.db", folder / "log.db")) as database:
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
        self._listener = EventListener(database.engine) if can_listen(database.engine) else None
        self._rejections: dict[int, dict[str, Any]] = {}  # not stored yet
        self._looked_at = float("-inf")
        self._holder: str | None = None

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
        snapshot = "1:1:" if self._is_postgres else ""
        return LogPosition(self.database.read(self._read_epoch), 0, 0, snapshot)

    def _read_epoch(self, connection: Connection) -> str:
        if not has_log(connection):
            raise DatabaseError(
                f"{self.database.display} does not contain the log of live lists. Create it with `scoring live "
                "--install`.",
                reason="missing table",
            )
        rows = connection.execute(select(log_settings))
        settings: dict[str, str] = {row.name: row.value for row in rows}
        if settings["format"] != FORMAT:
            raise DatabaseError(
                f"{self.database.display}: the log of live lists has the format {make_printable(settings['format'])}, "
                f"but this version of scoring reads format {FORMAT}. Use the version that installed the log.",
                reason="not supported",
            )
        return settings["epoch"]

    def _read_end(self, connection: Connection) -> LogPosition:
        epoch = self._read_epoch(connection)
        last = connection.execute(text("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1")).first()
        seq, at = (0, 0) if last is None else last
        snapshot = ""
        if self._is_postgres:
            snapshot = connection.execute(text("SELECT pg_current_snapshot()::text")).scalar_one()
            if is_restored(connection):
                raise LogRestoredError(
                    f"{self.database.display}: the log has events of another server, because the database was restored "
                    "from a dump. Run `scoring live --install` again.",
                    reason="replaced file",
                )
        return LogPosition(epoch, seq, at, snapshot)

    @property
    def _is_postgres(self) -> bool:
        return self.database.dialect == "postgresql"

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
        page, rejections = self.database.read(lambda connection: self._read_page(connection, after, limit))
        self._rejections |= {row["seq"]: row for row in rejections}
        return page

    def _read_page(
        self, connection: Connection, after: LogPosition, limit: int
    ) -> tuple[LogPage, list[dict[str, Any]]]:
        """Return a page, and rows of `rejected_events`."""
        end = self._read_end(connection)
        self._require_same_log(connection, after, end)
        upto = ""
        if self._is_postgres:
            cursor, upto = (after.cursor, after.upto) if after.upto else (0, end.snapshot)
            rows, n_left = self._select_unread(connection, after.snapshot, upto, cursor, limit)
        else:
            rows, n_left = self._select(connection, "seq > :cursor", {"cursor": after.seq}, limit), 0
            if rows and rows[-1].seq < end.seq:
                count = text("SELECT count(*) FROM events WHERE seq > :cursor")
                n_left = connection.execute(count, {"cursor": rows[-1].seq}).scalar_one()
        last = max(rows, key=lambda row: row.seq, default=after)
        last = last if last.seq >= after.seq else after
        position = LogPosition(after.epoch, last.seq, last.at)
        if self._is_postgres and n_left:
            position = replace(position, snapshot=after.snapshot, upto=upto, cursor=rows[-1].seq)
        elif self._is_postgres:
            position = replace(position, snapshot=upto)
        events, rejected, rejections = self._decode(connection, rows)
        holder = self._find_holder(connection)
        return LogPage(events, position, tuple(rejected), len(rejections), holder, n_left), rejections

    def _find_holder(self, connection: Connection) -> str | None:
        """Return the oldest transaction that has been changing the tables for 10 seconds. Look once per second."""
        if self._is_postgres and time.monotonic() - self._looked_at >= 1:
            self._looked_at = time.monotonic()
            row = connection.execute(text(_OLDEST_WRITER), {"seconds": HELD_SECONDS}).first()
            self._holder = None
            if row is not None:
                name = make_printable(row.application_name or "a program")
                self._holder = f"process {row.pid} ({name}), for {row.seconds:.0f} s"
        return self._holder

    def _select_unread(
        self, connection: Connection, snapshot: str, upto: str, cursor: int, limit: int
    ) -> tuple[list[Any], int]:
        """Return the next rows that a snapshot contains and an earlier one did not, and how many follow them.

        The numbers are read first, by the index on transactions. Values are part of the statement: with parameters, and
        without current statistics, PostgreSQL plans to read the whole log (200 ms for 200,000 events).
        """
        _, high, running = snapshot.split(":")
        values = {"xmax": high, "running": running, "upto": upto}
        if any(set(value) - set("0123456789:,") for value in values.values()):
            raise ConfigurationError("The position of the log is not valid. Use one that `EventLog` returned.")
        before = connection.execute(text("SELECT current_setting('enable_seqscan')")).scalar_one()
        switch = text("SELECT set_config('enable_seqscan', :value, true)")
        connection.execute(switch, {"value": "off"})
        numbers = _UNREAD.format(columns="seq", cursor=cursor, **values) + f" ORDER BY seq LIMIT {limit + 1:d}"
        found = list(connection.exec_driver_sql(numbers).scalars())
        rows = self._select(connection, "seq = ANY(:seqs)", {"seqs": found[:limit]}, limit) if found else []
        n_left = len(found) - len(rows)
        if len(found) > limit:
            count = _UNREAD.format(columns="count(*)", cursor=rows[-1].seq, **values)
            n_left = connection.exec_driver_sql(count).scalar_one()
        connection.execute(switch, {"value": before})
        return rows, n_left

    def _require_same_log(self, connection: Connection, after: LogPosition, end: LogPosition) -> None:
        found: int | None = 0
        if after.epoch == end.epoch and after.seq:
            found = connection.execute(text("SELECT at FROM events WHERE seq = :seq"), {"seq": after.seq}).scalar()
            if found is None and not self._is_postgres:  # triggers replace a `table_replaced` by a later one
                following = text("SELECT kind FROM events WHERE seq > :seq ORDER BY seq LIMIT 1")
                is_replaced = connection.execute(following, {"seq": after.seq}).scalar() == _REPLACED
                found = after.at if is_replaced else None
        if after.epoch != end.epoch or found != after.at or _get_xmax(after) > _get_xmax(end):
            raise LogRestoredError(
                f"{self.database.display}: the log does not contain event {after.seq} as it was read: the database was "
                "restored, or the log was cut. Read the tables again.",
                reason="replaced file",
            )

    def _select(self, connection: Connection, condition: str, values: Mapping[str, Any], limit: int) -> list[Any]:
        # SQLite may contain texts that are not UTF-8
        body, size = ("body", "octet_length(body)") if self._is_postgres else (2 * ("CAST(body AS BLOB)",))
        size = size if self._is_postgres else f"length({size})"
        statement = (
            "SELECT seq, kind, key, body, at, n_bytes FROM ("  # noqa: S608 - our conditions
            f"SELECT seq, kind, key, {body} AS body, at, sum(coalesce({size}, 0)) OVER (ORDER BY seq) AS n_bytes, "
            f"coalesce({size}, 0) AS size FROM events WHERE {condition} ORDER BY seq LIMIT :n) AS page "
            "WHERE n_bytes - size < :n_bytes ORDER BY seq"
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
        while rows := self._select(connection, "seq > :cursor", {"cursor": last}, MAX_EVENTS):
            events += self._decode(connection, rows)[0]
            last = rows[-1].seq
        return tuple(events)

    def _decode(
        self, connection: Connection, rows: Sequence[Any]
    ) -> tuple[tuple[LogEvent, ...], list[int], list[dict[str, Any]]]:
        """Return the events of rows of the log, the numbers of those that have none, and rows of `rejected_events`."""
        decoder = self._decoder
        if decoder is None or any(row.kind == _REPLACED for row in rows):
            decoder = self._decoder = EventDecoder.read(connection)
        bodies: dict[str, list[tuple[int, str]]] = {}
        for place, row in enumerate(rows):
            if row.kind in _TABLES and row.body is not None:
                bodies.setdefault(row.kind, []).append((place, _to_text(row.body)))
        decoded: dict[int, DecodedRow] = {}
        for kind, of_kind in bodies.items():
            found = decoder.decode(_TABLES[kind], [body for _, body in of_kind])
            decoded.update(zip([place for place, _ in of_kind], found, strict=True))
        events: list[LogEvent] = []
        rejected: list[int] = []
        rejections: list[dict[str, Any]] = []
        for place, row in enumerate(rows):
            at = to_time(row.at)
            if row.kind not in _TABLES:
                events.append(LogEvent(row.seq, row.kind, row.key, _parse_body(row.body), at))
            elif row.body is None:
                if row.kind == "action":  # of a user who was deleted later
                    rejected.append(row.seq)
                else:
                    events.append(LogEvent(row.seq, row.kind, row.key, None, at))
            else:
                result = decoded[place]
                if result.row is not None:
                    events.append(LogEvent(row.seq, row.kind, result.row[_KEYS[row.kind]], result.row, at))
                    continue
                key = row.key if isinstance(row.key, int) else None
                rejections.append({"seq": row.seq, "kind": row.kind, "key": key, "reason": result.reason, "at": row.at})
                if result.reason == NOT_JSON:
                    rejected.append(row.seq)
                elif row.kind == "user" or result.depends_on_tables:
                    events.append(LogEvent(row.seq, _REPLACED, None, None, at))
                elif row.kind == "job":
                    events.append(LogEvent(row.seq, row.kind, row.key, None, at))
                else:
                    rejected.append(row.seq)
        return tuple(events), rejected, rejections

    # Writing

    def append(self, kind: str, key: int | None, body: Mapping[str, Any] | None, connection: Connection) -> int:
        """Write an event of another kind within a transaction, and return its number."""
        statement = text("INSERT INTO events (kind, key, body, at) VALUES (:kind, :key, :body, :at) RETURNING seq")
        content = None if body is None else json.dumps(body)
        now = time.time_ns() // 1000
        row = connection.execute(statement, {"kind": kind, "key": key, "body": content, "at": now}).one()
        notify_readers(connection)
        self._store_rejections(connection)
        seq: int = row.seq
        return seq

    def write_rows(self, rows: Sequence[Mapping[str, Any]], idempotency_key: str | None = None) -> Written:
        """Store rows and their events in one transaction.

        Parameters
        ----------
        rows: Mappings `{"kind": "job", "row": {column: value}}` of a whole row,
            `{"kind": "job", "id": 5, "changes": {column: value}}` of some columns, or
            `{"kind": "job", "id": 5, "deleted": True}`. Kinds are job, user and action. An action cannot be changed or
            deleted. Values are those of a DataFrame or of JSON: times as ISO text, text ids.
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
        if self._listener is None:
            time.sleep(seconds)
        else:
            self._listener.wait(seconds)

    def close(self) -> None:
        """Close the connection that waits for notifications."""
        if self._listener is not None:
            self._listener.close()

    # Readers

    def note_reader(self, name: str, position: LogPosition) -> None:
        """Register a reader and its position, so that `cut` keeps later events."""
        now = time.time_ns() // 1000
        row = {"name": name, "position": str(position), "seq": position.seq, "noted_at": now}

        def write(connection: Connection) -> None:
            connection.execute(event_readers.delete().where(event_readers.c.name == name))
            connection.execute(event_readers.insert(), row)
            self._store_rejections(connection)

        self.database.write(write)

    def forget_reader(self, name: str, connection: Connection) -> None:
        """Remove a reader, within the write transaction of the connection. `cut` no longer keeps events for it."""
        connection.execute(event_readers.delete().where(event_readers.c.name == name))

    def _store_rejections(self, connection: Connection) -> None:
        rows = list(self._rejections.values())
        if rows:
            insert_new(connection, rejected_events, rows)
            self._rejections = {seq: row for seq, row in self._rejections.items() if row not in rows}

    def cut(self, days: float = 7) -> int:
        """Delete events that are older by some days than the slowest registered reader, and return their number.

        A reader that has not been registered again for 30 days does not count. The last event is kept.
        """
        return self.database.write(lambda connection: self._cut(connection, days))

    def _cut(self, connection: Connection, days: float) -> int:
        now = time.time_ns() // 1000
        readers = event_readers.c
        connection.execute(event_readers.delete().where(readers.noted_at < now - FORGOTTEN_DAYS * _DAY))
        seq, noted_at = connection.execute(select(func.min(readers.seq), func.min(readers.noted_at))).one()
        before = int((now if noted_at is None else noted_at) - days * _DAY)
        last = connection.execute(text("SELECT coalesce(max(seq), 0) FROM events")).scalar_one()
        values = {"before": before, "seq": last if seq is None else min(seq, last)}
        deleted = connection.execute(text("DELETE FROM events WHERE at < :before AND seq < :seq"), values).rowcount
        connection.execute(rejected_events.delete().where(rejected_events.c.at < before))
        return deleted


def _get_xmax(position: LogPosition) -> int:
    """Return the first transaction that the snapshot of a position does not contain; 0 on SQLite."""
    return int(position.snapshot.split(":")[1]) if position.snapshot else 0


def _parse_body(body: str | bytes | None) -> Mapping[str, Any] | None:
    """Return the JSON object of a body; None without one. A later version of this package may write other bodies."""
    try:
        content = None if body is None else json.loads(_to_text(body))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _to_text(body: str | bytes) -> str:
    return body if isinstance(body, str) else bytes(body).decode("utf-8", "surrogateescape")
