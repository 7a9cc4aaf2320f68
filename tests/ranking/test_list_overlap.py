"""Overlap and rank-biased overlap of many pairs of lists, compared with plain loops over sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.ranking import list_overlap
from tests.support.errors import raises_at

Lists = list[tuple[list[int], list[int]]]


def pad(lists: Sequence[Sequence[int]], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ids (lists, width) and lengths as in a ranking, padded with job 1, which must not be read."""
    ids = np.full((len(lists), width), 1, dtype=np.int64)
    for row, jobs in enumerate(lists):
        ids[row, : len(jobs)] = jobs
    return ids, np.array([len(jobs) for jobs in lists], dtype=np.int32)


def arrays(pairs: Lists) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    before = pad([pair[0] for pair in pairs], max((len(pair[0]) for pair in pairs), default=0))
    after = pad([pair[1] for pair in pairs], max((len(pair[1]) for pair in pairs), default=0) + 1)
    return *before, *after


def rbo(pairs: Lists, p: float = 0.9) -> list[float]:
    before, n_before, after, n_after = arrays(pairs)
    place = list_overlap.find_places(before, n_before, after, n_after)
    return list_overlap.rank_biased_overlap(place, n_before, n_after, p).tolist()


def by_equation_32(a: list[int], b: list[int], p: float) -> float:
    """Return the overlap by equation 32 of Webber, Moffat, Zobel 2010, in the symbols of the paper."""
    short, long = sorted((a, b), key=len)
    s, length = len(short), len(long)
    if not length:
        return 1.0
    if not s:
        return 0.0
    x = {d: len(set(short[:d]) & set(long[:d])) for d in range(1, length + 1)}
    first = sum(x[d] / d * p**d for d in range(1, length + 1))
    second = sum(x[s] * (d - s) / (s * d) * p**d for d in range(s + 1, length + 1))
    return (1 - p) / p * (first + second) + ((x[length] - x[s]) / length + x[s] / s) * p**length


def sum_to_depth(a: list[int], b: list[int], p: float) -> float:
    """Return the infinite sum behind equation 32, cut at depth 3000. Unseen agreement is extrapolated."""
    short, long = sorted((a, b), key=len)
    s, length = len(short), len(long)
    total, list_overlap = 0.0, 0.0
    for d in range(1, 3000):
        if d <= length:
            unseen = len(set(short) & set(long[:s])) * (d - s) / s if d > s else 0.0
            list_overlap = (len(set(short[:d]) & set(long[:d])) + unseen) / d
        total += (1 - p) * p ** (d - 1) * list_overlap
    return total


jobs = st.lists(st.integers(0, 12) | st.integers(-(2**63), 2**63 - 1), max_size=8, unique=True)
pairs_of_lists = st.lists(st.tuples(jobs, jobs), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(pairs_of_lists, st.floats(0.05, 0.98))
def test_rbo_equals_the_equation_of_the_paper(pairs: Lists, p: float) -> None:
    assert rbo(pairs, p) == pytest.approx([by_equation_32(a, b, p) for a, b in pairs], abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(jobs.filter(len), jobs.filter(len), st.floats(0.1, 0.95))
def test_rbo_equals_the_infinite_sum(a: list[int], b: list[int], p: float) -> None:
    assert rbo([(a, b)], p)[0] == pytest.approx(sum_to_depth(a, b, p), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(pairs_of_lists)
def test_places_and_shares_equal_those_of_plain_python(pairs: Lists) -> None:
    before, n_before, after, n_after = arrays(pairs)
    place = list_overlap.find_places(before, n_before, after, n_after)
    for row, (a, b) in enumerate(pairs):
        assert place[row, : len(b)].tolist() == [a.index(job) if job in a else -1 for job in b]
        assert (place[row, len(b) :] == list_overlap.NOT_LISTED).all()
    both = [len(set(a) & set(b)) for a, b in pairs]
    expected = [n / max(len(a), len(b)) if a or b else 1.0 for n, (a, b) in zip(both, pairs, strict=True)]
    assert list_overlap.overlap(place, n_before, n_after).tolist() == pytest.approx(expected)
    new = [len(set(b) - set(a)) / len(b) if b else 0.0 for a, b in pairs]
    assert list_overlap.new_share(place, n_after).tolist() == pytest.approx(new)
    assert list_overlap.are_equal(place, n_before, n_after).tolist() == [a == b for a, b in pairs]
    firsts = [a[:1] != b[:1] for a, b in pairs]
    assert list_overlap.first_differs(place, n_before, n_after).tolist() == firsts


def test_rbo_of_small_lists() -> None:
    # p = 1/2. Agreement of [1 2 3] and [1 3 2] at depths 1, 2, 3 is 1, 1/2, 1:
    # (1/2)·1 + (1/4)·(1/2) + (1/8)·1 and the tail (1/8)·1
    assert rbo([([1, 2, 3], [1, 3, 2])], 0.5)[0] == pytest.approx(0.875)
    # [1] and [2 1]: agreement 0 at depth 1, (1 + 0)/2 at depth 2 and at every greater depth: (1/4 + 1/4)·(1/2)
    assert rbo([([1], [2, 1])], 0.5)[0] == pytest.approx(0.25)
    assert rbo([([], []), ([], [1]), ([1, 2], [3, 4]), ([5, 6], [5, 6])]) == pytest.approx([1, 0, 0, 1])


def test_rbo_of_a_list_and_its_prefix_is_1() -> None:
    assert rbo([([1, 2], [1, 2, 3, 4, 5])])[0] == pytest.approx(1.0)
    assert rbo([([1, 2, 3, 4, 5], [1, 2])])[0] == pytest.approx(1.0)


def test_empty_lists_are_equal() -> None:
    none = np.empty((0, 5), dtype=np.int64), np.empty(0, dtype=np.int32)
    place = list_overlap.find_places(*none, *none)
    assert list_overlap.rank_biased_overlap(place, none[1], none[1]).shape == (0,)
    empty = np.empty((3, 0), dtype=np.int64), np.zeros(3, dtype=np.int32)
    assert list_overlap.rank_biased_overlap(list_overlap.find_places(*empty, *empty), empty[1], empty[1]).tolist() == [
        1,
        1,
        1,
    ]
    one = np.array([[4]]), np.array([1])
    missing = list_overlap.find_places(*one, empty[0][:1], empty[1][:1])
    assert list_overlap.first_differs(missing, one[1], empty[1][:1]).tolist() == [True]


@pytest.mark.parametrize("p", [0.0, 1.0, -0.5, float("nan")])
def test_p_outside_0_and_1_is_rejected(p: float) -> None:
    with raises_at(ConfigurationError, "p"):
        rbo([([1], [1])], p)
