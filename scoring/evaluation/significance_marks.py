"""Marks of differences: which are significant, and how large a difference must be for its mark.

A test of a goal that was declared before the models were evaluated, on the model that was declared with it, is one
test. Its p-value is not corrected. All other tests of a scoreboard are exploratory: Holm's correction keeps the
probability of any false mark among them below 1 - level. Several declared goals form a family of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.evaluation.significance import adjust_holm

__all__ = ["NO_TEST", "DifferenceTest", "Mark", "explain_mark", "mark_tests"]


@dataclass(frozen=True)
class DifferenceTest:
    """A test of one difference. `p` is NaN without a test, for example for the baseline."""

    p: float = math.nan
    is_declared: bool = False
    detectable_at: Callable[[float], float] = lambda level: math.nan
    """Level of a single test → the smallest true difference that this test finds with a power of 80 %."""


NO_TEST: Final = DifferenceTest()


@dataclass(frozen=True)
class Mark:
    """The result of a test within its family."""

    n_tests: int
    """Number of tests in the family: the declared goals, or all exploratory tests. 0 without a test."""
    p_holm: float
    """The p-value after Holm's correction in its family. A single declared goal keeps its own p-value."""
    is_significant: bool
    detectable: float
    """Smallest true difference that this mark finds with a power of 80 % if no other test has a true difference.

    Holm's correction then demands a p-value of (1 - level) / n_tests from it.
    """


def mark_tests(tests: Sequence[DifferenceTest], level: float) -> list[Mark]:
    """Return the mark of each test, corrected within the declared and within the exploratory tests."""
    p = np.array([test.p for test in tests], dtype=np.float64)
    is_declared = np.array([test.is_declared for test in tests], dtype=bool)
    p_holm, n_tests = np.full(len(tests), np.nan), np.zeros(len(tests), dtype=np.int64)
    for family in (is_declared, ~is_declared):
        tested = family & ~np.isnan(p)
        p_holm[tested], n_tests[tested] = adjust_holm(p[tested]), tested.sum()
    return [
        Mark(
            n_tests=int(n),
            p_holm=float(corrected),
            is_significant=bool(corrected <= 1 - level),
            detectable=test.detectable_at(1 - (1 - level) / n) if n else math.nan,
        )
        for test, n, corrected in zip(tests, n_tests, p_holm, strict=True)
    ]


def explain_mark(is_significant: bool, low: float, high: float, n_tests: int, is_declared: bool = False) -> str:
    """Return why a mark and an interval of the same difference disagree, or "" if they agree.

    `low` and `high` are the interval of the difference; NaN if there is none.
    """
    if math.isnan(low) or not n_tests or is_significant == (low > 0 or high < 0):
        return ""
    limit = "the difference is at the limit of both methods"
    if is_significant:
        return f"the interval contains 0, but the test is significant: {limit}"
    if n_tests == 1:
        return f"the interval excludes 0, but the test is not significant: {limit}"
    kind = "declared goals" if is_declared else "exploratory tests"
    return f"the interval excludes 0, but among {n_tests} {kind} this may be due to chance"
