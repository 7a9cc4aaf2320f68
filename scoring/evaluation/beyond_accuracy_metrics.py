"""Metrics of lists without held-out actions: properties of the listed jobs, and how listings are distributed over jobs.

A model that is tuned for one metric changes these properties as well. Some of them become worse.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Final, Self

import numpy as np

from scoring.argument_checks import check_list_length
from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset.arrays import ActionArrays
from scoring.distinct_integers import sort_distinct
from scoring.errors import ConfigurationError
from scoring.evaluation.jackknife import JACKKNIFED_SPLITS, SPLITS, Jackknife, digest_users, draw_halves
from scoring.id_index import IdIndex
from scoring.model import Inputs
from scoring.model.component_inputs import History
from scoring.ranking import Ranking

__all__ = [
    "MONEY",
    "POPULATION_FACTS",
    "USER_FACTS",
    "Concentration",
    "Coverage",
    "Diversity",
    "ListFacts",
    "MeanFee",
    "MeanWage",
    "Miscalibration",
    "Novelty",
    "PopularityBias",
    "PopulationFact",
    "UserFact",
    "compute_population_facts",
]


MONEY: Final = "money"
"""The unit of amounts. `measure_info.find_measure` replaces it by the currency of the board."""


@dataclass(frozen=True, repr=False)
class ListFacts:
    """Facts of m jobs, in the order of the inputs that a ranking's `job_row` refers to, and of the inputs' n users."""

    job_id: Longs  # (m,)
    fee: Floats  # (m,) money; a missing fee is 0, as in scores and rules; NaN if all fees are missing
    wage: Floats  # (m,) hourly equivalent over its area mean; NaN if either is unknown
    n_acting: Longs  # (m,) distinct users with an action on the job
    novelty: Floats  # (m,) bits
    eligible: Bools  # (m,) not excluded for all users
    major: Ints  # (m,) code of the major occupation group; -1 if unknown
    user_id: Longs  # (n,)
    history: Floats  # (n, majors) share of each group among the jobs that the user acted on; NaN without such a job

    @classmethod
    def of(cls, inputs: Inputs, eligible: Bools) -> Self:
        """Return the facts of the inputs' jobs.

        `eligible` (m,) marks the jobs that no rule excludes for all users, such as `plan.exclusions.open_to_all`.

        Raises
        ------
        ConfigurationError: If `eligible` is not of shape (m,).
        """
        jobs = inputs.jobs
        if eligible.shape != jobs.job_id.shape:
            raise ConfigurationError(
                f"eligible has shape {eligible.shape}, but there are {len(jobs):,} jobs. Give one value per job.",
                key=("eligible",),
            )
        mean, _, _ = inputs.basis.areas.of(jobs)
        dataset = inputs.dataset
        n_acting = _take_by_id(
            _count_acting_users(dataset.actions, len(dataset.jobs)), dataset.jobs.job_id, jobs.job_id
        )
        majors = len(inputs.words.major)
        return cls(
            job_id=jobs.job_id,
            fee=jobs.fee if np.isnan(jobs.fee).all() else np.nan_to_num(jobs.fee, nan=0.0),
            wage=jobs.hourly / np.where(mean > 0, mean, np.nan),
            n_acting=n_acting,
            novelty=-np.log2((n_acting + 1) / (len(dataset.users) + 2)),
            eligible=np.asarray(eligible, dtype=bool),
            major=jobs.major,
            user_id=inputs.users.user_id,
            history=_compute_shares(*_find_acted_majors(inputs.history), len(inputs.users), majors),
        )

    def __repr__(self) -> str:
        return f"ListFacts({len(self.job_id):,} jobs, {self.n_eligible:,} of them eligible)"

    @property
    def n_eligible(self) -> int:
        return int(self.eligible.sum())


def _count_acting_users(actions: ActionArrays, n_jobs: int) -> Longs:
    """Return (n_jobs,) number of distinct users with an action on each job."""
    pairs = sort_distinct((actions.job.astype(np.int64) << 32) | actions.user)
    return np.bincount(pairs >> 32, minlength=n_jobs).astype(np.int64)


def _find_acted_majors(history: History) -> tuple[Longs, Longs]:
    """Return (user row, major group) of each distinct pair of user and job; pairs of unknown group are left out."""
    actions = [history.within(kind) for kind in ACTION_KINDS]
    user, job = (np.concatenate([getattr(part, name) for part in actions]).astype(np.int64) for name in ("user", "job"))
    pairs = sort_distinct((user << 32) | job)
    user, major = pairs >> 32, history.jobs.major[pairs & 0xFFFFFFFF].astype(np.int64)
    return user[major >= 0], major[major >= 0]


def _compute_shares(row: Longs, group: Longs, n_rows: int, n_groups: int) -> Floats:
    """Return (n_rows, n_groups) the share of each group among the entries of a row; NaN for a row without entries."""
    counts = np.bincount(row * n_groups + group, minlength=n_rows * n_groups).reshape(n_rows, n_groups)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.nan)


def _take_by_id(values: Longs, known: Longs, ids: Longs) -> Longs:
    """Return the values of the ids; 0 for ids that are not among the sorted `known` ones."""
    row, present = IdIndex(known).find(ids)
    result = np.zeros(len(ids), dtype=np.int64)
    result[present] = values[row[present]]
    return result


@dataclass(frozen=True)
class _Fact(ABC):
    """A fact about the first k jobs of each list."""

    k: int = 40

    label: ClassVar[str]
    unit: ClassVar[str]
    good_sign: ClassVar[int]  # 1 if higher is better, -1 if lower is better, 0 if neither

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", check_list_length(self.k))

    @property
    def name(self) -> str:
        """Label and k, such as mean fee@40."""
        return f"{self.label}@{self.k}"

    def _top(self, ranking: Ranking, facts: ListFacts) -> tuple[Longs, Bools]:
        """Return (n, ≤ k) job rows, and which entries hold a job. Rows of other entries are arbitrary."""
        width = ranking.job_row.shape[1]
        if self.k > width and width < facts.n_eligible and (ranking.count == width).any():
            raise ConfigurationError(
                f"{self.name} needs lists of {self.k} jobs, but these end at rank {width}. Rank {self.k} jobs for "
                "each user.",
                key=("k",),
            )
        rows = ranking.job_row[:, : self.k]
        # lists of another system may contain jobs that are not in the data: they have no row and no facts
        is_job = (np.arange(rows.shape[1]) < ranking.count[:, None]) & (rows >= 0)
        beyond = bool((rows >= len(facts.job_id)).any())
        if beyond or (is_job & (facts.job_id[rows] != ranking.job_id[:, : self.k])).any():
            raise ConfigurationError(
                "The ranking and the facts contain different jobs. Compute both from the same inputs.", key=("ranking",)
            )
        return rows, is_job


class UserFact(_Fact):
    """A value per user, computed from the first k jobs of the list."""

    def of(self, ranking: Ranking, facts: ListFacts) -> Floats:
        """Return (n,) values in the ranking's order; NaN for a list without a job of known value.

        Raises
        ------
        ConfigurationError: If lists are cut before rank k although more jobs are eligible, or the facts are of
            other jobs.
        """
        rows, is_job = self._top(ranking, facts)
        return self._of_lists(rows, is_job, ranking.user_id, facts) if rows.size else np.full(len(rows), np.nan)

    @abstractmethod
    def _of_lists(self, rows: Longs, is_job: Bools, user_id: Longs, facts: ListFacts) -> Floats:
        """Return (n,) values of lists of job rows (n, k). Rows where `is_job` is false are arbitrary."""


class JobMean(UserFact):
    """The mean of a property of the listed jobs. Jobs without a known value are left out."""

    def _of_lists(self, rows: Longs, is_job: Bools, user_id: Longs, facts: ListFacts) -> Floats:
        values = self._values(facts)
        known = is_job & ~np.isnan(values)[rows]
        count = known.sum(axis=1)
        total = np.where(known, values[rows], 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @abstractmethod
    def _values(self, facts: ListFacts) -> Floats:
        """Return (m,) the value of each job; NaN if it is unknown."""


class MeanFee(JobMean):
    """Mean fee of the listed jobs; a missing fee is 0. NaN if no job has a fee.

    Example
    -------
    >>> MeanFee(10).name
    'mean fee@10'
    """

    label = "mean fee"
    unit = MONEY
    good_sign = 1

    def _values(self, facts: ListFacts) -> Floats:
        return facts.fee


class MeanWage(JobMean):
    """Mean of hourly wage divided by its area's mean; jobs of unknown wage are left out."""

    label = "mean wage"
    unit = "× area mean"
    good_sign = 1

    def _values(self, facts: ListFacts) -> Floats:
        return facts.wage


