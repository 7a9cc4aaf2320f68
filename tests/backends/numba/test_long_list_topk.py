"""The path of long lists at any k: the order of any totals, ties, selections, and limits per company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.backends.numba.strategies import LONG, Selection, TopKBuffers, make_no_seeds
from scoring.backends.numba.top_list import SHORT
from scoring.bundle.ranked_lists import Ranking
from scoring.plan import Plan
from scoring.plan.weight_precomputation import fold
from scoring.ranking import Scorer
from tests.backends.numba.test_pruned_topk import EQUAL, EVERY_TERM, assert_equals_reference
from tests.support.example_counts import try_examples
from tests.support.proof_counts import record_count
from tests.support.random_programs import Sketch, cases, plan_of, program_of, reference_lists, sketches

ONE_VALUE = ((("job",), None, 1.0, 1.0, 0),)  # the total is the value of the job


def with_totals(sketch: Sketch, totals: np.ndarray) -> Plan:
    """Return the plan of the sketch, in which the total of a job is the same for all users."""
    program = program_of(sketch)._replace(job_value=totals[None, :])
    return plan_of(sketch, fold(program, program.flat_weight, program.group_weight))


def assert_sorted_equals_reference(plan: Plan, k: int) -> None:
    """Compare with the reference for any k, also those that other paths would rank."""
    users = np.arange(plan.program.n_users)
    found = TopKBuffers.empty(len(users), min(k, plan.bundle.n_eligible))
    if found.row.size:
        stop = np.zeros(1, dtype=np.int64)
        Selection(plan.search).run("sorted", users, make_no_seeds(len(users)), found, users, stop)
    job_id = np.where(found.row >= 0, plan.job_id[found.row], -1)
    ranking = Ranking(plan.bundle.user_id, job_id, found.row, found.scores, found.count)
    assert_equals_reference(reference_lists(plan, k), ranking, plan)


@try_examples(30, 2_000, how=cases, sketch=sketches(users=(1, 6), jobs=st.integers(1, 60)), k=st.integers(1, 65))
def test_lists_of_any_length_equal_reference(sketch: Sketch, k: int) -> None:
    assert_sorted_equals_reference(plan_of(sketch), k)
    record_count("compiled lists", "{} random programs", 1)


@try_examples(
    12,
    300,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    components=st.sampled_from((EVERY_TERM, EQUAL)),
    levels=st.sampled_from((0, 1, 2)),
    per_company=st.sampled_from((0, 1, 40)),
    n_companies=st.sampled_from((1, 5, 300)),
    k=st.integers(SHORT + 1, 1300),
)
def test_many_jobs_and_ties_equal_reference(
    seed: int, components: tuple, levels: int, per_company: int, n_companies: int, k: int
) -> None:
    sketch = Sketch(seed, 3, 1200, components, levels, per_company=per_company, n_companies=n_companies)
    assert_sorted_equals_reference(plan_of(sketch), k)
    record_count("compiled lists", "{} random programs", 1)


TOTALS = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=300)


@try_examples(30, 2_000, how=cases, values=TOTALS, repeats=st.sampled_from((1, 3)), k=st.integers(1, 900))
def test_any_totals_are_in_descending_order(values: list[float], repeats: int, k: int) -> None:
    """Also negative totals, both zeros, and totals so far apart that one range of keys has nearly all."""
    totals = np.tile(np.array([*values, 0.0, -0.0]), repeats)
    plan = with_totals(Sketch(1, 2, len(totals), ONE_VALUE, 0), totals)
    plan.exclusions.by_rule["closed"] = np.zeros(len(totals), dtype=bool)
    assert_sorted_equals_reference(plan, k)


@pytest.mark.parametrize("per_company", [1, 3])
def test_selection_grows_until_list_is_full(per_company: int) -> None:
    """One company has all of the best jobs, so the limit rejects the whole first selection."""
    sketch = Sketch(1, 1, 3000, ONE_VALUE, 0, per_company=per_company, n_companies=3000)
    plan = with_totals(sketch, np.linspace(90, 10, 3000))
    company = np.arange(3000, dtype=plan.exclusions.company.dtype)
    company[:2900] = 0
    exclusions = replace(plan.exclusions, by_rule={}, user_rules=(), company=company)
    for k in (2, 20, 101, 200):
        assert_sorted_equals_reference(replace(plan, exclusions=exclusions), k)


def test_stop_leaves_lists_empty() -> None:
    plan = plan_of(Sketch(3, 5, 900, EVERY_TERM, 0))
    found, users = TopKBuffers.empty(5, 600), np.arange(5)
    Selection(plan.search).run("sorted", users, make_no_seeds(5), found, users, np.ones(1, dtype=np.int64))
    assert not found.count.any()
    assert (found.row == -1).all()


N_USERS = 130
"""Enough users for a trial."""


@try_examples(
    4,
    80,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    components=st.sampled_from((EVERY_TERM, EQUAL)),
    levels=st.sampled_from((0, 1, 2)),
    per_company=st.sampled_from((0, 0, 3)),
    n_jobs=st.sampled_from((300, 700, 1500)),
    k=st.sampled_from((LONG - 1, LONG, LONG + 1, 200, 299, SHORT - 1, SHORT, SHORT + 1, 699, 1499)),
)
def test_lists_around_limits_equal_reference(
    seed: int, components: tuple, levels: int, per_company: int, n_jobs: int, k: int
) -> None:
    """Around the limits of k, each strategy and the chosen one give the lists of the reference, with ties."""
    sketch = Sketch(seed, N_USERS, n_jobs, components, levels, per_company=per_company, n_companies=n_jobs // 3)
    plan, some = plan_of(sketch), np.array([0, 7, N_USERS - 1])
    k = min(k, plan.bundle.n_eligible)
    if not k:
        return
    reference, ids = reference_lists(plan, k, some), plan.bundle.user_id
    for strategy in ("pruned", "dense", "sorted"):
        found, stop = TopKBuffers.empty(3, k), np.zeros(1, dtype=np.int64)
        Selection(plan.search).run(strategy, some, make_no_seeds(3), found, np.arange(3), stop)
        job_id = np.where(found.row >= 0, plan.job_id[found.row], -1)
        assert_equals_reference(reference, Ranking(ids[some], job_id, found.row, found.scores, found.count), plan)
    chosen = Scorer(plan, workers=2).top_k(k)
    of_some = Ranking(ids[some], chosen.job_id[some], chosen.job_row[some], chosen.scores[some], chosen.count[some])
    assert_equals_reference(reference, of_some, plan)
    record_count("compiled lists", "{} random programs", 1)
