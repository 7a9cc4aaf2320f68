"""Factor vectors as stored in the database: one blob of little-endian float64 per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.database.row_conversion import DatabaseRows
from scoring.validation.referenced_ids import Owners
from scoring.validation.rejections import Rejections
from scoring.validation.table_validator import NormalisedTable, normalise

__all__ = ["VECTOR_DTYPE", "read_vectors"]

VECTOR_DTYPE: Final = np.dtype("<f8")


def read_vectors(
    table: str, ids: Sequence[Any], vectors: Sequence[Any], owners: Owners | None = None
) -> NormalisedTable:
    """Return the valid rows as the id and f0…fN (float64).

    A row is rejected if its vector is not a blob of float64, has another length than most vectors, or is not finite.
    `owners`: the ids of users and jobs.
    """
    key = TABLES[table].key[0]
    source = DatabaseRows(table, TABLES[table].columns, {key: ids})
    lengths = np.array([_count_bytes(vector) for vector in vectors], dtype=np.int64)
    usual_length = int(np.bincount(lengths).argmax()) if lengths.any() else 0
    has_length = (lengths == usual_length) & (usual_length > 0)
    blobs = [
        vector if valid else bytes(usual_length) for vector, valid in zip(vectors, has_length.tolist(), strict=True)
    ]
    matrix = np.frombuffer(b"".join(blobs), dtype=VECTOR_DTYPE)
    matrix = matrix.reshape(len(ids), max(usual_length // VECTOR_DTYPE.itemsize, 1) if usual_length else 0).astype(
        np.float64
    )
    frame = pd.DataFrame(matrix, columns=[f"f{n}" for n in range(matrix.shape[1])])
    if has_length.all() and np.isfinite(matrix).all() and set(map(type, ids)) == {int} and len(set(ids)) == len(ids):
        frame.insert(0, key, np.array(ids, dtype=np.int64))
        return NormalisedTable.from_valid_frame(table, frame, source)
    rejections = Rejections(table, len(ids))
    texts = pd.Series([ascii(vector)[:60] for vector in vectors], dtype="str")
    rejections.add(~has_length, "vector", texts, "is not a float64 blob of the same length as in most rows")
    frame.insert(0, key, pd.Series(list(ids), dtype=object))
    if not matrix.shape[1]:
        frame["f0"] = 0.0
    return normalise(table, frame, source=source, rejections=rejections, owners=owners)


def _count_bytes(vector: Any) -> int:
    """Return the length in bytes; 0 for a value that cannot be a vector."""
    if not isinstance(vector, bytes | bytearray | memoryview):
        return 0
    length = len(vector)
    return length if length % VECTOR_DTYPE.itemsize == 0 else 0
