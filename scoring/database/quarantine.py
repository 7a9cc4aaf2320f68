"""The way in for whoever computes from a database that others fill: what can be used of it, told of and limited.

One bad row among many stops nobody's work: rows that cannot be used are left out. More than a limit of a table is a
broken delivery, and an error.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection, and_, select

from scoring.columns.canonical_tables import Tables, newest_of
from scoring.database.database import Database
from scoring.database.readers import take_tables
from scoring.database.row_conversion import values_of
from scoring.database.schema import DATA_TABLES
from scoring.database.sql_filters import among
from scoring.validation.report import FOLLOWS, DataLedger, Limit

__all__ = ["MOST_REFUSED", "Held", "Usable", "read_usable", "read_usable_async", "warn_of"]

MOST_REFUSED: Final = Limit(share=0.01)
WAY_OUT: Final = " Mend them, or bring a dataset of the rows that are to count."
FILES: Final = "run_refused_"
KEYS: Final = ("user_id", "job_id")

Ids = Mapping[str, Mapping[str, list[int]]]
"""Table → column of its key → the ids that refused rows have there."""


class Held(NamedTuple):
    """What a database held where rows were refused: whoever mends one in place changes it, and no change token."""

    ids: Ids
    digest: str

    @classmethod
    def of(cls, connection: Connection, ids: Ids) -> Held:
        digest = hashlib.blake2b(digest_size=16)
        for name, keys in ids.items():
            table = DATA_TABLES[name]
            here = and_(*(among(connection, table.c[key], values) for key, values in keys.items()))
            found = values_of(connection, select(table).where(here).order_by(*table.primary_key.columns))
            digest.update(repr((name, found)).encode("utf-8", "surrogateescape"))
        return cls(ids, digest.hexdigest())

    def again(self, database: Database) -> Held:
        """The same, as it is now. Raises DatabaseError."""
        return database.read(lambda connection: Held.of(connection, self.ids))


class Usable(NamedTuple):
    """Tables of the rows that can be used, the account of all, and what to look at for rows that were mended."""

    tables: Tables
    ledger: DataLedger
    held: Held | None  # nothing was refused


def read_usable(
    database: Database,
    *,
    as_of: pd.Timestamp | None = None,
    limit: Limit = MOST_REFUSED,
    way_out: str = WAY_OUT,
    refused_to: Path | None = None,
) -> Usable:
    """All tables, as of one moment, without the rows that cannot be used.

    `refused_to` keeps those in files; files of the last time, of tables that have none now, are taken away.

    Raises DatabaseError; DataError: a table cannot be used at all, or more of its rows than `limit`; OutputError.
    """

    def work(connection: Connection) -> Usable:
        tables, ledger = take_tables(connection).finish("quarantine", as_of=as_of)
        return Usable(tables, ledger, Held.of(connection, _ids_of(ledger)) if ledger.n_refused else None)

    found = database.read(work)
    if refused_to is not None:
        found.ledger.replace_files(refused_to, FILES, newest_of(found.tables) if as_of is None else as_of)
    found.ledger.require(limit, way_out)
    return found


async def read_usable_async(database: Database, as_of: pd.Timestamp | None = None) -> Usable:
    """`read_usable` without holding up the event loop."""
    return await database.run(read_usable, database, as_of=as_of)


def warn_of(ledger: DataLedger, stacklevel: int = 1) -> None:
    """A UserWarning of one sentence where rows were refused."""
    if said := ledger.said():
        warnings.warn(said, UserWarning, stacklevel=stacklevel + 1)


def _ids_of(ledger: DataLedger) -> Ids:
    """Of the rows that are bad themselves, where their ids can be read: the others follow them."""
    found: dict[str, dict[str, list[int]]] = {}
    for name, rows in ledger.rows.items():
        own = rows[~rows["refused_reason"].str.endswith(FOLLOWS)]
        keys = [key for key in KEYS if key in DATA_TABLES[name].primary_key.columns]
        ids = {key: sorted({int(value) for value in own[key] if _is_id(value)}) for key in keys}
        if ids and all(ids.values()):
            found[name] = ids
    return found


def _is_id(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and -(2**63) <= int(value) < 2**63
