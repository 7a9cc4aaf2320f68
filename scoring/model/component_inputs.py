"""The inputs of a component: the rows to score, the actions of the scored users, and the basis.

The rows to score come from the dataset or from the frames of a request. A request's jobs and users replace the
dataset's. Actions always come from the dataset, selected by user id.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_interval
from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.columns.board_definition import Board
from scoring.dataset.arrays import DAY, NO_TIME, ActionArrays, JobArrays, UserArrays, make_lazy_job_arrays
from scoring.dataset.clock import Clock
from scoring.dataset.column_lookup import Codes, NamedColumns, find_column
from scoring.dataset.dataset import Dataset
from scoring.dataset.lazy_fields import Lazy
from scoring.dataset.row_lookup import ExternalIds, RowLookup
from scoring.dataset.vocabularies import Vocabularies, extend_lazily, extend_vocabularies
from scoring.errors import ConfigurationError, DataError
from scoring.id_index import IdIndex
from scoring.statistics import Basis, Statistics
from scoring.validation.lazy_columns import ValidatedFrame

__all__ = ["ActionRows", "History", "Inputs"]


@dataclass(frozen=True)
class ActionRows(NamedColumns):
    """Actions of the scored users, ordered by user row, then time, then job. Own columns are read by name."""

    user: Ints  # row of the scored users
    job: Ints  # row of `History.jobs`, which are the dataset's jobs
    at: Longs  # microseconds
    own: pd.DataFrame | None = None  # own columns; None if there are none

    def __len__(self) -> int:
        return len(self.user)

    def read_column(self, name: str) -> pd.Series:
        """Return the canonical values of an own column. Raise ConfigurationError if it does not exist."""
        return find_column("actions", pd.DataFrame() if self.own is None else self.own, name)


class History:
    """The actions of the scored users up to the clock.

    Parameters
    ----------
    dataset: The data that contain the actions.
    jobs: The dataset's jobs, in the codes of the inputs.
    clock: Later actions are excluded.
    user_id: (n_users,) the scored users.
    with_profile: (n_users,) users that may have a profile. All other users are treated as having no actions.
    """

    def __init__(self, dataset: Dataset, jobs: JobArrays, clock: Clock, user_id: Longs, with_profile: Bools) -> None:
        self.jobs = jobs
        """The jobs that actions refer to."""
        self.now = clock.now
        self._actions = dataset.actions_as_of(clock)
        row, known = dataset.user_index.find(user_id)
        known = known & with_profile
        wanted = row.astype(self._actions.user.dtype)  # another type would convert all actions
        self._first = np.where(known, np.searchsorted(self._actions.user, wanted), 0)
        last = np.where(known, np.searchsorted(self._actions.user, wanted, side="right"), 0)
        self.counts: Longs = last - self._first
        """(n_users,) number of actions."""
        in_order = len(row) == len(dataset.users) and bool((row == np.arange(len(row))).all())
        self._is_whole = in_order and int(self.counts.sum()) == len(self._actions)

    @classmethod
    def of_actions(cls, actions: ActionArrays, jobs: JobArrays, clock: Clock, n_users: int) -> Self:
        """Return the history of n users with these actions up to the clock. `actions.user` are rows of the users."""
        found = cls.__new__(cls)
        found.jobs, found.now, found._actions, found._is_whole = jobs, clock.now, actions, True
        start = np.searchsorted(actions.user, np.arange(n_users + 1))
        found._first, found.counts = start[:-1], np.diff(start)
        return found

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Return the history of the users at these rows, in that order."""
        part = copy(self)
        part.__dict__.pop("_all", None)
        part._first, part.counts, part._is_whole = self._first[rows], self.counts[rows], False
        return part

    @cached_property
    def _all(self) -> tuple[Ints, NDArray[np.int64]]:
        """(user row, action row) of every action of the scored users."""
        users = np.repeat(np.arange(len(self.counts), dtype=np.int32), self.counts)
        offset = np.cumsum(self.counts) - self.counts
        return users, np.arange(len(users)) + np.repeat(self._first - offset, self.counts)

    def within(self, kind: str, days: float | None = None) -> ActionRows:
        """Return the actions of a kind with as_of - days × 24 h ≤ t ≤ as_of. None: all up to as_of."""
        code = ACTION_KINDS.index(kind)
        since = None if days is None else self.now - check_interval("days", days) * DAY
        if self._is_whole:  # the actions are those of the dataset, in the same order
            rows = np.flatnonzero(self._are_chosen(slice(None), code, since))
            users = self._actions.user[rows]
        else:
            users, rows = self._all
            chosen = self._are_chosen(rows, code, since)
            users, rows = users[chosen], rows[chosen]
        own = None if self._actions.own is None else self._actions.own.iloc[rows].reset_index(drop=True)
        return ActionRows(users, self._actions.job[rows], self._actions.at[rows], own)

    def _are_chosen(self, rows: NDArray[np.int64] | slice, code: int, since: float | None) -> Bools:
        chosen: Bools = self._actions.kind[rows] == code
        if since is not None:
            chosen &= self._actions.at[rows] >= since
        return chosen


