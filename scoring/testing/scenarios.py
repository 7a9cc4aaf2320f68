"""The situations in which a component is checked, all made from one dataset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import ACTION_KINDS, TABLES
from scoring.dataset import Dataset, Tables
from scoring.model import Inputs
from scoring.statistics import Statistics
from scoring.testing.small_market import canonical, small_dataset

__all__ = ["Situation", "Situations", "built_in"]

_ALONE = 4
"""Number of users, and of jobs, that are also scored alone."""
_EMPTY = (("actions",), ("users", "actions"), ("jobs", "actions"), ("jobs", "users", "actions"))


@dataclass(frozen=True)
class Situation:
    """Inputs, a description (`when`), and the rows of the dataset that they contain."""

    when: str
    inputs: Inputs
    users: NDArray[np.int64]
    jobs: NDArray[np.int64]


class Situations:
    """The situations of one dataset. They are created at first use and never changed."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.statistics = dataset, Statistics(dataset)
        self.inputs = Inputs.of(self.statistics)

    def _situation(
        self,
        when: str,
        inputs: Inputs,
        users: list[int] | NDArray | None = None,
        jobs: list[int] | NDArray | None = None,
    ) -> Situation:
        """Return a situation; by default with all rows."""
        everybody, everything = np.arange(len(self.dataset.users)), np.arange(len(self.dataset.jobs))
        return Situation(
            when,
            inputs,
            everybody if users is None else np.asarray(users, dtype=np.int64),
            everything if jobs is None else np.asarray(jobs, dtype=np.int64),
        )

    @cached_property
    def same(self) -> list[Situation]:
        """Situations that must not change values: rows in another order, single users, single jobs."""
        tables, random = self.dataset.tables, np.random.default_rng(1)
        users, jobs = random.permutation(len(tables.users)), random.permutation(len(tables.jobs))
        request = Inputs.of(self.statistics, users=tables.users.iloc[users], jobs=tables.jobs.iloc[jobs])
        shuffled = {name: frame.sample(frac=1, random_state=2) for name, frame in tables.items()}
        found = [
            self._situation("in a request with the rows in another order", request, users, jobs),
            self._situation("when the tables' rows come in another order", self._of(Tables(**shuffled))),
        ]
        for u in users[:_ALONE]:
            alone = Inputs.of(self.statistics, users=tables.users.iloc[[u]])
            found.append(self._situation("for this user alone", alone, users=[u]))
        for j in jobs[:_ALONE]:
            alone = Inputs.of(self.statistics, jobs=tables.jobs.iloc[[j]])
            found.append(self._situation("for this job alone", alone, jobs=[j]))
        return found

    @cached_property
    def strange(self) -> list[Situation]:
        """Situations with unusual data: new ids and codes, missing values, empty tables."""
        tables = self.dataset.tables
        bare = {
            name: _bare(name, frame) if name in ("jobs", "users", "occupations", "prefectures") else frame
            for name, frame in tables.items()
        }
        request = Inputs.of(self.statistics, jobs=bare["jobs"], users=bare["users"])
        found = [
            self._situation("for new ids and codes", self._new_rows()),
            self._situation("when every value is missing", self._of(Tables(**bare))),
            self._situation("when every value of a request is missing", request),
        ]
        for empty in _EMPTY:
            left = {name: frame.iloc[:0] if name in empty else frame for name, frame in tables.items()}
            found.append(self._situation(f"without {' and '.join(empty)}", self._of(Tables(**left))))
        return found

    @cached_property
    def after_the_clock(self) -> tuple[Inputs, Inputs]:
        """Two inputs with the same clock and actions a day after it.

        In the first, one user acts on one job. In the second, every user acts on every job.
        """
        users, jobs = self.dataset.users.user_id, self.dataset.jobs.job_id
        n = len(users) * len(jobs)
        later = canonical(
            "actions",
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


@lru_cache(maxsize=2)
def built_in(seed: int) -> Situations:
    """Return the situations of `small_dataset(seed)`, cached because they cost more than the checks themselves.

    The arrays of its jobs and users are read-only. A component that changes its input gets an error from NumPy.
    """
    situations = Situations(small_dataset(seed))
    for rows in (situations.dataset.jobs, situations.dataset.users):
        for array in vars(rows).values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
    return situations


def _bare(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with all optional columns missing, except that `is_active` is true."""
    bare = frame.copy()
    for column in TABLES[table].columns:
        if not column.required:
            bare[column.name] = column.type.make_missing(len(frame))
    return bare
