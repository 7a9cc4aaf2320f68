"""Categories of own columns: texts in normal form, and sets of such texts. Booleans are `true` and `false`.

In the text of a set, | separates the categories. A missing set is empty. A set is sorted and without duplicates, so
that equal sets are stored and digested equally. The list forms that JSON, PostgreSQL, Python and NumPy write are texts
of sets too: `["a", "b"]`, `{a,b}`, `['a', 'b']`, `['a' 'b']`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.series_functions import CoercedColumn, digest_texts, get_dtype_letter, to_plain_dtype
from scoring.columns.text_normalisation import normalise_text, normalise_value
from scoring.columns.types.column_type import ColumnType
from scoring.columns.types.normalised_text import NormalTextType
from scoring.columns.types.text import NUL

__all__ = ["CATEGORY", "CATEGORY_LIST"]

_TEXT: Final = r"""'(?:[^'\\\n]|\\[\\'"])*'|"(?:[^"\\\n]|\\[\\'"])*\""""
PYTHON_TEXT: Final = re.compile(_TEXT)
"""A text as Python writes it, without escapes of control characters."""
PYTHON_LIST: Final = re.compile(rf"\[\s*(?:{_TEXT})(?:(?:\s*,\s*|\s+)(?:{_TEXT}))*\s*\]")

NOT_CATEGORIES: Final = "is not a list of categories (example of a text: car|truck)"
NESTED: Final = (list, tuple, set, frozenset, dict, np.ndarray, pd.Series)


class CategoryType(NormalTextType):
    name = "category"
    dtype = "str"
    has_few_values = False

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        column = to_plain_dtype(values)
        if get_dtype_letter(column) in "bO" and any(isinstance(value, bool | np.bool_) for value in column.array):
            column = column.astype(object).map(_name_bool)
        return super().coerce(column, width)


class CategoryListType(ColumnType):
    name = "list of categories"
    dtype = "object"
    sql_type = "text"
    stored_type = pa.large_string()
    is_list = True

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        lists: list[list[str] | None] = []
        parsed: dict[str, list[str] | None] = {}
        for value in values.array:
            if isinstance(value, str):
                if value not in parsed:
                    parsed[value] = _parse_text(value)
                lists.append(parsed[value])
            else:
                lists.append(_parse_value(value))
        invalid = np.array([items is None for items in lists], dtype=bool)
        nul = np.array([items is not None and any("\0" in item for item in items) for items in lists], dtype=bool)
        kept = [[] if items is None or bad else list(items) for items, bad in zip(lists, nul.tolist(), strict=True)]
        result = CoercedColumn(pd.Series(kept, dtype=object, index=values.index))
        result.reject(invalid, NOT_CATEGORIES)
        result.reject(nul, NUL)
        return result

    def make_missing_coerced(self, length: int) -> pd.Series:
        return pd.Series([[] for _ in range(length)], dtype=object)

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        """As in the base class; only for words of ASCII letters and digits, and lists of them."""
        items = value if type(value) is list else [value]
        return all(type(item) is str and item.isascii() and item.isalpha() for item in items)

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        return pd.Series([[] if value is None else _parse_value(value) for value in values], dtype=object)

    def to_array(self, values: list[Any]) -> pa.Array | None:
        return super().to_array(values) if set(map(type, values)) <= {str, type(None)} else None

    def from_array(self, array: pa.Array, width: int | None = None) -> pd.Series | None:
        found = self.coerce(pd.Series(array.to_pylist(), dtype=object))
        return None if found.problems else found.values

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return self.coerce(pd.Series(array.to_pylist(), dtype=object)).values

    def to_database(self, values: pd.Series) -> list[Any]:
        return ["|".join(row) if len(row) else None for row in values]

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest_texts(digest, name, values.map("|".join).astype("str"))


def _parse_value(value: Any) -> list[str] | None:
    if isinstance(value, dict):
        return None
    if isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Series | pd.api.extensions.ExtensionArray):
        items = list(value)
        return None if any(isinstance(item, NESTED) for item in items) else _to_set(items)
    return _to_set([value])


def _parse_text(text: str) -> list[str] | None:
    """Return the categories of a text such as `car|truck`, `["car", "truck"]` or `{car,truck}`."""
    form = normalise_text(text)
    if form[:1] + form[-1:] == "[]":
        try:
            return _parse_value(json.loads(form))
        except ValueError:
            is_list = PYTHON_LIST.fullmatch(form) is not None
            return _to_set(map(_unquote, PYTHON_TEXT.findall(form)) if is_list else form.split("|"))
    if form[:1] + form[-1:] == "{}":
        fields = next(csv.reader([form[1:-1]], skipinitialspace=True), [])
        return _to_set("" if field.upper() == "NULL" else field for field in fields)
    return _to_set(form.split("|"))


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _to_set(items: Iterable[Any]) -> list[str] | None:
    found: set[str] = set()
    for item in items:
        if isinstance(item, bytes) or (isinstance(item, float | np.floating) and math.isinf(item)):
            return None
        text = item if isinstance(item, str) else normalise_value(item) or ""
        try:
            text.encode()
        except UnicodeEncodeError:
            return None
        found.update(map(normalise_text, text.split("|")))
    return sorted(found - {""})


def _name_bool(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool | np.bool_) else value


CATEGORY: Final = CategoryType()
"""The type of own columns with one text per row, such as a level."""
CATEGORY_LIST: Final = CategoryListType()
"""The type of own columns with a set of texts per row, such as skills."""
