"""Components for job views: what a user viewed before, and what all users view.

The import makes every view a `click`. A job that a user viewed several times counts once. Everything about a user
comes from the log, never from the user's row. The import derives a user's city and state from all of their views, so in
a holdout the row would reveal the held-out job.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from scoring import Dataset
from scoring.array_types import Floats, Longs
from scoring.dataset.arrays import JobArrays, Ragged
from scoring.model import Component, Inputs, JobTerm, Key, LookupTerm, Pair, Reason, Value

LOOK = "click"


def viewed(inputs: Inputs) -> tuple[Longs, Longs]:
    """Return (p,) user row and (p,) row among `inputs.history.jobs` of each user and viewed job, in order."""
    acts = inputs.history.within(LOOK)
    pairs = np.unique((acts.user.astype(np.int64) << 32) | acts.job)
    return pairs >> 32, pairs & 0xFFFFFFFF


def viewed_by(pair: Pair) -> list[Any]:
    """Return the jobs that the user viewed, each once, by job_id."""
    jobs = {act.job.job_id: act.job for act in pair.actions(LOOK)}
    return [jobs[job_id] for job_id in sorted(jobs)]


def looks_at(dataset: Dataset) -> tuple[Longs, Longs]:
    """Return (p,) user row and (p,) job row of every pair of the dataset with a view up to its clock."""
    actions = dataset.actions
    pairs = np.unique((actions.user.astype(np.int64) << 32) | actions.job)
    return pairs >> 32, pairs & 0xFFFFFFFF


class ViewedShare(Component):
    """The share of the user's viewed jobs that have the job's city (or state, company, occupation), in percent.

    100 · (viewed jobs with the same) / (viewed jobs + `prior`). A prior above 0 lowers the value for users with few
    views. 0 if the user viewed nothing or the job's value is unknown.
    """

    kind: ClassVar[str] = "viewed_share"

    of: Literal["city", "state", "company", "occupation"] = "city"
    prior: Annotated[float, Field(ge=0, le=100)] = 1.0

    def terms(self, inputs: Inputs) -> Value:
        key, seen = self._key(inputs, inputs.jobs), self._key(inputs, inputs.history.jobs).codes
        users, jobs = viewed(inputs)
        n_users = len(inputs.users)
        n_viewed, codes = np.bincount(users, minlength=n_users), seen[jobs]
        pairs, count = np.unique((users << 32 | codes)[codes >= 0], return_counts=True)
        users, codes = pairs >> 32, (pairs & 0xFFFFFFFF).astype(np.int32)
        return Value((exceptions(key, users, codes, 100.0 * count / (n_viewed[users] + self.prior), n_users),))

    def _key(self, inputs: Inputs, jobs: JobArrays) -> Key:
        name = {"city": "place", "state": "prefecture"}.get(self.of, self.of)
        return Key(name, getattr(jobs, name), len(getattr(inputs.words, name)))

    def explain(self, pair: Pair) -> Reason:
        jobs, wanted = viewed_by(pair), self._known(pair.job)
        same = 0 if wanted is None else sum(self._known(job) == wanted for job in jobs)
        value = 100.0 * same / (len(jobs) + self.prior) if same else 0.0
        return Reason(value, {"viewed jobs": len(jobs), f"in the same {self.of}": same, self.of: wanted})

    def _known(self, job: Any) -> Any:
        if self.of == "city":
            return None if job.prefecture is None or job.city is None else (job.prefecture, job.city)
        return job.prefecture if self.of == "state" else getattr(job, self.of)


class ViewedNearby(Component):
    """How alike the job's city is to the cities of the user's viewed jobs, judged by the users that they share.

    With n(a) users who viewed a job in city a, and n(a, b) in both, a city's row is n(a, b) / √((n(a) + `prior`) ·
    (n(b) + `prior`)) over all cities b. The value is 100 · the mean, over the user's viewed jobs, of the cosine between
    the rows of the viewed job's city and of the job's city. 0 if the user viewed nothing. A city that is missing or
    that no user viewed contributes 0.
    """

    kind: ClassVar[str] = "viewed_nearby"

    prior: Annotated[float, Field(ge=0, le=100)] = 1.0

    def terms(self, inputs: Inputs) -> Value:
        key = Key("place", inputs.jobs.place, len(inputs.words.place))
        users, jobs = viewed(inputs)
        n_users, place = len(inputs.users), inputs.history.jobs.place
        n_viewed = np.bincount(users, minlength=n_users)
        known = place[jobs] >= 0
        looks = _counted(users[known], place[jobs[known]], (n_users, len(inputs.dataset.words.place)))
        rows = self._rows(inputs.dataset)
        # each user's sums are in a fixed order, so they do not depend on the other users of the request
        near = ((looks @ rows) @ rows.T.tocsr()).tocoo()
        order = np.lexsort((near.col, near.row))
        users, codes, sums = near.row[order].astype(np.int64), near.col[order].astype(np.int32), near.data[order]
        return Value((exceptions(key, users, codes, np.minimum(100.0 * sums / n_viewed[users], 100.0), n_users),))

    def _rows(self, dataset: Dataset) -> sparse.csr_matrix:
        """Return (n_places, n_places) rows of length 1, or empty for a city without views."""
        users, jobs = looks_at(dataset)
        place = dataset.jobs.place[jobs]
        there = _counted(users[place >= 0], place[place >= 0], (len(dataset.users), len(dataset.words.place)))
        there.data[:] = 1.0
        both = (there.T @ there).tocsr()
        both.sort_indices()
        alone = both.diagonal() + self.prior
        row = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        both.data /= np.sqrt(alone[row] * alone[both.indices])
        length = np.sqrt(np.bincount(row, both.data**2, minlength=both.shape[0]))
        both.data /= length[row]
        return both

    def explain(self, pair: Pair) -> Reason:
        jobs, row_of = viewed_by(pair), self._rows_by_name(pair.inputs.dataset)
        here = row_of(pair.job.prefecture, pair.job.city)
        total = sum(float(here @ row_of(job.prefecture, job.city)) for job in jobs)
        value = min(100.0 * total / max(len(jobs), 1), 100.0)
        facts = {"viewed jobs": len(jobs), "job's city": (pair.job.prefecture, pair.job.city)}
        return Reason(value, facts | {"other cities that users of this city view": int((here > 0).sum())})

    def _rows_by_name(self, dataset: Dataset) -> Callable[[str | None, str | None], Floats]:
        """Return a function of a state and a city: the (n_places,) row of the city, of length 1, or zero."""
        users, jobs = looks_at(dataset)
        place, frame, n_places = dataset.jobs.place, dataset.jobs.frame, len(dataset.words.place)
        is_known = place[jobs] >= 0
        pairs = np.unique((users << 32 | place[jobs])[is_known])  # each user and each city once
        viewers, viewed_places = pairs >> 32, pairs & 0xFFFFFFFF
        people = np.bincount(viewed_places, minlength=n_places)

        @cache
        def row_of(state: str | None, city: str | None) -> Floats:
            there = ((frame["prefecture_code"] == state) & (frame["city_code"] == city)).to_numpy(bool)
            theirs = np.unique(users[there[jobs]])
            both = np.bincount(viewed_places[np.isin(viewers, theirs)], minlength=n_places)
            if not len(theirs):
                return 0.0 * both
            # where no user viewed both cities the numerator is 0 for any denominator
            row = both / np.sqrt((np.maximum(people, 1) + self.prior) * (len(theirs) + self.prior))
            return row / np.sqrt(row @ row)

        return row_of


class JobLooks(Component):
    """How many users viewed the job up to the clock: 100 · n / (n + `half`), so that `half` users give 50."""

    kind: ClassVar[str] = "job_looks"

    half: Annotated[float, Field(gt=0, le=1000)] = 3.0

    def terms(self, inputs: Inputs) -> Value:
        count = np.bincount(looks_at(inputs.dataset)[1], minlength=len(inputs.dataset.jobs)).astype(np.float64)
        known = inputs.dataset.jobs.job_id
        row = np.minimum(np.searchsorted(known, inputs.jobs.job_id), max(len(known) - 1, 0))
        there = known[row] == inputs.jobs.job_id if len(known) else np.zeros(len(row), dtype=bool)
        people = np.zeros(len(row))
        people[there] = count[row[there]]
        return Value((JobTerm(100.0 * people / (people + self.half)),))

    def explain(self, pair: Pair) -> Reason:
        actions, jobs = pair.inputs.dataset.actions, pair.inputs.dataset.jobs.job_id
        people = len(set(actions.user[jobs[actions.job] == pair.job.job_id].tolist()))
        return Reason(100.0 * people / (people + self.half), {"people who viewed it": people})


def exceptions(key: Key, users: Longs, codes: NDArray[np.int32], gains: Floats, n_users: int) -> LookupTerm:
    """Return a term with the gain of each (user, code), sorted by both; 0 for all other and missing codes."""
    start = np.searchsorted(users, np.arange(n_users + 1))
    row_of = np.zeros(n_users, dtype=np.int32)
    return LookupTerm(key, np.zeros((1, key.size + 1)), row_of, Ragged(start, codes), gains)


def _counted(rows: Longs, columns: NDArray[Any], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
