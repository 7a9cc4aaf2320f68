"""A validated frame whose columns are converted at first access.

For a valid frame, `validation.normalise` spends two thirds of its time on texts that scores do not use, and most of the
rest on checks. `read_valid_frame` accepts a valid frame in a hundredth of that time. If it returns None, `normalise`
decides. Both give equal columns and rejections: `tests/validation/test_lazy_columns.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from scoring.columns import TABLES, Column
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.city_code_padding import has_short_codes, pad_cities, pad_city_codes
from scoring.columns.dictionary_column import DictionaryColumn
from scoring.columns.series_functions import CoercedColumn, Mask, mask_present, to_arrow_texts
from scoring.columns.text_id_hash import mask_reserved
from scoring.columns.types import ID
from scoring.threads.pool import map_in_threads
from scoring.validation.column_match import get_columns, get_table, match_columns
from scoring.validation.zero_padding_notes import describe_padded_codes

__all__ = ["ValidatedFrame", "read_valid_frame"]


@dataclass(frozen=True)
class _SourceColumn:
    """An accepted column of the source, which is converted later."""

    column: Column
    values: pd.Series
    width: int | None

    def is_accepted(self) -> bool:
        """Return whether fast checks find every value valid."""
        return self.column.type.accepts(self.values) and not self.column.find_out_of_range(self.values)

    def to_canonical(self) -> pd.Series:
        if self.column.type.has_few_values:
            return self.get_dictionary().series()
        if self.column.type.keeps(self.values):
            return self.values
        return self.column.type.coerce(self.values, self.width).values

    def get_dictionary(self) -> DictionaryColumn:
        coded, coerced = self._coded
        return DictionaryColumn(coerced.values, coded.place)

    @cached_property
    def _coded(self) -> tuple[DictionaryColumn, CoercedColumn]:
        coded = DictionaryColumn.of(self.values)
        return coded, self.column.type.coerce(coded.values, self.width)

    def describe_padded_codes(self) -> dict[str, int]:
        if self.width is None or not self.column.type.has_few_values:
            return {}
        coded, coerced = self._coded
        return describe_padded_codes(self.column.name, coded.values, coerced, self.width, coded.place)

    def find_present(self) -> Mask:
        """Return (n,) bool: whether there is text that is not blank."""
        texts = to_arrow_texts(self.values)
        blank = pc.or_(pc.utf8_is_space(texts), pc.equal(texts, ""))
        return np.asarray(pc.fill_null(pc.invert(blank), False).to_numpy(zero_copy_only=False), dtype=bool)


class ValidatedFrame:
    """n valid rows of a table, in the order of the source. Columns are canonical and have a RangeIndex.

    A column that the source does not have is missing in every row.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        length: int,
        converted: dict[str, pd.Series],
        raw: Mapping[str, _SourceColumn],
    ) -> None:
        self._columns = {column.name: column for column in columns}
        self._length = length
        self._converted = converted
        self._raw = raw
        self._coded: dict[str, DictionaryColumn] = {}
        self._notes: dict[str, int] = {}
        self._city_width: int | None = None

    @classmethod
    def of(cls, table: str, frame: pd.DataFrame) -> Self:
        """Return the validated frame of a canonical frame."""
        checked = cls(TABLES[table].columns, len(frame), {}, {})
        checked.__dict__["frame"] = frame  # instead of computing the cached property
        return checked

    def __len__(self) -> int:
        return self._length

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in canonical order."""
        return tuple(map(str, self.frame.columns)) if "frame" in self.__dict__ else tuple(self._columns)

    def __getitem__(self, name: str) -> pd.Series:
        """Return the canonical column of this name. Raise KeyError if it does not exist."""
        if "frame" in self.__dict__:
            return self.frame[name]
        if name not in self._converted:
            raw = self._raw.get(name)
            column = self._columns[name]
            values = column.type.make_missing(self._length) if raw is None else raw.to_canonical()
            self._converted[name] = self._pad(values) if name == "city_code" else values
        return self._converted[name]

    def get_dictionary(self, name: str) -> DictionaryColumn:
        """Return the canonical column of this name as a `DictionaryColumn`."""
        if name not in self._coded:
            raw = self._raw.get(name)
            if raw is None or not self._columns[name].type.is_text or self._may_be_padded(name, raw):
                self._coded[name] = DictionaryColumn.of(self[name])
            else:
                self._coded[name] = raw.get_dictionary()
        return self._coded[name]

    def _may_be_padded(self, name: str, raw: _SourceColumn) -> bool:
        """Return whether a value of a column may be a city code that lost its zero."""
        if name != "city_code" or self._city_width is None:
            return False
        return has_short_codes(raw.get_dictionary().values, self._city_width)

    def pad_cities_to(self, width: int | None) -> None:
        """Pad city codes as `pad_cities` does. Call it before a column is read."""
        self._city_width = width
        if "frame" in self.__dict__:
            self.__dict__["frame"] = pad_cities(self.frame, width)
        elif "city_code" in self._converted:
            self._converted["city_code"] = self._pad(self._converted["city_code"])

    def _pad(self, cities: pd.Series) -> pd.Series:
        found = None if self._city_width is None else pad_city_codes(cities, self["prefecture_code"], self._city_width)
        return cities if found is None else found.codes

    def find_present(self, name: str) -> Mask:
        """Return (n,) bool: whether the value is present."""
        raw = self._raw.get(name)
        if (
            raw is not None
            and raw.column.type.is_text
            and not raw.column.type.has_few_values
            and name not in self._converted
        ):
            return raw.find_present()
        return mask_present(self[name])

    @property
    def notes(self) -> Mapping[str, int]:
        """Message → number of values, as of `normalise`."""
        notes = dict(self._notes)
        for raw in self._raw.values():
            notes |= raw.describe_padded_codes()
        return notes

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All columns, in canonical order."""
        return pd.DataFrame({name: self[name] for name in self._columns}, copy=False)


