"""One user and one job as plain Python values, for `Component.explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns.board_definition import Board
from scoring.dataset.arrays import NO_TIME, JobArrays, UserArrays
from scoring.dataset.column_lookup import find_column, to_plain_value
from scoring.dataset.vocabularies import Vocabularies
from scoring.model.component_inputs import Inputs

__all__ = ["Action", "JobFacts", "Pair", "UserFacts"]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _flag(value: int) -> bool | None:
    return None if value < 0 else bool(value)


def _time(value: int) -> datetime | None:
    return None if value == NO_TIME else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(value))


class ColumnArrays(dict[str, Any]):
    """Column of a frame → its array, stored at the first access: pandas takes 8 µs per access, a dictionary 0.03 µs."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__()
        self.frame = frame

    def __missing__(self, name: str) -> Any:
        values = self[name] = self.frame[name].array
        return values


def _get_columns(rows: JobArrays | UserArrays) -> ColumnArrays:
    return rows.compute_once(_make_columns)


def _make_columns(rows: JobArrays | UserArrays) -> ColumnArrays:
    return ColumnArrays(rows.frame)


class FrameRow(Mapping[str, Any]):
    """Column → value of one row of a frame. A value is read when it is asked for: most explanations need few.

    To read a row of a table of jobs takes 0.6 ms, and an explanation may read the jobs of all actions of a user.
    """

    def __init__(self, columns: ColumnArrays, row: int) -> None:
        self._columns, self._row = columns, row

    def __getitem__(self, column: str) -> Any:
        return self._columns[column][self._row]

    def __iter__(self) -> Iterator[str]:
        return map(str, self._columns.frame.columns)

    def __len__(self) -> int:
        return self._columns.frame.shape[1]

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True)
class JobFacts:
    """A job. Missing values are None. `row` contains every column of its frame; `job["name"]` is a plain value."""

    row: Mapping[str, Any]
    job_id: int
    prefecture: str | None
    city: str | None
    occupation: int | None
    major: int | None
    company: str | None
    hourly: float | None
    min_salary: float | None
    fee: float | None
    has_station: bool
    has_address: bool
    daily_payment: bool | None
    no_experience: bool | None
    student_welcome: bool | None
    remote_work: bool | None
    posted_at: datetime | None

    def __getitem__(self, name: str) -> Any:
        """Return the plain value of a column: None if it is missing, a tuple for a list.

        Raises
        ------
        ConfigurationError: If the column does not exist.
        """
        return _get_value("jobs", self.row, name)

    @classmethod
    def of(cls, jobs: JobArrays, words: Vocabularies, row: int) -> JobFacts:
        """Return the facts of the job at a row."""
        values = FrameRow(_get_columns(jobs), row)
        return cls(
            row=values,
            job_id=int(jobs.job_id[row]),
            prefecture=words.prefecture.value(jobs.prefecture[row]),
            city=_get_text(values["city_code"]),
            occupation=words.occupation.value(jobs.occupation[row]),
            major=words.major.value(jobs.major[row]),
            company=words.company.value(jobs.company[row]),
            hourly=_number(jobs.hourly[row]),
            min_salary=_number(jobs.min_salary[row]),
            fee=_number(jobs.fee[row]),
            has_station=bool(jobs.has_station[row]),
            has_address=bool(jobs.has_address[row]),
            daily_payment=_flag(jobs.daily_payment[row]),
            no_experience=_flag(jobs.no_experience[row]),
            student_welcome=_flag(jobs.student_welcome[row]),
            remote_work=_flag(jobs.remote_work[row]),
            posted_at=_time(jobs.posted_at[row]),
        )

    @property
    def attractive(self) -> bool:
        """Whether the job has daily payment, asks for no experience, or welcomes students."""
        return bool(self.daily_payment or self.no_experience or self.student_welcome)


