"""Metrics from ranks, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.tuning import sweep_metrics
from scoring.tuning.sweep_metrics import compute_list_values, find_ranks

RANKS = np.array([[1, 0, 3], [0, 0, 0], [11, 2, 0]])
GAINS = np.array([1.0, 2.0, 4.0])


@pytest.mark.parametrize("at_once", [1, 1 << 20])
@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Recall(10), [2 / 3, 0, 1 / 3]),
        (Precision(10), [2 / 10, 0, 1 / 10]),
        (MRR(10), [1, 0, 1 / 2]),
        (MAP(10), [(1 + 2 / 3) / 3, 0, (1 / 2) / 3]),
        (HitRate(10), [1, 0, 1]),
        (NDCG(10), np.array([1 + 4 / 2, 0, 2 / np.log2(3)]) / (4 + 2 / np.log2(3) + 1 / 2)),
    ],
    ids=str,
)
def test_list_values_equal_metric_definitions(
    metric: Metric, expected: list[float], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_metrics, "_AT_ONCE", at_once)
    np.testing.assert_allclose(compute_list_values(metric, RANKS, GAINS), expected, rtol=1e-15)


def test_ideal_list_has_k_ranks() -> None:
    assert compute_list_values(NDCG(1), np.array([[0, 0, 1]]), GAINS).tolist() == [1.0]


def test_find_ranks_is_0_outside_list() -> None:
    lists = np.array([[4, 2, 0], [1, 4, 3]], dtype=np.int32)
    wanted = np.array([2, -1, 4, 5], dtype=np.int32)
    assert find_ranks(lists, wanted, 6).tolist() == [[2, 0, 1, 0], [0, 0, 2, 0]]
