"""Every entry point returns the oracle's numbers, bit for bit."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.dataset.smaller_dtypes import optimise
from scoring.errors import DataError
from scoring.facade import ScoredPairs, ScoringEngine
from tests.support.cached_oracle import CachedOracle
from tests.support.facade_market import (
    LEGACY_NAMES,
    SCORES,
    dataset_of,
    expected_pairs,
    legacy_job,
    legacy_user,
    market_of,
    named,
)
from tests.support.oracle import Oracle
from tests.support.proof_counts import record_count
from tests.support.random_markets import RawMarket

Row = dict[str, Any]

SEEDS = [0, 1, 4, 5]  # both clocks, a user with dozens of clicks, area means of 1000


@dataclass(frozen=True)
class Data:
    """A market, its oracle, and its rows in random order. Tests share it and do not change it."""

    market: RawMarket
    oracle: Oracle
    dataset: Dataset
    users: list[Row]
    jobs: list[Row]
    users_df: pd.DataFrame
    jobs_df: pd.DataFrame


@cache
def data_of(seed: int) -> Data:
    market = market_of(seed)
    frames = market.frames()
    rng = random.Random(seed)
    users, jobs = list(market.users), list(market.jobs)
    rng.shuffle(users)
    rng.shuffle(jobs)
    users_df = _in_order(frames["users"], "user_id", [user["user_id"] for user in users])
    jobs_df = _in_order(frames["jobs"], "job_id", [job["job_id"] for job in jobs])
    return Data(market, market.oracle(CachedOracle), dataset_of(market), users, jobs, users_df, jobs_df)


class Case:
    """Shared data with an engine of its own."""

    def __init__(self, seed: int) -> None:
        data = data_of(seed)
        self.market, self.oracle = data.market, data.oracle
        self.users, self.jobs = list(data.users), list(data.jobs)
        self.users_df, self.jobs_df = data.users_df.copy(), data.jobs_df.copy()
        self._dataset = data.dataset
        self.engine = self.new_engine("classic")

    def new_engine(self, model: str) -> ScoringEngine:
        return ScoringEngine(self._dataset, model, keep_factors=False)

    def expected(self, **keywords: Any) -> pd.DataFrame:
        return expected_pairs(self.oracle, self.users, self.jobs, **keywords)

    def some_pairs(self, n: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        rng = random.Random(n)
        return [(rng.choice(self.jobs), rng.choice(self.users)) for _ in range(n)]


def _in_order(frame: pd.DataFrame, key: str, ids: list[int]) -> pd.DataFrame:
    """Return the rows in the order of `ids`. The index is not a range, so code must not rely on it."""
    return frame.set_index(key).loc[ids].reset_index().set_index(pd.Index([f"r{n}" for n in range(len(ids))]))


@pytest.fixture(params=SEEDS)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


async def test_all_pairs_are_in_the_order_of_the_input(case: Case) -> None:
    result = await case.engine.process_scoring_batch(case.users_df, case.jobs_df)
    pd.testing.assert_frame_equal(result, case.expected(), check_exact=True)
    record_count("legacy engine", "{} pairs", len(result))


async def test_standard_model_equals_the_oracle(case: Case) -> None:
    case.engine = case.new_engine("standard")
    result = await case.engine.process_scoring_batch(case.users_df, case.jobs_df)
    expected = case.expected(score=case.oracle.standard)
    pd.testing.assert_frame_equal(result.drop(columns="eligible"), expected.drop(columns="eligible"), check_exact=True)
    eligible = [case.oracle.eligible(user, job) for user in case.users for job in case.jobs]
    assert result["eligible"].tolist() == eligible


@pytest.mark.parametrize("chunk_size", [1, 5, 12, 10_000])
async def test_chunks_and_workers_do_not_change_results(
    case: Case, chunk_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoring.facade.pair_chunks.PAIRS_PER_CHUNK", 3 * len(case.jobs))
    case.engine.max_workers = 1 + chunk_size % 3
    result = await case.engine.process_scoring_batch(case.users_df, case.jobs_df, chunk_size=chunk_size)
    pd.testing.assert_frame_equal(result, case.expected(), check_exact=True)


async def test_single_chunk_equals_the_batch(case: Case) -> None:
    result = await case.engine._calculate_chunk_scores(case.users_df.iloc[2:5], case.jobs_df)
    n = len(case.jobs)
    expected = case.expected().iloc[2 * n : 5 * n].reset_index(drop=True)
    pd.testing.assert_frame_equal(result, expected, check_exact=True)


async def test_legacy_columns_and_smaller_dtypes_are_accepted(case: Case) -> None:
    users = case.users_df.rename(columns=LEGACY_NAMES | {"prefecture_code": "estimated_pref_cd"})
    jobs = case.jobs_df.rename(columns=LEGACY_NAMES)
    for frames in ((users, jobs), (optimise(case.users_df), case.engine._optimize_dataframe_memory(case.jobs_df))):
        result = await case.engine.process_scoring_batch(*frames)
        pd.testing.assert_frame_equal(result, case.expected(), check_exact=True)


async def test_rankings_equal_the_oracle(case: Case) -> None:
    for k in (1, 7, 1000):
        result = await case.engine.process_scoring_batch(case.users_df, case.jobs_df, chunk_size=5, top_k=k)
        assert isinstance(result, pd.DataFrame)
        assert result.columns.tolist() == ["user_id", "job_id", *SCORES, "rank"]
        expected = [
            (user["user_id"], job_id, total, rank)
            for user in case.users
            for rank, (job_id, total) in enumerate(case.oracle.ranking("classic", user, k=k), start=1)
        ]
        found = result[["user_id", "job_id", "total_score", "rank"]]
        assert list(found.itertuples(index=False, name=None)) == expected


async def test_scores_of_all_users_equal_the_oracle(case: Case) -> None:
    active = sorted(user["user_id"] for user in case.users if user["is_active"] is not False)
    result = await case.engine.calculate_scores_for_all_users(top_k=3)
    assert isinstance(result, pd.DataFrame)
    assert result["user_id"].drop_duplicates().tolist() == active
    batch = await case.engine.process_scoring_batch(case.users_df, case.jobs_df, top_k=3)
    merged = batch[batch["user_id"].isin(active)].sort_values(["user_id", "rank"], ignore_index=True)
    pd.testing.assert_frame_equal(result, merged, check_exact=True)

    some = await case.engine.calculate_scores_for_all_users(job_limit=9, user_limit=4, top_k=None)
    assert isinstance(some, pd.DataFrame)
    jobs = sorted(job["job_id"] for job in case.jobs)[:9]
    assert some["user_id"].unique().tolist() == active[:4]
    expected = case.expected().set_index(["user_id", "job_id"])
    expected = expected.loc[[(user, job) for user in active[:4] for job in jobs]].reset_index()
    pd.testing.assert_frame_equal(some, expected, check_exact=True)


@pytest.mark.parametrize("as_given", ["objects", "mappings", "rows"])
async def test_single_pairs_equal_the_oracle(case: Case, as_given: str) -> None:
    jobs = dict(zip([j["job_id"] for j in case.jobs], case.jobs_df.to_dict("index").values(), strict=True))
    users = dict(zip([u["user_id"] for u in case.users], case.users_df.to_dict("index").values(), strict=True))
    for job, user in case.some_pairs(3):
        legacy: tuple[Any, Any] = (legacy_job(job), legacy_user(user))
        if as_given == "mappings":
            legacy = (jobs[job["job_id"]], users[user["user_id"]])
        elif as_given == "rows":
            legacy = (pd.Series(jobs[job["job_id"]]), pd.Series(users[user["user_id"]]))
        profile = {"user_id": user["user_id"]}
        total, base, match, personal = named(case.oracle.classic(user, job))
        assert await case.engine.calculate_total_score(*legacy, profile) == total
        assert await case.engine.calculate_base_score(legacy[0]) == base
        assert await case.engine.calculate_seo_score(*legacy) == match
        assert await case.engine.calculate_personal_score(legacy[0], profile) == personal
        without = named(case.oracle.classic(user, job, has_profile=False))
        assert await case.engine.calculate_total_score(*legacy) == without[0]
        assert await case.engine.calculate_personal_score(legacy[0], None) == without[3] == 40.0
        record_count("legacy engine", "{} pairs", 1)


async def test_listed_pairs_equal_the_oracle(case: Case) -> None:
    """Pairs may be with or without a profile and in any order; one object may occur in many pairs."""
    jobs = {job["job_id"]: legacy_job(job) for job in case.jobs}
    users = {user["user_id"]: legacy_user(user) for user in case.users}
    pairs: list[Any] = []
    expected = []
    for place, (job, user) in enumerate(case.some_pairs(300)):
        profile = [None, users[user["user_id"]], user["user_id"]][place % 3]
        pair = (jobs[job["job_id"]], users[user["user_id"]], profile)
        pairs.append(pair[:2] if profile is None else pair)
        score = case.oracle.classic(user, job, has_profile=None if profile else False)
        expected.append((user["user_id"], job["job_id"], *named(score)))
    result = (await case.engine.batch_calculate_scores(pairs)).frame()
    assert result.columns.tolist() == ["user_id", "job_id", *SCORES]
    assert list(result.itertuples(index=False, name=None)) == expected
    assert result.dtypes.astype(str).tolist() == ["int64", "int64", *["float32"] * 4]


async def test_explanations_equal_the_oracle(case: Case) -> None:
    for job, user in case.some_pairs(8):
        explained = await case.engine.get_score_explanation(legacy_job(job), legacy_user(user), user["user_id"])
        score = case.oracle.classic(user, job)
        assert [explained[name] for name in SCORES] == named(score)
        assert (explained["user_id"], explained["job_id"], explained["model"]) == (
            user["user_id"],
            job["job_id"],
            "classic",
        )
        assert explained["eligible"] == case.oracle.is_open(job) == (explained["not_ranked"] == [])
        values = {part["component"]: part["value"] for part in explained["components"]}
        assert values == pytest.approx(score.components, abs=1e-9)
        assert sum(part["points"] for part in explained["components"]) == pytest.approx(score.total, abs=1e-9)


async def test_job_scores_equal_the_oracle(case: Case) -> None:
    unknown_user = {"user_id": 0}
    scores = [case.oracle.classic(unknown_user, job, has_profile=False) for job in case.jobs]
    base = case.engine.calculate_base_scores_vectorized(case.jobs_df)
    assert base.dtype == np.float32
    assert base.tolist() == [float(np.float32(score.groups["base"])) for score in scores]
    for found, name in (
        (case.engine.component_values(case.jobs_df, "wage"), "wage"),
        (case.engine.component_values(case.jobs_df, "access"), "access"),
    ):
        assert found.dtype == np.float32
        assert found.tolist() == [float(np.float32(score.components[name])) for score in scores]


async def test_statistics_use_the_whole_data(case: Case) -> None:
    """The area means and popularity of `standard` do not depend on the rows of a request."""
    engine = case.new_engine("standard")
    for job in case.jobs[:6]:
        row = case.jobs_df[case.jobs_df["job_id"] == job["job_id"]]
        expected = case.oracle.standard({"user_id": 0}, job).groups["base"]
        assert engine.calculate_base_scores_vectorized(row).tolist() == [float(np.float32(expected))]


async def test_unknown_users_are_scored_by_their_rows(case: Case) -> None:
    users = [user | {"user_id": -place - 1} for place, user in enumerate(case.users)]
    jobs = [job | {"job_id": 10**12 + place, "prefecture_code": "XX"} for place, job in enumerate(case.jobs)]
    users_df = case.users_df.assign(user_id=[user["user_id"] for user in users])
    jobs_df = case.jobs_df.assign(job_id=[job["job_id"] for job in jobs], prefecture_code="XX")
    result = await case.engine.process_scoring_batch(users_df, jobs_df)
    pd.testing.assert_frame_equal(result, expected_pairs(case.oracle, users, jobs), check_exact=True)


async def test_absent_columns_count_as_missing(case: Case) -> None:
    jobs = [{"job_id": job["job_id"], "fee": job["fee"]} for job in case.jobs]
    users = [{"user_id": user["user_id"]} for user in case.users]
    frames = case.users_df[["user_id"]], case.jobs_df[["job_id", "fee"]]
    result = await case.engine.process_scoring_batch(*frames)
    pd.testing.assert_frame_equal(result, expected_pairs(case.oracle, users, jobs), check_exact=True)


async def test_pairs_on_disk_equal_pairs_in_memory(case: Case, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.facade.pair_chunks.PAIRS_PER_CHUNK", 3 * len(case.jobs))
    pairs = await case.engine.process_scoring_batch(case.users_df, case.jobs_df, out=tmp_path / "pairs")
    assert isinstance(pairs, ScoredPairs)
    whole = pairs.read()
    pd.testing.assert_frame_equal(whole, case.expected(), check_exact=True)


async def test_explanation_of_objects_names_unknown_values() -> None:
    engine = ScoringEngine(Dataset.from_frames(pd.DataFrame({"job_id": [1]}), pd.DataFrame({"user_id": [1]})))
    job = {"job_id": 7, "salary_type": "時給", "min_salary": 1200, "prefecture_code": "JP-13"}
    explained = await engine.get_score_explanation(job, {"user_id": 1, "prefecture_code": 13})
    assert [text.split(" is ")[0] for text in explained["unknown_values"]] == [
        "jobs.salary_type '時給'",
        "jobs.prefecture_code 'JP-13'",
    ]


@pytest.mark.parametrize("city", ["1100", 1100, 1100.0, "０１１００", "01100"])
async def test_request_is_padded_like_the_data(city: Any) -> None:
    jobs = pd.DataFrame({"job_id": [1, 2], "prefecture_code": ["01", "13"], "city_code": ["01100", "13104"]})
    users = pd.DataFrame({"user_id": [1], "prefecture_code": ["01"], "city_code": ["01100"]})
    engine = ScoringEngine(Dataset.from_frames(jobs, users), "standard")
    job, user = {"job_id": 1, "prefecture_code": 1, "city_code": city}, {"user_id": 1, "prefecture_code": "01"}
    explained = await engine.get_score_explanation(job, user | {"city_code": city})
    values = {part["component"]: part["value"] for part in explained["components"]}
    assert values["location"] == 100
    scored = await engine.process_scoring_batch(pd.DataFrame([user | {"city_code": city}]), pd.DataFrame([job]))
    expected = await engine.process_scoring_batch(users, jobs.head(1))
    assert scored["total_score"].tolist() == expected["total_score"].tolist()


@pytest.mark.parametrize("company", ["Ｃ-1", " C-1\u200b", "C-1"])
async def test_company_of_a_request_is_compared_in_normal_form(company: str) -> None:
    jobs = pd.DataFrame({"job_id": [1, 2], "company_id": ["C-1", company]})
    actions = pd.DataFrame({"user_id": 1, "job_id": [1, 2], "action": "application", "occurred_at": "2025-06-01"})
    engine = ScoringEngine(Dataset.from_frames(jobs, pd.DataFrame({"user_id": [1]}), actions), "standard")
    popularity = await engine._batch_load_company_popularity([company])
    assert popularity[company]["application_rate"] == 3 / 20
    explained = await engine.get_score_explanation({"job_id": 1, "company_id": company}, {"user_id": 1})
    facts = {part["component"]: part["facts"] for part in explained["components"]}
    assert facts["popularity"]["applications"] == 2


async def test_error_of_a_text_id_names_the_invalid_value_only() -> None:
    engine = ScoringEngine(Dataset.from_frames(pd.DataFrame({"job_id": ["J-1"]}), pd.DataFrame({"user_id": [1]})))
    with pytest.raises(DataError) as found:
        await engine.calculate_base_score({"job_id": "J-1", "has_remote_work": "perhaps"})
    assert found.value.problems["column"].tolist() == ["has_remote_work"]
