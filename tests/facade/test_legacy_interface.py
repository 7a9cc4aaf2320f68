"""Legacy names return legacy shapes, on SQLite, on PostgreSQL and on a dataset.

Expected values come from the oracle or are counted here. `test_databases.py` compares the scores of the other legacy
names on all kinds of handles.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.database.database import Database
from scoring.database.readers import load_actions
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError, DatabaseError
from scoring.facade import ScoringEngine
from scoring.facade.legacy_result_types import make_recommendations
from tests.facade.test_databases import handle
from tests.support.cached_oracle import CachedOracle
from tests.support.errors import raises_at, raises_data, raises_problem, raises_with
from tests.support.facade_market import dataset_of, engine_of, legacy_job, legacy_user, market_of, named, store
from tests.support.oracle import PARAMS, hourly, known, piecewise
from tests.support.text_id_market import FIRST, text_id_tables

MARKET: Final = market_of(1)
ORACLE: Final = MARKET.oracle(CachedOracle)

Row = dict[str, Any]


@pytest.fixture(scope="module")
def sqlite_market(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of a SQLite file with the market."""
    return store(MARKET, f"sqlite:///{tmp_path_factory.mktemp('legacy') / 'market.db'}")


@pytest.fixture(scope="module")
def postgres_market(postgres_server: str) -> str:
    """Return the URL of a database of PostgreSQL with the market. No other test empties it."""
    admin = sa.create_engine(
        sa.make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    name = f"t{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    return store(MARKET, sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_market")
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgres", "dataset"])
def source(request: pytest.FixtureRequest) -> Any:
    return dataset_of(MARKET) if request.param == "dataset" else request.getfixturevalue(f"{request.param}_market")


@pytest.fixture(scope="module")
def engine(source: Any) -> Iterator[ScoringEngine]:
    with new_engine(source) as engine:
        yield engine


def new_engine(source: Any, model: str = "standard", **settings: Any) -> ScoringEngine:
    if isinstance(source, str):
        settings["as_of"] = MARKET.as_of
    return ScoringEngine(source, model, keep_factors=False, **settings)


# --- Scores of pairs ----------------------------------------------------------------------------------------


async def check_pair_scores(engine: ScoringEngine) -> None:
    pairs = [(job, user, user) for job, user in zip(MARKET.jobs[:9], MARKET.users[:9], strict=True)]
    expected = [named(ORACLE.standard(user, job)) for job, user, _ in pairs]
    found = await engine.batch_calculate_scores(pairs)
    assert isinstance(found, list)
    assert found == [row[0] for row in expected]
    assert {type(score) for score in found} == {float}
    assert (found[2], found[:2], max(found)) == (expected[2][0], [row[0] for row in expected[:2]], max(found[:]))
    frame = found.frame()
    assert frame["job_id"].tolist() == [job["job_id"] for job, _, _ in pairs]
    assert frame.drop(columns=["user_id", "job_id"]).to_numpy().tolist() == expected
    assert await engine.batch_calculate_scores(job_user_pairs=pairs) == found
    with pytest.warns(DeprecationWarning, match="frame"):
        pd.testing.assert_series_equal(found["personal_score"], frame["personal_score"])
    with pytest.warns(DeprecationWarning, match="frame"):
        pd.testing.assert_frame_equal(found[["user_id", "base_score"]], frame[["user_id", "base_score"]])


# --- Points of the wage and the access ----------------------------------------------------------------------


def wage_points(job: Row) -> float:
    wage = hourly(job) or 0
    return 30.0 if wage >= 1500 else 20.0 if wage >= 1200 else 10.0 if wage >= 1000 else 5.0


def access_points(job: Row) -> float:
    return min(20.0, 5.0 + 15.0 * known(job["station_name"]) + 5.0 * known(job["address"]))


