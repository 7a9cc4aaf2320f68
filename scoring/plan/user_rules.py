"""Rules that exclude jobs for single users, in the forms that ranking and reports read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Ints, Longs
from scoring.plan.candidate_bits import Candidates
from scoring.ragged_array import Ragged

__all__ = [
    "MAX_CLASSES",
    "MAX_TABLE",
    "CandidateRule",
    "ClassRule",
    "ExcludedCompanies",
    "ExcludedJobs",
    "RequiredJobs",
    "UserRule",
    "contains",
    "merge_class_rules",
    "merge_ragged",
]

MAX_CLASSES: Final = 4096
"""Maximum number of classes of a column of values in a rule: distinct values, other values, and missing."""
MAX_TABLE: Final = 2**27
"""Maximum size of the table of a rule, in bytes. A column of lists has a class per distinct list."""
_MAX_JOINED: Final = 2**24
"""Maximum size of a table that replaces two."""


@dataclass(frozen=True)
class ExcludedJobs:
    """A rule that excludes a few jobs per user."""

    reason: str
    jobs: Ragged  # rows of jobs per user, ascending

    def excludes(self, users: Longs, jobs: Longs) -> Bools:
        """Return whether the rule excludes each of p pairs of rows."""
        return contains(self.jobs, users, jobs)


@dataclass(frozen=True)
class ExcludedCompanies:
    """A rule that excludes the jobs of a few companies per user."""

    reason: str
    companies: Ragged  # codes per user, ascending
    company: Ints  # (m,) code of each job; -1 missing

    def excludes(self, users: Longs, jobs: Longs) -> Bools:
        """As `ExcludedJobs.excludes`."""
        return contains(self.companies, users, self.company[jobs])


@dataclass(frozen=True)
class RequiredJobs:
    """A rule that excludes all jobs except a few per user."""

    reason: str
    jobs: Ragged  # rows of jobs per user, ascending

    def excludes(self, users: Longs, jobs: Longs) -> Bools:
        """As `ExcludedJobs.excludes`."""
        return ~contains(self.jobs, users, jobs)


@dataclass(frozen=True)
class ClassRule:
    """A rule that depends on a class of the user and a class of the job."""

    reason: str
    user_class: Ints  # (n,)
    job_class: Ints  # (m,)
    allowed: Bools  # (user classes, job classes)

    def excludes(self, users: Longs, jobs: Longs) -> Bools:
        """As `ExcludedJobs.excludes`."""
        return ~self.allowed[self.user_class[users], self.job_class[jobs]]

    def reduced(self) -> Self:
        """Return the rule with classes joined that have equal rows or columns."""
        rows, row_of = _find_distinct_rows(self.allowed)
        columns, column_of = _find_distinct_rows(np.ascontiguousarray(self.allowed[rows].T))
        allowed = self.allowed[np.ix_(rows, columns)]
        return type(self)(self.reason, row_of[self.user_class], column_of[self.job_class], allowed)


@dataclass(frozen=True)
class CandidateRule:
    """The rule that only candidates may be ranked."""

    reason: str
    candidates: Candidates

    def excludes(self, users: Longs, jobs: Longs) -> Bools:
        """As `ExcludedJobs.excludes`."""
        return ~self.candidates.contains(users, jobs)


UserRule = ExcludedJobs | ExcludedCompanies | RequiredJobs | ClassRule | CandidateRule


def contains(of_users: Ragged, users: Longs, values: Longs | Ints) -> Bools:
    """Return (p,) whether the values of a user's row contain a value, which is at least -1."""
    distinct, place = np.unique(users, return_inverse=True)
    part = of_users.take(distinct)
    span = int(max(part.values.max(initial=-1), values.max(initial=-1))) + 2
    return np.isin(place * span + values + 1, part.rows.astype(np.int64) * span + part.values + 1)


def merge_ragged(first: Ragged, second: Ragged, *, both: bool) -> Ragged:
    """Return, per row, the distinct values of both rows, or the values that both rows contain, ascending."""
    if not both and not len(second.values):
        return first
    span = int(max(first.values.max(initial=0), second.values.max(initial=0))) + 1
    a, b = (np.unique(part.rows.astype(np.int64) * span + part.values) for part in (first, second))
    merged = np.intersect1d(a, b, assume_unique=True) if both else np.union1d(a, b)
    start = np.searchsorted(merged, np.arange(len(first) + 1) * span)
    return Ragged(start.astype(np.int64), (merged % span).astype(np.int32))


def merge_class_rules(rules: list[ClassRule]) -> list[ClassRule]:
    """Return fewer rules that allow the same pairs, without rules that allow every pair.

    A job costs one lookup per rule. Two rules become one if few combinations of classes occur.
    """
    merged: list[ClassRule] = []
    for rule in map(ClassRule.reduced, rules):
        if merged:
            joined = _join(merged[-1], rule)
            if joined is not None:
                merged[-1] = joined
                continue
        merged.append(rule)
    return [rule for rule in merged if not rule.allowed.all()]


def _join(first: ClassRule, second: ClassRule) -> ClassRule | None:
    users, user_class = _find_pairs_of_classes(first.user_class, second.user_class, second.allowed.shape[0])
    jobs, job_class = _find_pairs_of_classes(first.job_class, second.job_class, second.allowed.shape[1])
    if len(jobs[0]) > MAX_CLASSES or len(users[0]) * len(jobs[0]) > _MAX_JOINED:
        return None
    allowed = first.allowed[np.ix_(users[0], jobs[0])] & second.allowed[np.ix_(users[1], jobs[1])]
    return ClassRule("", user_class, job_class, allowed).reduced()


def _find_pairs_of_classes(first: Ints, second: Ints, width: int) -> tuple[tuple[Longs, Longs], Ints]:
    """Return the pairs of classes that occur, and the pair of each row."""
    pairs, place = np.unique(first.astype(np.int64) * width + second, return_inverse=True)
    return (pairs // max(width, 1), pairs % max(width, 1)), place.astype(np.int32)


def _find_distinct_rows(table: Bools) -> tuple[NDArray[np.int64], Ints]:
    """Return the first row of each distinct row of a table, and for each row the number of its distinct row."""
    if not table.size:
        return np.arange(min(len(table), 1)), np.zeros(len(table), dtype=np.int32)
    packed = np.packbits(table, axis=1)
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    return first, place.astype(np.int32)
