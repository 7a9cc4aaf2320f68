"""Relevance contains each pair once, and `judge` finds the gains for any range of ids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.evaluation.relevance_judgements import Relevance, rank_relevance
from tests.support.errors import raises_at
from tests.support.ranking_builder import ranking_of

LOWEST, HIGHEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def test_duplicate_pair_keeps_larger_gain() -> None:
    relevance = Relevance.of([7, 2, 7, 7], [5, 9, 5, 1], [1.0, 2.0, 3.0, 0.5])
    assert relevance.user_id.tolist() == [2, 7, 7]
    assert relevance.job_id.tolist() == [9, 1, 5]
    assert relevance.gain.tolist() == [2.0, 0.5, 3.0]
    assert repr(relevance) == "Relevance(3 jobs of 2 users)"
    assert relevance.frame().to_numpy().tolist() == [[2, 9, 2.0], [7, 1, 0.5], [7, 5, 3.0]]


def test_missing_gain_is_1() -> None:
    assert Relevance.of([1, 1], [2, 3]).gain.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("gain", [0.0, -1.0, float("nan"), float("inf")])
def test_invalid_gain_raises(gain: float) -> None:
    with raises_at(ConfigurationError, "gains", match="user 4 and job 6"):
        Relevance.of([1, 4], [2, 6], [1.0, gain])


def test_different_lengths_raise() -> None:
    with raises_at(ConfigurationError, "user_id", "job_id", "gains"):
        Relevance.of([1, 4], [2])
    with raises_at(ConfigurationError, "user_id", "job_id", "gains"):
        Relevance.of([1, 4], [2, 3], [1.0])


def test_gains_ideal_gains_and_lengths_by_hand() -> None:
    relevance = Relevance.of([1, 1, 1, 3, 9], [10, 11, 12, 10, 10], [1.0, 3.0, 2.0, 1.0, 1.0])
    ranked = rank_relevance(ranking_of([[11, 20, 10], [10, 20], []], user_id=[1, 2, 3]), relevance)
    assert ranked.gains.tolist() == [[3.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert ranked.ideal.tolist() == [[3.0, 2.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert ranked.n_relevant.tolist() == [3, 0, 1]
    assert ranked.length.tolist() == [3, 2, 0]
    assert ranked.has_relevant.tolist() == [True, False, True]
    assert repr(ranked) == "RankedRelevance(3 users, 2 with relevant jobs, to rank 3)"


def test_k_cuts_lists_but_not_relevant_counts() -> None:
    ranked = rank_relevance(ranking_of([[1, 2, 3]]), Relevance.of([0, 0, 0], [3, 2, 9], [1.0, 2.0, 3.0]), k=2)
    assert ranked.gains.tolist() == [[0.0, 2.0]]
    assert ranked.ideal.tolist() == [[3.0, 2.0]]
    assert (ranked.n_relevant.tolist(), ranked.length.tolist()) == ([3], [2])


def test_k_beyond_list_adds_empty_ranks() -> None:
    ranked = rank_relevance(ranking_of([[1, 2]]), Relevance.of([0] * 3, [2, 8, 9]), k=4)
    assert ranked.k == 4
    assert ranked.gains.tolist() == [[0.0, 1.0, 0.0]]  # the fourth rank has no job and no gain
    assert ranked.ideal.tolist() == [[1.0, 1.0, 1.0]]
    assert rank_relevance(ranking_of([[]]), Relevance.of([0], [1]), k=10**9).gains.tolist() == [[0.0]]


def test_padding_after_list_end_is_not_a_job() -> None:
    ranked = rank_relevance(ranking_of([[5], [5, 6, 7]]), Relevance.of([0], [-1]))
    assert ranked.gains.sum() == 0


@pytest.mark.parametrize("k", [0, -3, 1.5])
def test_invalid_k_raises(k: float) -> None:
    with raises_at(ConfigurationError, "k"):
        rank_relevance(ranking_of([[1]]), Relevance.of([1], [1]), k=k)  # type: ignore[arg-type]


def test_no_users_or_no_relevance() -> None:
    assert rank_relevance(ranking_of([], room=3), Relevance.of([1], [1])).gains.shape == (0, 3)
    assert not rank_relevance(ranking_of([[1]]), Relevance.of([], [])).has_relevant.any()
    assert rank_relevance(ranking_of([[], []]), Relevance.of([1], [1])).gains.shape == (2, 0)


ids = st.sampled_from([LOWEST, LOWEST + 1, -1, 0, 1, 2, 3, 2**32, HIGHEST])


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(ids, ids, st.integers(1, 4)), max_size=30),
    lists=st.lists(st.tuples(ids, st.lists(ids, unique=True, max_size=6)), max_size=6, unique_by=lambda one: one[0]),
    k=st.none() | st.integers(1, 8),
)
def test_gains_equal_lookup_of_each_pair(
    pairs: list[tuple[int, int, int]], lists: list[tuple[int, list[int]]], k: int | None
) -> None:
    users, jobs, gains = ([pair[place] for pair in pairs] for place in range(3))
    wanted: dict[int, dict[int, int]] = {}
    for user, job, gain in pairs:
        of_user = wanted.setdefault(user, {})
        of_user[job] = max(gain, of_user.get(job, 0))
    ranking = ranking_of([one for _, one in lists], user_id=[user for user, _ in lists])
    ranked = rank_relevance(ranking, Relevance.of(users, jobs, gains), k)

    depth = ranking.job_id.shape[1] if k is None else k
    for row, (user, listed) in enumerate(lists):
        of_user = wanted.get(user, {})
        gained = [of_user.get(job, 0) for job in listed][:depth]
        ideal = sorted(of_user.values(), reverse=True)[:depth]
        width = ranked.gains.shape[1]
        assert ranked.ideal.shape[1] == width <= depth == ranked.k
        assert ranked.gains[row].tolist() == gained + [0] * (width - len(gained))
        assert ranked.ideal[row].tolist() == ideal + [0] * (width - len(ideal))
        assert ranked.n_relevant[row] == len(of_user)


def test_many_relevant_jobs_in_blocks() -> None:
    n_jobs, k = 60_000, 10  # more cells than one block
    listed = list(range(0, n_jobs, n_jobs // k))
    wanted = np.arange(1, n_jobs, 2)
    ranked = rank_relevance(ranking_of([listed]), Relevance.of(np.zeros_like(wanted), wanted, wanted.astype(float)))
    assert ranked.gains[0].tolist() == [job if job % 2 else 0 for job in listed]
    assert ranked.ideal[0].tolist() == list(range(n_jobs - 1, n_jobs - 2 * k, -2))
