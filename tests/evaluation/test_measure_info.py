"""Every measure of a scoreboard is registered with its unit, its good direction and its meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from scoring.evaluation import DEFAULT_METRICS, POPULATION_FACTS, USER_FACTS
from scoring.evaluation.measure_info import MEASURES, compute_relative_change, find_good_sign, find_measure, is_price
from scoring.evaluation.metrics import NDCG


def test_every_measure_is_registered() -> None:
    shown = (*DEFAULT_METRICS, *USER_FACTS, *POPULATION_FACTS)
    assert [measure.name.partition("@")[0] for measure in shown] == list(MEASURES)
    for measure in shown:
        found = find_measure(measure.name, "money")
        assert (found.unit, found.good_sign) == (measure.unit, measure.good_sign)
        assert found.good == {1: "higher", -1: "lower", 0: ""}[found.good_sign]
        assert found.meaning
        assert found.meaning in str(type(measure).__doc__)


def test_unit_of_money_is_the_currency() -> None:
    assert find_measure("mean fee@40", "CHF").unit == "CHF"
    assert find_measure("mean fee@40").unit == ""
    assert find_measure("novelty@40", "CHF").unit == "bits"


@pytest.mark.parametrize(
    ("measure", "sign"), [("NDCG@10", 1), ("mean fee@40", 1), ("concentration@40", -1), ("novelty@5", 0)]
)
def test_sign_ignores_the_list_length(measure: str, sign: int) -> None:
    assert find_good_sign(measure) == sign


def test_higher_is_better_for_a_metric_of_the_caller() -> None:
    @dataclass(frozen=True)
    class OwnMetric(NDCG):
        """Another metric."""

    assert find_good_sign(OwnMetric(5).name) == OwnMetric.good_sign == 1


def test_price_is_a_large_move_in_the_bad_direction() -> None:
    assert is_price("mean fee@40", -0.11)
    assert not is_price("mean fee@40", -0.09)
    assert not is_price("mean fee@40", 0.5)
    assert is_price("concentration@40", 0.11)
    assert not is_price("concentration@40", -0.5)
    assert not is_price("novelty@40", -0.5)
    assert not is_price("mean fee@40", math.nan)


def test_relative_change_of_zero_baseline_is_infinite() -> None:
    assert compute_relative_change(-25.0, 100.0) == -0.25
    assert compute_relative_change(-25.0, -100.0) == -0.25
    assert compute_relative_change(-1.0, 0.0) == -math.inf
    assert compute_relative_change(0.0, 0.0) == 0
