"""Metrics from ranks, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.tuning.gains import ranks_in, value_from_ranks

RANKS = np.array([[1, 0, 3], [0, 0, 0], [11, 2, 0]])
GAINS = np.array([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall@10", [2 / 3, 0, 1 / 3]),
        ("MRR@10", [1, 0, 1 / 2]),
        ("hit rate@10", [1, 0, 1]),
        ("NDCG@10", np.array([1 + 4 / 2, 0, 2 / np.log2(3)]) / (4 + 2 / np.log2(3) + 1 / 2)),
    ],
)
def test_values_are_those_of_the_definition(name: str, expected: list[float]) -> None:
    metric = SimpleNamespace(name=name, k=10)
    np.testing.assert_allclose(value_from_ranks(metric, RANKS, GAINS), expected, rtol=1e-15)


def test_the_ideal_list_has_k_places() -> None:
    metric = SimpleNamespace(name="ndcg@1", k=1)
    assert value_from_ranks(metric, np.array([[0, 0, 1]]), GAINS).tolist() == [1.0]


def test_another_metric_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="coverage@10"):
        value_from_ranks(SimpleNamespace(name="coverage@10", k=10), RANKS, GAINS)


def test_ranks_are_places_in_a_list_and_0_outside() -> None:
    lists = np.array([[4, 2, 0], [1, 4, 3]], dtype=np.int32)
    wanted = np.array([2, -1, 4, 5], dtype=np.int32)
    assert ranks_in(lists, wanted, 6).tolist() == [[2, 0, 1, 0], [0, 0, 2, 0]]