async def check_points(engine: ScoringEngine) -> None:
    jobs = MARKET.frames()["jobs"]
    wages = engine._calculate_salary_attractiveness_vectorized(jobs)
    access = engine._calculate_access_score_vectorized(jobs)
    assert wages.dtype == access.dtype == np.float32
    assert wages.tolist() == [wage_points(job) for job in MARKET.jobs]
    assert access.tolist() == [access_points(job) for job in MARKET.jobs]
    assert set(wages.tolist()) == {30.0, 20.0, 10.0, 5.0}
    assert set(access.tolist()) == {20.0, 10.0, 5.0}


async def check_single_forms(engine: ScoringEngine) -> None:
    for place, (row, person) in enumerate(zip(MARKET.jobs[:4], MARKET.users, strict=False)):
        job, user = (row, person) if place % 2 else (legacy_job(row), legacy_user(person))
        expected = ORACLE.classic(person, row).components
        found = [
            await engine._calculate_salary_attractiveness(job),
            await engine._calculate_access_score(job),
            await engine._calculate_location_match(job, user),
            await engine._calculate_category_match(job, user),
            await engine._calculate_condition_match(job, user),
        ]
        assert {type(value) for value in found} == {float}
        assert found[:2] == [wage_points(row), access_points(row)]
        assert found[2:] == [expected["location"], expected["category"], expected["condition"]]


async def check_component_values(engine: ScoringEngine) -> None:
    jobs = MARKET.frames()["jobs"]
    values = [ORACLE.standard({"user_id": 0}, job).components for job in MARKET.jobs]
    for name in ("wage", "access", "popularity", "location"):
        found = engine.component_values(jobs, name)
        assert found.dtype == np.float32
        assert found.tolist() == [float(np.float32(row[name])) for row in values]
    with raises_at(ConfigurationError, "shine"):
        engine.component_values(jobs, "shine")


# --- Histories and popularity -------------------------------------------------------------------------------


def count_history(user: Row) -> dict[str, list[Row]]:
    """Return the expected history of a user, counted from the oracle's actions."""
    names = ("occupation_code", "min_salary", "prefecture_code")
    expected: dict[str, list[Row]] = {}
    for kind in ("application", "click", "view"):
        seen = [
            tuple(value if known(value := ORACLE.jobs[action["job_id"]][name]) else None for name in names)
            for action in ORACLE.actions
            if action["user_id"] == user["user_id"]
            and action["action"] == kind
            and action["occurred_at"] >= ORACLE.as_of - timedelta(days=90)
        ]
        counts = Counter(seen)
        order = sorted(counts, key=lambda row: (-counts[row], *((v is None, v or 0 if v is None else v) for v in row)))
        expected[f"{kind}s"] = [
            {"occupation_cd1": row[0], "min_salary": row[1], "prefecture_code": row[2], "count": counts[row]}
            for row in order
        ]
    return expected


async def check_history(engine: ScoringEngine) -> None:
    ids = [user["user_id"] for user in MARKET.users]
    history = await engine._batch_load_user_history([*ids, -5])
    assert isinstance(history, dict)
    expected = {user["user_id"]: count_history(user) for user in MARKET.users}
    acting = {user_id: lists for user_id, lists in expected.items() if any(lists.values())}
    assert history == acting
    assert 0 < len(acting) < len(ids)
    assert any(lists["applications"] and lists["applications"][0]["count"] > 1 for lists in acting.values())
    json.dumps(history)
    columns = ["user_id", "occurred_at", "job_id", "action"]
    assert list(history.frame()[columns].itertuples(index=False, name=None)) == sorted(
        tuple(action[name] for name in columns) for action in ORACLE.actions
    )
    one = next(iter(acting))
    assert await engine._batch_load_user_history(one) == {one: acting[one]}
    assert await engine._batch_load_user_history(np.array([one])) == {one: acting[one]}
    with raises_at(ConfigurationError, "user_id"):
        await engine._batch_load_user_history([1.5])


