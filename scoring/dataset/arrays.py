"""Convert frames to arrays: codes for texts, integers for times, NaN or -1 for missing values.

Models compute on these arrays. The frames are kept for components that read other columns, and for display.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.columns import ACTION_KINDS, SALARY_TYPES
from scoring.columns.dictionary_column import DictionaryColumn
from scoring.dataset.column_lookup import NO_TIME, NamedColumns, find_column
from scoring.dataset.lazy_fields import Lazy
from scoring.dataset.row_lookup import RowLookup
from scoring.dataset.vocabularies import (
    MISSING,
    Vocabularies,
    Vocabulary,
    combine_places,
    encode_places,
    flatten_lists,
)
from scoring.errors import DataError, pluralize
from scoring.id_index import IdIndex
from scoring.ragged_array import Ragged
from scoring.threads.pool import map_in_threads
from scoring.validation.lazy_columns import ValidatedFrame

__all__ = [
    "DAY",
    "NO_CODE",
    "NO_TIME",
    "ActionArrays",
    "JobArrays",
    "Ragged",
    "UserArrays",
    "compute_hourly_wage",
    "cut_by_user",
    "make_lazy_job_arrays",
    "to_microseconds",
]

T = TypeVar("T")

ACTIONS_PER_SLICE: Final = 100_000
"""Actions that a thread sorts at a time. Their keys stay in the processor's cache."""
NO_CODE = np.iinfo(np.int64).min
"""A missing value of a column whose codes are used directly, because -1 may be a valid code."""
DAY = 24 * 60 * 60 * 1_000_000
"""A day in microseconds, the unit of all times in arrays."""


def to_microseconds(column: pd.Series) -> Longs:
    """Return (n,) times as microseconds since the epoch in UTC; NaT becomes NO_TIME."""
    return column.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").view(np.int64)


