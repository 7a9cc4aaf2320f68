"""What lists are like, whether or not anybody acted on them: fees, wages, novelty, coverage, concentration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from scoring.argument_checks import list_length
from scoring.array_types import Bools, Floats, Longs
from scoring.dataset.arrays import ActionArrays
from scoring.errors import ConfigurationError
from scoring.evaluation.jackknife import GROUPS_OF_USERS, Jackknife, groups_of, users_digest
from scoring.id_index import IdIndex
from scoring.model import Inputs
from scoring.ranking import Ranking

__all__ = [
    "POPULATION_FACTS",
    "USER_FACTS",
    "Concentration",
    "Coverage",
    "ListFacts",
    "MeanFee",
    "MeanWage",
    "Novelty",
    "PopulationFact",
    "UserFact",
]


@dataclass(frozen=True, repr=False)
class ListFacts:
    """What is told about m jobs, in the order of the inputs that a ranking's `job_row` refers to."""

    job_id: Longs  # (m,)
    fee: Floats  # (m,) yen; a missing fee is 0, as in scores and rules
    wage: Floats  # (m,) hourly equivalent over its area mean; NaN where either is not known
    novelty: Floats  # (m,) bits
    eligible: Bools  # (m,) may be listed for somebody

    @classmethod
    def of(cls, inputs: Inputs, eligible: Bools) -> Self:
        """`eligible` (m,): jobs that no rule leaves out for everybody, such as `plan.exclusions.open_to_all`.

        Raises ConfigurationError where it has another length.
        """
        jobs = inputs.jobs
        if eligible.shape != jobs.job_id.shape:
            raise ConfigurationError(f"eligible is of shape {eligible.shape}; there are {len(jobs):,} jobs.")
        mean, _, _ = inputs.basis.areas.of(jobs)
        dataset = inputs.dataset
        acted = _by_id(_users_acting(dataset.actions, len(dataset.jobs)), dataset.jobs.job_id, jobs.job_id)
        return cls(
            job_id=jobs.job_id,
            fee=np.nan_to_num(jobs.fee, nan=0.0),
            wage=jobs.hourly / np.where(mean > 0, mean, np.nan),
            novelty=-np.log2((acted + 1) / (len(dataset.users) + 2)),
            eligible=np.asarray(eligible, dtype=bool),
        )

    def __repr__(self) -> str:
        return f"ListFacts({len(self.job_id):,} jobs, {self.n_eligible:,} of them eligible)"

    @property
    def n_eligible(self) -> int:
        return int(self.eligible.sum())


def _users_acting(actions: ActionArrays, n_jobs: int) -> Longs:
    """(n_jobs,) different users with any action on each job."""
    pairs = np.unique((actions.job.astype(np.int64) << 32) | actions.user)
    return np.bincount(pairs >> 32, minlength=n_jobs).astype(np.int64)


def _by_id(values: Longs, known: Longs, wanted: Longs) -> Longs:
    """Of the wanted ids among the sorted known ones; 0 for others."""
    row, present = IdIndex(known).find(wanted)
    result = np.zeros(len(wanted), dtype=np.int64)
    result[present] = values[row[present]]
    return result