async def check_popularity(engine: ScoringEngine) -> None:
    companies = sorted({job["company_id"] for job in MARKET.jobs if known(job["company_id"])})
    popularity = await engine._batch_load_company_popularity([*companies, "unheard of", companies[0]])
    assert isinstance(popularity, dict)

    def count(company: str, kind: str, days: int) -> int:
        return sum(
            ORACLE.jobs[action["job_id"]]["company_id"] == company
            and action["action"] == kind
            and action["occurred_at"] >= ORACLE.as_of - timedelta(days=days)
            for action in ORACLE.actions
        )

    assert popularity == {
        company: {
            "application_rate": ORACLE.company_rate(company),
            "applications_7d": count(company, "application", 7),
            "applications_30d": count(company, "application", 30),
            "views_7d": count(company, "view", 7),
            "views_30d": count(company, "view", 30),
            "popularity_score": piecewise(ORACLE.company_rate(company), PARAMS["popularity"]["points"]),
        }
        for company in companies
    }
    assert any(entry["views_30d"] > entry["views_7d"] for entry in popularity.values())
    json.dumps(popularity)
    frame = popularity.frame()
    assert frame["company_id"].tolist() == [*companies, "unheard of"]
    assert frame["application_rate"].tolist() == [ORACLE.company_rate(name) for name in frame["company_id"]]
    assert list(frame) == ["company_id", "applications", "looks", "application_rate"]
    one = {companies[0]: popularity[companies[0]]}
    assert await engine._batch_load_company_popularity(endcl_cds=companies[:1]) == one
    assert await engine._batch_load_company_popularity(companies[0]) == one


# --- Explanations -------------------------------------------------------------------------------------------


async def check_explanations(engine: ScoringEngine) -> None:
    sentences = 0
    for job, user in zip(MARKET.jobs[:8], MARKET.users, strict=False):
        for profile in (user, None):
            found = await engine.get_score_explanation(legacy_job(job), legacy_user(user), profile)
            score, classic = ORACLE.standard(user, job), ORACLE.classic(user, job).components
            groups = {name: found[name] for name in ("base_score", "seo_score", "personal_score")}
            if profile:
                assert [found["total_score"], *groups.values()] == named(score)
            assert found["component_scores"] == groups
            assert found["score_factors"] == {
                "fee_boost": job["fee"] if known(job["fee"]) else 0.0,
                "salary_attractiveness": wage_points(job),
                "location_match": classic["location"],
                "category_match": classic["category"],
            }
            low = [name for name, value in groups.items() if value < 50 and (profile or name != "personal_score")]
            advice = found["recommendations"]
            assert len(advice) == (len(low) if found["total_score"] < 70 else 0)
            assert all(name in sentence for name, sentence in zip(low, advice, strict=False))
            assert len(found["components"]) == len(score.components)
            sentences += len(advice)
            json.dumps(found, default=str)
    assert sentences > 4


@pytest.mark.parametrize(
    ("total", "groups", "with_profile", "named_groups"),
    [
        (69.9, (49.9, 50.0, 50.0), True, ["base_score"]),
        (70.0, (49.9, 10.0, 10.0), True, []),
        (40.0, (50.0, 49.9, 49.9), True, ["seo_score", "personal_score"]),
        (40.0, (0.0, 0.0, 0.0), False, ["base_score", "seo_score"]),
        (60.0, (80.0, 50.0, 10.0), False, []),
    ],
)
def test_recommendations_by_hand(
    total: float, groups: tuple[float, ...], with_profile: bool, named_groups: list[str]
) -> None:
    scores = dict(zip(("base_score", "seo_score", "personal_score"), groups, strict=True))
    found = make_recommendations(total, scores, with_profile=with_profile)
    assert [name for sentence in found for name in scores if name in sentence] == named_groups


# --- Statistics and caches ----------------------------------------------------------------------------------


