"""Digests of rows in the table `results`, for checks whether they are as written."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from scoring.columns import RESULT_COLUMNS
from scoring.database.schema import results

__all__ = ["Digest", "count_wrong_shards"]

_ROW: Final = np.dtype(
    [(name, {"user_id": "<i8", "job_id": "<i8", "rank": "<i4"}.get(name, "<f4")) for name in RESULT_COLUMNS]
)
_BLOCK_ROWS: Final = 50_000


class Digest:
    """Digest of consecutive rows. It does not depend on how the rows are divided into blocks."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, columns: pd.DataFrame) -> None:
        """Add rows with the columns `scoring.columns.RESULT_COLUMNS`."""
        rows = np.empty(len(columns[RESULT_COLUMNS[0]]), dtype=_ROW)
        for name in RESULT_COLUMNS:
            rows[name] = columns[name]
        self.add_rows(rows)

    def add_rows(self, rows: NDArray[np.void]) -> None:
        self._hash.update(rows.tobytes())

    def text(self) -> str:
        """Return 32 hex digits."""
        return self._hash.hexdigest()


def count_wrong_shards(
    connection: Connection, run_id: str, counts: Mapping[int, int], digests: Mapping[int, str]
) -> int:
    """Return how many shards differ from what was written. `counts` and `digests` are by shard number."""
    n_wrong, waiting = 0, np.empty(0, dtype=_ROW)
    with closing(_read_rows(connection, run_id)) as blocks:
        for number in sorted(counts):
            digest, missing = Digest(), counts[number]
            while missing and len(waiting := waiting if len(waiting) else next(blocks, waiting)):
                digest.add_rows(waiting[:missing])
                missing, waiting = max(0, missing - len(waiting)), waiting[missing:]
            n_wrong += digest.text() != digests[number]
    return n_wrong


def _read_rows(connection: Connection, run_id: str) -> Generator[NDArray[np.void], None, None]:
    """Yield the rows of a run by user, then rank, in blocks."""
    query = select(*(results.c[name] for name in RESULT_COLUMNS)).where(results.c.run_id == run_id)
    query = query.order_by(results.c.user_id, results.c.rank).execution_options(yield_per=_BLOCK_ROWS)
    with connection.execute(query) as result:
        for part in result.partitions():
            yield np.array([tuple(row) for row in part], dtype=_ROW)
