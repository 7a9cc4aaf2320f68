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

from scoring.columns.board_definition import Board
from scoring.columns.dataset_frames import Tables, find_newest_time
from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.readers import read_tables
from scoring.database.row_conversion import query_columns
from scoring.database.schema import DATA_TABLES, get_data_table
from scoring.database.sql_filters import is_in
from scoring.validation.cross_table_checks import accept_tables
from scoring.validation.report import DataReport, Limit

__all__ = [
    "MAX_REJECTED",
    "AcceptedData",
    "RejectionDigest",
    "read_accepted",
    "read_accepted_async",
    "warn_about_rejections",
]

MAX_REJECTED: Final = Limit(share=0.01)
ADVICE: Final = " Correct these rows, or use a dataset without them."
FILE_PREFIX: Final = "run_refused_"
KEY_COLUMNS: Final = ("user_id", "job_id")

Ids = Mapping[str, Mapping[str, list[int]]]
"""Table → key column → ids of the rejected rows."""


class RejectionDigest(NamedTuple):
    """Digest of the rejected rows of a database. It changes when a row is edited in place; change tokens do not."""

    ids: Ids
    digest: str

    @classmethod
    def of(cls, connection: Connection, ids: Ids, board: Board) -> RejectionDigest:
        """Return the digest of the stored rows with these ids."""
        digest = hashlib.blake2b(digest_size=16)
        for name, keys in ids.items():
            table = get_data_table(name, board)
            condition = and_(*(is_in(connection, table.c[key], values) for key, values in keys.items()))
            stored = query_columns(connection, select(table).where(condition).order_by(*table.primary_key.columns))
            digest.update(repr((name, stored)).encode("utf-8", "surrogateescape"))
        return cls(ids, digest.hexdigest())

    def recompute(self, database: Database) -> RejectionDigest:
        """Return the current digest of the same rows. Raise DatabaseError if they cannot be read."""
        return database.read(lambda connection: RejectionDigest.of(connection, self.ids, read_board(connection)))


class AcceptedData(NamedTuple):
    """Tables of the valid rows, the row counts, and the digest of the rejected rows (None if none are rejected)."""

    tables: Tables
    ledger: DataReport
    rejected: RejectionDigest | None


def read_accepted(
    database: Database,
    *,
    as_of: pd.Timestamp | None = None,
    limit: Limit = MAX_REJECTED,
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

    def read(connection: Connection, second: Connection | None) -> AcceptedData:
        board = read_board(connection)
        found = read_tables(connection, board, second)
        tables, ledger = accept_tables(found, on_bad="quarantine", as_of=as_of, board=board)
        rejected = RejectionDigest.of(connection, _find_rejected_ids(ledger), board) if ledger.n_rejected else None
        return AcceptedData(tables, ledger, rejected)

    accepted = database.read_in_two(read)
    if refused_to is not None:
        accepted.ledger.replace_files(
            refused_to, FILE_PREFIX, find_newest_time(accepted.tables) if as_of is None else as_of
        )
    accepted.ledger.require(limit, advice)
    return accepted


async def read_accepted_async(database: Database, as_of: pd.Timestamp | None = None) -> AcceptedData:
    """Return `read_accepted` without blocking the event loop."""
    return await database.run(read_accepted, database, as_of=as_of)


def warn_about_rejections(ledger: DataReport, stacklevel: int = 1) -> None:
    """Issue a UserWarning of one sentence if rows were rejected."""
    if summary := ledger.summarize_rejections():
        warnings.warn(summary, UserWarning, stacklevel=stacklevel + 1)


def _find_rejected_ids(ledger: DataReport) -> Ids:
    """Return the valid ids of rows that are invalid themselves. Other rejected rows only refer to these."""
    found: dict[str, dict[str, list[int]]] = {}
    for name in ledger.rows:
        invalid = ledger.get_invalid_rows(name)
        keys = [key for key in KEY_COLUMNS if key in DATA_TABLES[name].primary_key.columns]
        ids = {key: sorted({int(value) for value in invalid[key] if _is_id(value)}) for key in keys}
        if ids and all(ids.values()):
            found[name] = ids
    return found


def _is_id(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and -(2**63) <= int(value) < 2**63
