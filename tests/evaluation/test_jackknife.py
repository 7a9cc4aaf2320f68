"""The jackknife's standard errors match the spread over new samples of users."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.evaluation.jackknife import GROUPS_OF_USERS, assign_groups
from scoring.evaluation.list_metrics import Concentration, Coverage, PopulationFact
from tests.support.errors import raises_at
from tests.support.ranking_builder import facts_of, ranking_of

N_JOBS, N_USERS, K = 400, 300, 5
JOBS = np.arange(N_JOBS)
FACTS = facts_of(N_JOBS)


def drawn_lists(rng: np.random.Generator, steepness: float) -> list[list[int]]:
    """Return lists in which popular jobs are more frequent (Gumbel-max trick)."""
    utility = -steepness * np.log(JOBS + 1) + rng.gumbel(size=(N_USERS, N_JOBS))
    return np.argsort(-utility, axis=1)[:, :K].tolist()  # type: ignore[no-any-return]


def ids(rng: np.random.Generator) -> list[int]:
    return rng.choice(10**9, N_USERS, replace=False).tolist()  # type: ignore[no-any-return]


# the error of the spread of 150 values is 6 %; the jackknife of coverage is too wide, never too narrow
@pytest.mark.parametrize(("fact", "most"), [(Coverage(K), 2.0), (Concentration(K), 1.3)])
def test_standard_error_equals_spread_over_new_users(fact: PopulationFact, most: float) -> None:
    rng = np.random.default_rng(1)
    found = [fact.of(ranking_of(drawn_lists(rng, 1.0), ids(rng)), FACTS) for _ in range(150)]
    seen = np.std([one.value for one in found], ddof=1)
    estimate = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert 0.8 < estimate / seen < most


def test_interval_of_paired_difference_contains_true_value() -> None:
    rng = np.random.default_rng(2)
    held, narrower = 0, 0
    for _ in range(150):
        users, lists = ids(rng), drawn_lists(rng, 1.0)
        # 20 % of the lists differ in one position: the difference is small compared with the spread of either
        other = [[*one[:-1], int(rng.integers(N_JOBS))] if rng.random() < 0.2 else one for one in lists]
        a, b = (Concentration(K).of(ranking_of(some, users), FACTS) for some in (lists, other))
        low, high = b.subtract(a).interval()
        held += low <= -0.0196 <= high  # the mean of 1,500 such differences, with an error of 0.0001
        narrower += b.subtract(a).standard_error < np.hypot(a.standard_error, b.standard_error)
    assert held >= 130
    assert narrower == 150


def test_p_value_agrees_with_interval_and_stated_power() -> None:
    rng = np.random.default_rng(4)
    lists = drawn_lists(rng, 1.0)
    other = [[*one[:-1], int(rng.integers(N_JOBS))] for one in lists]
    a, b = (Concentration(K).of(ranking_of(some, range(N_USERS)), FACTS) for some in (lists, other))
    change = b.subtract(a)
    low, high = change.interval(1 - change.p)
    assert min(abs(low), abs(high)) == pytest.approx(
        0, abs=1e-3 * abs(change.value)
    )  # 0 is an end of the interval at this level
    assert b.subtract(b).p == 1
    # a value of `detectable` is beyond the limit of the test by the quantile of the power
    limit = change.interval(0.95)[1] - change.value
    assert limit < change.detectable(0.95, 0.8) < 1.5 * limit
    assert change.detectable(0.95, 0.5) == pytest.approx(limit)


def test_groups_are_even_and_depend_only_on_id() -> None:
    sizes = np.bincount(assign_groups(np.arange(0, 200_000, 2)), minlength=GROUPS_OF_USERS)
    assert len(sizes) == GROUPS_OF_USERS
    assert abs(sizes - 5_000).max() < 400  # 5.8 standard deviations
    unusual_ids = np.array([-1, np.iinfo(np.int64).min, np.iinfo(np.int64).max, 7])
    assert (assign_groups(unusual_ids[::-1])[::-1] == assign_groups(unusual_ids)).all()


def test_other_users_or_one_group_raise() -> None:
    one = Coverage(1).of(ranking_of([[1]], [5]), FACTS)
    with pytest.raises(ConfigurationError, match="No standard error for 1 user: at least two of the 20 groups"):
        one.interval()
    with pytest.raises(ConfigurationError, match="different sets of users, of 1 and 1 users"):
        one.subtract(Coverage(1).of(ranking_of([[1]], [6]), FACTS))
    two = Coverage(1).of(ranking_of([[1]] * 40), FACTS)
    with raises_at(ConfigurationError, "level"):
        two.interval(95)
    assert two.interval() == pytest.approx((two.value, two.value))  # all users have the same list
    assert two.subtract(two).interval() == (0, 0)
