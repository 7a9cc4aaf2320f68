"""The lease of the leader: at most one process writes ticks, also if another one was suspended and continues.

The lease is one row with a holder, an end and a fence number. A process that takes the lease increases the fence. A
leader writes within a transaction that requires its own fence, so a process that has lost the lease writes nothing.
"""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from scoring.errors import ScoringError

__all__ = ["LeaderLease", "LeaseLostError"]

_METADATA: Final = MetaData()
_KEY: Final = 1

live_leases: Final = Table(
    "live_leases",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # microseconds, by the clock of the database
)


class LeaseLostError(ScoringError, RuntimeError):
    """Another process holds the lease: `fence` is the number that this process had."""

    def __init__(self, fence: int) -> None:
        super().__init__(fence)
        self.fence = fence

    def __str__(self) -> str:
        return f"The lease with the fence number {self.fence} was taken by another process. It writes the ticks now."


class LeaderLease:
    """The lease of one process.

    Parameters
    ----------
    holder: A name that no other process has.
    seconds: How long the lease is valid after `renew`.
    """

    def __init__(self, holder: str, seconds: float = 15.0) -> None:
        self.holder, self.seconds = holder, seconds
        self.fence: int | None = None
        """The fence number of the lease; None if this process did not hold it at the last `renew`."""

    def create(self, connection: Connection) -> None:
        """Create the table if it does not exist."""
        _METADATA.create_all(connection)

    def renew(self, connection: Connection) -> bool:
        """Extend the lease, or take it if it is free or has expired. Return whether this process holds it.

        The connection must have a write transaction.
        """
        self.fence = self._renew(connection)
        return self.fence is not None

    def _renew(self, connection: Connection) -> int | None:
        now, row = read_clock(connection), connection.execute(select(live_leases).with_for_update()).one_or_none()
        values = {"holder": self.holder, "expires_at": now + int(self.seconds * 1e6)}
        if row is None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(live_leases), values | {"id": _KEY, "fence": 1})
            except IntegrityError:  # another process inserted the row first
                return None
            return 1
        if row.holder != self.holder and row.expires_at > now:
            return None
        fence = int(row.fence) if row.holder == self.holder else int(row.fence) + 1
        connection.execute(update(live_leases), values | {"fence": fence})
        return fence

    def require(self, connection: Connection) -> None:
        """Require, until the transaction ends, that no other process takes the lease.

        Raises
        ------
        LeaseLostError: If another process has taken it.
        """
        row = connection.execute(select(live_leases).with_for_update()).one_or_none()
        if self.fence is None or row is None or row.holder != self.holder or row.fence != self.fence:
            raise LeaseLostError(self.fence or 0)

    def release(self, connection: Connection) -> None:
        """End the lease, so that another process can take it at once."""
        if self.fence is not None:
            connection.execute(
                update(live_leases).where(live_leases.c.holder == self.holder), {"expires_at": 0, "holder": ""}
            )
        self.fence = None


def read_clock(connection: Connection) -> int:
    """Return the time of the database in microseconds. All processes of a SQLite file use the machine's clock."""
    if connection.dialect.name == "postgresql":
        return int(
            connection.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint")).scalar_one()
        )
    return time.time_ns() // 1000