class Novelty(JobMean):
    """Mean of -log2 p(j), where p(j) = (users who acted on j + 1) / (users + 2).

    Mean self-information: Vargas & Castells, Rank and relevance in novelty and diversity metrics for recommender
    systems, RecSys 2011, without a discount by rank. The added counts keep the values of jobs without actions finite.
    """

    label = "novelty"
    unit = "bits"
    good_sign = 0

    def _values(self, facts: ListFacts) -> Floats:
        return facts.novelty


class PopularityBias(JobMean):
    """Mean number of users who acted on a listed job, divided by the mean of all eligible jobs.

    1 if lists do not prefer popular jobs. Average recommendation popularity: Abdollahpouri, Burke & Mobasher, Managing
    popularity bias in recommender systems with personalized re-ranking, FLAIRS 2019, relative to the eligible jobs.
    """

    label = "popularity bias"
    unit = "× mean of eligible jobs"
    good_sign = -1

    def _values(self, facts: ListFacts) -> Floats:
        mean = facts.n_acting[facts.eligible].mean() if facts.n_eligible else 0.0
        return facts.n_acting / mean if mean > 0 else np.full(len(facts.n_acting), np.nan)


class Diversity(UserFact):
    """Share of the pairs of listed jobs that have different major occupation groups; unknown groups are left out.

    Intra-list diversity with a distance of 0 or 1: Ziegler et al., Improving recommendation lists through topic
    diversification, WWW 2005. NaN for a list with fewer than two jobs of known group.
    """

    label = "diversity"
    unit = "share of pairs"
    good_sign = 1

    def _of_lists(self, rows: Longs, is_job: Bools, user_id: Longs, facts: ListFacts) -> Floats:
        code = np.sort(np.where(is_job, facts.major[rows], -1), axis=1)
        column = np.arange(code.shape[1])
        is_first = np.concatenate([np.ones((len(code), 1), dtype=bool), code[:, 1:] != code[:, :-1]], axis=1)
        start = np.maximum.accumulate(np.where(is_first, column, 0), axis=1)
        # a job forms a pair with each job of its group before it
        equal = np.where(code >= 0, column - start, 0).sum(axis=1)
        known = (code >= 0).sum(axis=1)
        pairs = known * (known - 1) // 2
        return np.where(pairs > 0, 1 - equal / np.maximum(pairs, 1), np.nan)


