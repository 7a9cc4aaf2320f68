"""The dense path at tile and run boundaries, with vectors for all, some or no jobs, and only with vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.backends.numba.strategies import Selection, TopKBuffers, make_no_seeds
from scoring.backends.numba.tile_scratch import PART, RUN, TILE
from scoring.backends.numba.top_list import SHORT
from scoring.plan import Plan
from scoring.ranking import Scorer
from scoring.threads.pool import count_users_per_task
from tests.backends.numba.test_pruned_topk import EQUAL, EVERY_TERM, assert_lists_equal_reference
from tests.support.example_counts import try_examples
from tests.support.random_programs import Sketch, cases, plan_of, program_of, reference_lists

FACTORS = ((("dot",), None, 1.0, 1.0, 0),)
TWO_FACTORS = ((("dot", "dot"), None, 1.0, 1.0, 0),)
FACTORS_AND_MORE = (*FACTORS, (("job", "dense"), None, 0.1, 1.0, 1))


def with_vectors(sketch: Sketch, share: float) -> Plan:
    """Return the plan of the sketch, with vectors for a random `share` of the jobs."""
    program = program_of(sketch)
    has = sketch.rng("vectors").random(program.dot_job_has.shape) < share
    return plan_of(sketch, program._replace(dot_job_has=has))


@try_examples(
    25,
    100,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    components=st.sampled_from((FACTORS, TWO_FACTORS, FACTORS_AND_MORE)),
    share=st.sampled_from((0.0, 0.1, 0.9, 1.0)),
    levels=st.sampled_from((0, 2)),
    per_company=st.sampled_from((0, 2)),
    k=st.sampled_from((1, 8, 60, SHORT)),
)
def test_lists_with_vectors_for_some_jobs_equal_reference(
    seed: int, components: tuple, share: float, levels: int, per_company: int, k: int
) -> None:
    sketch = Sketch(seed, 6, 200, components, levels, per_company=per_company, n_companies=20)
    assert_lists_equal_reference(with_vectors(sketch, share), k)


@pytest.mark.parametrize("components", [FACTORS, EVERY_TERM], ids=["factors", "any"])
@pytest.mark.parametrize("n_users", [TILE - 1, TILE, TILE + 1])
def test_lists_at_tile_boundaries_equal_reference(components: tuple, n_users: int) -> None:
    """Ranks all users in one call, because `Scorer` would split them."""
    plan, k = plan_of(Sketch(5, n_users, PART + 1, components, 0)), 20
    plan.exclusions.by_rule["closed"] = np.zeros(PART + 1, dtype=bool)
    lists, scores = reference_lists(plan, k)
    found, all_users = TopKBuffers.empty(n_users, k), np.arange(n_users)
    selection = Selection(plan.search)
    selection.run("dense", all_users, make_no_seeds(n_users), found, all_users, np.zeros(1, dtype=np.int64))
    for user, jobs in enumerate(lists):
        np.testing.assert_array_equal(found.row[user, : found.count[user]], jobs)
        np.testing.assert_array_equal(found.scores[user, : len(jobs), 0], scores[0, user, jobs])


@pytest.mark.parametrize("components", [FACTORS, FACTORS_AND_MORE], ids=["factors", "more"])
@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("n_jobs", [RUN - 1, RUN, RUN + 1, 2 * RUN + PART + 1])
def test_lists_at_run_boundaries_equal_reference(components: tuple, share: float, n_jobs: int) -> None:
    plan = with_vectors(Sketch(5, 5, n_jobs, components, 0, n_companies=n_jobs), share)
    plan.exclusions.by_rule["closed"] = np.zeros(n_jobs, dtype=bool)
    assert_lists_equal_reference(plan, 40)


@pytest.mark.parametrize("seed", range(8))
def test_factor_only_users_between_other_users(seed: int) -> None:
    """The path chosen for a user applies to all runs of jobs, also with other users in between."""
    components = (*FACTORS, (("sparse",), None, 0.5, 1.0, 1))
    plan = with_vectors(Sketch(seed, 8, 2 * RUN, components, 2, n_companies=2 * RUN), 0.6)
    plan.exclusions.by_rule["closed"] = np.zeros(2 * RUN, dtype=bool)
    assert_lists_equal_reference(plan, 40)


def test_ties_halfway_between_two_float32_values() -> None:
    """All totals lie halfway between two float32 values. Rounding must follow the reference, and ties go by id."""
    sketch = Sketch(2, 4, 300, EQUAL, 2)
    program = program_of(sketch)
    between = np.full_like(program.user_value, 1 + 2.0**-24)
    assert_lists_equal_reference(plan_of(sketch, program._replace(user_value=between)), 20)


def test_long_lists_of_more_than_one_tile_of_users() -> None:
    plan = plan_of(replace(Sketch(11, 300, SHORT + 100, EVERY_TERM, 2), n_companies=4))
    plan.exclusions.by_rule["closed"] = np.zeros(SHORT + 100, dtype=bool)
    assert count_users_per_task(300, 1, 1) > 16
    assert_lists_equal_reference(plan, SHORT + 1)


def test_stop_leaves_no_partial_list() -> None:
    plan, k = plan_of(Sketch(3, 9, 500, FACTORS_AND_MORE, 0)), 5
    found, all_users, stop = TopKBuffers.empty(9, k), np.arange(9), np.ones(1, dtype=np.int64)
    Selection(plan.search).run("dense", all_users, make_no_seeds(9), found, all_users, stop)
    assert not found.count.any()
    assert (found.row == -1).all()


def test_lists_do_not_depend_on_thread_count() -> None:
    plan = plan_of(Sketch(3, 300, 500, FACTORS_AND_MORE, 0))
    one, three = (Scorer(plan, workers=workers, path="dense").top_k(9) for workers in (1, 3))
    np.testing.assert_array_equal(one.job_id, three.job_id)
    np.testing.assert_array_equal(one.scores, three.scores)
