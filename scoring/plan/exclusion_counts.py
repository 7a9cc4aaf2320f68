"""Numbers of pairs that rules about single users exclude, without a matrix of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from scoring.array_types import Bools, Longs
from scoring.plan.user_rules import (
    CandidateRule,
    ClassRule,
    ExcludedCompanies,
    ExcludedJobs,
    RequiredJobs,
    UserRule,
)
from scoring.ragged_array import Ragged

__all__ = ["count_pairs_of_users"]

_USERS_AT_ONCE: Final = 4096
_MAX_CELLS: Final = 2**22
"""Maximum size of a table of joint classes of users and jobs."""
_MATRIX_USERS: Final = 128


def count_pairs_of_users(rules: Sequence[UserRule], users: Longs, is_open: Bools) -> dict[str, int]:
    """Return reason → number of pairs of these users and open jobs that each rule excludes first.

    Each step counts the pairs that the rules so far allow. Class rules are counted by class, and companies by the
    number of their open jobs per class. Jobs that other rules list are looked up. Only candidates need all pairs of
    some users at a time.
    """
    counts = dict.fromkeys((rule.reason for rule in rules), 0)
    if not len(users):
        return counts
    jobs = _OpenJobs.of(rules, is_open)
    at_once = max(1, min(_USERS_AT_ONCE, _MAX_CELLS // max(len(jobs.classes.size), 1)))
    for first in range(0, len(users), at_once):
        remaining = _RemainingPairs(rules, jobs, users[first : first + at_once])
        before = remaining.count()
        for rule in rules:
            remaining.apply(rule)
            after = remaining.count()
            counts[rule.reason] += before - after
            before = after
    return counts


class _JointClasses(NamedTuple):
    """The combinations of classes, over all class rules, that occur among some rows."""

    of_rule: Longs  # (n_classes, n_rules) the class in each rule
    of_row: Longs  # (n_rows,)
    size: Longs  # (n_classes,) number of rows

    @classmethod
    def of(cls, columns: Sequence[np.ndarray], n_rows: int) -> _JointClasses:
        of_rule, of_row = np.empty((1, 0), dtype=np.int64), np.zeros(n_rows, dtype=np.int64)
        for column in columns:
            width = int(column.max(initial=0)) + 1
            codes, of_row = np.unique(of_row * width + column, return_inverse=True)
            of_rule = np.column_stack([of_rule[codes // width], codes % width])
        return cls(of_rule, of_row, np.bincount(of_row, minlength=len(of_rule)))


class _OpenJobs(NamedTuple):
    """The open jobs, by joint class and by company."""

    is_open: Bools  # (m,)
    rows: Longs  # of the open jobs
    classes: _JointClasses  # of the open jobs
    class_of_job: Longs  # (m,) joint class; 0 for jobs that are not open
    company: Longs  # (m,) codes, -1 missing or not open
    jobs_of_company: Ragged
    classes_of_company: Ragged  # the joint classes of each company's jobs
    n_of_class: Longs  # number of jobs for each value of `classes_of_company`

    @classmethod
    def of(cls, rules: Sequence[UserRule], is_open: Bools) -> _OpenJobs:
        rows = np.flatnonzero(is_open)
        classes = _JointClasses.of([rule.job_class[rows] for rule in rules if isinstance(rule, ClassRule)], len(rows))
        class_of_job = np.zeros(len(is_open), dtype=np.int64)
        class_of_job[rows] = classes.of_row
        company = np.full(len(is_open), -1, dtype=np.int64)
        of_rule = next((rule.company for rule in rules if isinstance(rule, ExcludedCompanies)), None)
        if of_rule is not None:
            company[rows] = of_rule[rows]
        n_companies = 0 if of_rule is None else int(of_rule.max(initial=-1)) + 1
        by_company = np.argsort(company, kind="stable")
        by_company = by_company[company[by_company] >= 0]
        width = max(len(classes.size), 1)
        pairs, n_jobs = np.unique(company[by_company] * width + class_of_job[by_company], return_counts=True)
        bounds = np.arange(n_companies + 1)
        return cls(
            is_open,
            rows,
            classes,
            class_of_job,
            company,
            Ragged(np.searchsorted(company[by_company], bounds), by_company.astype(np.int32)),
            Ragged(np.searchsorted(pairs, bounds * width), (pairs % width).astype(np.int32)),
            n_jobs,
        )


class _RemainingPairs:
    """The pairs of some users and the open jobs that the rules applied so far allow.

    Until a rule requires listed jobs, they are the pairs of classes in `_alive` without the pairs of a user and a
    company in `_companies` and those of a user and a job in `_excluded`. Afterwards, `_listed` contains them. A pair is
    the number of the user × jobs (companies) + the row of the job (the code of the company). Pairs are distinct and
    ascend.
    """

    def __init__(self, rules: Sequence[UserRule], jobs: _OpenJobs, users: Longs) -> None:
        self._jobs, self._users, self._m = jobs, users, len(jobs.is_open)
        class_rules = [rule for rule in rules if isinstance(rule, ClassRule)]
        self._column = {id(rule): column for column, rule in enumerate(class_rules)}
        self._classes = _JointClasses.of([rule.user_class[users] for rule in class_rules], len(users))
        self._alive = np.ones((len(jobs.classes.size), len(self._classes.size)), dtype=bool)  # rows are copied fast
        self._n_alive = len(users) * len(jobs.rows)
        self._n_companies = len(jobs.jobs_of_company) + 1  # 0 is a missing company
        self._companies: Longs = np.empty(0, dtype=np.int64)
        self._excluded: Longs = np.empty(0, dtype=np.int64)
        self._listed: Longs | None = None
        self._n_candidates: int | None = None

    def count(self) -> int:
        """Return the number of pairs."""
        if self._n_candidates is not None:
            return self._n_candidates
        if self._listed is not None:
            return len(self._listed)
        return self._n_alive - self._count_of_companies() - int(np.count_nonzero(self._is_alive(self._excluded)))

    def apply(self, rule: UserRule) -> None:
        """Remove the pairs that a rule excludes."""
        if self._listed is not None:
            user, job = np.divmod(self._listed, self._m)
            self._listed = self._listed[~rule.excludes(self._users[user], job)]
            return
        match rule:
            case ExcludedJobs():
                pairs = self._open_pairs(rule.jobs)
                self._excluded = np.union1d(self._excluded, pairs[~self._is_of_company(pairs)])
            case ExcludedCompanies():
                companies = rule.companies.take(self._users)
                has_jobs = companies.values < self._n_companies - 1  # of other companies, no job is open
                pairs = (companies.rows * np.int64(self._n_companies) + companies.values + 1)[has_jobs]
                self._companies = np.union1d(self._companies, pairs)
                self._excluded = self._excluded[~self._is_of_company(self._excluded)]
            case ClassRule():
                column = self._column[id(rule)]
                allowed = np.ascontiguousarray(rule.allowed[self._classes.of_rule[:, column]].T)
                self._alive &= allowed.take(self._jobs.classes.of_rule[:, column], axis=0)
                # float32 is exact for sums up to 2^24, and its product is by BLAS
                exact = np.float32 if len(self._jobs.rows) < 2**24 else np.float64
                of_class = self._jobs.classes.size.astype(exact) @ self._alive.astype(exact)
                self._n_alive = int(of_class.astype(np.int64) @ self._classes.size)
            case RequiredJobs():
                pairs = self._open_pairs(rule.jobs)
                keep = self._is_alive(pairs)
                for excluded in (self._excluded, self._jobs_of_companies(0, len(self._users))):  # fewer than `pairs`
                    place = np.searchsorted(pairs, excluded)
                    excluded, place = excluded[place < len(pairs)], place[place < len(pairs)]
                    keep[place[pairs[place] == excluded]] = False
                self._listed = pairs[keep]
            case CandidateRule():  # the last rule
                self._n_candidates = self._count_candidates(rule)

    def _open_pairs(self, jobs: Ragged) -> Longs:
        """Return the pairs of a user and an open job of the user's row."""
        of_users = jobs.take(self._users)
        is_open = self._jobs.is_open[of_users.values]
        return of_users.rows[is_open] * np.int64(self._m) + of_users.values[is_open]

    def _is_of_company(self, pairs: Longs) -> Bools:
        """Return whether the job of each pair is of a company that is excluded for the user."""
        if not len(self._companies) or not len(pairs):
            return np.zeros(len(pairs), dtype=bool)
        user, job = np.divmod(pairs, self._m)
        return np.isin(user * self._n_companies + self._jobs.company[job] + 1, self._companies)

    def _is_alive(self, pairs: Longs) -> Bools:
        if self._alive.size == 1:
            return np.full(len(pairs), self._alive.all())
        user, job = np.divmod(pairs, self._m)
        return np.asarray(self._alive[self._jobs.class_of_job[job], self._classes.of_row[user]], dtype=bool)

    def _count_of_companies(self) -> int:
        """Return the number of pairs of alive classes with a job of a company that is excluded for the user."""
        user, code = np.divmod(self._companies, self._n_companies)
        numbers = self._jobs.classes_of_company
        of_pair = Ragged(numbers.start, np.arange(len(numbers.values), dtype=np.int32)).take(code - 1)
        user_class = np.repeat(self._classes.of_row[user], of_pair.lengths)
        is_alive = self._alive[numbers.values[of_pair.values], user_class]
        return int(self._jobs.n_of_class[of_pair.values[is_alive]].sum())

    def _count_candidates(self, rule: CandidateRule) -> int:
        n = 0
        for first in range(0, len(self._users), _MATRIX_USERS):
            part = slice(first, first + _MATRIX_USERS)
            allowed = rule.candidates.matrix(self._users[part])
            allowed[:, self._jobs.rows] &= self._alive[:, self._classes.of_row[part]][self._jobs.classes.of_row].T
            for pairs in (self._excluded, self._jobs_of_companies(first, first + len(allowed))):
                bounds = np.searchsorted(pairs, [first * self._m, (first + len(allowed)) * self._m])
                user, job = np.divmod(pairs[slice(*bounds)], self._m)
                allowed[user - first, job] = False
            n += int(np.count_nonzero(allowed[:, self._jobs.rows]))
        return n

    def _jobs_of_companies(self, first: int, stop: int) -> Longs:
        """Return the pairs of users first…stop - 1 with the jobs of the companies that are excluded for them."""
        bounds = np.searchsorted(self._companies, np.array([first, stop]) * self._n_companies)
        user, code = np.divmod(self._companies[slice(*bounds)], self._n_companies)
        jobs = self._jobs.jobs_of_company.take(code - 1)
        return np.sort(np.repeat(user, jobs.lengths) * self._m + jobs.values)
