"""A few jobs or users as arrays, made of Python values without frames.

Frames take 10 ms for one job and one user, most of it for single columns. Values that are not in canonical form, or
that the data do not contain, are left to the frames. Both give equal arrays:
`tests/dataset/test_python_row_encoding.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from scoring.array_types import Floats, Ints, Longs
from scoring.columns import SALARY_TYPES, Column, Table
from scoring.columns.types import TIME
from scoring.dataset.arrays import NO_CODE, NO_TIME, JobArrays, Ragged, UserArrays
from scoring.dataset.lazy_fields import Lazy
from scoring.dataset.row_lookup import RowLookup
from scoring.dataset.vocabularies import MISSING, Vocabularies, Vocabulary

__all__ = ["PlainRows", "encode_jobs", "encode_users"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class PlainRows:
    """The columns of n rows as lists of canonical values. None is a missing value; other columns are missing."""

    table: Table
    length: int
    values: Mapping[str, Sequence[Any]]

    @classmethod
    def of(
        cls,
        table: Table,
        length: int,
        values: Mapping[str, Sequence[Any]],
        widths: Mapping[str, int | None],
        city_width: int | None,
    ) -> Self | None:
        """Return the rows of these values by canonical name; None if a value is not canonical.

        Parameters
        ----------
        widths: Code column → digits of a number.
        city_width: Digits of a city code.
        """
        given: dict[str, Sequence[Any]] = {}
        for column in table.columns:
            of_column = values.get(column.name)
            if of_column is None or all(value is None for value in of_column):
                if column.required and length:
                    return None
                continue
            if not _accepts(column, of_column, widths.get(column.name)):
                return None
            given[column.name] = of_column
        for city in given.get("city_code", ()):
            if city is not None and city_width is not None and len(city) < city_width and city.isdigit():
                return None  # it may have lost a zero
        return cls(table, length, given)

    def get(self, name: str) -> Sequence[Any]:
        return self.values.get(name, (None,) * self.length)

    def make_column(self, name: str) -> pd.Series:
        """Return a canonical column. Raise KeyError if the table does not contain it."""
        kind = self.table.column(name).type
        column = kind.make_column(self.values[name]) if name in self.values else kind.make_missing(self.length)
        return column.rename(name)

    @property
    def frame(self) -> pd.DataFrame:
        """All columns of the table."""
        return pd.DataFrame({name: self.make_column(name) for name in self.table.names}, copy=False)


def _accepts(column: Column, values: Sequence[Any], width: int | None) -> bool:
    if column.choices or not column.type.accepts_objects(values, width):
        return False
    if column.type is TIME and any(getattr(value, "nanosecond", 0) for value in values):
        return False  # times are microseconds
    limit = column.max_absolute
    return limit is None or all(value is None or abs(value) <= limit for value in values)


class _PlainJobArrays(Lazy, JobArrays):
    """`JobArrays` whose columns are made at first access."""

    def read_column(self, name: str) -> pd.Series:
        return _read_column(self, name) if name in _get_names(self) else super().read_column(name)


class _PlainUserArrays(Lazy, UserArrays):
    """`UserArrays` whose columns are made at first access."""

    @property
    def lookup(self) -> RowLookup:
        rows: PlainRows | None = self.__dict__.get("_rows")  # None: unpickled
        if rows is None or "external_id" in rows.values:
            return super().lookup
        return RowLookup("user", self.user_id, None)

    def read_column(self, name: str) -> pd.Series:
        return _read_column(self, name) if name in _get_names(self) else super().read_column(name)


def _get_names(arrays: JobArrays | UserArrays) -> tuple[str, ...]:
    rows: PlainRows | None = arrays.__dict__.get("_rows")  # None: unpickled
    return () if rows is None else rows.table.names


def _read_column(arrays: JobArrays | UserArrays, name: str) -> pd.Series:
    rows: PlainRows = arrays.__dict__["_rows"]
    return rows.make_column(name)


def encode_jobs(rows: PlainRows, words: Vocabularies) -> JobArrays | None:
    """Return `JobArrays.encode(rows.frame, words)`; None if the words do not contain a value."""
    prefecture = _find_codes(words.prefecture, rows.get("prefecture_code"))
    city = _find_codes(words.city, rows.get("city_code"))
    occupation = _find_codes(words.occupation, rows.get("occupation_code"))
    company = _find_codes(words.company, rows.get("company_id"))
    if prefecture is None or city is None or occupation is None or company is None:
        return None
    place = _find_places(words.place, prefecture, city)
    if place is None:
        return None
    min_salary = _to_floats(rows.get("min_salary"))
    hours = _to_floats([None if kind is None else SALARY_TYPES.get(kind) for kind in rows.get("salary_type")])
    types = rows.get("employment_type_code")
    with np.errstate(invalid="ignore"):
        hourly = np.where(min_salary > 0, min_salary / hours, np.nan)
    return _PlainJobArrays.from_makers(
        {"frame": lambda: rows.frame},
        _rows=rows,
        job_id=np.array(rows.get("job_id"), dtype=np.int64),
        prefecture=prefecture,
        place=place,
        occupation=occupation,
        major=np.append(words.majors(), np.int32(MISSING))[occupation],
        company=company,
        employment_type=np.array([NO_CODE if code is None else code for code in types], dtype=np.int64),
        hourly=hourly,
        min_salary=min_salary,
        fee=_to_floats(rows.get("fee")),
        has_station=_find_present(rows.get("station_name")),
        has_address=_find_present(rows.get("address")),
        daily_payment=_to_flags(rows.get("has_daily_payment")),
        no_experience=_to_flags(rows.get("has_no_experience")),
        student_welcome=_to_flags(rows.get("has_student_welcome")),
        remote_work=_to_flags(rows.get("has_remote_work")),
        posted_at=_to_microseconds(rows.get("posted_at")),
        expires_at=_to_microseconds(rows.get("expires_at")),
        active=_to_active(rows.get("is_active")),
    )


def encode_users(rows: PlainRows, words: Vocabularies) -> UserArrays | None:
    """Return `UserArrays.encode(rows.frame, words)`; None if the words do not contain a value."""
    prefecture = _find_codes(words.prefecture, rows.get("prefecture_code"))
    city = _find_codes(words.city, rows.get("city_code"))
    lists = [value or [] for value in rows.get("preferred_occupations")]
    preferred = _find_codes(words.occupation, [code for codes in lists for code in codes])
    if prefecture is None or city is None or preferred is None:
        return None
    place = _find_places(words.place, prefecture, city)
    if place is None:
        return None
    floor, styles = _to_floats(rows.get("preferred_salary_min")), rows.get("preferred_work_style")
    start = np.zeros(rows.length + 1, dtype=np.int64)
    np.cumsum([len(codes) for codes in lists], out=start[1:])
    return _PlainUserArrays.from_makers(
        {"frame": lambda: rows.frame},
        _rows=rows,
        user_id=np.array(rows.get("user_id"), dtype=np.int64),
        prefecture=prefecture,
        place=place,
        preferred=Ragged(start, preferred),
        salary_floor=np.where(floor > 0, floor, np.nan),
        has_style=_find_present(styles),
        wants_remote=np.array([style == "remote" for style in styles], dtype=bool),
        active=_to_active(rows.get("is_active")),
    )


def _find_codes(words: Vocabulary, values: Sequence[Any]) -> Ints | None:
    """Return (n,) int32 codes, -1 for missing values; None if a value is unknown."""
    known = words.code_of
    codes = [MISSING if value is None else known.get(value) for value in values]
    return None if None in codes else np.array(codes, dtype=np.int32)


def _find_places(words: Vocabulary, prefecture: Ints, city: Ints) -> Ints | None:
    pairs = zip(prefecture.tolist(), city.tolist(), strict=True)
    return _find_codes(words, [(a << 32) | b if a >= 0 and b >= 0 else None for a, b in pairs])


def _to_floats(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _to_flags(values: Sequence[Any]) -> np.ndarray:
    return np.array([MISSING if value is None else value for value in values], dtype=np.int8)


def _to_active(values: Sequence[Any]) -> np.ndarray:
    return np.array([value is not False for value in values], dtype=bool)


def _find_present(values: Sequence[Any]) -> np.ndarray:
    return np.array([value is not None for value in values], dtype=bool)


def _to_microseconds(values: Sequence[Any]) -> Longs:
    return np.array([NO_TIME if value is None else (value - EPOCH) // MICROSECOND for value in values], dtype=np.int64)