def read_valid_frame(
    table: str,
    frame: pd.DataFrame,
    code_width: Mapping[str, int | None] | None = None,
    board: Board = DEFAULT_BOARD,
) -> ValidatedFrame | None:
    """Return the validated frame if every row is valid; None if a row may be invalid.

    It is always None for tables whose key is not one id, or that have other required columns.

    Raises
    ------
    DataError: If a required column is missing, or a column is duplicated.
    """
    spec, widths = get_table(table, board), code_width or {}
    columns = get_columns(spec, frame)
    sources, _ = match_columns(spec, columns, frame)
    if len(spec.key) > 1 or any(column.required and column.type is not ID for column in columns):
        return None
    as_is = frame.index.equals(pd.RangeIndex(len(frame)))
    converted: dict[str, pd.Series] = {}
    raw: dict[str, _SourceColumn] = {}
    notes: dict[str, int] = {}
    found = [
        _SourceColumn(
            column,
            frame[sources[column.name]] if as_is else frame[sources[column.name]].reset_index(drop=True),
            widths.get(column.name),
        )
        for column in columns
        if column.name in sources
    ]
    for source, is_accepted in zip(found, map_in_threads(_SourceColumn.is_accepted, found, len(frame)), strict=True):
        column, values, width = source.column, source.values, source.width
        if is_accepted:
            raw[column.name] = source
            continue
        coerced = column.type.coerce(values, width)
        if coerced.values.dtype != column.type.coerced_dtype or not column.is_valid(coerced):
            return None
        converted[column.name] = column.type.finish(coerced.values)
        notes |= describe_padded_codes(column.name, values, coerced, width)
    checked = ValidatedFrame(spec.columns, len(frame), converted, raw)
    checked._notes = notes
    ids = checked[spec.key[0]].to_numpy()
    return checked if _are_distinct(ids) and _are_named(ids, checked) else None


def _are_named(ids: np.ndarray, checked: ValidatedFrame) -> bool:
    """Return whether ids in the range of text ids have an external id."""
    reserved = mask_reserved(ids)
    return not reserved.any() or bool(checked.find_present("external_id")[reserved].all())


def _are_distinct(ids: np.ndarray) -> bool:
    """Return whether ids are distinct; fast if they ascend, as a database returns them."""
    return bool((ids[1:] > ids[:-1]).all()) or pd.Index(ids).is_unique
