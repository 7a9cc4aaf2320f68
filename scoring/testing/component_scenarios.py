"""The inputs on which a component is checked, all made from one dataset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import ACTION_KINDS, Table
from scoring.dataset import Dataset, Tables
from scoring.model import Inputs
from scoring.statistics import Statistics
from scoring.testing.small_market import add_own_columns, make_canonical, small_dataset

__all__ = ["SEEDS", "Scenario", "Scenarios", "make_own_scenarios", "make_scenarios"]

_ALONE = 4
"""Number of users, and of jobs, that are also scored alone."""
_EMPTY = (("actions",), ("users", "actions"), ("jobs", "actions"), ("jobs", "users", "actions"))


@dataclass(frozen=True)
class Scenario:
    """Inputs, a description (`when`), and the rows of the dataset that they contain."""

    when: str
    inputs: Inputs
    users: NDArray[np.int64]
    jobs: NDArray[np.int64]


class Scenarios:
    """The scenarios of one dataset. They are created at first use and never changed."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.statistics = dataset, Statistics(dataset)
        self.inputs = Inputs.of(self.statistics)

    def _scenario(
        self,
        when: str,
        inputs: Inputs,
        users: list[int] | NDArray | None = None,
        jobs: list[int] | NDArray | None = None,
    ) -> Scenario:
        """Return a scenario; by default with all rows."""
        all_users, all_jobs = np.arange(len(self.dataset.users)), np.arange(len(self.dataset.jobs))
        return Scenario(
            when,
            inputs,
            all_users if users is None else np.asarray(users, dtype=np.int64),
            all_jobs if jobs is None else np.asarray(jobs, dtype=np.int64),
        )

    @cached_property
    def equivalent(self) -> list[Scenario]:
        """Scenarios that must not change values: rows in another order, single users, single jobs."""
        tables, random = self.dataset.tables, np.random.default_rng(1)
        users, jobs = random.permutation(len(tables.users)), random.permutation(len(tables.jobs))
        request = Inputs.of(self.statistics, users=tables.users.iloc[users], jobs=tables.jobs.iloc[jobs])
        shuffled = {name: frame.sample(frac=1, random_state=2) for name, frame in tables.items()}
        found = [
            self._scenario("with the rows of the request in another order", request, users, jobs),
            self._scenario("with the rows of the tables in another order", self._of(tables.with_tables(**shuffled))),
        ]
        for u in users[:_ALONE]:
            alone = Inputs.of(self.statistics, users=tables.users.iloc[[u]])
            found.append(self._scenario("for this user alone", alone, users=[u]))
        for j in jobs[:_ALONE]:
            alone = Inputs.of(self.statistics, jobs=tables.jobs.iloc[[j]])
            found.append(self._scenario("for this job alone", alone, jobs=[j]))
        return found

    @cached_property
    def edge_cases(self) -> list[Scenario]:
        """Scenarios with unusual data: new ids and codes, missing values, empty tables."""
        tables = self.dataset.tables
        stripped = {
            name: _remove_optional_values(tables.board.table(name), frame)
            if name in ("jobs", "users", "occupations", "prefectures")
            else frame
            for name, frame in tables.items()
        }
        request = Inputs.of(self.statistics, jobs=stripped["jobs"], users=stripped["users"])
        found = [
            self._scenario("for new ids and codes", self._new_rows()),
            self._scenario("when every value is missing", self._of(tables.with_tables(**stripped))),
            self._scenario("when every value of a request is missing", request),
        ]
        for empty in _EMPTY:
            left = {name: frame.iloc[:0] if name in empty else frame for name, frame in tables.items()}
            found.append(self._scenario(f"without {' and '.join(empty)}", self._of(tables.with_tables(**left))))
        return found

    @cached_property
    def after_the_clock(self) -> tuple[Inputs, Inputs]:
        """Two inputs with the same clock and actions a day after it.

        In the first, one user acts on one job. In the second, every user acts on every job.
        """
        users, jobs = self.dataset.users.user_id, self.dataset.jobs.job_id
        n = len(users) * len(jobs)
        later = make_canonical(
            "actions",
            self.dataset.board,
            user_id=np.repeat(users, len(jobs)),
            job_id=np.tile(jobs, len(users)),
            action=np.resize(ACTION_KINDS, n),
            occurred_at=[self.dataset.as_of + pd.Timedelta(days=1)] * n,
        )
        tables = self.dataset.tables
        few, many = (
            self._of(tables.with_tables(actions=pd.concat([tables.actions, more], ignore_index=True)))
            for more in (later.iloc[:1], later)
        )
        return few, many

    def _of(self, tables: Tables) -> Inputs:
        return Inputs.of(Statistics(Dataset(tables, as_of=self.dataset.as_of)))

    def _new_rows(self) -> Inputs:
        """Return a request in which some rows have ids and codes that the dataset does not contain."""
        jobs, users = self.dataset.tables.jobs.copy(), self.dataset.tables.users.copy()
        for frame, key, other in ((jobs, "job_id", 7_000_000_000), (users, "user_id", 8_000_000_000)):
            frame[key] += np.where(np.arange(len(frame)) % 2, other, 0)
            frame.loc[frame.index % 3 == 0, ["prefecture_code", "city_code"]] = "new"
        jobs.loc[jobs.index % 3 == 0, "occupation_code"] = 987_654
        jobs.loc[jobs.index % 4 == 0, "company_id"] = "new"
        return Inputs.of(self.statistics, jobs=jobs, users=users)


SEEDS: Final = (0, 1)


@lru_cache(maxsize=len(SEEDS))
def make_scenarios(seed: int) -> Scenarios:
    """Return the scenarios of `small_dataset(seed)`, cached because they cost more than the checks themselves.

    The arrays of its jobs and users are read-only. A component that changes its input gets an error from NumPy.
    """
    return Scenarios(_protect(small_dataset(seed)))


@lru_cache(maxsize=1)
def make_own_scenarios(dataset: Dataset) -> tuple[Scenarios, ...]:
    """Return the scenarios of the small datasets, with the own columns of `dataset`, and those of `dataset`.

    They are cached for the last dataset, on which usually several components are checked.
    """
    small = []
    for seed in SEEDS:
        scenarios = make_scenarios(seed)
        if dataset.board.own:
            tables = add_own_columns(scenarios.dataset.tables, dataset, seed)
            scenarios = Scenarios(_protect(Dataset(tables, as_of=scenarios.dataset.as_of)))
        small.append(scenarios)
    return *small, Scenarios(dataset)


def _protect(dataset: Dataset) -> Dataset:
    """Return the dataset after making the arrays of its jobs and users read-only."""
    for rows in (dataset.jobs, dataset.users):
        for array in vars(rows).values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
    return dataset


def _remove_optional_values(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with all optional columns missing, except that `is_active` is true."""
    stripped = frame.copy()
    for column in table.columns:
        if not column.required:
            stripped[column.name] = column.type.make_missing(len(frame))
    return stripped