def to_floats(column: pd.Series) -> Floats:
    """Return (n,) float64; NaN for missing values."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def to_flags(column: pd.Series) -> NDArray[np.int8]:
    """Return (n,) int8: 1 true, 0 false, -1 missing."""
    return np.asarray(column.astype("Int8").fillna(MISSING), dtype=np.int8)


def compute_hourly_wage(salary_type: DictionaryColumn, min_salary: Floats) -> Floats:
    """Return (n,) hourly wages: the minimum salary divided by its hours; NaN if unknown or not positive."""
    hours = np.append(to_floats(salary_type.values.map(SALARY_TYPES).astype("float64")), np.nan)[salary_type.place]
    with np.errstate(invalid="ignore"):
        return np.where(min_salary > 0, min_salary / hours, np.nan)


class _RowArrays(ABC):
    """Base of dataclasses whose fields are arrays of equal length."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({pluralize(len(self), 'row')})"

    @abstractmethod
    def __len__(self) -> int: ...

    def compute_once(self, make: Callable[[Self], T]) -> T:
        """Return `make(self)`, which must depend on these rows alone. It is computed at the first call."""
        computed: dict[Callable[[Self], Any], Any] = self.__dict__.setdefault("_computed", {})
        if make not in computed:
            computed[make] = make(self)
        found: T = computed[make]
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_computed"}

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the columns rows, in the columns order."""
        return type(self)(**{f.name: _take_rows(getattr(self, f.name), rows) for f in fields(self)})  # type: ignore[arg-type]


def _take_rows(values: Any, rows: NDArray[Any]) -> Any:
    if values is None:
        return None
    if isinstance(values, pd.DataFrame):
        return values.iloc[rows].reset_index(drop=True)
    if isinstance(values, Ragged):
        return values.take(rows)
    return values[rows]


@dataclass(frozen=True, repr=False)
class JobArrays(NamedColumns, _RowArrays):
    """n jobs. Codes int32 (-1 missing), money float64 (NaN missing), flags int8 (-1 missing)."""

    frame: pd.DataFrame
    job_id: Longs
    prefecture: Ints
    place: Ints
    occupation: Ints
    major: Ints
    company: Ints
    employment_type: Longs  # the code itself; NO_CODE missing
    hourly: Floats  # money per hour
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

    def __len__(self) -> int:
        return len(self.job_id)

    @classmethod
    def encode(cls, frame: pd.DataFrame, words: Vocabularies) -> Self:
        """Return the arrays of a canonical frame, in its row order."""
        lazy = make_lazy_job_arrays(ValidatedFrame.of("jobs", frame), words)
        return cls(**{field.name: getattr(lazy, field.name) for field in fields(cls)})

    @property
    def id_index(self) -> IdIndex:
        """The rows by id."""
        return self.compute_once(_make_id_index)

    @property
    def lookup(self) -> RowLookup:
        """The rows by number or external id."""
        return self.compute_once(_make_job_lookup)

    def read_column(self, name: str) -> pd.Series:
        """Return the canonical column of a name. Raise ConfigurationError if it does not exist."""
        return find_column("jobs", self.frame, name)

    def find_open(self, as_of: int, *, check_active: bool) -> Bools:
        """Return (n,) bool: posted and not expired at a time, and active if `check_active`.

        `as_of` is in microseconds since the epoch.
        """
        return ~np.any(list(self.find_closed(as_of, check_active=check_active).values()), axis=0)

    def find_closed(self, as_of: int, *, check_active: bool) -> dict[str, Bools]:
        """Return reason → (n,) bool: jobs that are not open for this reason. A job may have several reasons."""
        reasons = {
            "posted later": self.posted_at > as_of,  # NO_TIME is before everything
            "expired": (self.expires_at != NO_TIME) & (self.expires_at <= as_of),
        }
        return reasons | {"inactive": ~self.active} if check_active else reasons


def _make_id_index(jobs: JobArrays) -> IdIndex:
    return IdIndex(jobs.job_id)


def _make_job_lookup(jobs: JobArrays) -> RowLookup:
    return RowLookup("job", jobs.job_id, jobs.read_column("external_id"))


class _LazyJobArrays(Lazy, JobArrays):
    """`JobArrays` whose arrays are computed at first access."""

    def read_column(self, name: str) -> pd.Series:
        columns: ValidatedFrame | None = self.__dict__.get("_columns")  # None: unpickled
        return find_column("jobs", self.frame if columns is None else columns, name)


def make_lazy_job_arrays(columns: ValidatedFrame, words: Vocabularies) -> JobArrays:
    """Return `JobArrays.encode(columns.frame, words)`, with each array computed at first access."""

    def bind(make: _ArrayMaker) -> Callable[[], Any]:
        return lambda: make(columns, words, get_arrays())

    makers = {name: bind(make) for name, make in _JOB_ARRAYS.items()}
    arrays = _LazyJobArrays.from_makers(makers, _columns=columns)
    # a cycle would keep the columns of replaced data in memory until a full garbage collection
    get_arrays: Callable[[], Any] = weakref.ref(arrays)
    return arrays


_ArrayMaker = Callable[[ValidatedFrame, Vocabularies, JobArrays], Any]


def _find_major(columns: ValidatedFrame, words: Vocabularies, rows: JobArrays) -> Ints:
    majors = np.append(words.majors(), np.int32(MISSING))  # the last element serves code -1
    return np.asarray(majors[rows.occupation], dtype=np.int32)


def _find_place(columns: ValidatedFrame, words: Vocabularies, rows: JobArrays) -> Ints:
    return words.place.codes(encode_places(rows.prefecture, words.city.codes(columns.get_dictionary("city_code"))))


_JOB_ARRAYS: Final[dict[str, _ArrayMaker]] = {
    "frame": lambda columns, words, rows: columns.frame,
    "job_id": lambda columns, words, rows: columns["job_id"].to_numpy(np.int64),
    "prefecture": lambda columns, words, rows: words.prefecture.codes(columns.get_dictionary("prefecture_code")),
    "place": _find_place,
    "occupation": lambda columns, words, rows: words.occupation.codes(columns.get_dictionary("occupation_code")),
    "major": _find_major,
    "company": lambda columns, words, rows: words.company.codes(columns.get_dictionary("company_id")),
    "employment_type": lambda columns, words, rows: columns["employment_type_code"].fillna(NO_CODE).to_numpy(np.int64),
    "hourly": lambda columns, words, rows: compute_hourly_wage(columns.get_dictionary("salary_type"), rows.min_salary),
    "min_salary": lambda columns, words, rows: to_floats(columns["min_salary"]),
    "fee": lambda columns, words, rows: to_floats(columns["fee"]),
    "has_station": lambda columns, words, rows: columns.find_present("station_name"),
    "has_address": lambda columns, words, rows: columns.find_present("address"),
    "daily_payment": lambda columns, words, rows: to_flags(columns["has_daily_payment"]),
    "no_experience": lambda columns, words, rows: to_flags(columns["has_no_experience"]),
    "student_welcome": lambda columns, words, rows: to_flags(columns["has_student_welcome"]),
    "remote_work": lambda columns, words, rows: to_flags(columns["has_remote_work"]),
    "posted_at": lambda columns, words, rows: to_microseconds(columns["posted_at"]),
    "expires_at": lambda columns, words, rows: to_microseconds(columns["expires_at"]),
    "active": lambda columns, words, rows: columns["is_active"].to_numpy(bool),
}
"""Field of `JobArrays` → function that computes it from validated columns, vocabularies and other arrays."""


@dataclass(frozen=True, repr=False)
class UserArrays(NamedColumns, _RowArrays):
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

    def __len__(self) -> int:
        return len(self.user_id)

    @classmethod
    def encode(cls, frame: pd.DataFrame, words: Vocabularies) -> Self:
        """Return the arrays of a canonical frame, in its row order."""
        prefecture = words.prefecture.codes(frame["prefecture_code"])
        floor = to_floats(frame["preferred_salary_min"])
        style = frame["preferred_work_style"]
        return cls(
            frame=frame,
            user_id=frame["user_id"].to_numpy(np.int64),
            prefecture=prefecture,
            place=words.place.codes(combine_places(prefecture, words.city.codes(frame["city_code"]))),
            preferred=_encode_preferred(frame["preferred_occupations"], words.occupation),
            salary_floor=np.where(floor > 0, floor, np.nan),
            has_style=style.notna().to_numpy(),
            wants_remote=(style == "remote").fillna(False).to_numpy(dtype=bool),
            active=frame["is_active"].to_numpy(bool),
        )

    @property
    def lookup(self) -> RowLookup:
        """The rows by number or external id."""
        return self.compute_once(_make_user_lookup)

    def read_column(self, name: str) -> pd.Series:
        """Return the canonical column of a name. Raise ConfigurationError if it does not exist."""
        return find_column("users", self.frame, name)


def _make_user_lookup(users: UserArrays) -> RowLookup:
    return RowLookup("user", users.user_id, users.read_column("external_id"))


def _encode_preferred(column: pd.Series, occupations: Vocabulary) -> Ragged:
    start = np.zeros(len(column) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in column], out=start[1:])
    return Ragged(start, occupations.codes(flatten_lists(column)))


@dataclass(frozen=True, repr=False)
class ActionArrays(_RowArrays):
    """n distinct actions up to the clock, by user, time, job, kind. `user` and `job` are rows of the dataset."""

    user: Ints
    job: Ints
    kind: NDArray[np.int8]  # position in ACTION_KINDS
    at: Longs
    own: pd.DataFrame | None = None  # own columns; None if there are none

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def encode(
        cls, frame: pd.DataFrame, user_rows: Ints, job_rows: Ints, as_of: int, own: tuple[str, ...] = ()
    ) -> Self:
        """Return the actions of a canonical frame up to `as_of` (microseconds), without duplicates.

        `user_rows`, `job_rows`: (n,) the row of each action's user and job. `own`: names of the own columns.

        Raises
        ------
        DataError: If an action is of an unknown kind.
        """
        at = to_microseconds(frame["occurred_at"])
        kind = _encode_kinds(frame["action"])
        if (kind < 0).any():
            example = str(frame["action"].iloc[int(np.argmin(kind))])
            raise DataError(
                f"actions: {pluralize(int((kind < 0).sum()), 'row')} with an unknown action, such as {example!a}. "
                f"Use one of: {', '.join(ACTION_KINDS)}.",
                reason="unknown value",
                table="actions",
                column="action",
                value=example,
            )

        def sort(part: slice) -> _SortedActions:
            return _sort_actions(user_rows[part], job_rows[part], kind[part], at[part], as_of)

        parts = cut_by_user(user_rows)
        found = map_in_threads(sort, parts, len(at))
        columns = [[getattr(actions, name) for actions in found] for name in _SortedActions._fields[:4]]
        own_values = None
        if own:
            rows = np.concatenate([part.start + actions.rows for part, actions in zip(parts, found, strict=True)])
            own_values = frame[list(own)].iloc[rows].reset_index(drop=True)
        del found  # the memory of one column's slices is reused for the next column
        user, job, kind, at = (np.concatenate(columns.pop(0)) for _ in range(4))
        return cls(user, job, kind, at, own_values)


class _SortedActions(NamedTuple):
    """Distinct actions by user, time, job, kind, and the row of each."""

    user: Ints
    job: Ints
    kind: NDArray[np.int8]
    at: Longs
    rows: NDArray[np.int64]


def cut_by_user(user: Ints) -> list[slice]:
    """Return slices of the rows that can be sorted separately: each has all rows of its users.

    One slice, if the rows are not by user, as databases return them.
    """
    n = len(user)
    n_parts = n // ACTIONS_PER_SLICE
    if n_parts < 2 or (user[1:] < user[:-1]).any():
        return [slice(0, n)]
    starts = np.searchsorted(user, user[np.arange(n_parts) * n // n_parts])
    return [slice(first, last) for first, last in pairwise([*np.unique(starts).tolist(), n])]


def _sort_actions(user: Ints, job: Ints, kind: NDArray[np.int8], at: Longs, as_of: int) -> _SortedActions:
    """Return the distinct actions up to `as_of`."""
    past = np.flatnonzero(at <= as_of)
    if len(past) < len(at):
        user, job, kind, at = user[past], job[past], kind[past], at[past]
    order = _order_actions(user, at, job, kind)
    user, job, kind, at, rows = user[order], job[order], kind[order], at[order], past[order]
    repeats = (at[1:] == at[:-1]) & (user[1:] == user[:-1]) & (job[1:] == job[:-1]) & (kind[1:] == kind[:-1])
    if not repeats.any():
        return _SortedActions(user, job, kind, at, rows)
    first = np.append(True, ~repeats)
    return _SortedActions(user[first], job[first], kind[first], at[first], rows[first])


def _encode_kinds(column: pd.Series) -> NDArray[np.int8]:
    """Return (n,) the position of each value in ACTION_KINDS; -1 for other values."""
    texts, known = (pa.array(values, type=pa.large_string()) for values in (column.array, ACTION_KINDS))
    return pc.fill_null(pc.index_in(texts, known), MISSING).to_numpy(zero_copy_only=False).astype(np.int8)


def _order_actions(user: Ints, at: Longs, job: Ints, kind: NDArray[np.int8]) -> NDArray[np.int64]:
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
    # the row is the last criterion, because `argsort` does not keep the order of equal keys
    order[places] = rows[np.lexsort((rows, kind[rows], job[rows], key[places]))]
    return order
