"""Lists of requests do not depend on how they are found: by a scan or an index, planned again or kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from scoring.caching import EngineCaches
from scoring.dataset import Dataset
from scoring.errors import DataError
from scoring.facade import ScoringEngine, request_plans
from scoring.model import Component, Inputs, JobTerm, Pair, Part, Reason, ScoringModel, Value, WeightProfile
from scoring.model_catalog import load_model
from tests.support.example_counts import try_examples
from tests.support.facade_market import LEGACY_NAMES, act, dataset_of, market_of, store
from tests.support.full_rankings import random_dataset, random_model

MARKET = market_of(4)
DATASET = dataset_of(MARKET)


def rank(engine: ScoringEngine, users: pd.DataFrame, jobs: pd.DataFrame, k: int = 5) -> pd.DataFrame:
    found = asyncio.run(engine.process_scoring_batch(users, jobs, top_k=k))
    assert isinstance(found, pd.DataFrame)
    return found


def new_engine(dataset: Dataset = DATASET, model: str | ScoringModel = "standard") -> ScoringEngine:
    return ScoringEngine(dataset, model, keep_factors=False)


def assert_fresh(engine: ScoringEngine, users: pd.DataFrame, jobs: pd.DataFrame, k: int = 5) -> None:
    """The list of this engine equals that of an engine that has not seen the frames."""
    fresh = ScoringEngine(DATASET, engine.model, keep_factors=False, caches=EngineCaches.off())
    pd.testing.assert_frame_equal(rank(engine, users, jobs, k), rank(fresh, users, jobs, k), check_exact=True)


@try_examples(5, 60, seed=st.integers(0, 2**32 - 1))
def test_lists_by_scan_equal_lists_by_index(seed: int) -> None:
    random = np.random.default_rng(seed)
    dataset = random_dataset(seed)
    engine = new_engine(dataset, random_model(random))
    users = dataset.tables.users.sample(frac=1, random_state=seed).head(5)
    jobs = dataset.tables.jobs.sample(frac=1, random_state=seed)
    k = int(random.choice([1, 7, 1000]))
    lists: list[pd.DataFrame] = []
    for limit in (0, request_plans.MAX_SCANNED_USERS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(request_plans, "MAX_SCANNED_USERS", limit)
            lists.append(rank(engine, users, jobs, k))
    pd.testing.assert_frame_equal(lists[0], lists[1], check_exact=True)


def write_view(jobs: pd.DataFrame, name: str, row: int, value: Any) -> None:
    values = jobs[name].to_numpy()
    values.setflags(write=True)
    values[row] = value


EDITS: list[Callable[[pd.DataFrame, int], pd.DataFrame | None]] = [
    lambda jobs, row: jobs.isetitem(list(jobs).index("fee"), jobs["fee"].fillna(0).to_numpy()[::-1].copy()),
    lambda jobs, row: jobs.loc.__setitem__((jobs.index[row], "fee"), 4_900.0),
    lambda jobs, row: jobs.iloc.__setitem__((row, list(jobs).index("title")), "13"),
    lambda jobs, row: jobs.loc.__setitem__((jobs.index[row], "has_remote_work"), True),
    lambda jobs, row: write_view(jobs, "min_salary", row, 9_999.0),
    lambda jobs, row: write_view(jobs, "fee", row, np.nan),
    lambda jobs, row: write_view(jobs, "job_id", row, 10**9 + row),
    lambda jobs, row: jobs["posted_at"].array.view("i8").__setitem__(row, 0),
    lambda jobs, row: jobs["has_daily_payment"].array.__setitem__(row, True),
    lambda jobs, row: jobs["salary_type"].array.__setitem__(row, None),
    lambda jobs, row: jobs.update(pd.DataFrame({"fee": [5_000.0]}, index=jobs.index[[row]])),
    lambda jobs, row: jobs.drop(index=jobs.index[row]),
    lambda jobs, row: jobs.sort_values("fee"),
    lambda jobs, row: jobs.rename(columns=LEGACY_NAMES),
    lambda jobs, row: jobs.reset_index(drop=True),
    lambda jobs, row: jobs.insert(0, "new column", row),
    lambda jobs, row: None,
]


@try_examples(4, 60, seed=st.integers(0, 2**32 - 1))
def test_edited_frames_never_give_a_stale_list(seed: int) -> None:
    """One engine, one frame, edited in place by random routes; users in random frames."""
    random = np.random.default_rng(seed)
    engine = new_engine(model=random_model(random))
    jobs, users = DATASET.tables.jobs.copy(), DATASET.tables.users
    for _ in range(4):
        some = users.sample(int(random.integers(1, 4)), random_state=int(random.integers(1_000)))
        assert_fresh(engine, some, jobs, int(random.choice([1, 5, 1_000])))
        with suppress(KeyError, ValueError):  # the column was renamed or exists
            edited = EDITS[random.integers(len(EDITS))](jobs, int(random.integers(len(jobs))))
            jobs = jobs if edited is None else edited


def test_threads_do_not_change_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns, vectors and pairs of few rows, in as many threads as those of many rows."""
    users, jobs = [DATASET.tables.users.iloc[[n]] for n in range(3)], DATASET.tables.jobs
    engine, wanted = new_engine(), [rank(new_engine(), user, jobs) for user in users]
    monkeypatch.setattr("scoring.backends.numba.backend._MIN_JOBS_PER_THREAD", 7)
    monkeypatch.setattr("scoring.threads.pool.MIN_ROWS_IN_THREADS", 0)
    monkeypatch.setattr("scoring.threads.pool.available_cpus", lambda: 3)
    engine.max_workers = 3
    for user, expected in zip(users, wanted, strict=True):
        pd.testing.assert_frame_equal(rank(engine, user, jobs), expected, check_exact=True)


