"""Marks correct the declared goals and the exploratory tests separately, and explain intervals that disagree."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scoring.evaluation.significance import adjust_holm
from scoring.evaluation.significance_marks import NO_TEST, DifferenceTest, explain_mark, mark_tests


def test_families_are_corrected_separately() -> None:
    p = [0.04, 0.01, 0.02, math.nan, 0.5]
    tests = [DifferenceTest(one, place == 0) for place, one in enumerate(p)]
    marks = mark_tests(tests, 0.95)
    assert [mark.n_tests for mark in marks] == [1, 3, 3, 0, 3]
    exploratory = adjust_holm([0.01, 0.02, 0.5])
    assert [mark.p_holm for mark in marks[:3]] == [0.04, exploratory[0], exploratory[1]]
    assert [mark.is_significant for mark in marks] == [True, True, True, False, False]
    assert math.isnan(marks[3].p_holm)


def test_detectable_is_at_the_level_of_the_mark() -> None:
    tests = [DifferenceTest(0.5, place == 0, lambda level: level) for place in range(5)]
    marks = mark_tests([*tests, NO_TEST], 0.9)
    assert [mark.detectable for mark in marks[:5]] == pytest.approx([0.9, *[1 - 0.1 / 4] * 4])
    assert math.isnan(marks[5].detectable)


def test_no_tests_have_no_marks() -> None:
    assert mark_tests([], 0.95) == []


@pytest.mark.parametrize(
    ("is_significant", "low", "high", "n_tests", "reason"),
    [
        (True, 0.1, 0.2, 8, ""),
        (False, -0.1, 0.2, 8, ""),
        (False, 0.1, 0.2, 8, "among 8 exploratory tests this may be due to chance"),
        (False, -0.2, -0.1, 1, "at the limit of both methods"),
        (True, -0.1, 0.2, 8, "the interval contains 0"),
        (False, np.nan, np.nan, 8, ""),
        (False, 0.1, 0.2, 0, ""),
    ],
)
def test_disagreement_has_a_reason(is_significant: bool, low: float, high: float, n_tests: int, reason: str) -> None:
    found = explain_mark(is_significant, low, high, n_tests)
    assert reason in found
    assert bool(found) == bool(reason)