@dataclass(frozen=True)
class Inputs:
    """n users and m jobs to score, encoded with `words`, and the basis that they are scored with.

    `words` are the vocabularies of the basis, extended by values that occur only in the rows. A new code matches
    itself only: it has no adjacent prefecture, no cosine and no actions.
    """

    dataset: Dataset
    basis: Basis
    words: Vocabularies
    jobs: JobArrays
    users: UserArrays
    history: History
    has_profile: Bools  # (n,) has an action up to the clock, or a vector in the data
    user_vectors: NDArray[np.float32]  # (n, dimensions), zero rows where no vector exists
    user_has_vector: Bools
    job_vectors: NDArray[np.float32]
    job_has_vector: Bools

    @classmethod
    def of(
        cls,
        data: Dataset | Statistics,
        *,
        basis: Basis | None = None,
        jobs: pd.DataFrame | ValidatedFrame | None = None,
        users: pd.DataFrame | UserArrays | None = None,
        with_profile: Bools | None = None,
    ) -> Inputs:
        """Return the inputs for the rows of a dataset or of a request.

        Parameters
        ----------
        data: The dataset, or its statistics if several inputs share them.
        basis: The basis that the rows are scored with; None for the dataset's own. The clock, area means,
            popularity, similarity, factors, adjacency and codes come from the basis; the values of rows do not.
        jobs, users: Canonical frames of a request, scored in the order of their rows; None for the dataset's rows.
            Columns of a `ValidatedFrame` are encoded when a component reads them. Users may be arrays that are encoded
            with the words of the basis.
        with_profile: (n_users,) users that may have a profile. All other users are treated as having no actions.
        """
        for name, frame in (("jobs", jobs), ("users", users)):
            if frame is not None and not isinstance(frame, pd.DataFrame | ValidatedFrame | UserArrays):
                raise DataError(
                    f"{name}: expected a canonical pandas DataFrame, not {type(frame).__qualname__}. Use a frame of "
                    "Dataset.from_frames(…).tables.",
                    reason="not a frame",
                    table=name,
                    value=type(frame).__qualname__,
                )
        dataset = data if isinstance(data, Dataset) else data.dataset
        if basis is None:
            basis = (Statistics(data) if isinstance(data, Dataset) else data).basis
        known, known_jobs, known_users = _encode_dataset(dataset, basis.words)
        user_frame = None if isinstance(users, UserArrays) else users
        if isinstance(jobs, ValidatedFrame):
            words = extend_lazily(known, jobs, user_frame)
            job_rows = make_lazy_job_arrays(jobs, words)
        else:
            words = extend_vocabularies(known, jobs, user_frame)
            job_rows = known_jobs if jobs is None else JobArrays.encode(jobs.reset_index(drop=True), words)
        if isinstance(users, UserArrays):
            user_rows = users
        else:
            user_rows = known_users if users is None else UserArrays.encode(users.reset_index(drop=True), words)
        find_job_vectors = cache(lambda: basis.job_factors(job_rows.job_id))
        return _LazyInputs.from_makers(
            {"job_vectors": lambda: find_job_vectors()[0], "job_has_vector": lambda: find_job_vectors()[1]},
            dataset=dataset,
            basis=basis,
            words=words,
            jobs=job_rows,
            **_find_user_facts(dataset, basis, known_jobs, user_rows, with_profile),
        )

    @classmethod
    def of_arrays(
        cls, statistics: Statistics, jobs: JobArrays, users: UserArrays, with_profile: Bools | None = None
    ) -> Self:
        """Return the inputs of rows that are encoded with the words of the dataset. `with_profile`: as of `of`."""
        dataset, basis = statistics.dataset, statistics.basis
        job_vectors, job_has_vector = basis.job_factors(jobs.job_id)
        return cls(
            dataset=dataset,
            basis=basis,
            words=dataset.words,
            jobs=jobs,
            job_vectors=job_vectors,
            job_has_vector=job_has_vector,
            **_find_user_facts(dataset, basis, dataset.jobs, users, with_profile),
        )

    def with_users(
        self, users: pd.DataFrame | UserArrays, *, basis: Basis | None = None, with_profile: Bools | None = None
    ) -> Inputs:
        """Return inputs with other users and the same arrays of jobs.

        Parameters
        ----------
        users: A canonical frame, or arrays that are encoded with the words of these inputs.
        basis: A basis of the same data, in which company popularity may be newer; None for the same basis.
        with_profile: As of `of`.
        """
        basis = self.basis if basis is None else basis
        if isinstance(users, UserArrays):
            words, user_rows = self.words, users
        else:
            words = extend_vocabularies(self.words, None, users)
            user_rows = UserArrays.encode(users.reset_index(drop=True), words)
        return Inputs(
            dataset=self.dataset,
            basis=basis,
            words=words,
            jobs=self.jobs,
            job_vectors=self.job_vectors,
            job_has_vector=self.job_has_vector,
            **_find_user_facts(self.dataset, basis, self.history.jobs, user_rows, with_profile),
        )

    def take_users(self, rows: NDArray[np.integer]) -> Self:
        """Return inputs with the users at these rows, in that order, and the same jobs."""
        return replace(
            self,
            users=self.users.take(rows),
            history=self.history.take(rows),
            has_profile=self.has_profile[rows],
            user_vectors=self.user_vectors[rows],
            user_has_vector=self.user_has_vector[rows],
        )

    def take_jobs(self, rows: NDArray[np.integer]) -> Self:
        """Return inputs with the jobs at these rows, in that order, and the same users."""
        return replace(
            self,
            jobs=self.jobs.take(rows),
            job_vectors=self.job_vectors[rows],
            job_has_vector=self.job_has_vector[rows],
        )

    @property
    def fingerprint(self) -> str:
        """Digest of the data, followed by the digest of the basis if the basis is not the dataset's own."""
        own = self.basis.is_of(self.dataset)
        return self.dataset.fingerprint if own else f"{self.dataset.fingerprint} {self.basis.digest}"

    def has_same_data(self, other: Inputs) -> bool:
        """Return whether both have the same data and the same basis. Digests are computed only if needed."""
        if self.dataset is other.dataset and self.basis.is_of(self.dataset) and other.basis.is_of(self.dataset):
            return True
        return self.fingerprint == other.fingerprint

    @cached_property
    def user_lookup(self) -> RowLookup:
        """The scored users by number or external id."""
        if self.users is self.dataset.users:
            return self.dataset.user_lookup
        return self.users.lookup

    @cached_property
    def job_lookup(self) -> RowLookup:
        """The scored jobs by number or external id."""
        if self.jobs is self.dataset.jobs:
            return self.dataset.job_lookup
        return self.jobs.lookup

    @cached_property
    def external_ids(self) -> ExternalIds:
        """The external ids of users and jobs, for results."""
        return ExternalIds.of(self.user_lookup, self.job_lookup)

    @property
    def board(self) -> Board:
        """The own columns of the data with their types, and the labels of money."""
        return self.dataset.board

    def match_codes(self, user_column: str, job_column: str) -> tuple[Codes, Codes]:
        """Return the codes of a column of users and of a column of jobs with common labels.

        Equal values have equal codes, and -1 means only that a value is missing.

        Raises
        ------
        ConfigurationError: If a column does not exist, contains lists, or the two have different types.
        """
        users, jobs = self.users.codes(user_column).labels, self.jobs.codes(job_column).labels
        if users.dtype != jobs.dtype and len(users) and len(jobs):
            raise ConfigurationError(
                f"users.{user_column} ({users.dtype}) and jobs.{job_column} ({jobs.dtype}) have different types. "
                "Import both with the same type.",
                key=("users", user_column),
            )
        labels = users.union(jobs) if len(users) and len(jobs) else users if len(users) else jobs
        return self.users.codes(user_column, labels), self.jobs.codes(job_column, labels)

    def count_actions(self, kind: str, days: float | None = None) -> Longs:
        """Return (m,) the number of actions of all users on each job, with as_of - days × 24 h ≤ t ≤ as_of.

        `history` contains the actions of the scored users only. `days` None: all up to as_of.
        """
        actions = self.dataset.actions_as_of(self.basis.clock)
        chosen = actions.kind == ACTION_KINDS.index(kind)
        if days is not None:
            chosen &= actions.at >= self.now - check_interval("days", days) * DAY
        job_id = self.dataset.jobs.job_id
        counts = np.bincount(actions.job[chosen], minlength=len(job_id) + 1)  # the last row is for unknown jobs
        rows, _ = IdIndex(job_id).find(self.jobs.job_id)
        return counts[rows]

    @property
    def now(self) -> int:
        """The clock in microseconds."""
        return self.basis.clock.now

    @cached_property
    def open_jobs(self) -> Bools:
        """(m,) whether each job is open at the clock."""
        return self.jobs.find_open(self.now, check_active=not self.basis.clock.set_back)

    @property
    def closed_jobs(self) -> dict[str, Bools]:
        """Reason → (m,) the jobs that are not open at the clock for this reason."""
        return self.jobs.find_closed(self.now, check_active=not self.basis.clock.set_back)

    @cached_property
    def job_age_days(self) -> Floats:
        """(m,) days since posting, with fractions, not below 0; NaN where the posting time is missing."""
        age = np.maximum(self.now - self.jobs.posted_at.astype(np.float64), 0.0) / DAY
        return np.where(self.jobs.posted_at == NO_TIME, np.nan, age)

    @cached_property
    def adjacent(self) -> Bools:
        """(n_prefectures, n_prefectures) whether two prefecture codes are adjacent. New prefectures are not."""
        known = self.basis.adjacent
        size = len(self.words.prefecture)
        matrix = np.zeros((size, size), dtype=bool)
        matrix[: len(known), : len(known)] = known
        return matrix

    @cached_property
    def majors(self) -> Ints:
        """(n_occupations,) major group code of each occupation code; -1 if unknown."""
        return self.words.majors()


