"""Invariance of rankings (workers, chunks, row order), scores of pairs, cancellation, and rejected arguments."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.backends import reference
from scoring.columns import RESULT_COLUMNS
from scoring.dataset import Dataset, Tables
from scoring.errors import ConfigurationError
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.ranking import Prepared, Ranking, Scorer
from scoring.statistics import ALS, Statistics
from tests.support.errors import raises_at, raises_same, raises_unknown
from tests.support.proof_counts import record_count
from tests.support.random_markets import RawMarket, random_market

MODELS = ("standard", "classic")
N_USERS = 200  # more than three tasks of 64


@pytest.fixture(scope="module")
def market() -> RawMarket:
    return random_market(6, n_users=N_USERS, n_jobs=120, n_actions=1500, factors=True)


@pytest.fixture(scope="module")
def tables(market: RawMarket) -> Tables:
    return Tables(**market.frames())


@pytest.fixture(scope="module")
def inputs(tables: Tables) -> Inputs:
    return Inputs.of(Statistics(Dataset(tables)))


@pytest.fixture(scope="module", params=MODELS)
def plan(request: pytest.FixtureRequest, inputs: Inputs) -> Plan:
    return Plan.build(load_model(request.param).with_eligibility(max_per_company=3), inputs)


def assert_same_ranking(found: Ranking, expected: Ranking) -> None:
    for name in ("user_id", "job_id", "count"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    np.testing.assert_array_equal(found.scores.view(np.uint32), expected.scores.view(np.uint32))


# --- Invariance of rankings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_number_of_workers_does_not_change_lists(plan: Plan, workers: int) -> None:
    assert_same_ranking(Scorer(plan, workers=workers).top_k(10), Scorer(plan).top_k(10))
    record_count("list stability", "{} rankings", 1)


@pytest.mark.parametrize("size", [1, 7, 64, 65, 199])
def test_chunks_of_users_do_not_change_lists(plan: Plan, size: int) -> None:
    full = Scorer(plan, workers=1).top_k(10)
    for first in range(0, N_USERS, size):
        users = np.arange(first, min(first + size, N_USERS))
        part = Scorer(plan, workers=2).top_k(10, users)
        np.testing.assert_array_equal(part.user_id, plan.user_id[users])
        np.testing.assert_array_equal(part.job_id, full.job_id[users])
        np.testing.assert_array_equal(part.scores, full.scores[users])
        record_count("list stability", "{} rankings", 1)


def test_users_are_returned_in_the_requested_order(plan: Plan) -> None:
    users = np.array([150, 3, 3, 0], dtype=np.int32)
    found, full = Scorer(plan).top_k(4, users), Scorer(plan).top_k(4)
    np.testing.assert_array_equal(found.user_id, plan.user_id[users])
    np.testing.assert_array_equal(found.job_id, full.job_id[users])


def shuffle(tables: Tables, seed: int) -> Tables:
    """Return the tables with shuffled rows. The index keeps the labels of the original rows."""
    return Tables(**{name: frame.sample(frac=1, random_state=seed) for name, frame in tables.items()})


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("brought", [True, False], ids=["brought", "trained"])
def test_row_order_of_tables_does_not_change_lists(tables: Tables, model: str, brought: bool) -> None:
    if not brought:
        tables = tables.with_tables(user_factors=None, job_factors=None)
    rankings, fingerprints, scores = [], set(), []
    for data in (tables, shuffle(tables, 1), shuffle(tables, 2)):
        dataset = Dataset(data)
        ready = Prepared.of(Statistics(dataset, als=ALS(dimensions=8, iterations=3)), load_model(model))
        rankings.append(ready.top_k(10))
        scores.append(ready.scorer.all_pairs().view(np.uint32))
        fingerprints.add(dataset.fingerprint)
    for ranking, pairs in zip(rankings[1:], scores[1:], strict=True):
        assert_same_ranking(ranking, rankings[0])
        np.testing.assert_array_equal(pairs, scores[0])
        record_count("list stability", "{} rankings", 1)
    assert len(fingerprints) == 1


@pytest.mark.parametrize("model", MODELS)
def test_row_order_of_a_request_does_not_change_lists(inputs: Inputs, tables: Tables, model: str) -> None:
    mixed = shuffle(tables, 3)
    full = Plan.build(load_model(model), inputs)
    rows = Inputs.of(inputs.dataset, basis=inputs.basis, jobs=mixed.jobs, users=mixed.users)
    request = Plan.build(load_model(model), rows)
    expected, found = Scorer(full).top_k(10).frame(), Scorer(request).top_k(10).frame()
    pd.testing.assert_frame_equal(
        found.sort_values(["user_id", "rank"], ignore_index=True),
        expected.sort_values(["user_id", "rank"], ignore_index=True),
    )
    record_count("list stability", "{} rankings", 1)


@pytest.mark.parametrize("model", MODELS)
def test_single_user_has_the_list_of_the_batch(inputs: Inputs, tables: Tables, model: str) -> None:
    full = Scorer(Plan.build(load_model(model), inputs)).top_k(10)
    for row in (0, 1, 77, 199):
        rows = np.array([row])
        users = inputs.users.frame.iloc[rows]
        for alone in (Inputs.of(inputs.dataset, basis=inputs.basis, users=users), inputs.take_users(rows)):
            found = Scorer(Plan.build(load_model(model), alone)).top_k(10)
            assert found.user_id.tolist() == [full.user_id[row]]
            np.testing.assert_array_equal(found.job_id[0], full.job_id[row])
            np.testing.assert_array_equal(found.scores[0], full.scores[row])
            record_count("single user", "{} users", 1)


def test_selected_users_of_inputs_keep_their_values(inputs: Inputs) -> None:
    rows = np.array([120, 5, 5, 199, 0])
    for model in MODELS:
        full, part = (Plan.build(load_model(model), data) for data in (inputs, inputs.take_users(rows)))
        np.testing.assert_array_equal(Scorer(part).all_pairs(), Scorer(full).all_pairs(rows))
        np.testing.assert_array_equal(part.exclusions.matrix(np.arange(len(rows))), full.exclusions.matrix(rows))


def test_several_threads_may_share_a_scorer(plan: Plan) -> None:
    scorer = Scorer(plan, workers=2)
    expected = Scorer(plan, workers=1).top_k(10)
    together = threading.Barrier(6)

    def work(_: int) -> Ranking:
        together.wait()
        return scorer.top_k(10)

    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(work, range(6)):
            assert_same_ranking(found, expected)


# --- Results ------------------------------------------------------------------------------------------------


def test_all_methods_return_equal_scores(plan: Plan) -> None:
    scorer = Scorer(plan)
    full = scorer.all_pairs()
    n, m = full.shape[1:]
    np.testing.assert_array_equal(full, reference.compute_scores(plan.program, np.arange(n), np.arange(m)))
    rng = np.random.default_rng(0)
    users, jobs = rng.integers(n, size=300), rng.integers(m, size=300)
    np.testing.assert_array_equal(scorer.listed(users, jobs), full[:, users, jobs])
    np.testing.assert_array_equal(scorer.listed(users[:1], jobs[:1]), full[:, users[:1], jobs[:1]])
    assert scorer.listed(users[:0], jobs[:0]).shape == (4, 0)


def test_scores_are_between_0_and_100(plan: Plan) -> None:
    for scores in (Scorer(plan).all_pairs(), Scorer(plan).top_k(10**9).scores):
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        assert scores.min() >= 0
        assert scores.max() <= 100 + 1e-5


def test_frame_has_a_row_per_user_and_rank(plan: Plan) -> None:
    ranking = Scorer(plan).top_k(10)
    frame = ranking.frame()
    assert tuple(frame.columns) == RESULT_COLUMNS
    assert len(frame) == ranking.count.sum()
    for row in (0, 66):
        rows = frame[frame["user_id"] == ranking.user_id[row]]
        assert rows["rank"].tolist() == list(range(1, ranking.count[row] + 1))
        assert rows["job_id"].tolist() == ranking.job_id[row, : ranking.count[row]].tolist()
        np.testing.assert_array_equal(rows.iloc[:, 3:].to_numpy(), ranking.scores[row, : ranking.count[row]])
    assert frame.dtypes.iloc[3:].eq(np.float32).all()


def test_large_k_returns_all_eligible_jobs(inputs: Inputs) -> None:
    plan = Plan.build(load_model("classic").with_eligibility(open=False), inputs)
    ranking = Scorer(plan).top_k(10**9)
    assert (ranking.count == len(plan.job_id)).all()
    np.testing.assert_array_equal(
        np.sort(ranking.job_id, axis=1), np.broadcast_to(np.sort(plan.job_id), ranking.job_id.shape)
    )


@pytest.mark.parametrize("without", [("users", "actions"), ("jobs", "actions"), ("users", "jobs", "actions")])
def test_no_users_or_jobs_give_empty_lists(tables: Tables, without: tuple[str, ...]) -> None:
    empty = {name: frame.iloc[:0] if name in without else frame for name, frame in tables.items()}
    for model in MODELS:
        ready = Prepared.of(Dataset(Tables(**empty)), load_model(model))
        assert len(ready.top_k(5).frame()) == 0
        assert ready.scorer.all_pairs().size == 0
    record_count("invalid arguments", "{} arguments", 1)


# --- Progress and cancellation ------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_adds_up_to_the_users(plan: Plan, workers: int) -> None:
    for users in (None, np.arange(5), np.arange(130), np.array([], dtype=np.int64)):
        done: list[int] = []
        Scorer(plan, workers=workers).top_k(3, users, progress=done.append)
        assert sum(done) == (N_USERS if users is None else len(users))


def test_progress_adds_up_without_eligible_jobs(inputs: Inputs) -> None:
    plan = Plan.build(load_model("standard").with_eligibility(employment_types=()), inputs)
    done: list[int] = []
    ranking = Scorer(plan).top_k(3, progress=done.append)
    assert sum(done) == N_USERS
    assert not ranking.count.any()
    assert len(ranking.frame()) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_cancellation_before_the_start_ranks_no_user(plan: Plan, workers: int) -> None:
    done: list[int] = []
    ranking = Scorer(plan, workers=workers).top_k(3, np.arange(20), cancelled=lambda: True, progress=done.append)
    assert done == []
    assert not ranking.count.any()
    assert (ranking.job_id == -1).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_cancellation_leaves_complete_lists_or_none(plan: Plan, workers: int) -> None:
    full = Scorer(plan).top_k(5)
    done: list[int] = []
    found = Scorer(plan, workers=workers).top_k(5, progress=done.append, cancelled=lambda: bool(done))
    assert 0 < sum(done) <= N_USERS
    reached = found.count > 0
    np.testing.assert_array_equal(found.job_id[reached], full.job_id[reached])
    np.testing.assert_array_equal(found.scores[reached], full.scores[reached])
    assert (found.job_id[~reached] == -1).all()
    if workers == 1:
        assert reached.sum() == sum(done) < N_USERS


@pytest.mark.parametrize("workers", [1, 2])
def test_error_in_a_callback_stops_the_ranking(plan: Plan, workers: int) -> None:
    error = RuntimeError("the screen is gone")

    def fail(_: int) -> None:
        raise error

    with raises_same(error):
        Scorer(plan, workers=workers).top_k(3, progress=fail)


# --- Rejected arguments -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "k", [0, -1, 1.5, True, False, float("nan"), float("inf"), None, "3", np.float64("nan"), np.True_]
)
def test_invalid_k_is_rejected(plan: Plan, k: Any) -> None:
    with raises_at(ConfigurationError, "k"):
        Scorer(plan).top_k(k)


@pytest.mark.parametrize("k", [3, 3.0, np.int64(3), np.float32(3)])
def test_integers_of_any_type_are_accepted(plan: Plan, k: Any) -> None:
    assert Scorer(plan).top_k(k, np.array([0])).job_id.shape == (1, 3)


@pytest.mark.parametrize("users", [[-1], [N_USERS], [0, 10**12], [0.5], [True, False], [[0]]])
def test_missing_rows_are_rejected(plan: Plan, users: list[Any]) -> None:
    """Without this check, a kernel would read outside its arrays."""
    scorer = Scorer(plan)
    rows = np.array(users)
    for call in (lambda: scorer.top_k(3, rows), lambda: scorer.all_pairs(rows), lambda: scorer.listed(rows, rows)):
        with raises_at(ConfigurationError, "users"):
            call()
    with raises_at(ConfigurationError, "jobs"):
        scorer.listed(np.array([0, 0]), np.array([0, 120]))


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_below_1_are_rejected(plan: Plan, workers: int) -> None:
    with raises_at(ConfigurationError, "workers"):
        Scorer(plan, workers=workers)


# --- Prepared -----------------------------------------------------------------------------------------------


def test_prepared_ranks_active_users_by_id(inputs: Inputs) -> None:
    ready = Prepared.of(inputs, load_model("standard"))
    active = inputs.users.active
    assert 0 < active.sum() < N_USERS
    np.testing.assert_array_equal(ready.top_k(3).user_id, inputs.users.user_id[active])
    ids = inputs.users.user_id[[5, 2]].tolist()
    assert ready.top_k(3, ids).user_id.tolist() == ids
    with raises_unknown("user", 424242):
        ready.top_k(3, [ids[0], 424242])
    with raises_unknown("job", 424242):
        ready.explain(ids[0], 424242)


def test_other_weights_reuse_the_plan(inputs: Inputs) -> None:
    ready = Prepared.of(inputs, load_model("standard"))
    other = ready.model.with_weights({"wage": 1.0, "collaborative": 2.0})
    moved, built = ready.with_model(other), Prepared.of(inputs, other)
    assert_same_ranking(moved.top_k(9), built.top_k(9))
    assert moved.plan.program.lookup_values is ready.plan.program.lookup_values
    capped = ready.with_model(ready.model.with_eligibility(max_per_company=1))
    assert_same_ranking(capped.top_k(9), Prepared.of(inputs, capped.model).top_k(9))


def test_all_pairs_writes_into_given_memory(plan: Plan) -> None:
    scorer = Scorer(plan, workers=1)
    users = np.array([3, 0])
    out = np.full((4, 2, plan.program.n_jobs), -1, dtype=np.float32)
    assert scorer.all_pairs(users, out=out) is out
    np.testing.assert_array_equal(out, scorer.all_pairs(users))
    for invalid in (out[:, :1], out.astype(np.float64), np.asfortranarray(out)):
        with raises_at(ConfigurationError, "out"):
            scorer.all_pairs(users, out=invalid)
