"""Numbers of pairs that rules about single users exclude, without a matrix of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
from scoring.ragged import Ragged

__all__ = ["count_pairs_of_users"]

_USERS_AT_ONCE: Final = 1024
_MAX_CELLS: Final = 2**24
"""Maximum size of a table of joint classes of users and jobs."""
_MATRIX_USERS: Final = 128


def count_pairs_of_users(rules: Sequence[UserRule], users: Longs, is_open: Bools) -> dict[str, int]:
    """Return reason → number of pairs of these users and open jobs that each rule excludes first.

    Each step counts the pairs that the rules so far allow. Class rules are counted by class. The few pairs that other
    rules list are looked up. Only candidates need all pairs of some users at a time.
    """
    counts = dict.fromkeys((rule.reason for rule in rules), 0)
    if not len(users):
        return counts
    jobs = _OpenJobs(rules, is_open)
    at_once = max(1, min(_USERS_AT_ONCE, _MAX_CELLS // max(len(jobs.classes), 1)))
    for first in range(0, len(users), at_once):
        remaining = _RemainingPairs(jobs, users[first : first + at_once])
        before = remaining.count()
        for number, rule in enumerate(rules):
            remaining.apply(number)
            after = remaining.count()
            counts[rule.reason] += before - after
            before = after
    return counts


class _OpenJobs:
    """The open jobs and their joint class over all class rules."""

    def __init__(self, rules: Sequence[UserRule], is_open: Bools) -> None:
        self.rules, self.is_open = rules, is_open
        self.rows = np.flatnonzero(is_open)
        class_rules = [rule for rule in rules if isinstance(rule, ClassRule)]
        columns = [rule.job_class[self.rows] for rule in class_rules]
        self.classes, self.joint, self.sizes = _join_classes(columns, len(self.rows))
        self.joint_of_row = np.zeros(len(is_open), dtype=np.int64)
        self.joint_of_row[self.rows] = self.joint
        self.jobs_of_company = _group_by_company(rules, is_open)


def _group_by_company(rules: Sequence[UserRule], is_open: Bools) -> Ragged | None:
    """Return the rows of the open jobs of each company; None: no rule about companies."""
    rule = next((rule for rule in rules if isinstance(rule, ExcludedCompanies)), None)
    if rule is None:
        return None
    company = np.where(is_open, rule.company, -1)
    by_company = np.argsort(company, kind="stable").astype(np.int32)
    start = np.searchsorted(company[by_company], np.arange(int(rule.company.max(initial=-1)) + 2))
    return Ragged(start.astype(np.int64), by_company)


def _join_classes(columns: Sequence[np.ndarray], length: int) -> tuple[np.ndarray, Longs, Longs]:
    """Return the distinct rows of some columns, the place of each of `length` rows in them, and their counts."""
    if not columns:
        return np.zeros((1, 0), dtype=np.int64), np.zeros(length, dtype=np.int64), np.array([length])
    stacked = np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)
    distinct, place, sizes = np.unique(stacked, axis=0, return_inverse=True, return_counts=True)
    return distinct, place.reshape(-1), sizes


class _RemainingPairs:
    """The pairs of some users and the open jobs that the rules applied so far allow.

    Until a rule requires listed jobs, they are the pairs of classes in `_alive` without those in `_excluded`.
    Afterwards, `_listed` contains them. A pair is user number × jobs + job row.
    """

    def __init__(self, jobs: _OpenJobs, users: Longs) -> None:
        self._jobs, self._users, self._m = jobs, users, len(jobs.is_open)
        class_rules = [rule for rule in jobs.rules if isinstance(rule, ClassRule)]
        self._column = {id(rule): column for column, rule in enumerate(class_rules)}
        columns = [rule.user_class[users] for rule in class_rules]
        self._classes, self._joint, self._sizes = _join_classes(columns, len(users))
        self._alive = np.ones((len(self._classes), len(jobs.classes)), dtype=bool)
        self._excluded = np.empty(0, dtype=np.int64)
        self._listed: Longs | None = None
        self._n_candidates: int | None = None

    def count(self) -> int:
        """Return the number of pairs."""
        if self._n_candidates is not None:
            return self._n_candidates
        if self._listed is not None:
            return len(self._listed)
        total = int(self._sizes @ self._alive.astype(np.int64) @ self._jobs.sizes)
        return total - int(np.count_nonzero(self._is_alive(self._excluded)))

    def apply(self, number: int) -> None:
        """Remove the pairs that a rule excludes."""
        rule = self._jobs.rules[number]
        if self._listed is not None:
            user, job = np.divmod(self._listed, self._m)
            self._listed = self._listed[~rule.excludes(self._users[user], job)]
            return
        match rule:
            case ExcludedJobs():
                excluded = rule.jobs.take(self._users)
                self._exclude(excluded.rows, excluded.values)
            case ExcludedCompanies():
                assert self._jobs.jobs_of_company is not None
                companies = rule.companies.take(self._users)
                jobs = self._jobs.jobs_of_company.take(companies.values)
                self._exclude(companies.rows[jobs.rows], jobs.values)
            case ClassRule():
                column = self._column[id(rule)]
                self._alive &= rule.allowed[np.ix_(self._classes[:, column], self._jobs.classes[:, column])]
            case RequiredJobs():
                required = rule.jobs.take(self._users)
                pairs = self._pairs(required.rows, required.values)
                self._listed = np.setdiff1d(pairs[self._is_alive(pairs)], self._excluded, assume_unique=True)
            case CandidateRule():  # the last rule
                self._n_candidates = self._count_candidates(rule)

    def _exclude(self, users: np.ndarray, jobs: np.ndarray) -> None:
        if len(jobs):
            self._excluded = np.union1d(self._excluded, self._pairs(users, jobs))

    def _pairs(self, users: np.ndarray, jobs: np.ndarray) -> Longs:
        """Return the distinct pairs of user numbers and open jobs, ascending."""
        is_open = self._jobs.is_open[jobs]
        return np.unique(users[is_open].astype(np.int64) * self._m + jobs[is_open])

    def _is_alive(self, pairs: Longs) -> Bools:
        user, job = np.divmod(pairs, self._m)
        return np.asarray(self._alive[self._joint[user], self._jobs.joint_of_row[job]], dtype=bool)

    def _count_candidates(self, rule: CandidateRule) -> int:
        n = 0
        for first in range(0, len(self._users), _MATRIX_USERS):
            part = slice(first, first + _MATRIX_USERS)
            allowed = rule.candidates.matrix(self._users[part])[:, self._jobs.rows]
            n += int(np.count_nonzero(allowed & self._alive[self._joint[part]][:, self._jobs.joint]))
        user, job = np.divmod(self._excluded, self._m)
        counted = self._is_alive(self._excluded) & rule.candidates.contains(self._users[user], job)
        return n - int(np.count_nonzero(counted))