@dataclass(frozen=True)
class _Fact(ABC):
    """Something about the first k jobs of each list."""

    k: int = 40

    label: ClassVar[str]
    unit: ClassVar[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", list_length(self.k))

    @property
    def name(self) -> str:
        """Like mean fee@40."""
        return f"{self.label}@{self.k}"

    def _top(self, ranking: Ranking, facts: ListFacts) -> tuple[Longs, Bools]:
        """(n, ≤ k) rows of the listed jobs, and which of them are there (any row where not)."""
        room = ranking.job_row.shape[1]
        if self.k > room and room < facts.n_eligible and (ranking.count == room).any():
            raise ConfigurationError(
                f"{self.name} needs lists of {self.k} jobs, and these end at {room}: rank {self.k} for each user."
            )
        rows = ranking.job_row[:, : self.k]
        there = np.arange(rows.shape[1]) < ranking.count[:, None]
        beyond = bool((rows >= len(facts.job_id)).any())
        if beyond or (there & (facts.job_id[rows] != ranking.job_id[:, : self.k])).any():
            raise ConfigurationError("the ranking is of other jobs than the facts; make both from the same inputs.")
        return rows, there


class UserFact(_Fact):
    """A value per user: the mean over the first k jobs of the list."""

    def of(self, ranking: Ranking, facts: ListFacts) -> Floats:
        """(n,) in the ranking's order; NaN for a user whose list has no job of known value.

        Raises ConfigurationError: lists cut before rank k while there were more jobs; facts of other jobs.
        """
        rows, there = self._top(ranking, facts)
        if not rows.size:
            return np.full(len(rows), np.nan)
        values = self._values(facts)
        known = there & ~np.isnan(values)[rows]
        count = known.sum(axis=1)
        total = np.where(known, values[rows], 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @abstractmethod
    def _values(self, facts: ListFacts) -> Floats:
        """(m,) of each job; NaN where it is not known."""


class MeanFee(UserFact):
    """Mean fee of the listed jobs; a missing fee is 0."""

    label = "mean fee"
    unit = "yen"

    def _values(self, facts: ListFacts) -> Floats:
        return facts.fee


class MeanWage(UserFact):
    """Mean of hourly wage over its area's mean; jobs of unknown wage are left out."""

    label = "mean wage"
    unit = "× area mean"

    def _values(self, facts: ListFacts) -> Floats:
        return facts.wage


class Novelty(UserFact):
    """Mean of -log2 p(j), p(j) = (users who acted on j + 1) / (users + 2): how little known the listed jobs are.

    Mean self-information: Vargas & Castells, Rank and relevance in novelty and diversity metrics for recommender
    systems, RecSys 2011, without a discount by rank. The added counts keep jobs without actions finite.
    """

    label = "novelty"
    unit = "bits"

    def _values(self, facts: ListFacts) -> Floats:
        return facts.novelty


class PopulationFact(_Fact):
    """One value of all lists together, from how often each eligible job is among the first k."""

    def of(self, ranking: Ranking, facts: ListFacts) -> Jackknife:
        """Jobs that are not eligible by the facts are not counted.

        Raises ConfigurationError as `UserFact.of`; where no job is eligible.
        """
        if not facts.n_eligible:
            raise ConfigurationError(f"there is no {self.name}: no job is eligible.")
        rows, there = self._top(ranking, facts)
        counts, left = _counts(rows, there & facts.eligible[rows] if rows.size else there, groups_of(ranking.user_id))
        return Jackknife(
            value=float(self._value(counts, facts.n_eligible)),
            without=np.array([self._value(some, facts.n_eligible) for some in left]),
            n=len(ranking.user_id),
            users=users_digest(ranking.user_id),
        )

    @abstractmethod
    def _value(self, counts: Longs, n_eligible: int) -> float:
        """From how often each job is listed; eligible jobs that are in no list need not be among the counts."""


class Coverage(PopulationFact):
    """The share of the eligible jobs that stand in any list. It grows with the number of users."""

    label = "coverage"
    unit = "share of eligible jobs"

    def _value(self, counts: Longs, n_eligible: int) -> float:
        return np.count_nonzero(counts) / n_eligible


class Concentration(PopulationFact):
    """The Gini coefficient of how often eligible jobs are listed, jobs in no list included; NaN without any list.

    G = 2 Σ i·x_(i) / (m Σ x) - (m + 1) / m, x ascending, i from 1: 0 where all are listed alike, (m - 1) / m where
    one job has every place.
    """

    label = "concentration"
    unit = "Gini coefficient"

    def _value(self, counts: Longs, n_eligible: int) -> float:
        # counts are small numbers: jobs of the same count are taken together, which sorts them without a sort
        alike = np.bincount(counts, minlength=1)
        listed = int(np.arange(len(alike)) @ alike)
        if not listed:
            return float("nan")
        alike[0] += n_eligible - len(counts)
        before = np.cumsum(alike) - alike
        places = alike * before + alike * (alike + 1) // 2  # the sum of the places i that jobs of a count take
        return 2 * float(np.arange(len(alike)) @ places) / (n_eligible * listed) - (n_eligible + 1) / n_eligible


USER_FACTS: Final[tuple[UserFact, ...]] = (MeanFee(), MeanWage(), Novelty())
POPULATION_FACTS: Final[tuple[PopulationFact, ...]] = (Coverage(), Concentration())


def _counts(rows: Longs, there: Bools, group: Longs) -> tuple[Longs, Iterator[Longs]]:
    """How often each job is listed that is listed at all, and the same without each group that has users.

    Counts without a group are given one at a time: there may be a million jobs.
    """
    by_group = np.argsort(group, kind="stable")
    job = rows[by_group][there[by_group]]
    of_all = np.bincount(job)
    listed = np.flatnonzero(of_all)
    place = np.zeros(len(of_all), dtype=np.int64)
    place[listed] = np.arange(len(listed))
    job, counts = place[job], of_all[listed]
    sizes = np.bincount(group[by_group], there[by_group].sum(axis=1), minlength=GROUPS_OF_USERS).astype(np.int64)
    ends = np.cumsum(sizes)
    of_group = [slice(ends[one] - sizes[one], ends[one]) for one in np.unique(group)]
    return counts, (counts - np.bincount(job[part], minlength=len(listed)) for part in of_group)
