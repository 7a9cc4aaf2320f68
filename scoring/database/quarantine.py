"""Load a database, quarantining invalid rows up to a limit per table.

Invalid rows are left out and counted. If a table has more of them than the limit, reading fails.
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

from scoring.columns.canonical_tables import Tables, find_newest_time
from scoring.database.database import Database
from scoring.database.readers import read_tables
from scoring.database.row_conversion import values_of
from scoring.database.schema import DATA_TABLES
from scoring.database.sql_filters import among
from scoring.validation.cross_table import accept_tables
from scoring.validation.report import DataReport, Limit

__all__ = ["MOST_REFUSED", "AcceptedData", "RejectionDigest", "read_usable", "read_usable_async", "warn_of"]

MOST_REFUSED: Final = Limit(share=0.01)
ADVICE: Final = " Correct these rows, or use a dataset without them."
FILES: Final = "run_refused_"
KEYS: Final = ("user_id", "job_id")

Ids = Mapping[str, Mapping[str, list[int]]]
"""Table → key column → ids of the rejected rows."""


class RejectionDigest(NamedTuple):
    """Digest of the rejected rows of a database. It changes when a row is edited in place; change tokens do not."""

    ids: Ids
    digest: str

    @classmethod
    def of(cls, connection: Connection, ids: Ids) -> RejectionDigest:
        """Return the digest of the stored rows with these ids."""
        digest = hashlib.blake2b(digest_size=16)
        for name, keys in ids.items():
            table = DATA_TABLES[name]
            here = and_(*(among(connection, table.c[key], values) for key, values in keys.items()))
            found = values_of(connection, select(table).where(here).order_by(*table.primary_key.columns))
            digest.update(repr((name, found)).encode("utf-8", "surrogateescape"))
        return cls(ids, digest.hexdigest())

    def again(self, database: Database) -> RejectionDigest:
        """Return the current digest of the same rows. Raise DatabaseError if they cannot be read."""
        return database.read(lambda connection: RejectionDigest.of(connection, self.ids))


class AcceptedData(NamedTuple):
    """Tables of the valid rows, the row counts, and the digest of the rejected rows (None if none are rejected)."""

    tables: Tables
    ledger: DataReport
    rejected: RejectionDigest | None


def read_usable(
    database: Database,
    *,
    as_of: pd.Timestamp | None = None,
    limit: Limit = MOST_REFUSED,
    advice: str = ADVICE,
    refused_to: Path | None = None,
) -> AcceptedData:
    """Return all tables from one snapshot, without the invalid rows.

    Parameters
    ----------
    limit: largest number or share of invalid rows per table.
    advice: advice at the end of the error message if the limit is exceeded.
    refused_to: folder for files of the rejected rows. Old files of tables without rejected rows are removed.

    Raises
    ------
    DatabaseError: If the database cannot be read.
    DataError: If a table cannot be used at all, or more of its rows are invalid than `limit` allows.
    OutputError: If a file cannot be written.
    """

    def work(connection: Connection) -> AcceptedData:
        tables, ledger = accept_tables(read_tables(connection), on_bad="quarantine", as_of=as_of)
        rejected = RejectionDigest.of(connection, _rejected_ids(ledger)) if ledger.n_rejected else None
        return AcceptedData(tables, ledger, rejected)

    found = database.read(work)
    if refused_to is not None:
        found.ledger.replace_files(refused_to, FILES, find_newest_time(found.tables) if as_of is None else as_of)
    found.ledger.require(limit, advice)
    return found


async def read_usable_async(database: Database, as_of: pd.Timestamp | None = None) -> AcceptedData:
    """Return `read_usable` without blocking the event loop."""
    return await database.run(read_usable, database, as_of=as_of)


def warn_of(ledger: DataReport, stacklevel: int = 1) -> None:
    """Issue a UserWarning of one sentence if rows were rejected."""
    if said := ledger.summarize_rejections():
        warnings.warn(said, UserWarning, stacklevel=stacklevel + 1)


def _rejected_ids(ledger: DataReport) -> Ids:
    """Return the valid ids of rows that are invalid themselves. Other rejected rows only refer to these."""
    found: dict[str, dict[str, list[int]]] = {}
    for name in ledger.rows:
        own = ledger.get_invalid_rows(name)
        keys = [key for key in KEYS if key in DATA_TABLES[name].primary_key.columns]
        ids = {key: sorted({int(value) for value in own[key] if _is_id(value)}) for key in keys}
        if ids and all(ids.values()):
            found[name] = ids
    return found


def _is_id(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and -(2**63) <= int(value) < 2**63
