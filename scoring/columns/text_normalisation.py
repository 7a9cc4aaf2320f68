"""The normal form of a value, in which ids, codes, numbers, headers and mapping keys are compared.

The normal form is text: NFKC (full-width characters become ASCII), without invisible characters, and stripped. A whole
number has no fraction (`13.0` is `13`), and a boolean is `true` or `false`. Letters keep their case.

Titles, names and addresses are stored as given; only comparisons use the normal form.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "MAX_EXACT",
    "drop_blank_texts",
    "fold_text",
    "normalise_column",
    "normalise_text",
    "normalise_texts",
    "normalise_value",
    "remove_invisible",
]

INVISIBLE: Final = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Zero-width characters, marks of writing direction, soft hyphens and byte order marks."""

FRACTION_OF_ZERO: Final = re.compile(r"([+-]?[0-9]+)\.0+")
MAX_EXACT: Final = 2**53  # up to here floats represent every integer exactly


def remove_invisible(text: str) -> str:
    """Return the text without invisible characters, and stripped. It may be empty."""
    return INVISIBLE.sub("", text).strip()


def normalise_text(text: str) -> str:
    """Return the text in NFKC, without invisible characters, and stripped. It may be empty.

    Example
    -------
    >>> normalise_text("１３\\u200b\\u3000")
    '13'
    """
    if text.isascii():
        return text.strip()
    return remove_invisible(unicodedata.normalize("NFKC", text))


def fold_text(text: str) -> str:
    """Return the normal form of a text without differences in case, in which names and words are compared.

    Example
    -------
    >>> fold_text("Ｊｏｂ_ID")
    'job_id'
    """
    return normalise_text(text).casefold()


def normalise_value(value: Any) -> str | None:
    """Return the normal form of a scalar; None if it is missing or blank.

    Example
    -------
    >>> [normalise_value(value) for value in (13, 13.0, "13.0", "１３", "13 ", True, "TRUE", "A-1", "007", " ", None)]
    ['13', '13', '13', '13', '13', 'true', 'true', 'A-1', '007', None, None]
    """
    if isinstance(value, str):
        return _normalise_words(normalise_text(value))
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, float | np.floating | Decimal):
        number = float(value)
        if number.is_integer() and abs(number) < MAX_EXACT:
            return str(int(number))
    return _normalise_words(normalise_text(str(value)))


def _normalise_words(text: str) -> str | None:
    if text.endswith("0") and (match := FRACTION_OF_ZERO.fullmatch(text)):
        return match[1]
    return text.lower() if text.lower() in ("true", "false") else text or None


def normalise_texts(texts: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """Return `normalise_text` of each text of a large_string array; null if missing or blank."""
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if not _is_ascii(array):
        others = pc.fill_null(pc.invert(pc.string_is_ascii(array)), False)
        replaced = [normalise_text(text) for text in array.filter(others).to_pylist()]
        array = pc.replace_with_mask(array, others, pa.array(replaced, type=pa.large_string()))
    return drop_blank_texts(pc.utf8_trim_whitespace(array))


_EMPTY: Final = pa.scalar("", pa.large_string())
_MISSING: Final = pa.scalar(None, pa.large_string())


def drop_blank_texts(array: pa.Array) -> pa.Array:
    """Return texts with null for empty ones."""
    blank = pc.equal(array, _EMPTY)
    return pc.if_else(blank, _MISSING, array) if pc.any(blank).as_py() else array


def _is_ascii(array: pa.LargeStringArray) -> bool:
    _, starts, data = array.buffers()
    if data is None or not len(array):
        return True
    first, last = np.frombuffer(starts, dtype=np.int64)[[array.offset, array.offset + len(array)]]
    return first == last or int(np.frombuffer(data, dtype=np.uint8)[first:last].max()) < 128


def normalise_column(column: pd.Series) -> pd.Series:
    """Return `normalise_value` of each scalar of a column, as str. A list is compared by its elements instead."""
    values = column.array
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype) or column.dtype == object:
        known: dict[Any, str | None] = {}
        texts = [_look_up(known, value) for value in values]
    else:
        place, distinct = pd.factorize(column)
        forms = np.array([*map(normalise_value, distinct), None], dtype=object)
        texts = forms[place].tolist()
    return pd.Series(texts, index=column.index, dtype="str")


def _look_up(known: dict[Any, str | None], value: Any) -> str | None:
    key = (type(value), value)
    try:
        if key not in known:
            known[key] = normalise_value(value)
        return known[key]
    except TypeError:  # unhashable
        return normalise_value(value)
