"""A validated frame whose columns are made canonical when they are read.

Two thirds of the time that `validation.normalise` takes for a clean frame go into texts that no score reads, and most
of the rest into checks that find nothing. `read` accepts a clean frame in a hundredth of that time, or returns None;
then `normalise` decides. Both give the same columns and rejections: `tests/dataset/test_checked.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns import TABLES, Column, Kind
from scoring.columns.coercion import TEXTS, Mask, arrow_texts, beyond, coerce, ready
from scoring.validation.column_matching import columns_of, sources_of, table_of

__all__ = ["DictionaryColumn", "ValidatedFrame", "coerced_dtype", "final", "missing", "read"]

_SHORT: Final = 16
"""Rows that are converted one by one as fast as their different values are found: those of single pairs."""

_FEW_VALUES: Final = (Kind.CODE, Kind.CHOICE)
"""Texts of which a column holds few different ones, each on many rows."""


@dataclass(frozen=True)
class DictionaryColumn:
    """A column as its different values and the place of each row's value among them.

    Row r holds `values[place[r]]`; a missing value has place -1, or is one of the values. What is computed for each
    value is computed once. A value may occur twice: in a short column, or where " a" and "a" were stripped.
    """

    values: pd.Series
    place: NDArray[np.int64]  # (n,)

    @classmethod
    def of(cls, column: pd.Series) -> Self:
        if len(column) <= _SHORT:
            return cls(column.reset_index(drop=True), np.arange(len(column)))
        place, values = pd.factorize(column)
        return cls(pd.Series(values, dtype=column.dtype), np.asarray(place, dtype=np.int64))

    def series(self) -> pd.Series:
        """Return the column, with a RangeIndex."""
        return pd.Series(self.values.array.take(self.place, allow_fill=True))


@dataclass(frozen=True)
class _Raw:
    """A column that passed as it stands, and what brings it to its kind."""

    column: Column
    values: pd.Series
    width: int | None

    def canonical(self) -> pd.Series:
        if self.column.kind in _FEW_VALUES:
            return self.coded().series()
        if self.column.kind not in TEXTS or self._is_stripped():
            return self.values
        return coerce(self.column.kind, self.values, self.width).values

    def _is_stripped(self) -> bool:
        texts = arrow_texts(self.values)
        blank = pc.any(pc.equal(texts, "")).as_py()
        return not blank and bool(pc.utf8_trim_whitespace(texts).equals(texts))

    def coded(self) -> DictionaryColumn:
        coded = DictionaryColumn.of(self.values)
        return DictionaryColumn(coerce(self.column.kind, coded.values, self.width).values, coded.place)

    def present(self) -> Mask:
        """Blank text is missing."""
        texts = arrow_texts(self.values)
        blank = pc.or_(pc.utf8_is_space(texts), pc.equal(texts, ""))
        return np.asarray(pc.fill_null(pc.invert(blank), False).to_numpy(zero_copy_only=False), dtype=bool)


class ValidatedFrame:
    """n rows of a table that passed every check, in their order. Columns are canonical and have a RangeIndex.

    A column that the frame does not have is missing in every row.
    """

    def __init__(self, table: str, length: int, made: dict[str, pd.Series], raw: Mapping[str, _Raw]) -> None:
        self._columns = {column.name: column for column in TABLES[table].columns}
        self._length = length
        self._made = made
        self._raw = raw
        self._coded: dict[str, DictionaryColumn] = {}

    @classmethod
    def of(cls, table: str, frame: pd.DataFrame) -> Self:
        """Of a frame that is canonical already."""
        checked = cls(table, len(frame), {}, {})
        checked.__dict__["frame"] = frame  # (what else the property would make)
        return checked

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, name: str) -> pd.Series:
        """The canonical column of this name. Raises KeyError."""
        if "frame" in self.__dict__:
            return self.frame[name]
        if name not in self._made:
            raw = self._raw.get(name)
            made = missing(self._columns[name], self._length) if raw is None else raw.canonical()
            self._made[name] = final(self._columns[name], made)
        return self._made[name]

    def coded(self, name: str) -> DictionaryColumn:
        """The same by its different values."""
        if name not in self._coded:
            raw = self._raw.get(name)
            is_text = self._columns[name].kind in TEXTS
            self._coded[name] = raw.coded() if raw is not None and is_text else DictionaryColumn.of(self[name])
        return self._coded[name]

    def present(self, name: str) -> Mask:
        """(n,) whether there is a value."""
        raw = self._raw.get(name)
        if raw is not None and raw.column.kind is Kind.TEXT and name not in self._made:
            return raw.present()
        return self[name].notna().to_numpy(dtype=bool)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All columns, in their canonical order."""
        return pd.DataFrame({name: self[name] for name in self._columns}, copy=False)


def read(table: str, frame: pd.DataFrame, code_width: Mapping[str, int | None] | None = None) -> ValidatedFrame | None:
    """The frame's columns where nothing is wrong with any of them; None where something may be.

    Tables whose rows have an id. Raises DataError where a required column is missing, or one stands twice.
    """
    spec, widths = table_of(table), code_width or {}
    columns = columns_of(spec, frame)
    sources, _ = sources_of(spec, columns, frame)
    if len(spec.key) > 1 or any(column.required and column.kind is not Kind.ID for column in columns):
        return None
    as_is = frame.index.equals(pd.RangeIndex(len(frame)))
    made: dict[str, pd.Series] = {}
    raw: dict[str, _Raw] = {}
    for column in columns:
        if column.name not in sources:
            continue
        values, width = frame[sources[column.name]], widths.get(column.name)
        values = values if as_is else values.reset_index(drop=True)
        if ready(column.kind, values) and not beyond(column, values):
            raw[column.name] = _Raw(column, values, width)
            continue
        coerced = coerce(column.kind, values, width)
        if coerced.problems or not _sound(column, coerced.values) or beyond(column, coerced.values):
            return None
        made[column.name] = final(column, coerced.values)
    checked = ValidatedFrame(table, len(frame), made, raw)
    return checked if _all_different(checked[spec.key[0]].to_numpy()) else None


def _sound(column: Column, values: pd.Series) -> bool:
    """What coercion leaves to the schema: the dtype, no infinity, no id missing."""
    if values.dtype != coerced_dtype(column):
        return False
    if column.kind is Kind.NUMBER:
        return not np.isinf(values.to_numpy(dtype=np.float64)).any()
    return not (column.required and values.isna().any())


def _all_different(ids: np.ndarray) -> bool:
    """Without a look at each where they ascend, as a database gives them."""
    return bool((ids[1:] > ids[:-1]).all()) or pd.Index(ids).is_unique


_NULLABLE: Final = {Kind.ID: "Int64", Kind.ACTIVE: "boolean"}


def coerced_dtype(column: Column) -> str:
    """Before refused rows are dropped, where the canonical dtype cannot hold a missing value."""
    return _NULLABLE.get(column.kind, column.kind.dtype)


def missing(column: Column, length: int) -> pd.Series:
    """A column that a frame does not have; what `final` makes of it is canonical."""
    if column.kind is Kind.INTEGERS:
        return pd.Series([[] for _ in range(length)], dtype=object)
    return pd.Series(None, index=range(length), dtype=coerced_dtype(column))


def final(column: Column, values: pd.Series) -> pd.Series:
    """The canonical column of a coerced one in which nothing is wrong."""
    if column.kind is Kind.ACTIVE:
        return values.fillna(True).astype(bool)
    return values.astype("int64") if column.kind is Kind.ID else values
