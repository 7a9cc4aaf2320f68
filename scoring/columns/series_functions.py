"""Shared functions of column types: homogeneous series, stripped texts, masks, and digests of texts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.text_normalisation import MAX_EXACT, drop_blank_texts, normalise_texts

__all__ = [
    "MAX_EXACT",
    "MISSING_TEXTS",
    "CoercedColumn",
    "Mask",
    "contains_nul",
    "digest_texts",
    "drop_missing_texts",
    "format_value",
    "get_dtype_letter",
    "mask_present",
    "read_normal_texts",
    "read_texts",
    "strip_texts",
    "to_arrow_texts",
    "to_mask",
    "to_objects",
    "to_plain_dtype",
    "to_text_series",
    "view_bytes",
]

Mask = NDArray[np.bool_]
_TEXT_DTYPE: Final[Any] = pd.StringDtype(na_value=np.nan)
MISSING_TEXTS: Final = ("nan", "nat", "<na>")  # str() of missing values, in lower case


@dataclass
class CoercedColumn:
    """Values in the coerced dtype of a type, and (mask, reason) of the values that could not be converted.

    `padded`: (n,) bool, the codes that were padded with zeros; None if there are none.
    """

    values: pd.Series
    problems: list[tuple[Mask, str]] = field(default_factory=list)
    padded: Mask | None = None

    def reject(self, mask: Mask, reason: str) -> None:
        """Add a problem if the mask has a true value."""
        if mask.any():
            self.problems.append((mask, reason))


def to_plain_dtype(column: pd.Series) -> pd.Series:
    """Return the same values as bool, integer, float, datetime or str; as object only if types are mixed."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(object)
    elif isinstance(dtype, pd.ArrowDtype):
        column = column.astype(_to_pandas_dtype(dtype.pyarrow_dtype))
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


def _to_pandas_dtype(arrow: pa.DataType) -> Any:
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


def get_dtype_letter(column: pd.Series) -> str:
    """Return the kind of a plain column: b(ool), i(nteger), u(nsigned), f(loat), M (time), T(ext), O(bject)."""
    if isinstance(column.dtype, pd.StringDtype):
        return "T"
    kind = getattr(column.dtype, "kind", "O")
    return kind if kind in "biufM" else "O"


def mask_present(column: pd.Series) -> Mask:
    """Return (n,) bool: whether the value is present."""
    # an eighth of the time of `notna`, which makes a Series
    return ~np.asarray(column.array.isna(), dtype=bool)


def to_arrow_texts(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Return the unchanged texts of a str column, without a copy if Arrow stores them."""
    return pa.array(column.array, type=pa.large_string())


def strip_texts(array: pa.Array) -> pa.Array:
    """Return stripped texts of a large_string array; null if blank."""
    return drop_blank_texts(pc.utf8_trim_whitespace(array))


def read_normal_texts(column: pd.Series) -> tuple[pa.Array, Mask]:
    """Return the texts of a str or object column as `normalise_texts` does, and the rows that are not valid UTF-8."""
    array, not_utf8 = read_texts(column)
    return normalise_texts(array), not_utf8


def read_texts(column: pd.Series) -> tuple[pa.Array, Mask]:
    """Return the texts of a str or object column as one array, and the rows that are not valid UTF-8."""
    not_utf8 = np.zeros(len(column), dtype=bool)
    if isinstance(column.dtype, pd.StringDtype):
        array = to_arrow_texts(column)
    else:
        present = _mask_present_objects(column)
        values = [format_value(v) if p else None for v, p in zip(column.array, present, strict=True)]
        try:
            array = pa.array(values, type=pa.large_string())
        except UnicodeEncodeError:
            not_utf8 = np.array([v is not None and not _can_encode(v) for v in values], dtype=bool)
            array = pa.array([None if b else v for v, b in zip(values, not_utf8, strict=True)], type=pa.large_string())
        not_utf8 |= np.array([isinstance(v, bytes) for v in column.array], dtype=bool)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array, not_utf8


def _mask_present_objects(column: pd.Series) -> list[bool]:
    """Return `notna` of a column that may contain lists."""
    return [bool(p) if isinstance(p, bool | np.bool_) else True for p in map(pd.notna, column.array)]


def format_value(value: Any) -> str:
    """Return a value as text; 13.0 becomes 13."""
    if isinstance(value, bytes):
        return ""  # rejected by the caller, because the encoding is unknown
    if isinstance(value, float | np.floating):
        number = float(value)
        if number.is_integer() and abs(number) < MAX_EXACT:
            return str(int(number))
    return str(value)


def _can_encode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def drop_missing_texts(array: pa.Array) -> pa.Array:
    """Return the texts with null for nan, nat and <na>, which are printed missing values."""
    words = pa.array(MISSING_TEXTS, type=pa.large_string())
    if not array.null_count and pc.all(pc.invert(pc.is_in(pc.utf8_lower(array), words))).as_py():
        return array
    missing = pc.is_in(pc.utf8_lower(array), words)
    return pc.if_else(missing, pa.scalar(None, pa.large_string()), array)


def to_mask(array: pa.Array) -> Mask:
    """Return an Arrow array of booleans as a NumPy mask; null becomes false."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def to_text_series(array: pa.Array) -> pd.Series:
    """Return an Arrow array of texts as a Series of dtype str."""
    # a third of the time of `pd.array(array, dtype="str")`, which looks the dtype up and converts the chunks
    return pd.Series(_TEXT_DTYPE.__from_arrow__(array), copy=False)


def contains_nul(chunk: pa.LargeStringArray) -> bool:
    """Return whether the bytes of a text array, including those of missing values, contain NUL."""
    _, starts, data = chunk.buffers()
    if data is None or not len(chunk):
        return False
    first, last = np.frombuffer(starts, dtype=np.int64)[[chunk.offset, chunk.offset + len(chunk)]]
    return not np.frombuffer(data, dtype=np.uint8)[first:last].all()


def to_objects(values: pd.Series) -> list[Any]:
    """Return the values as Python objects; None if missing."""
    # pandas alone needs 0.3 to 0.5 ms for a column with missing values
    array = values.array
    if isinstance(values.dtype, pd.StringDtype) and values.dtype.storage == "pyarrow":
        return to_arrow_texts(values).to_pylist()
    if isinstance(array, pd.arrays.IntegerArray | pd.arrays.BooleanArray):
        return pa.array(array).to_pylist()
    if values.dtype == np.float64:
        numbers = values.to_numpy()
        if not np.isnan(numbers).any():
            return numbers.tolist()
        return [None if number != number else number for number in numbers.tolist()]
    return values.astype(object).where(values.notna(), None).tolist() if values.hasnans else values.tolist()


def view_bytes(array: NDArray[Any]) -> memoryview:
    """Return the bytes of an array for a digest, without a copy if it is contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def digest_texts(digest: hashlib.blake2b, name: str, column: pd.Series) -> None:
    """Add texts, or integers as texts, to a digest.

    Lengths and missing values are added too, so different columns give different bytes.
    """
    texts = pa.array(column.array).cast(pa.large_string())
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    lengths = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    digest.update(name.encode())
    digest.update(view_bytes(lengths))
    digest.update(view_bytes(texts.is_null().to_numpy(zero_copy_only=False)))
    present = texts.drop_null()
    _, offsets, data = present.buffers()  # hash the Arrow buffer, without making Python strings
    if len(present):
        begin, end = (np.frombuffer(offsets, dtype=np.int64)[present.offset + place] for place in (0, len(present)))
        digest.update(memoryview(data)[begin:end])