async def check_performance_stats(engine: ScoringEngine) -> None:
    engine.clear_caches()
    await engine.warmup_caches()
    await engine.calculate_scores_for_all_users()
    stats = engine.get_performance_stats()
    assert stats["avg_calculation_time"] == stats["avg_calculation_time_ms"] / 1000 > 0
    caches = stats["caches"].values()
    assert stats["cache_hits"] == stats["hits"] == sum(cache["hits"] for cache in caches) > 0
    assert stats["cache_misses"] == stats["misses"] == sum(cache["misses"] for cache in caches) > 0
    assert stats["cache_hit_rate"] == stats["cache_hits"] / (stats["cache_hits"] + stats["cache_misses"])
    assert stats["memory_usage"] == {
        "prefecture_cache_size": 1,
        "occupation_cache_size": 1,
        "company_popularity_cache_size": 1,
    }
    assert stats["cache_bytes"]["snapshot"] > 1000

    engine._update_performance_stats(operation="own loop", calc_time=0.5, count=100)
    after = engine.get_performance_stats()
    assert after["total_calculations"] == stats["total_calculations"] + 100
    assert after["total_seconds"] == pytest.approx(stats["total_seconds"] + 0.5)
    assert after["operations"]["own loop"]["pairs"] == 100
    users = stats["total_users"] + 1
    expected = (stats["avg_calculation_time"] * stats["total_users"] + 0.5) / users
    assert after["avg_calculation_time"] == pytest.approx(expected)
    for name, arguments in {"calc_time": (-1, 1), "count": (1.0, 1.5)}.items():
        with raises_at(ConfigurationError, name):
            engine._update_performance_stats("own loop", *arguments)


async def check_clear_caches(engine: ScoringEngine) -> None:
    for keyword, names in (("names", "all"), ("cache_types", ["lru", "all"])):
        await engine.calculate_scores_for_all_users(user_limit=1)
        assert engine.cache_stats()["snapshot"].entries == engine.cache_stats()["plans"].entries == 1
        engine.clear_caches(**{keyword: names})
        assert {stats.entries for stats in engine.cache_stats().values()} == {0}
    await engine.calculate_scores_for_all_users(user_limit=1)
    engine.clear_caches(cache_types=["plans"])
    assert engine.cache_stats()["plans"].entries == 0 < engine.cache_stats()["snapshot"].entries
    with raises_at(ConfigurationError, "everything"):
        engine.clear_caches(["all", "everything"])
    assert engine.cache_stats()["snapshot"].entries == 1


# --- All users ----------------------------------------------------------------------------------------------


async def check_all_users(engine: ScoringEngine) -> None:
    best = await engine.calculate_scores_for_all_users(9, 4)
    assert best["rank"].max() <= 9
    assert best["user_id"].nunique() <= 4
    some = await engine.calculate_scores_for_all_users(9, 4, ["seo_score", "total_score"])
    pd.testing.assert_frame_equal(some, best[["user_id", "job_id", "seo_score", "total_score", "rank"]])
    one = await engine.calculate_scores_for_all_users(9, 4, score_types="base", top_k=2)
    pd.testing.assert_frame_equal(
        one, best[best["rank"] <= 2][["user_id", "job_id", "base_score", "rank"]].reset_index(drop=True)
    )
    with pytest.warns(DeprecationWarning, match="top_k=2"):
        old = await engine.calculate_scores_for_all_users(9, 4, 2)
    pd.testing.assert_frame_equal(old, best[best["rank"] <= 2].reset_index(drop=True))
    every = await engine.calculate_scores_for_all_users(9, 4, ["total_score"], top_k=None)
    assert (list(every), len(every)) == (["user_id", "job_id", "total_score", "eligible"], 36)
    pd.testing.assert_frame_equal(await engine.calculate_scores_for_all_users(9, 4, None), best)


# --- Loaded rows --------------------------------------------------------------------------------------------

