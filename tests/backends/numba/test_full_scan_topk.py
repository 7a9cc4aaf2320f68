"""Selection among all scores of a user: samples, ties, few eligible jobs, and limits per company."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.backends import reference
from scoring.backends.numba import full_scan_topk
from scoring.backends.numba.full_scan_topk import select_best
from tests.support.example_counts import try_examples


@try_examples(
    60,
    2_000,
    seed=st.integers(0, 2**32 - 1),
    n_jobs=st.sampled_from((1, 65, 129, 1_000, 6_000)),
    levels=st.sampled_from((0, 1, 3, 50)),
    share=st.sampled_from((0.0, 0.01, 0.7, 1.0)),
    per_company=st.sampled_from((0, 0, 1, 3)),
    k=st.sampled_from((1, 2, 7, 40, 1_000)),
)
def test_selection_equals_reference(
    seed: int, n_jobs: int, levels: int, share: float, per_company: int, k: int
) -> None:
    """With `levels`, many totals are equal. Eligible jobs may all have the least totals, or none be in the sample."""
    rng = np.random.default_rng(seed)
    totals = (100 * rng.random(n_jobs)).astype(np.float32)
    if levels:
        totals = rng.integers(0, levels, n_jobs).astype(np.float32)
    eligible = rng.random(n_jobs) < share
    if seed % 3 == 0:
        eligible[np.argsort(totals)[n_jobs // 2 :]] = False
    if seed % 3 == 1:
        eligible[:: max(1, n_jobs // (64 * k))] = False
    job_id, company = rng.permutation(2 * n_jobs)[:n_jobs], rng.integers(-1, 1 + n_jobs // 20, n_jobs).astype(np.int32)
    found = select_best(totals, job_id, eligible, company, k, per_company)
    (expected,) = reference.top_k(totals[None], job_id, eligible[None], company, k, per_company)
    np.testing.assert_array_equal(found, expected)


def test_sample_excludes_most_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    sort = full_scan_topk._sort_best
    monkeypatch.setattr(
        full_scan_topk, "_sort_best", lambda *arguments: sizes.append(len(arguments[2])) or sort(*arguments)
    )
    totals = np.random.default_rng(0).random(50_000).astype(np.float32)
    ids, company = np.arange(50_000), np.zeros(50_000, dtype=np.int32)
    select_best(totals, ids, np.ones(50_000, dtype=bool), company, 40, 0)
    assert 40 <= sizes[0] < 2_000