def _get_value(table: str, row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        find_column(table, pd.DataFrame(columns=list(row)), name)  # raises the error
    return to_plain_value(row[name])


def _get_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class UserFacts:
    """A user. Missing values are None. `row` contains every column of its frame; `user["name"]` is a plain value."""

    row: Mapping[str, Any]
    user_id: int
    prefecture: str | None
    city: str | None
    preferred: tuple[int, ...]
    salary_floor: float | None
    work_style: str | None
    has_profile: bool

    def __getitem__(self, name: str) -> Any:
        """Return the plain value of a column: None if it is missing, a tuple for a list.

        Raises
        ------
        ConfigurationError: If the column does not exist.
        """
        return _get_value("users", self.row, name)


@dataclass(frozen=True)
class Action:
    """One action: its job, its time and its own columns."""

    job: JobFacts
    at: datetime
    row: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return the plain value of an own column. Raise ConfigurationError if it does not exist."""
        return _get_value("actions", self.row, name)


class Pair:
    """One user and one job of `inputs`, by row."""

    def __init__(self, inputs: Inputs, user_row: int, job_row: int) -> None:
        self.inputs = inputs
        self._u, self._j = user_row, job_row

    @cached_property
    def alone(self) -> Inputs:
        """The inputs with this user and this job only."""
        return self.inputs.take_users(np.array([self._u])).take_jobs(np.array([self._j]))

    @cached_property
    def job(self) -> JobFacts:
        return JobFacts.of(self.inputs.jobs, self.inputs.words, self._j)

    @cached_property
    def user(self) -> UserFacts:
        users, words = self.inputs.users, self.inputs.words
        values = FrameRow(_get_columns(users), self._u)
        return UserFacts(
            row=values,
            user_id=int(users.user_id[self._u]),
            prefecture=words.prefecture.value(users.prefecture[self._u]),
            city=_get_text(values["city_code"]),
            preferred=tuple(int(words.occupation.value(code)) for code in users.preferred[self._u]),
            salary_floor=_number(users.salary_floor[self._u]),
            work_style=_get_text(values["preferred_work_style"]),
            has_profile=bool(self.inputs.has_profile[self._u]),
        )

    @property
    def board(self) -> Board:
        """The own columns of the data, and the labels of money."""
        return self.inputs.board

    @property
    def job_age_days(self) -> float | None:
        return _number(self.inputs.job_age_days[self._j])

    @property
    def adjacent(self) -> bool:
        """Whether the user's and the job's prefectures are adjacent."""
        a, b = self.inputs.users.prefecture[self._u], self.inputs.jobs.prefecture[self._j]
        return bool(a >= 0 and b >= 0 and self.inputs.adjacent[a, b])

    @cached_property
    def area_mean(self) -> tuple[float | None, int, int]:
        """Mean hourly wage of the job's area, the number of its jobs, and the level (2 is the narrowest)."""
        jobs, row = self.inputs.jobs, slice(self._j, self._j + 1)
        mean, count, level = self.inputs.basis.areas.find(jobs.prefecture[row], jobs.major[row])
        return _number(mean[0]), int(count[0]), int(level[0])

    def company_actions(self, days: float) -> tuple[int, int]:
        """Return the number of applications to the company's jobs in the last `days` days, and of views and clicks."""
        company = self.inputs.jobs.company[self._j : self._j + 1]
        applications, looks = self.inputs.basis.company_actions(days).of(company)
        return int(applications[0]), int(looks[0])

    def count_actions(self, kind: str, days: float | None = None) -> int:
        """Return the number of actions of all users on the job in the last `days` days (None: all)."""
        return int(self.inputs.count_actions(kind, days)[self._j])

    def cosine_of_occupations(self, occupation: int) -> float:
        """Return the cosine of the applications to an occupation and to the job's occupation; 0 if either has none."""
        cosine = self.inputs.basis.similarity.cosine
        a, b = self._occupation_code(occupation), self.inputs.jobs.occupation[self._j]
        return float(cosine[a, b]) if 0 <= a < len(cosine) and 0 <= b < len(cosine) else 0.0

    def major_of(self, occupation: int) -> int | None:
        """Return the major group of an occupation; None if it is unknown."""
        words, code = self.inputs.words, self._occupation_code(occupation)
        return None if code < 0 else words.major.value(self.inputs.majors[code])

    def _occupation_code(self, occupation: int) -> int:
        try:
            return int(self.inputs.words.occupation.values.get_loc(occupation))  # type: ignore[arg-type]  # values are distinct
        except KeyError:
            return -1

    @cached_property
    def cosine_of_factors(self) -> float | None:
        """Cosine of the user's and the job's vectors; None if either has no vector."""
        i, u, j = self.inputs, self._u, self._j
        if not (i.user_has_vector[u] and i.job_has_vector[j]):
            return None
        total = 0.0
        for a, b in zip(i.user_vectors[u].tolist(), i.job_vectors[j].tolist(), strict=True):
            total += a * b
        return total

    def actions(self, kind: str, days: float | None = None) -> list[Action]:
        """Return the user's actions of a kind in the last `days` days (None: all), ordered by time, then job."""
        rows = self.inputs.history.within(kind, days)
        own = slice(*np.searchsorted(rows.user, [self._u, self._u + 1]))
        jobs, words = self.inputs.history.jobs, self.inputs.words
        count = len(rows.job[own])
        none: Mapping[str, Any] = {}
        columns = None if rows.own is None else ColumnArrays(rows.own)
        values = [none if columns is None else FrameRow(columns, own.start + place) for place in range(count)]
        return [
            Action(JobFacts.of(jobs, words, int(job)), _time(at), row)  # type: ignore[arg-type]  # an action has a time
            for job, at, row in zip(rows.job[own].tolist(), rows.at[own].tolist(), values, strict=True)
        ]
