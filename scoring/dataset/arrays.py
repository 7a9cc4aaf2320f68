"""Convert frames to arrays: codes for texts, integers for times, NaN or -1 for missing values.

Models compute on these arrays. The frames are kept for components that read other columns, and for display.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.columns import ACTION_KINDS, SALARY_TYPES
from scoring.columns.dictionary_column import DictionaryColumn
from scoring.dataset.lazy_fields import Lazy
from scoring.dataset.vocabularies import MISSING, Vocabularies, Vocabulary, place_values, preferred_values
from scoring.errors import DataError, pluralize
from scoring.ragged import Ragged
from scoring.validation.lazy_frame import ValidatedFrame

__all__ = [
    "DAY",
    "NO_CODE",
    "NO_TIME",
    "ActionArrays",
    "JobArrays",
    "Ragged",
    "UserArrays",
    "hourly_equivalent",
    "instants",
    "jobs_later",
]


NO_TIME = np.iinfo(np.int64).min
"""A missing time: the integer that represents NaT."""
NO_CODE = np.iinfo(np.int64).min
"""A missing value of a column whose codes are used directly, because -1 may be a valid code."""
DAY = 24 * 60 * 60 * 1_000_000
"""A day in microseconds, the unit of all times in arrays."""


def instants(column: pd.Series) -> Longs:
    """Return (n,) times as microseconds since the epoch in UTC; NaT becomes NO_TIME."""
    return column.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").view(np.int64)


def floats(column: pd.Series) -> Floats:
    """Return (n,) float64; NaN for missing values."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def flags(column: pd.Series) -> NDArray[np.int8]:
    """Return (n,) int8: 1 true, 0 false, -1 missing."""
    return np.asarray(column.astype("Int8").fillna(MISSING), dtype=np.int8)


def hourly_equivalent(salary_type: DictionaryColumn, min_salary: Floats) -> Floats:
    """Return (n,) yen per hour: the minimum salary divided by its hours; NaN if unknown or not positive."""
    hours = np.append(floats(salary_type.values.map(SALARY_TYPES).astype("float64")), np.nan)[salary_type.place]
    with np.errstate(invalid="ignore"):
        return np.where(min_salary > 0, min_salary / hours, np.nan)


class _Rows:
    """Base of dataclasses whose fields are arrays of equal length."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({pluralize(len(self), 'row')})"

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[-1].name))  # type: ignore[arg-type]

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the given rows, in the given order."""
        return type(self)(**{f.name: _take(getattr(self, f.name), rows) for f in fields(self)})  # type: ignore[arg-type]


def _take(values: Any, rows: NDArray[Any]) -> Any:
    if isinstance(values, pd.DataFrame):
        return values.iloc[rows].reset_index(drop=True)
    if isinstance(values, Ragged):
        return values.take(rows)
    return values[rows]


@dataclass(frozen=True, repr=False)
class JobArrays(_Rows):
    """n jobs. Codes int32 (-1 missing), money float64 yen (NaN missing), flags int8 (-1 missing)."""

    frame: pd.DataFrame
    job_id: Longs
    prefecture: Ints
    place: Ints
    occupation: Ints
    major: Ints
    company: Ints
    employment_type: Longs  # the code itself; NO_CODE missing
    hourly: Floats  # yen per hour
    min_salary: Floats
    fee: Floats
    has_station: Bools
    has_address: Bools
    daily_payment: NDArray[np.int8]
    no_experience: NDArray[np.int8]
    student_welcome: NDArray[np.int8]
    remote_work: NDArray[np.int8]
    posted_at: Longs  # microseconds, NO_TIME missing
    expires_at: Longs
    active: Bools

    @classmethod
    def encode(cls, frame: pd.DataFrame, words: Vocabularies) -> Self:
        """Return the arrays of a canonical frame, in its row order."""
        later = jobs_later(ValidatedFrame.of("jobs", frame), words)
        return cls(**{field.name: getattr(later, field.name) for field in fields(cls)})

    def open_at(self, as_of: int, *, check_active: bool) -> Bools:
        """Return (n,) bool: posted and not expired at a time, and active if `check_active`.

        `as_of` is in microseconds since the epoch.
        """
        posted = self.posted_at <= as_of  # NO_TIME is before everything
        running = (self.expires_at == NO_TIME) | (self.expires_at > as_of)
        return posted & running & (self.active if check_active else True)


class _JobsLater(Lazy, JobArrays):
    """`JobArrays` whose arrays are computed at first access."""

    def __len__(self) -> int:
        return len(self.job_id)


def jobs_later(given: ValidatedFrame, words: Vocabularies) -> JobArrays:
    """Return `JobArrays.encode(given.frame, words)`, with each array computed at first access."""

    def maker(make: _Maker) -> Callable[[], Any]:
        return lambda: make(given, words, made)

    made = _JobsLater.later({name: maker(make) for name, make in _JOB_ARRAYS.items()})
    return made


_Maker = Callable[[ValidatedFrame, Vocabularies, JobArrays], Any]


def _major(given: ValidatedFrame, words: Vocabularies, rows: JobArrays) -> Ints:
    majors = np.append(words.majors(), np.int32(MISSING))  # the last element serves code -1
    return np.asarray(majors[rows.occupation], dtype=np.int32)


def _place(given: ValidatedFrame, words: Vocabularies, rows: JobArrays) -> Ints:
    return words.place.codes(place_values(rows.prefecture, words.city.codes(given.get_dictionary("city_code"))))