class Miscalibration(UserFact):
    """Divergence of the listed jobs' major occupation groups from those of the jobs that the user acted on before.

    Σ_g p_g · log2(p_g / q̃_g), q̃ = 0.99 q + 0.01 p, with p the shares of the groups in the history and q those in the
    list. 0 if they are equal, at most log2(100) = 6.6. Steck, Calibrated recommendations, RecSys 2018, with its α of
    0.01. NaN for a user without such a job, and for a list without a job of known group.
    """

    label = "miscalibration"
    unit = "bits"
    good_sign = -1

    _ALPHA: ClassVar[float] = 0.01

    def _of_lists(self, rows: Longs, is_job: Bools, user_id: Longs, facts: ListFacts) -> Floats:
        place, is_known = IdIndex(facts.user_id).find(user_id)
        history = np.where(is_known[:, None], facts.history[place], np.nan)
        major = np.where(is_job, facts.major[rows], -1)
        row, column = np.nonzero(major >= 0)
        listed = _compute_shares(row, major[row, column].astype(np.int64), len(rows), history.shape[1])
        blend = (1 - self._ALPHA) * listed + self._ALPHA * history
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(history > 0, history * np.log2(history / blend), history * 0)
        return terms.sum(axis=1)


class PopulationFact(_Fact):
    """One value of all lists together, computed from how often each eligible job is among the first k."""

    def of(self, ranking: Ranking, facts: ListFacts) -> Jackknife:
        """Return the value with its jackknife. Jobs that are not eligible by the facts are not counted.

        Raises
        ------
        ConfigurationError: As in `UserFact.of`, or if no job is eligible.
        """
        return compute_population_facts((self,), ranking, facts)[self.name]

    def value_of(self, ranking: Ranking, facts: ListFacts) -> float:
        """Return the value only.

        Raises
        ------
        ConfigurationError: As in `of`.
        """
        listings = self._listings(ranking, facts)
        return self._value(listings.counts, listings.n_eligible)

    def _listings(self, ranking: Ranking, facts: ListFacts) -> _Listings:
        if not facts.n_eligible:
            raise ConfigurationError(
                f"{self.name} has no value: every job is excluded for all users. Use data with open jobs, or relax the "
                "model's eligibility rules.",
                key=("eligible",),
            )
        rows, is_job = self._top(ranking, facts)
        by_id = np.argsort(ranking.user_id, kind="stable")
        counted = is_job & facts.eligible[rows] if rows.size else is_job
        return _Listings.of(rows[by_id], counted[by_id], facts.n_eligible)

    @abstractmethod
    def _value(self, counts: Longs, n_eligible: int) -> float:
        """Return the value, given how often each job is listed. `counts` may omit jobs that are in no list."""

    @abstractmethod
    def _without(self, listings: _Listings) -> Floats:
        """Return (n,) the value without each user."""


