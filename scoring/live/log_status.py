"""The state of the log and the basis in the database, without an engine: `scoring live --status`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, inspect, select, text

from scoring.database.database import Database
from scoring.database.event_tables import event_readers
from scoring.live.basis_store import BasisStore, bases
from scoring.live.event_log import EventLog

__all__ = ["LogReader", "LogStatus", "read_log_status"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LogReader:
    """A process that reads the log.

    Parameters
    ----------
    name: Its name.
    seq: The highest number that it has read.
    seconds_ago: Seconds since it stated this.
    """

    name: str
    seq: int
    seconds_ago: float


@dataclass(frozen=True)
class LogStatus:
    """What the database contains. None: it does not exist.

    Parameters
    ----------
    database: The name of the database in messages.
    has_log, has_triggers: Whether the log exists, and whether triggers write it.
    epoch: The identity of the log.
    seq, at: Number and time of the newest event; 0 if there is none.
    n_events: Events that the log still contains.
    basis, as_of: Number and clock of the newest basis.
    readers: The processes that read the log, by name.
    """

    database: str
    has_log: bool
    has_triggers: bool
    epoch: str | None = None
    seq: int | None = None
    at: datetime | None = None
    n_events: int | None = None
    basis: int | None = None
    as_of: datetime | None = None
    readers: tuple[LogReader, ...] = ()


def read_log_status(database: Database) -> LogStatus:
    """Return the state of the log and the basis of a database.

    Raises
    ------
    DatabaseError: If the database cannot be read.
    """
    log = EventLog(database)
    if not log.is_installed:
        return LogStatus(database.display, False, False)
    has_triggers = log.has_triggers

    def read(connection: Connection) -> LogStatus:
        end = log.end(connection)
        newest: tuple[int, datetime] | None = None
        if inspect(connection).has_table(bases.name):
            newest = BasisStore().find_newest(connection)
        now = time.time_ns() // 1000
        rows = connection.execute(select(event_readers).order_by(event_readers.c.name))
        n_events = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
        return LogStatus(
            database.display,
            True,
            has_triggers,
            end.epoch,
            end.seq,
            _EPOCH + timedelta(microseconds=end.at) if end.seq else None,
            n_events,
            None if newest is None else newest[0],
            None if newest is None else newest[1],
            tuple(LogReader(row.name, row.seq, max(0.0, (now - row.noted_at) / 1e6)) for row in rows),
        )

    return database.read(read)
