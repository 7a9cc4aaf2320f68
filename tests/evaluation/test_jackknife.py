"""Standard errors of values of all lists match the spread over new samples of users."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Concentration, Coverage, compute_population_facts
from scoring.evaluation.jackknife import Jackknife
from tests.support.errors import raises_at
from tests.support.ranking_builder import facts_of, ranking_of

N_JOBS, N_USERS, K = 400, 100, 5
JOBS = np.arange(N_JOBS)
FACTS = facts_of(N_JOBS)


def drawn_lists(rng: np.random.Generator, steepness: float, n_users: int = N_USERS) -> list[list[int]]:
    """Return lists in which popular jobs are more frequent (Gumbel-max trick)."""
    utility = -steepness * np.log(JOBS + 1) + rng.gumbel(size=(n_users, N_JOBS))
    return np.argsort(-utility, axis=1)[:, :K].tolist()  # type: ignore[no-any-return]


def ids(rng: np.random.Generator, n_users: int = N_USERS) -> list[int]:
    return rng.choice(10**9, n_users, replace=False).tolist()  # type: ignore[no-any-return]


def draw_facts(rng: np.random.Generator, steepness: float, n_users: int = N_USERS) -> dict[str, Jackknife]:
    lists = ranking_of(drawn_lists(rng, steepness, n_users), ids(rng, n_users))
    return compute_population_facts((Coverage(K), Concentration(K)), lists, FACTS)


def compare_with_spread(found: list[Jackknife]) -> tuple[float, float, float]:
    """Return the ratio of standard error and spread, the same for the jackknife alone, and the intervals' coverage."""
    values = np.array([one.value for one in found])
    spread = values.std(ddof=1)
    estimate = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    alone = [np.square(one.without - one.without.mean()).sum() * (one.n - 1) / one.n for one in found]
    within = np.mean([low <= values.mean() <= high for low, high in (one.interval() for one in found)])
    return float(estimate / spread), float(np.sqrt(np.mean(alone)) / spread), float(within)


@pytest.mark.parametrize("steepness", [0.0, 1.0])
def test_standard_error_equals_spread_over_new_users(steepness: float) -> None:
    """With a steepness of 0 all jobs are equally popular: the case in which the jackknife alone is too wide."""
    rng = np.random.default_rng(1)
    found = [draw_facts(rng, steepness) for _ in range(100)]  # the error of the spread is 7 %
    for name in found[0]:
        ratio, alone, within = compare_with_spread([one[name] for one in found])
        assert 0.8 < ratio < 1.25
        assert within > 0.89
        if steepness == 0:
            assert alone > 1.3


@pytest.mark.long
@pytest.mark.parametrize("n_users", [60, 150, 500])
@pytest.mark.parametrize("steepness", [0.0, 1.0, 2.0])
def test_standard_errors_have_the_documented_accuracy(n_users: int, steepness: float) -> None:
    rng = np.random.default_rng([n_users, int(steepness)])
    found = [draw_facts(rng, steepness, n_users) for _ in range(600)]  # the error of the spread is 3 %
    for name, most in (("coverage@5", 1.25), ("concentration@5", 1.15)):
        values = [one[name] for one in found]
        ratio, _, within = compare_with_spread(values)
        saturated = values[0].value > 0.95 and name == "coverage@5"
        assert 0.87 < ratio < (1.5 if saturated else most)
        assert within > 0.9


def test_interval_of_paired_difference_contains_true_value() -> None:
    rng = np.random.default_rng(2)
    held, narrower = 0, 0
    for _ in range(80):
        users, lists = ids(rng, 300), drawn_lists(rng, 1.0, 300)
        # 20 % of the lists differ in one position: the difference is small compared with the spread of either
        other = [[*one[:-1], int(rng.integers(N_JOBS))] if rng.random() < 0.2 else one for one in lists]
        a, b = (Concentration(K).of(ranking_of(some, users), FACTS) for some in (lists, other))
        low, high = b.subtract(a).interval()
        held += low <= -0.0196 <= high  # the mean of 1,500 such differences, with an error of 0.0001
        narrower += b.subtract(a).standard_error < np.hypot(a.standard_error, b.standard_error)
    assert held >= 69
    assert narrower == 80


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


def test_other_users_or_too_few_users_raise() -> None:
    one = Coverage(1).of(ranking_of([[1]] * 3, [5, 6, 7]), FACTS)
    assert not one.has_interval
    with raises_at(ConfigurationError, "n"):
        one.interval()
    with raises_at(ConfigurationError, "other"):
        one.subtract(Coverage(1).of(ranking_of([[1]] * 3, [5, 6, 8]), FACTS))
    two = Coverage(1).of(ranking_of([[1]] * 40), FACTS)
    with raises_at(ConfigurationError, "level"):
        two.interval(95)
    assert two.interval() == pytest.approx((two.value, two.value))  # all users have the same list
    assert two.subtract(two).interval() == (0, 0)