JOB_NAMES: Final = [
    "job_id", "endcl_cd", "company_name", "application_name", "pref_cd", "city_cd", "station_name_eki", "address",
    "salary_type", "min_salary", "max_salary", "fee", "occupation_cd1", "employment_type_cd", "has_daily_payment",
    "has_no_experience", "has_student_welcome", "has_remote_work", "posting_date", "end_at", "is_active", "external_id",
]  # fmt: skip
USER_NAMES: Final = [
    "user_id", "estimated_pref_cd", "estimated_city_cd", "age_group", "gender", "preferred_categories",
    "preferred_salary_min", "preferred_work_style", "registration_date", "is_active", "external_id",
]  # fmt: skip


async def check_loaded_rows(engine: ScoringEngine) -> None:
    jobs = await engine._batch_load_jobs_optimized(limit=7, columns="legacy")
    users = await engine._batch_load_users_optimized(columns="legacy")
    assert (list(jobs), list(users)) == (JOB_NAMES, USER_NAMES)
    plain = await engine._batch_load_jobs_optimized(limit=7), await engine._batch_load_users_optimized()
    for legacy, canonical in zip((jobs, users), plain, strict=True):
        pd.testing.assert_frame_equal(legacy.set_axis(canonical.columns, axis=1), canonical)
    expected = await engine.process_scoring_batch(plain[1], plain[0])
    pd.testing.assert_frame_equal(await engine.process_scoring_batch(users, jobs), expected)
    with raises_at(ConfigurationError, "columns"):
        await engine._batch_load_jobs_optimized(columns="old")  # type: ignore[arg-type]


# --- On every source ----------------------------------------------------------------------------------------

Check = Callable[[ScoringEngine], Awaitable[None]]

CHECKS: Final[dict[str, Check]] = {
    "batch_calculate_scores": check_pair_scores,
    "points": check_points,
    "single forms": check_single_forms,
    "component_values": check_component_values,
    "_batch_load_user_history": check_history,
    "_batch_load_company_popularity": check_popularity,
    "get_score_explanation": check_explanations,
    "get_performance_stats": check_performance_stats,
    "clear_caches": check_clear_caches,
    "calculate_scores_for_all_users": check_all_users,
    "loaded rows": check_loaded_rows,
}

ON_SESSIONS: Final = (
    "batch_calculate_scores", "_batch_load_user_history", "_batch_load_company_popularity", "loaded rows",
)  # fmt: skip
"""The legacy names whose work differs between handles: the rest reads the same snapshot."""


@pytest.mark.parametrize("name", CHECKS)
async def test_legacy_name_returns_the_legacy_shape(name: str, engine: ScoringEngine) -> None:
    await CHECKS[name](engine)


@pytest.mark.parametrize("kind", ["session", "async session"])
async def test_legacy_shapes_on_sessions(kind: str, url: str) -> None:
    async with AsyncExitStack() as stack:
        db = await handle(kind, url, stack)
        with new_engine(db, as_of=MARKET.as_of) as engine:
            assert engine.db is db
            for name in ON_SESSIONS:
                await CHECKS[name](engine)


def test_db_is_what_was_passed(source: Any) -> None:
    with new_engine(source) as engine:
        assert engine.db is source


# --- Without data -------------------------------------------------------------------------------------------


async def test_points_and_classic_base_scores_need_no_data() -> None:
    jobs, expected = MARKET.frames()["jobs"], [ORACLE.classic({"user_id": 0}, job) for job in MARKET.jobs]
    with new_engine("sqlite:////nowhere/market.db", "classic") as engine:
        base = engine.calculate_base_scores_vectorized(jobs)
        assert base.tolist() == [float(np.float32(score.groups["base"])) for score in expected]
        for name in ("fee", "wage", "access"):
            found = engine.component_values(jobs, name)
            assert found.tolist() == [float(np.float32(score.components[name])) for score in expected]
        await check_points(engine)
        await engine._calculate_salary_attractiveness(MARKET.jobs[0])
        await engine._calculate_access_score(MARKET.jobs[0])
        assert engine.get_performance_stats()["database"]["round_trips"] == 0
        assert engine.cache_stats()["snapshot"].requests == 0


