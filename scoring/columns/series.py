"""Shared functions of column types: homogeneous series, stripped texts, masks, and digests of texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = [
    "EXACT",
    "Coerced",
    "Mask",
    "all_or_none",
    "arrow_texts",
    "digest_texts",
    "has_nul",
    "letter_of",
    "mask_of",
    "objects_of",
    "plain",
    "present_in",
    "text_of",
    "text_series",
    "texts_of",
    "without_words",
]

Mask = NDArray[np.bool_]
EXACT: Final = 2**53  # up to here floats represent every integer exactly
MISSING_WORDS: Final = ("nan", "nat", "<na>")  # str() of missing values, in lower case


@dataclass
class Coerced:
    """Values in the coerced dtype of a type, and (mask, reason) of the values that could not be converted."""

    values: pd.Series
    problems: list[tuple[Mask, str]] = field(default_factory=list)

    def refuse(self, mask: Mask, reason: str) -> None:
        """Add a problem if the mask has a true value."""
        if mask.any():
            self.problems.append((mask, reason))


def plain(column: pd.Series) -> pd.Series:
    """Return the same values as bool, integer, float, datetime or str; as object only if types are mixed."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(object)
    elif isinstance(dtype, pd.ArrowDtype):
        column = column.astype(_without_arrow(dtype.pyarrow_dtype))
    if column.dtype != object:
        return column
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    target = {"integer": "Int64", "boolean": "boolean", "floating": "float64", "string": "str"}.get(inferred)
    if inferred == "empty":
        target = "float64"
    if target is not None:
        try:
            return column.astype(target)  # type: ignore[call-overload]
        except (OverflowError, TypeError, ValueError, pa.ArrowException):
            return column  # large integers, unpaired surrogates: handled value by value
    return column


def _without_arrow(arrow: pa.DataType) -> Any:
    """Return the pandas dtype for an Arrow type; with an ArrowDtype, columns would be converted through objects."""
    if pa.types.is_timestamp(arrow):
        return pd.api.types.pandas_dtype(f"datetime64[us{', UTC' if arrow.tz else ''}]")
    for of_type, name in (
        (pa.types.is_string, "str"),
        (pa.types.is_large_string, "str"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_signed_integer, "Int64"),
        (pa.types.is_unsigned_integer, "UInt64"),
        (pa.types.is_floating, "float64"),
    ):
        if of_type(arrow):
            return name
    return object


def letter_of(column: pd.Series) -> str:
    """Return the kind of a plain column: b(ool), i(nteger), u(nsigned), f(loat), M (time), T(ext), O(bject)."""
    if isinstance(column.dtype, pd.StringDtype):
        return "T"
    kind = getattr(column.dtype, "kind", "O")
    return kind if kind in "biufM" else "O"


def present_in(column: pd.Series) -> Mask:
    """Return (n,) bool: whether the value is present."""
    return column.notna().to_numpy(dtype=bool)


def arrow_texts(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Return the unchanged texts of a str column, without a copy if Arrow stores them."""
    return pa.array(column.array, type=pa.large_string())


def texts_of(column: pd.Series) -> tuple[pa.Array, Mask]:
    """Return the stripped texts of a str or object column (blank: null), and the rows that are not valid UTF-8."""
    bad = np.zeros(len(column), dtype=bool)
    if isinstance(column.dtype, pd.StringDtype):
        array = arrow_texts(column)
    else:
        present = _present_objects(column)
        values = [text_of(v) if p else None for v, p in zip(column.array, present, strict=True)]
        try:
            array = pa.array(values, type=pa.large_string())
        except UnicodeEncodeError:
            bad = np.array([v is not None and not _encodes(v) for v in values], dtype=bool)
            array = pa.array([None if b else v for v, b in zip(values, bad, strict=True)], type=pa.large_string())
        bad |= np.array([isinstance(v, bytes) for v in column.array], dtype=bool)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.large_string()), array), bad


def _present_objects(column: pd.Series) -> list[bool]:
    """Return `notna` of a column that may contain lists."""
    return [bool(p) if isinstance(p, bool | np.bool_) else True for p in map(pd.notna, column.array)]


def text_of(value: Any) -> str:
    """Return a value as text; 13.0 becomes 13."""
    if isinstance(value, bytes):
        return ""  # rejected by the caller, because the encoding is unknown
    if isinstance(value, float | np.floating):
        number = float(value)
        if number.is_integer() and abs(number) < EXACT:
            return str(int(number))
    return str(value)


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_words(array: pa.Array) -> pa.Array:
    """Return the texts with null for nan, nat and <na>, which are printed missing values."""
    words = pa.array(MISSING_WORDS, type=pa.large_string())
    if not array.null_count and pc.all(pc.invert(pc.is_in(pc.utf8_lower(array), words))).as_py():
        return array
    missing = pc.is_in(pc.utf8_lower(array), words)
    return pc.if_else(missing, pa.scalar(None, pa.large_string()), array)


def mask_of(array: pa.Array) -> Mask:
    """Return an Arrow array of booleans as a NumPy mask; null becomes false."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def text_series(array: pa.Array) -> pd.Series:
    """Return an Arrow array of texts as a Series of dtype str."""
    return pd.Series(pd.array(array, dtype="str"))


def has_nul(chunk: pa.LargeStringArray) -> bool:
    """Return whether the bytes of a text array, including those of missing values, contain NUL."""
    _, starts, data = chunk.buffers()
    if data is None or not len(chunk):
        return False
    first, last = np.frombuffer(starts, dtype=np.int64)[[chunk.offset, chunk.offset + len(chunk)]]
    return not np.frombuffer(data, dtype=np.uint8)[first:last].all()


def objects_of(values: pd.Series) -> list[Any]:
    """Return the values as Python objects; None if missing."""
    return values.astype(object).where(values.notna(), None).tolist() if values.hasnans else values.tolist()


def all_or_none(values: Sequence[Any], holds: Callable[[Any], bool]) -> bool:
    """Return whether every value is None or satisfies a condition."""
    return all(value is None or holds(value) for value in values)


def digest_texts(digest: hashlib.blake2b, name: str, column: pd.Series) -> None:
    """Add texts, or integers as texts, to a digest.

    Lengths and missing values are added too, so different columns give different bytes.
    """
    texts = pa.array(column.array).cast(pa.large_string())
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    lengths = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    digest.update(name.encode() + lengths.tobytes() + texts.is_null().to_numpy(zero_copy_only=False).tobytes())
    known = texts.drop_null()
    _, offsets, data = known.buffers()  # hash the Arrow buffer, without making Python strings
    if len(known):
        begin, end = (np.frombuffer(offsets, dtype=np.int64)[known.offset + place] for place in (0, len(known)))
        digest.update(memoryview(data)[begin:end])