def test_same_frame_is_planned_once() -> None:
    engine, jobs = new_engine(), DATASET.tables.jobs
    for n, frame in enumerate((jobs, jobs, jobs.copy(), jobs.set_index(jobs.index + 5))):
        assert_fresh(engine, DATASET.tables.users.iloc[[n]], frame)
    stats = engine.caches.requests.stats
    assert (stats.misses, stats.hits, stats.entries) == (1, 3, 1)
    assert stats.bytes > 10_000


def test_values_between_the_sampled_bytes_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.facade.frame_equality.SAMPLED_BYTES", 1)
    engine, users = new_engine(), DATASET.tables.users.head(2)
    one = DATASET.tables.jobs
    other = one.assign(fee=one["fee"].where(one.index != 7, 4_999.0))
    for jobs in (one, other, one, other):
        assert_fresh(engine, users, jobs)
    assert engine.caches.requests.stats.entries == 1


def test_objects_are_recognised_unless_mutable() -> None:
    engine, users = new_engine(), DATASET.tables.users.head(2)
    jobs = DATASET.tables.jobs.astype({"title": object, "prefecture_code": object, "fee": object})
    for _ in range(2):
        assert_fresh(engine, users, jobs)
    assert engine.caches.requests.stats.hits == 1
    holder = ["old"]
    jobs["unused"] = pd.Series([holder] * len(jobs), dtype=object)
    for value in ("old", "new"):
        holder[0] = value
        assert_fresh(engine, users, jobs)
    assert engine.caches.requests.stats.entries == 1


def test_weights_and_models_have_plans_of_their_own() -> None:
    engine, users, jobs = new_engine(), DATASET.tables.users.head(2), DATASET.tables.jobs
    for model in (load_model("standard"), load_model("standard").with_weights({"fee": 1.0}), load_model("classic")):
        engine.model = model
        assert_fresh(engine, users, jobs)


def test_new_values_of_a_user_match_those_of_jobs() -> None:
    """The codes of kept jobs stay valid if a user has values that no row of the data has."""
    engine = new_engine()
    jobs = DATASET.tables.jobs.assign(prefecture_code="XX", city_code="C9", occupation_code=9_001)
    users = DATASET.tables.users.head(3)
    new = users.assign(prefecture_code=["XX", "YY", "XX"], city_code=["C9", "C9", "C8"])
    new["preferred_occupations"] = [[9_001], [9_002], []]
    for some in (users, new, users, new):
        assert_fresh(engine, some, jobs, 1_000)


def test_errors_name_rows_of_both_frames() -> None:
    engine, users, jobs = new_engine(), DATASET.tables.users.head(3), DATASET.tables.jobs
    rank(engine, users, jobs)
    with pytest.raises(DataError) as of_both:
        rank(engine, users.assign(user_id=[1, 1, 2]), jobs.assign(fee=np.inf))
    assert of_both.value.problems is not None
    assert set(of_both.value.problems["table"]) == {"users", "jobs"}
    for _ in range(2):
        with pytest.raises(DataError) as of_jobs:
            rank(engine, users, jobs.assign(fee=np.inf))
        assert of_jobs.value.problems is not None
        assert set(of_jobs.value.problems["table"]) == {"jobs"}
    assert engine.caches.requests.stats.entries == 1


def test_changed_data_and_cleared_caches_plan_again(tmp_path: Path) -> None:
    url = store(MARKET, f"sqlite:///{tmp_path / 'market.db'}")
    engine = ScoringEngine(url, "standard", keep_factors=False, change_check_seconds=0)
    users, jobs = DATASET.tables.users.head(3), DATASET.tables.jobs
    before = rank(engine, users, jobs, 1_000)
    act(url, MARKET)  # the user applied to a job, which leaves the list
    after = rank(engine, users, jobs, 1_000)
    assert len(after) < len(before)
    assert engine.caches.requests.stats.entries == 1
    engine.clear_caches("requests")
    assert engine.caches.requests.stats.entries == 0
    pd.testing.assert_frame_equal(rank(engine, users, jobs, 1_000), after, check_exact=True)


count_call = Mock()


class Counted(Component):
    """A component of users that counts its calls."""

    kind: ClassVar[str] = "counted"

    def terms(self, inputs: Inputs) -> Value:
        count_call()
        return Value((JobTerm(np.full(len(inputs.jobs), 10.0)),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(10.0)


def test_components_of_users_are_planned_for_each_request() -> None:
    part = Part("counted", "base", Counted())
    engine = new_engine(model=ScoringModel("own", (part,), WeightProfile({"base": 1.0}, {"base": {"counted": 1.0}})))
    rank(engine, DATASET.tables.users.head(1), DATASET.tables.jobs)
    calls = count_call.call_count
    for n in (1, 2):
        assert_fresh(engine, DATASET.tables.users.iloc[[n]], DATASET.tables.jobs)
    assert engine.caches.requests.stats.hits == 2
    assert count_call.call_count >= calls + 2


@pytest.mark.parametrize("plan_bytes", [0, 50_000])
def test_limits_of_memory_do_not_change_lists(plan_bytes: int) -> None:
    engine = ScoringEngine(DATASET, "standard", keep_factors=False, caches=EngineCaches(plan_bytes=plan_bytes))
    jobs = DATASET.tables.jobs
    for n in range(4):
        assert_fresh(engine, DATASET.tables.users.iloc[[n]], jobs.head(30 + n))
    assert engine.caches.requests.stats.bytes <= plan_bytes