@pytest.mark.parametrize(("model", "loads"), [("classic", False), ("standard", True)])
def test_base_scores_load_data_only_if_they_need_them(url: str, model: str, loads: bool) -> None:
    with new_engine(url, model) as engine:
        base = engine.calculate_base_scores_vectorized(MARKET.frames()["jobs"])
        assert (engine._data.current is not None) == loads
        score = ORACLE.classic if model == "classic" else ORACLE.standard
        expected = [score({"user_id": 0}, job).groups["base"] for job in MARKET.jobs]
        assert base.tolist() == [float(np.float32(value)) for value in expected]


@pytest.mark.parametrize(
    ("salary_type", "salary", "points"),
    [
        ("hourly", 1500, 30), ("hourly", 1499.9, 20), ("hourly", 1200, 20), ("hourly", 1199, 10), ("hourly", 1000, 10),
        ("hourly", 999, 5), ("daily", 12_000, 30), ("monthly", 192_000, 20), ("monthly", 159_999, 5), (None, 5000, 5),
        ("hourly", None, 5), ("hourly", -1, 5),
    ],
)  # fmt: skip
async def test_wage_points_by_hand(salary_type: str | None, salary: float | None, points: float) -> None:
    job = {"job_id": 1, "salary_type": salary_type, "min_salary": salary}
    engine = ScoringEngine("sqlite:////nowhere/market.db", "standard")
    assert await engine._calculate_salary_attractiveness(job) == points
    assert engine._calculate_salary_attractiveness_vectorized(pd.DataFrame([job])).tolist() == [points]


@pytest.mark.parametrize(
    ("station", "address", "points"), [(None, None, 5), (None, "x", 10), ("x", None, 20), ("x", "x", 20), (" ", "", 5)]
)
async def test_access_points_by_hand(station: str | None, address: str | None, points: float) -> None:
    job = {"job_id": 1, "station_name_eki": station, "address": address}
    engine = ScoringEngine("sqlite:////nowhere/market.db", "standard")
    assert await engine._calculate_access_score(job) == points
    assert engine._calculate_access_score_vectorized(pd.DataFrame([job])).tolist() == [points]


def test_invalid_rows_are_rejected() -> None:
    """A fresh engine lets the data decide: here, they cannot be loaded."""
    jobs = pd.DataFrame({"job_id": [1, 2], "min_salary": [1, np.inf]})
    engine, fresh = engine_of(MARKET), ScoringEngine("sqlite:////nowhere/market.db")
    with raises_problem("jobs", "min_salary", first=(1,)):
        fresh._calculate_salary_attractiveness_vectorized(jobs)
    with raises_problem("jobs", "min_salary", first=(1,)):
        engine.calculate_base_scores_vectorized(jobs)
    with raises_with(DatabaseError, reason="missing file"):
        fresh.calculate_base_scores_vectorized(jobs)
    with raises_data("not a frame", table="jobs", value="list"):
        fresh._calculate_access_score_vectorized([1])  # type: ignore[arg-type]


async def test_numbers_of_text_ids_are_accepted(sqlite_url: str) -> None:
    jobs = pd.DataFrame({"job_id": [FIRST, 1006], "min_salary": [1500, 900], "salary_type": "hourly"})
    with Database.open(sqlite_url) as database:
        save_tables(database, text_id_tables())
    with ScoringEngine(sqlite_url, keep_factors=False) as engine:
        assert engine._calculate_salary_attractiveness_vectorized(jobs).tolist() == [30, 5]
        assert engine._data.current is None
        assert engine.calculate_base_scores_vectorized(jobs).tolist() == [35, 10]