_JOB_ARRAYS: Final[dict[str, _Maker]] = {
    "frame": lambda given, words, rows: given.frame,
    "job_id": lambda given, words, rows: given["job_id"].to_numpy(np.int64),
    "prefecture": lambda given, words, rows: words.prefecture.codes(given.get_dictionary("prefecture_code")),
    "place": _place,
    "occupation": lambda given, words, rows: words.occupation.codes(given.get_dictionary("occupation_code")),
    "major": _major,
    "company": lambda given, words, rows: words.company.codes(given.get_dictionary("company_id")),
    "employment_type": lambda given, words, rows: given["employment_type_code"].fillna(NO_CODE).to_numpy(np.int64),
    "hourly": lambda given, words, rows: hourly_equivalent(given.get_dictionary("salary_type"), rows.min_salary),
    "min_salary": lambda given, words, rows: floats(given["min_salary"]),
    "fee": lambda given, words, rows: floats(given["fee"]),
    "has_station": lambda given, words, rows: given.find_present("station_name"),
    "has_address": lambda given, words, rows: given.find_present("address"),
    "daily_payment": lambda given, words, rows: flags(given["has_daily_payment"]),
    "no_experience": lambda given, words, rows: flags(given["has_no_experience"]),
    "student_welcome": lambda given, words, rows: flags(given["has_student_welcome"]),
    "remote_work": lambda given, words, rows: flags(given["has_remote_work"]),
    "posted_at": lambda given, words, rows: instants(given["posted_at"]),
    "expires_at": lambda given, words, rows: instants(given["expires_at"]),
    "active": lambda given, words, rows: given["is_active"].to_numpy(bool),
}
"""Field of `JobArrays` → function that computes it from validated columns, vocabularies and other arrays."""


@dataclass(frozen=True, repr=False)
class UserArrays(_Rows):
    """n users. `salary_floor` is NaN if there is none; `preferred` contains occupation codes."""

    frame: pd.DataFrame
    user_id: Longs
    prefecture: Ints
    place: Ints
    preferred: Ragged
    salary_floor: Floats
    has_style: Bools
    wants_remote: Bools
    active: Bools

    @classmethod
    def encode(cls, frame: pd.DataFrame, words: Vocabularies) -> Self:
        """Return the arrays of a canonical frame, in its row order."""
        prefecture = words.prefecture.codes(frame["prefecture_code"])
        floor = floats(frame["preferred_salary_min"])
        style = frame["preferred_work_style"]
        return cls(
            frame=frame,
            user_id=frame["user_id"].to_numpy(np.int64),
            prefecture=prefecture,
            place=words.place.codes(place_values(prefecture, words.city.codes(frame["city_code"]))),
            preferred=_preferred(frame["preferred_occupations"], words.occupation),
            salary_floor=np.where(floor > 0, floor, np.nan),
            has_style=style.notna().to_numpy(),
            wants_remote=(style == "remote").fillna(False).to_numpy(dtype=bool),
            active=frame["is_active"].to_numpy(bool),
        )


def _preferred(column: pd.Series, occupations: Vocabulary) -> Ragged:
    start = np.zeros(len(column) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in column], out=start[1:])
    return Ragged(start, occupations.codes(preferred_values(column)))


@dataclass(frozen=True, repr=False)
class ActionArrays(_Rows):
    """n distinct actions up to the clock, by user, time, job, kind. `user` and `job` are rows of the dataset."""

    user: Ints
    job: Ints
    kind: NDArray[np.int8]  # position in ACTION_KINDS
    at: Longs

    @classmethod
    def encode(cls, frame: pd.DataFrame, user_rows: Ints, job_rows: Ints, as_of: int) -> Self:
        """Return the actions of a canonical frame up to `as_of` (microseconds), without duplicates.

        `user_rows`, `job_rows`: (n,) the row of each action's user and job.

        Raises
        ------
        DataError: If an action is of an unknown kind.
        """
        at = instants(frame["occurred_at"])
        kind = _kinds(frame["action"])
        if (kind < 0).any():
            strange = ascii(frame["action"].iloc[int(np.argmin(kind))])
            raise DataError(f"actions: {int((kind < 0).sum())} of an unknown kind, such as {strange}.")
        seen = np.flatnonzero(at <= as_of)
        user, job, kind, at = user_rows[seen], job_rows[seen], kind[seen], at[seen]
        order = _order(user, at, job, kind)
        user, job, kind, at = user[order], job[order], kind[order], at[order]
        if len(user):
            same = (user[1:] == user[:-1]) & (job[1:] == job[:-1]) & (kind[1:] == kind[:-1]) & (at[1:] == at[:-1])
            once = np.append(True, ~same)
            user, job, kind, at = user[once], job[once], kind[once], at[once]
        return cls(user, job, kind, at)


def _kinds(column: pd.Series) -> NDArray[np.int8]:
    """Return (n,) the position of each value in ACTION_KINDS; -1 for other values."""
    texts, known = (pa.array(values, type=pa.large_string()) for values in (column.array, ACTION_KINDS))
    return pc.fill_null(pc.index_in(texts, known), MISSING).to_numpy(zero_copy_only=False).astype(np.int8)


def _order(user: Ints, at: Longs, job: Ints, kind: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return `np.lexsort((kind, job, at, user))` in a fifth of the time: sort by one integer key, then sort ties."""
    first, last = (int(at.min()), int(at.max())) if len(at) else (0, 0)
    span = last - first + 1
    if not len(at) or (int(user.max()) + 1) * span > np.iinfo(np.int64).max:
        return np.lexsort((kind, job, at, user))
    key = user * np.int64(span) + (at - first)
    order = np.argsort(key)
    key = key[order]
    tied = key[1:] == key[:-1]
    places = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
    rows = order[places]
    order[places] = rows[np.lexsort((kind[rows], job[rows], key[places]))]
    return order
