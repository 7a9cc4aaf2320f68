"""Names that commands accept, and the errors for invalid ones."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Concentration, MeanFee
from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.evaluation.slices import Slicing
from scoring.tuning.goal_parser import parse_floor, parse_goal, parse_metric, parse_parameter
from scoring.tuning.goals import Floor, ListGoal, MetricGoal
from scoring.tuning.space import Parameter
from tests.support.errors import raises_at

TENURE = Slicing.of("tenure", np.array([1, 2, 3]), ["newcomer", "regular", "regular"], ("newcomer", "regular"))


@pytest.mark.parametrize("metric", [NDCG(10), Recall(40), Precision(5), MRR(40), MAP(3), HitRate(40)], ids=str)
def test_parse_metric_accepts_every_name(metric: Metric) -> None:
    assert parse_metric(metric.name) == parse_metric(metric.name.lower()) == metric


def test_parse_goal_accepts_metrics_and_list_facts() -> None:
    assert parse_goal("ndcg@10") == MetricGoal(NDCG(10))
    assert parse_goal("mean fee@40") == parse_goal("MeanFee@40") == ListGoal(MeanFee(40))
    assert parse_goal("concentration@20", maximise=False) == ListGoal(Concentration(20), maximise=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("freshness.half_life_days=1..30", Parameter("freshness", "half_life_days", 1, 30)),
        (" freshness.half_life_days = .5..30.5 , log", Parameter("freshness", "half_life_days", 0.5, 30.5, log=True)),
        ("a.b=-1e-3..1e3", Parameter("a", "b", -0.001, 1000)),
        ("a.b=-2.5..-1", Parameter("a", "b", -2.5, -1)),
    ],
)
def test_parse_parameter_reads_bounds_and_scale(text: str, expected: Parameter) -> None:
    assert parse_parameter(text) == expected


def test_parse_floor_reads_slice_and_share() -> None:
    assert parse_floor("NDCG@10:tenure:newcomer=0.9", [TENURE]) == Floor(NDCG(10), TENURE, "newcomer", 0.9)
    assert parse_floor("mrr@40:tenure:regular", [TENURE]) == Floor(MRR(40), TENURE, "regular", 1.0)


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: parse_metric("NDCG"), ("ranks", "NDCG")),
        (lambda: parse_metric("NDCG@ten"), ("ranks", "NDCG@ten")),
        (lambda: parse_goal("NDCG@0"), ("ranks", "NDCG@0")),
        (lambda: parse_metric("AUC@10"), ("metric", "AUC@10")),
        (lambda: parse_goal("income@10"), ("goal", "income@10")),
        (lambda: parse_parameter("half_life=1..2"), ("parameter", "half_life=1..2")),
        (lambda: parse_parameter("a.b=1"), ("parameter", "a.b=1")),
        (lambda: parse_parameter("a.b=1..2e"), ("parameter", "a.b=1..2e")),
        (lambda: parse_floor("NDCG@10:tenure", [TENURE]), ("floor", "NDCG@10:tenure")),
        (lambda: parse_floor("NDCG@10:tenure:newcomer=all", [TENURE]), ("floor", "NDCG@10:tenure:newcomer=all")),
        (lambda: parse_floor("NDCG@10:region:Kanto", [TENURE]), ("slicing", "region")),
        (lambda: parse_floor("NDCG@10:tenure:old", [TENURE]), ("slice", "old")),
    ],
)
def test_invalid_texts_raise(call: object, key: tuple[str, ...]) -> None:
    with raises_at(ConfigurationError, *key):
        call()  # type: ignore[operator]