def test_points_read_only_their_columns() -> None:
    jobs = pd.DataFrame({"min_salary": [1500, 1500], "Salary_Type": "hourly", "station_name_eki": ["x", None]})
    engine = ScoringEngine("sqlite:////nowhere/market.db")
    for frame in (jobs, jobs.assign(job_id=1), jobs.assign(Job_ID=["A", None], fee="free", posting_date="soon")):
        assert engine._calculate_salary_attractiveness_vectorized(frame).tolist() == [30, 30]
        assert engine._calculate_access_score_vectorized(frame).tolist() == [20, 5]
    assert engine._calculate_access_score_vectorized(jobs[["min_salary"]].set_index("min_salary")).tolist() == [5, 5]


# --- Details ------------------------------------------------------------------------------------------------


@pytest.fixture
def small() -> ScoringEngine:
    return engine_of(MARKET)


async def test_frame_of_history_is_that_of_the_table(sqlite_market: str) -> None:
    with new_engine(sqlite_market) as engine:
        ids = [user["user_id"] for user in MARKET.users]
        found = (await engine._batch_load_user_history(ids)).frame()
        stored = load_actions(engine._data.database, ids)
    key = ["user_id", "occurred_at", "job_id", "action"]
    stored = stored[stored["occurred_at"] <= ORACLE.as_of].drop_duplicates().sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(found, stored)


async def test_results_are_plain_and_belong_to_the_caller(small: ScoringEngine) -> None:
    ids = [user["user_id"] for user in MARKET.users]
    history = await small._batch_load_user_history(ids)
    popularity = await small._batch_load_company_popularity(["C1"])
    scores = await small.batch_calculate_scores([(MARKET.jobs[0], MARKET.users[0])])
    for result in (history, popularity, scores):
        again = copy.deepcopy(result)
        assert again == result
        pd.testing.assert_frame_equal(again.frame(), result.frame())
        changed = result.frame()
        changed.loc[:, changed.select_dtypes("number").columns] = 0
        pd.testing.assert_frame_equal(result.frame(), again.frame())
    user = next(iter(history))
    twice = await small._batch_load_user_history([user, str(user)])
    assert twice[user] == twice[str(user)] == history[user]
    twice[user]["views"].append({})
    assert twice[str(user)] == history[user]


async def test_empty_requests_have_empty_shapes(small: ScoringEngine) -> None:
    for result in (
        await small.batch_calculate_scores([]),
        await small._batch_load_user_history([]),
        await small._batch_load_user_history([-1]),
        await small._batch_load_company_popularity([]),
    ):
        assert not result
        assert len(result.frame()) == 0
    assert list((await small._batch_load_user_history([])).frame()) == ["user_id", "job_id", "action", "occurred_at"]


async def test_two_names_of_an_argument_are_rejected(small: ScoringEngine, tmp_path: Any) -> None:
    with raises_at(ConfigurationError, "job_user_pairs"):
        await small.batch_calculate_scores([], job_user_pairs=[])
    with raises_at(ConfigurationError, "pairs"):
        await small.batch_calculate_scores()
    with raises_at(ConfigurationError, "endcl_cds"):
        await small._batch_load_company_popularity(["C1"], endcl_cds=["C1"])
    with raises_at(ConfigurationError, "cache_types"):
        small.clear_caches("lru", cache_types="lru")
    with raises_at(ConfigurationError, "top_k"):
        await small.calculate_scores_for_all_users(1, 1, 3, top_k=4)
    with raises_at(ConfigurationError, "score_types"):
        await small.calculate_scores_for_all_users(score_types=["match"])
    with raises_at(ConfigurationError, "score_types"):
        await small.calculate_scores_for_all_users(score_types=["total_score"], top_k=None, out=tmp_path / "pairs")
    for third in (0, True):
        with raises_at(ConfigurationError, "top_k"):
            await small.calculate_scores_for_all_users(1, 1, third)  # type: ignore[arg-type]


async def test_pair_scores_have_no_other_columns(small: ScoringEngine) -> None:
    scores = await small.batch_calculate_scores([(MARKET.jobs[0], MARKET.users[0])])
    with pytest.warns(DeprecationWarning, match="match_score"), pytest.raises(KeyError):
        scores["match_score"]