class Coverage(PopulationFact):
    """Share of the eligible jobs that at least one list contains. It grows with the number of users."""

    label = "coverage"
    unit = "share of eligible jobs"
    good_sign = 1

    def _value(self, counts: Longs, n_eligible: int) -> float:
        return np.count_nonzero(counts) / n_eligible

    def _without(self, listings: _Listings) -> Floats:
        covered_by_one = np.append(listings.counts, 0)[listings.job] == 1
        return (np.count_nonzero(listings.counts) - covered_by_one.sum(axis=1)) / listings.n_eligible


class Concentration(PopulationFact):
    """Gini coefficient of how often eligible jobs are listed, including jobs in no list; NaN if all lists are empty.

    G = 2 Σ i·x_(i) / (m Σ x) - (m + 1) / m, x ascending, i from 1. It is 0 if all jobs are listed equally often, and
    (m - 1) / m if one job has every place.
    """

    label = "concentration"
    unit = "Gini coefficient"
    good_sign = -1

    def _value(self, counts: Longs, n_eligible: int) -> float:
        listed = int(counts.sum())
        return _sum_differences(_count_counts(counts, n_eligible)) / (n_eligible * listed) if listed else float("nan")

    def _without(self, listings: _Listings) -> Floats:
        """Return the exact values. Without a list, the counts of its jobs decrease by 1.

        The difference to each job with an equal or a higher count increases by 1, that to each lower one decreases. Two
        jobs of the list with equal counts stay equal.
        """
        m = listings.n_eligible
        histogram = _count_counts(listings.counts, m)
        lower = np.cumsum(histogram) - histogram
        count = np.append(listings.counts, 0)[listings.job]
        change = np.where(listings.counted, (m - 1 - 2 * lower)[count], 0).sum(axis=1) - 2 * _count_ties(
            np.where(listings.counted, count, -1 - np.arange(count.shape[1]))
        )
        listed = listings.counts.sum() - listings.counted.sum(axis=1)
        differences = _sum_differences(histogram) + change
        return np.where(listed > 0, differences / np.maximum(m * listed, 1), np.nan)


def _count_counts(counts: Longs, n_eligible: int) -> Longs:
    """Return the number of eligible jobs that are listed 0, 1, 2, … times.

    Counts are small integers. Their histogram replaces sorting the jobs.
    """
    histogram = np.bincount(counts, minlength=1)
    histogram[0] += n_eligible - len(counts)
    return histogram