class _LazyInputs(Lazy, Inputs):
    """Inputs whose vectors of jobs are found at first access."""


def _find_user_facts(
    dataset: Dataset, basis: Basis, known_jobs: JobArrays, users: UserArrays, with_profile: Bools | None
) -> dict[str, Any]:
    """Return the fields of `Inputs` that depend on the users. `known_jobs` are the dataset's jobs."""
    profiled = np.ones(len(users), dtype=bool) if with_profile is None else with_profile
    history = History(dataset, known_jobs, basis.clock, users.user_id, profiled)
    vectors, has_vector, in_table = basis.user_factors(users.user_id)
    return {
        "users": users,
        "history": history,
        "has_profile": (history.counts > 0) | (in_table & profiled),
        "user_vectors": vectors,
        "user_has_vector": has_vector & profiled,
    }


def _encode_dataset(dataset: Dataset, words: Vocabularies) -> tuple[Vocabularies, JobArrays, UserArrays]:
    """Return the dataset's jobs and users encoded with `words`, extended by values that occur only in the dataset."""
    if words is dataset.words or words.equals(dataset.words):
        return dataset.words, dataset.jobs, dataset.users
    jobs, users = dataset.tables.jobs, dataset.tables.users
    wider = extend_vocabularies(words, jobs, users)
    return wider, JobArrays.encode(jobs, wider), UserArrays.encode(users, wider)
