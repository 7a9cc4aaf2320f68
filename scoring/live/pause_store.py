"""The table `live_pauses`: the pause that was not confirmed, for processes that start later.

A start reads the tables, which contain the rows of paused events. The rows before them are stored nowhere, so a process
that starts cannot continue the pause. It reports the pause instead.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, delete, insert, select

from scoring.live.event_decoder import to_time

__all__ = ["StoredPause", "create_pauses", "delete_pause", "read_pause", "write_pause"]

_METADATA: Final = MetaData()
_KEY: Final = 1

live_pauses: Final = Table(
    "live_pauses",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("seq", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # microseconds
)


@dataclass(frozen=True)
class StoredPause:
    """A pause that was not confirmed.

    Parameters
    ----------
    seq: The last event before the paused ones.
    problem: Why they were paused.
    at: When.
    """

    seq: int
    problem: str
    at: datetime


def create_pauses(connection: Connection) -> None:
    """Create the table if it does not exist."""
    _METADATA.create_all(connection)


def write_pause(connection: Connection, seq: int, problem: str) -> None:
    """Store a pause, unless an earlier one is stored."""
    if read_pause(connection) is None:
        row = {"id": _KEY, "seq": seq, "problem": problem, "at": time.time_ns() // 1000}
        connection.execute(insert(live_pauses), row)


def read_pause(connection: Connection) -> StoredPause | None:
    """Return the stored pause; None if none exists."""
    row = connection.execute(select(live_pauses)).one_or_none()
    return None if row is None else StoredPause(row.seq, row.problem, to_time(row.at))


def delete_pause(connection: Connection) -> None:
    """Remove the stored pause."""
    connection.execute(delete(live_pauses))
