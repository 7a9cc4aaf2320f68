"""Reach of a job, compared with a fine grid of weights, linear programs and the engine's lists."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import scoring
from scoring.errors import ConfigurationError
from scoring.ranking import Prepared
from scoring.tuning.list_reach.reachability import Reach, ReachProblem, reach
from tests.support.errors import raises_at, raises_unknown
from tests.support.figure_checks import assert_readable
from tests.support.prepared_markets import small

FREE = ["fee", "location", "collaborative"]
MARGIN = 1e-4
STEPS = 40
SMALL = {"fee": 0.3, "location": 0.45, "collaborative": 0.25}


@pytest.fixture(scope="module")
def ready() -> Prepared:
    return small(seed=3, n_jobs=150, weights=SMALL)


@pytest.fixture(scope="module")
def locks(ready: Prepared) -> list[str]:
    return [part.name for part in ready.model.parts if part.name not in FREE]


def leads(ready: Prepared, user_id: int, job_id: int) -> np.ndarray:
    """Return (3, m - 1) values of the job minus those of each other eligible job."""
    row, job = ready.user_rows([user_id]), ready.job_rows([job_id])
    others = np.flatnonzero(ready.plan.exclusions.matrix(row)[0])
    others = others[others != job[0]]
    values = ready.scorer.components(row, job)[:, 0] - ready.scorer.components(row, others)[:, 0]
    return values[[part.name in FREE for part in ready.model.parts]]


def is_listed(ready: Prepared, found: Reach) -> bool:
    assert found.model is not None
    return found.job_id in ready.with_model(found.model).top_k(found.k, [found.user_id]).job_id


def simplex() -> np.ndarray:
    """Return (n, 3) points of the simplex: all coordinates are multiples of 1 / STEPS."""
    points = [(a, b, STEPS - a - b) for a in range(STEPS + 1) for b in range(STEPS + 1 - a)]
    return np.array(points) / STEPS


@pytest.mark.parametrize("seed", range(12))
def test_distance_equals_best_of_fine_grid(ready: Prepared, locks: list[str], seed: int) -> None:
    k = (1, 2, 5)[seed % 3]
    user = int(ready.plan.user_id[ready.active_users[seed]])
    ranking = ready.top_k(60, [user]).job_id[0]
    job = int(ranking[k + 3 * seed])
    found = reach(ready, user, job, k=k, locks=locks, margin=MARGIN)
    points = simplex()
    lead = points @ leads(ready, user, job)
    distance = abs(points - np.array([SMALL[name] for name in FREE])).sum(axis=1)
    surely, perhaps = ((lead < least).sum(axis=1) < k for least in (MARGIN, -1e-5))
    assert found.is_proven
    if found.is_possible:
        assert is_listed(ready, found)
        assert found.distance is not None
        assert found.distance <= distance[surely].min(initial=2.0) + 1e-3
        assert found.distance >= distance[perhaps].min(initial=2.0) - 4 / STEPS
        assert found.flat is not None
        assert {name: found.flat[name] for name in locks} == dict.fromkeys(locks, 0.0)
        assert sum(found.flat.values()) == pytest.approx(1, abs=1e-12)
    else:
        assert not surely.any()
        assert not set(found.competitors) & {job}
        # the named competitors alone exclude the job at every point of the grid
        rows = ready.job_rows(found.competitors)
        values = ready.scorer.components(ready.user_rows([user]), np.append(rows, ready.job_rows([job])))[:, 0]
        free = values[[part.name in FREE for part in ready.model.parts]]
        assert ((points @ (free[:, -1:] - free[:, :-1]) < MARGIN).sum(axis=1) >= k).all()


def test_random_cases_contain_both_answers(ready: Prepared, locks: list[str]) -> None:
    users = ready.plan.user_id[ready.active_users[:12]]
    jobs = ready.top_k(60, users).job_id[:, 8]
    answers = [reach(ready, int(u), int(j), k=3, locks=locks).is_possible for u, j in zip(users, jobs, strict=True)]
    assert {True, False} <= set(answers)


@pytest.mark.parametrize("seed", range(6))
def test_first_place_equals_linear_program(ready: Prepared, locks: list[str], seed: int) -> None:
    user = int(ready.plan.user_id[ready.active_users[seed]])
    job = int(ready.top_k(8, [user]).job_id[0, 1 + seed])
    lead, flat = leads(ready, user, job), np.array([SMALL[name] for name in FREE])
    expected = linprog(
        np.ones(6),
        A_ub=np.hstack([-lead.T, lead.T]),
        b_ub=lead.T @ flat - MARGIN,
        A_eq=[[1, 1, 1, -1, -1, -1]],
        b_eq=[0],
        bounds=[(0, 1)] * 3 + [(0, weight) for weight in flat],
    )
    found = reach(ready, user, job, k=1, locks=locks, margin=MARGIN)
    assert found.is_possible == (expected.status == 0)
    if found.is_possible:
        assert found.distance == pytest.approx(expected.fun, abs=1e-6)


@pytest.mark.parametrize("place", [12, 15, 20])
def test_all_components_may_change(place: int) -> None:
    ready = small(seed=5)
    user = int(ready.plan.user_id[ready.active_users[2]])
    job = int(ready.top_k(place, [user]).job_id[0, -1])
    found = reach(ready, user, job, k=10)
    assert found.is_possible
    assert is_listed(ready, found)
    assert found.rank_before == place
    frame = found.frame()
    assert frame["change"].abs().sum() == pytest.approx(found.distance)
    assert frame["change"].sum() == pytest.approx(0, abs=1e-12)
    kept = found.changes()["component"].iloc[0]
    other = reach(ready, user, job, k=10, locks=[kept])
    assert kept not in set(other.changes()["component"])
    assert other.distance is None or other.distance >= found.distance - 1e-4 * other.distance


def with_copies(seed: int, copies: int, **changes: float) -> tuple[Prepared, int, int, np.ndarray]:
    """Return data with copies of a user's first job, the user, the job and the copies' ids.

    The job has a fee of 4,000 yen and no actions. The copies have larger ids and the given changes.
    """
    tables = scoring.make_market(10, 60, 100, seed=seed).tables
    model = scoring.load_model("standard")
    before = Prepared.of(scoring.Dataset(tables), model)
    user = int(before.plan.user_id[before.active_users[0]])
    job = int(before.top_k(1, [user]).job_id[0, 0])
    jobs = tables.jobs.assign(fee=tables.jobs["fee"].where(tables.jobs["job_id"] != job, 4_000.0))
    # a job with actions has factors, and its copies would have none
    tables = tables.with_tables(actions=tables.actions[tables.actions["job_id"] != job].reset_index(drop=True))
    one = jobs[jobs["job_id"] == job]
    more = pd.concat([one] * copies).assign(job_id=10_000 + np.arange(copies), **changes)
    jobs = pd.concat([jobs, more], ignore_index=True)
    ready = Prepared.of(scoring.Dataset(tables.with_tables(jobs=jobs)), model)
    return ready, user, job, more["job_id"].to_numpy()


def test_equal_job_with_smaller_id_stays_ahead() -> None:
    ready, user, job, copies = with_copies(1, 3)
    assert reach(ready, user, job, k=2).distance == 0
    found = reach(ready, user, int(copies[-1]), k=3)
    assert found.is_possible is False
    assert found.is_proven
    assert found.n_always >= 3
    assert {job, *copies[:2]} <= set(found.competitors)
    assert "at least as good in every component" in found.summary()


def test_tie_if_better_component_has_weight_0() -> None:
    ready, user, job, copies = with_copies(1, 4, fee=4_900.0)
    fees = ready.scorer.components(ready.user_rows([user]), ready.job_rows([job, int(copies[0])]))[0, 0]
    assert fees[0] < fees[1]
    found = reach(ready, user, job, k=4)
    assert found.rank_before == 6
    assert found.is_possible
    assert is_listed(ready, found)
    assert found.flat is not None
    assert found.flat["fee"] == 0
    assert reach(ready, user, job, k=4, locks=["fee"]).is_possible is False


def test_ineligible_job_lists_reasons(ready: Prepared) -> None:
    user = int(ready.plan.user_id[ready.active_users[0]])
    out = np.flatnonzero(~ready.plan.exclusions.matrix(ready.user_rows([user]))[0])
    found = reach(ready, user, int(ready.plan.job_id[out[0]]), k=3)
    assert found.is_possible is False
    assert found.reasons == ready.explain(user, int(ready.plan.job_id[out[0]])).not_ranked
    assert found.reasons[0] in found.summary()
    assert found.job_id == ready.plan.job_id[out[0]]


def test_timeout_is_undecided(ready: Prepared) -> None:
    user = int(ready.plan.user_id[ready.active_users[1]])
    job = int(ready.top_k(50, [user]).job_id[0, 45])
    found = reach(ready, user, job, k=2, seconds=1e-9)
    assert not found.is_proven
    assert found.is_possible is not False


def test_progress_names_stages_and_best_distance(ready: Prepared, locks: list[str]) -> None:
    user = int(ready.plan.user_id[ready.active_users[0]])
    job, steps = int(ready.top_k(12, [user]).job_id[0, -1]), []
    found = reach(ready, user, job, k=10, locks=locks, progress=lambda *step: steps.append(step))
    assert found.is_possible
    assert found.distance is not None
    assert steps[-1][0].startswith("searching within")
    assert steps[-1][1] >= found.distance - 1e-9


def test_ranks_equal_those_of_compiled_kernels(ready: Prepared) -> None:
    user, job = int(ready.plan.user_id[ready.active_users[3]]), int(ready.plan.job_id[5])
    row = ready.user_rows([user])
    problem = ReachProblem.of(ready, user, job, 5, np.zeros(len(ready.model.parts), dtype=bool), MARGIN)
    random = np.random.default_rng(0)
    for _ in range(5):
        model = problem.model_of(random.dirichlet(np.ones(len(ready.model.parts))))
        totals = ready.with_model(model).scorer.all_pairs(row)[0, 0, problem.eligible]
        assert problem.rank(model).totals.tobytes() == totals.tobytes()


def test_summaries_and_plots_are_readable() -> None:
    ready = small(seed=5)
    user = int(ready.plan.user_id[ready.active_users[2]])
    job = int(ready.top_k(15, [user]).job_id[0, -1])
    found = reach(ready, user, job, k=10)
    assert f"Job {job} for user {user} has rank 15. Moving" in found.summary()
    assert found.changes()["component"].iloc[0] in found.summary()
    assert "<table" in found._repr_html_()
    assert "possible" in repr(found)
    assert_readable(found.plot())
    worst = int(ready.top_k(300, [user]).job_id[0, 150])
    never = reach(ready, user, worst, k=1)
    assert never.is_possible is False
    assert_readable(never.plot())
    never.plot().savefig(io.BytesIO(), format="png")


def test_invalid_arguments_raise(ready: Prepared) -> None:
    user, job = int(ready.plan.user_id[0]), int(ready.plan.job_id[0])
    with raises_at(ConfigurationError, "salary"):
        reach(ready, user, job, locks=["salary"])
    with raises_at(ConfigurationError, "margin"):
        reach(ready, user, job, margin=0.0)
    with raises_unknown("job", 123_456_789):
        reach(ready, user, 123_456_789)
    capped = ready.with_model(ready.model.with_eligibility(max_per_company=2))
    with raises_at(ConfigurationError, "max_per_company"):
        reach(capped, user, job)
