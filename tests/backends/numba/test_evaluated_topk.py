"""Lists of models with functions of pairs equal those of the reference: ids, order and scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.backends.numba import evaluated_topk
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.numba.top_list import SHORT
from scoring.backends.reference import compute_scores
from tests.backends.numba.test_pruned_topk import assert_equals_reference
from tests.support.proof_counts import record_count
from tests.support.random_programs import PAIR_LINKS, WEIGHTS, Sketch, cases, plan_of, reference_lists, sketches

PAIR_COMPONENT = st.tuples(
    st.just(()), st.sampled_from(PAIR_LINKS), st.sampled_from(WEIGHTS), st.sampled_from(WEIGHTS), st.integers(0, 2)
)
ADDED = st.lists(st.tuples(st.integers(0, 6), PAIR_COMPONENT), min_size=1, max_size=2)


def assert_scores_and_lists_equal_reference(sketch: Sketch, added: list, k: int) -> None:
    components = list(sketch.components)
    for place, component in added:
        components.insert(place, component)
    plan = plan_of(replace(sketch, components=tuple(components)))
    backend = NumbaBackend(plan.bundle, workers=1)
    assert_equals_reference(reference_lists(plan, k), backend.top_k(k), plan)
    n, m = sketch.n_users, sketch.n_jobs
    wanted = compute_scores(plan.program, np.arange(n), np.arange(m))
    np.testing.assert_array_equal(backend.all_pairs().view(np.uint32), wanted.view(np.uint32))
    if n and m:
        users, jobs = (sketch.rng("pairs").integers(size, size=7) for size in (n, m))
        listed = backend.listed(users, jobs)
        np.testing.assert_array_equal(listed.view(np.uint32), wanted[:, users, jobs].view(np.uint32))
    record_count("compiled lists", "{} random programs", 1)


JOBS = st.integers(0, 200)


@cases(60)
@given(sketches(jobs=JOBS), ADDED, st.sampled_from((1, 3, 40, SHORT + 1)))
def test_scores_and_lists_equal_reference(sketch: Sketch, added: list, k: int) -> None:
    assert_scores_and_lists_equal_reference(sketch, added, k)


@pytest.mark.long
@cases(5000)
@given(sketches(jobs=JOBS), ADDED, st.sampled_from((1, 3, 40, SHORT + 1)))
def test_scores_and_lists_equal_reference_in_many_cases(sketch: Sketch, added: list, k: int) -> None:
    assert_scores_and_lists_equal_reference(sketch, added, k)


PAIRS = ((("job", "dense"), None, 0.9, 1.0, 0), ((), "pairs affine", 0.1, 1.0, 1))


def test_lists_do_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(Sketch(7, 9, 500, PAIRS, 0, n_companies=500))
    plan.exclusions.by_rule["closed"] = np.zeros(500, dtype=bool)
    wanted = NumbaBackend(plan.bundle, workers=1).top_k(10)
    assert 10 * 9 <= wanted.n_scored < 500 * 9
    for batch, users, collected in ((1, 64, 1 << 20), (7, 2, 1), (10_000, 1, 1000)):
        monkeypatch.setattr(evaluated_topk, "BATCH", batch)
        monkeypatch.setattr(evaluated_topk, "USERS_AT_ONCE", users)
        monkeypatch.setattr(evaluated_topk, "_COLLECTED_AT_ONCE", collected)
        for workers in (1, 3):
            found = NumbaBackend(plan.bundle, workers=workers).top_k(10)
            np.testing.assert_array_equal(found.job_id, wanted.job_id)
            np.testing.assert_array_equal(found.scores, wanted.scores)


def test_cancellation_leaves_empty_lists() -> None:
    plan = plan_of(Sketch(7, 9, 500, PAIRS, 0))
    plan.exclusions.by_rule["closed"] = np.zeros(500, dtype=bool)
    found = NumbaBackend(plan.bundle, workers=1).top_k(10, cancelled=lambda: True)
    assert not found.count.any()