def _sum_differences(histogram: Longs) -> float:
    """Return Σ |x_i - x_j| over all pairs of jobs, given the number of jobs that are listed 0, 1, 2, … times."""
    lower = np.cumsum(histogram) - histogram
    # of a job listed x times, x is added once per lower job and subtracted once per higher job
    return float(np.arange(len(histogram)) @ (histogram * (2 * lower + histogram - histogram.sum())))


def _count_ties(values: Longs) -> Longs:
    """Return (n,) the number of pairs of equal values in each row of (n, k)."""
    values = np.sort(values, axis=1)
    pairs, run = np.zeros((2, len(values)), dtype=np.int64)
    for column in range(1, values.shape[1]):
        run = np.where(values[:, column] == values[:, column - 1], run + 1, 0)
        pairs += run
    return pairs


USER_FACTS: Final[tuple[UserFact, ...]] = (
    MeanFee(),
    MeanWage(),
    Diversity(),
    Miscalibration(),
    Novelty(),
    PopularityBias(),
)
"""Properties of the list of one user, which are averaged over users."""
POPULATION_FACTS: Final[tuple[PopulationFact, ...]] = (Coverage(), Concentration())
"""Properties of the lists of all users together."""


def compute_population_facts(
    population_facts: Iterable[PopulationFact], ranking: Ranking, facts: ListFacts
) -> dict[str, Jackknife]:
    """Return name → value with its jackknife. Facts of the same k share their counts.

    Raises
    ------
    ConfigurationError: As in `PopulationFact.of`.
    """
    results: dict[str, Jackknife] = {}
    users, by_k = digest_users(ranking.user_id), dict[int, list[PopulationFact]]()
    for fact in population_facts:
        by_k.setdefault(fact.k, []).append(fact)
    for same_k in by_k.values():
        listings = same_k[0]._listings(ranking, facts)
        of_halves = {fact.name: np.empty((SPLITS, 2)) for fact in same_k}
        without_in_halves: dict[str, list[Floats]] = {fact.name: [] for fact in same_k}
        for number, (first, second, left_out) in enumerate(draw_halves(len(listings), users)):
            counts = listings.take(first).counts
            others = listings.counts - counts - (listings.take(left_out).counts if len(left_out) else 0)
            for fact in same_k:
                of_halves[fact.name][number] = [fact._value(half, listings.n_eligible) for half in (counts, others)]
                if number < JACKKNIFED_SPLITS:
                    without_in_halves[fact.name] += [fact._without(listings.take(half)) for half in (first, second)]
        for fact in same_k:
            results[fact.name] = Jackknife(
                value=fact._value(listings.counts, listings.n_eligible),
                without=fact._without(listings),
                halves=of_halves[fact.name],
                without_in_halves=np.array(without_in_halves[fact.name]),
                users=users,
            )
    return results


@dataclass(frozen=True)
class _Listings:
    """The jobs in the lists of n users, and how often each is listed."""

    job: Longs  # (n, k) number of the job among those listed; n_jobs for a place that is not counted
    n_jobs: int
    n_eligible: int

    @classmethod
    def of(cls, rows: Longs, counted: Bools, n_eligible: int) -> Self:
        """Return the listings of job rows (n, k). Jobs in no list are not stored, as there may be a million jobs."""
        listed = np.flatnonzero(np.bincount(rows[counted]))
        number = np.zeros(int(rows.max(initial=0)) + 1, dtype=np.int64)
        number[listed] = np.arange(len(listed))
        return cls(np.where(counted, number[rows], len(listed)), len(listed), n_eligible)

    def __len__(self) -> int:
        return len(self.job)

    def take(self, users: Longs) -> Self:
        """Return the listings of the users at these rows."""
        return replace(self, job=self.job[users])

    @cached_property
    def counted(self) -> Bools:
        """(n, k) whether a place is counted."""
        return self.job < self.n_jobs

    @cached_property
    def counts(self) -> Longs:
        """(n_jobs,) number of lists that contain each job."""
        return np.bincount(self.job.ravel(), minlength=self.n_jobs + 1)[:-1]
