"""Columns that are canonical already: told by their dtype and one look over their memory.

What is said here is what `coerce` and the schema would say, for a hundredth of their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns import Kind
from scoring.columns.coercion.others import AFTER_LAST_TIME, FIRST_TIME
from scoring.columns.coercion.plain import arrow_texts

__all__ = ["TEXTS", "holds_nul", "ready"]

TEXTS: Final = (Kind.TEXT, Kind.CODE, Kind.CHOICE)
"""Kinds of which a ready column may still be brought to its form: stripped, padded, in lower case."""

_DTYPES: Final = {kind: pd.api.types.pandas_dtype(kind.dtype) for kind in Kind}
_NAT: Final = np.iinfo(np.int64).min


def ready(kind: Kind, column: pd.Series) -> bool:
    """Whether every value of the column passes, so that `coerce(kind, column)` has no problem to tell.

    False says nothing: `coerce` may still be able to bring the column to its kind.
    """
    holds = _READY.get(kind)
    return holds is not None and column.dtype == _DTYPES[kind] and holds(column)


def _any(_: pd.Series) -> bool:
    return True


def _finite(column: pd.Series) -> bool:
    return not np.isinf(column.to_numpy()).any()


def _of_our_years(column: pd.Series) -> bool:
    raw = column.to_numpy(dtype="datetime64[us]").view(np.int64)
    inside = (raw >= FIRST_TIME.view(np.int64)) & (raw < AFTER_LAST_TIME.view(np.int64))
    return bool((inside | (raw == _NAT)).all())


def _storable(column: pd.Series) -> bool:
    """Valid UTF-8 without a NUL. Other storage than Arrow's may hold what UTF-8 cannot."""
    if column.dtype.storage != "pyarrow":  # type: ignore[union-attr]
        return False
    return all(_is_storable(chunk) for chunk in _chunks(arrow_texts(column)))


def _chunks(array: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    yield from array.chunks if isinstance(array, pa.ChunkedArray) else (array,)


def _is_storable(chunk: pa.LargeStringArray) -> bool:
    if not len(chunk):
        return True
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return not holds_nul(chunk)


def holds_nul(chunk: pa.LargeStringArray) -> bool:
    """Whether a text of the array holds a NUL; also where one stands behind a missing value, which is no value's."""
    _, starts, data = chunk.buffers()
    if data is None or not len(chunk):
        return False
    first, last = np.frombuffer(starts, dtype=np.int64)[[chunk.offset, chunk.offset + len(chunk)]]
    return not np.frombuffer(data, dtype=np.uint8)[first:last].all()


_READY: Final[dict[Kind, Callable[[pd.Series], bool]]] = {
    Kind.ID: _any,
    Kind.TEXT: _storable,
    Kind.CODE: _storable,
    Kind.CHOICE: _storable,
    Kind.INTEGER: _any,
    Kind.NUMBER: _finite,
    Kind.FLAG: _any,
    Kind.ACTIVE: _any,
    Kind.TIME: _of_our_years,
}
