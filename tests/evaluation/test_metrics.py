"""Each metric equals trec_eval's. Users without relevant jobs are counted, not scored."""

from __future__ import annotations

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.evaluation.metrics import DEFAULT_METRICS, MAP, MRR, NDCG, HitRate, Metric, Precision, Recall, compute_mean
from scoring.evaluation.relevance_judgements import RankedRelevance, Relevance, rank_relevance
from tests.support.errors import raises_at
from tests.support.proof_counts import record_count
from tests.support.ranking_builder import ranking_of

Wanted = dict[int, dict[int, int]]

MEASURES = {NDCG: "ndcg_cut", Recall: "recall", Precision: "P", MRR: "recip_rank", MAP: "map_cut", HitRate: "success"}
"""Metric class → trec_eval's measure."""


def by_trec_eval(metric: Metric, lists: list[list[int]], wanted: Wanted) -> dict[int, float]:
    """Return user → value. Scores are strictly descending, because trec_eval sorts ties by id."""
    measure = MEASURES[type(metric)]
    cut = measure != "recip_rank"  # recip_rank has no cutoff: the list is cut instead
    runs = {
        str(user): {f"j{job}": float(-rank) for rank, job in enumerate(one if cut else one[: metric.k])}
        for user, one in enumerate(lists)
    }
    wants = {str(user): {f"j{job}": gain for job, gain in jobs.items()} for user, jobs in wanted.items()}
    name = f"{measure}.{metric.k}" if cut else measure
    found = pytrec_eval.RelevanceEvaluator(wants, {name}).evaluate(runs)
    return {int(user): next(iter(values.values())) for user, values in found.items()}


def assert_equal_to_trec_eval(metric: Metric, lists: list[list[int]], wanted: Wanted) -> None:
    pairs = [(user, job, gain) for user, jobs in wanted.items() for job, gain in jobs.items()]
    relevance = Relevance.of(*([pair[place] for pair in pairs] for place in range(3)))
    values = metric.of(rank_relevance(ranking_of(lists), relevance, k=40))
    expected = by_trec_eval(metric, lists, wanted)
    for user, value in enumerate(values):
        if user not in wanted:
            assert math.isnan(value)
        elif not lists[user]:
            assert value == 0  # trec_eval skips users without a list
        else:
            assert value == pytest.approx(expected[user], abs=1e-9)
            record_count("metrics", "{} values", 1)


@pytest.mark.parametrize("kind", MEASURES)
@pytest.mark.parametrize("k", [1, 5, 40])
def test_equal_to_trec_eval_on_random_lists(kind: type[Metric], k: int) -> None:
    rng = np.random.default_rng(k)
    lists = [rng.permutation(60)[: rng.integers(0, 41)].tolist() for _ in range(200)]
    wanted = {
        user: {int(job): int(rng.integers(1, 5)) for job in rng.permutation(80)[: rng.integers(1, 70)]}
        for user in range(200)
        if user % 7
    }
    assert_equal_to_trec_eval(kind(k), lists, wanted)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(MEASURES, key=lambda one: one.__name__)),
    k=st.integers(1, 12),
    lists=st.lists(st.lists(st.integers(0, 9), unique=True, max_size=10), min_size=1, max_size=5),
    wants=st.lists(st.dictionaries(st.integers(0, 14), st.integers(1, 3), max_size=15), min_size=5, max_size=5),
)
def test_equal_to_trec_eval_on_degenerate_lists(
    kind: type[Metric], k: int, lists: list[list[int]], wants: list[dict[int, int]]
) -> None:
    assert_equal_to_trec_eval(kind(k), lists, {user: wanted for user, wanted in enumerate(wants) if wanted})


def relevance_of(listed: list[int], wanted: list[int], k: int | None = None) -> RankedRelevance:
    return rank_relevance(ranking_of([listed]), Relevance.of([0] * len(wanted), wanted), k)


def test_perfect_list_scores_1() -> None:
    relevance = relevance_of([4, 5, 6], [6, 4, 5])
    assert [kind(3).of(relevance).tolist() for kind in MEASURES] == [[1.0]] * len(MEASURES)


def test_metrics_of_one_list_by_hand() -> None:
    relevance = relevance_of([8, 1, 9, 2], [1, 2, 3])
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert NDCG(4).of(relevance)[0] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert Recall(4).of(relevance)[0] == pytest.approx(2 / 3)
    assert Precision(4).of(relevance)[0] == 0.5
    assert MRR(4).of(relevance)[0] == 0.5
    assert MAP(4).of(relevance)[0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert (HitRate(1).of(relevance)[0], HitRate(2).of(relevance)[0]) == (0, 1)


def test_user_without_relevant_jobs_has_no_value() -> None:
    relevance = rank_relevance(ranking_of([[1], [1], [2]]), Relevance.of([0, 2], [1, 1]))
    for kind in MEASURES:
        values = kind(1).of(relevance)
        assert values[[0, 2]].tolist() == [1.0, 0.0]
        assert math.isnan(values[1])
        assert compute_mean(values, kind.__name__) == 0.5


def test_list_shorter_than_k_raises() -> None:
    relevance = relevance_of([1, 2, 3], [1])
    for metric in DEFAULT_METRICS:
        with raises_at(ConfigurationError, "k"):
            metric.of(relevance)
    assert Precision(10).of(relevance_of([1, 2, 3], [1], k=10)).tolist() == [0.1]


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_invalid_k_raises(k: float) -> None:
    with raises_at(ConfigurationError, "k"):
        NDCG(k)  # type: ignore[arg-type]


def test_metric_names_and_equality() -> None:
    names = [metric.name for metric in DEFAULT_METRICS]
    assert names == ["NDCG@10", "Recall@40", "Precision@10", "MRR@40", "MAP@40", "HitRate@40"]
    assert NDCG(10) == NDCG()
    assert NDCG(5) != Recall(5)


def test_mean_of_no_users_raises() -> None:
    for values in ([float("nan")] * 2, []):
        with raises_at(ConfigurationError, "values"):
            compute_mean(values, "NDCG@10")
