"""Gate figures of two runs, counted block by block, compared with plain Python over all rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.runs.gate.accumulators import STEP, ListAccumulator, OverlapAccumulator
from scoring.runs.gate.run_alignment import align_blocks
from scoring.runs.publishers import ListBlock

Run = dict[int, list[tuple[int, float]]]
"""User → (job, total), best first. An empty list: the user was ranked, without an eligible job."""

SCORES = st.integers(0, 100_00).map(lambda hundredths: hundredths / 100)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    users = draw(st.sets(st.integers(0, 12), max_size=8))
    jobs = st.lists(st.integers(1, 9), unique=True, max_size=6)
    return {
        user: [(job, draw(SCORES)) for job in draw(jobs)]
        for user in sorted(users)
    }  # fmt: skip


def make_blocks(run: Run, sizes: Sequence[int], k: int) -> list[tuple[ListBlock, np.ndarray]]:
    """Return blocks of `sizes` users as read from part files. Users without a job have no row."""
    users, found, at = sorted(run), [], 0
    for size in [*sizes, len(users)]:
        part = users[at : at + size]
        at += size
        rows = [(user, job, total) for user in part for job, total in run[user]]
        user_id, job_id, total = (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.empty(0)] * 3
        lists = ListBlock.of_rows(user_id.astype(np.int64), job_id.astype(np.int64), total.astype(np.float32), k)
        found.append((lists, np.array(part, dtype=np.int64)))
    return found


def accumulate(
    published: Run, new: Run, k: int, cuts: Sequence[int]
) -> tuple[ListAccumulator, ListAccumulator, OverlapAccumulator]:
    first, second, pairs = ListAccumulator(k), ListAccumulator(k), OverlapAccumulator()
    old = [lists for lists, _ in make_blocks(published, cuts, k)]
    for one, other, ranked in align_blocks(old, make_blocks(new, cuts[::-1], k)):
        first.add(one)
        second.add(other)
        pairs.add(one, other, ranked)
    return first, second, pairs


def rank_biased_overlap(a: list[int], b: list[int], p: float = 0.9) -> float:
    """Return equation 32 of Webber, Moffat, Zobel 2010, in its symbols. Two empty lists give 1."""
    short, long = sorted((a, b), key=len)
    if not long:
        return 1.0
    common = [len(set(short[:d]) & set(long[:d])) for d in range(len(long) + 1)]
    s, n = len(short), len(long)
    body = sum(common[d] / d * p**d for d in range(1, n + 1))
    body += sum(common[s] * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1)) if s else 0
    return (1 - p) / p * body + ((common[n] - common[s]) / n + (common[s] / s if s else 0)) * p**n


def are_close(a: float | None, b: float | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and math.isclose(a, b, abs_tol=1e-5))


@settings(max_examples=60, deadline=None)
@given(runs(), runs(), st.integers(1, 7), st.lists(st.integers(0, 4), max_size=4))
def test_statistics_equal_those_of_plain_python(published: Run, new: Run, k: int, cuts: list[int]) -> None:
    first, second, pairs = accumulate(published, new, k, cuts)
    for accumulator, run in ((first, published), (second, new)):
        lists = [entries[:k] for entries in run.values()]
        totals = sorted(total for entries in lists for _, total in entries)
        full = [entries[k - 1][1] for entries in lists if len(entries) == k]
        assert accumulator.n_with_jobs == sum(bool(entries) for entries in lists)
        assert accumulator.n_full == len(full)
        assert accumulator.jobs.tolist() == sorted({job for entries in lists for job, _ in entries})
        assert are_close(accumulator.mean, fmean(totals) if totals else None)
        assert are_close(accumulator.last, fmean(full) if full else None)
        for percent in (10, 50, 90):
            expected = totals[math.ceil(percent * len(totals) / 100) - 1] if totals else None
            assert are_close(accumulator.quantile(percent), expected)
    jobs = {user: [job for job, _ in entries[:k]] for user, entries in published.items() if entries}
    both = [(jobs[user], [job for job, _ in new[user][:k]]) for user in jobs if user in new]
    kept = [len(set(a) & set(b)) / max(len(a), len(b)) for a, b in both]
    assert (pairs.n_users, pairs.n_dropped) == (len(both), len(jobs) - len(both))
    assert are_close(pairs.kept, fmean(kept) if both else None)
    assert are_close(pairs.rbo, fmean(rank_biased_overlap(*pair) for pair in both) if both else None)
    assert pairs.n_rewritten == sum(share < 0.5 for share in kept)
    assert are_close(pairs.share_dropped, pairs.n_dropped / len(jobs) if jobs else None)


@settings(max_examples=60, deadline=None)
@given(runs(), runs(), st.integers(1, 7))
def test_statistics_are_within_their_bounds(published: Run, new: Run, k: int) -> None:
    for accumulator in accumulate(published, new, k, [3])[:2]:
        figures = [accumulator.quantile(percent) for percent in (10, 50, 90)]
        known = [figure for figure in (accumulator.mean, accumulator.last, *figures) if figure is not None]
        assert all(0 <= figure <= 100 for figure in known)
        assert [figure for figure in figures if figure is not None] == sorted(known[-3:] if known else [])
    pairs = accumulate(published, new, k, [])[2]
    shares = (pairs.kept, pairs.rbo, pairs.share_dropped, pairs.share_rewritten)
    assert all(-1e-12 <= share <= 1 + 1e-12 for share in shares if share is not None)
    same = accumulate(published, published, k, [2])[2]
    if same.n_users:
        assert are_close(same.kept, 1.0)
        assert are_close(same.rbo, 1.0)
        assert same.n_rewritten == same.n_dropped == 0


def test_quantiles_are_rounded_to_a_step() -> None:
    accumulator = ListAccumulator(2)
    accumulator.add(ListBlock.of_rows(np.array([1, 1]), np.array([5, 6]), np.array([70.128, 70.121]), 2))
    assert accumulator.quantile(50) == pytest.approx(70.12)
    assert accumulator.quantile(90) == pytest.approx(70.13)
    assert pytest.approx(0.01) == STEP


def test_unsorted_users_are_rejected() -> None:
    with pytest.raises(ValueError, match="not ascending"):
        ListBlock.of_rows(np.array([2, 1]), np.array([5, 6]), np.array([1.0, 2.0]), 2)
