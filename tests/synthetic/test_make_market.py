"""The synthetic market: valid tables of any size, and choices that follow the hidden preferences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.columns import ACTION_KINDS, SALARY_TYPES, TABLES
from scoring.dataset import reference
from scoring.errors import ConfigurationError
from scoring.synthetic import HIDDEN_WEIGHTS, Market, make_market
from scoring.synthetic.sampling import Strata
from tests.support.errors import raises_at


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(n_users=2000, n_jobs=20_000, seed=7)


@pytest.fixture(scope="module")
def events(market: Market) -> pd.DataFrame:
    """Return the actions with the columns of their job and user."""
    tables = market.tables
    joined = tables.actions.merge(tables.jobs, on="job_id", validate="m:1")
    return joined.merge(tables.users, on="user_id", suffixes=("", "_user"), validate="m:1")


def gini(counts: np.ndarray) -> float:
    counts = np.sort(counts)
    n = len(counts)
    return float(2 * (np.arange(1, n + 1) * counts).sum() / (n * counts.sum()) - (n + 1) / n)


@pytest.mark.parametrize("size", [(1, 1, 0), (1, 1, 1), (2, 1, 50), (1, 40, 30), (40, 3, 500), (60, 300, 6000)])
def test_tables_are_canonical_and_complete_at_any_size(size: tuple[int, int, int]) -> None:
    tables = make_market(*size, seed=3).tables
    for name, frame in tables.items():
        expected = {column.name: column.type.dtype for column in TABLES[name].columns}
        assert frame.dtypes.astype(str).to_dict() == expected, name
        assert list(frame) == list(expected)
        assert not frame[list(TABLES[name].required)].isna().any(axis=None)
        assert not frame.duplicated(list(TABLES[name].key)).any()
    assert (len(tables.users), len(tables.jobs)) == size[:2]
    assert len(tables.actions) <= size[2]


def test_market_has_the_requested_number_of_actions(market: Market) -> None:
    assert len(market.tables.actions) == 200_000
    assert len(make_market(100, 2000, 5001).tables.actions) == 5001


def test_same_seed_gives_the_same_market() -> None:
    one, two, other = (make_market(80, 500, seed=seed) for seed in (5, 5, 6))
    for name, frame in one.tables.items():
        pd.testing.assert_frame_equal(frame, dict(two.tables.items())[name])
    pd.testing.assert_frame_equal(one.preferences.user_weights, two.preferences.user_weights)
    assert not one.tables.jobs["title"].equals(other.tables.jobs["title"])
    assert not one.tables.actions.equals(other.tables.actions)


def test_users_do_not_depend_on_the_number_of_jobs() -> None:
    few, many = make_market(50, 20, 0).tables.users, make_market(50, 400, 100).tables.users
    pd.testing.assert_frame_equal(few, many)


def test_clock_may_be_set() -> None:
    past = make_market(200, 2000, seed=1, as_of="2024-06-30 08:15:30.7")
    assert past.as_of == pd.Timestamp("2024-06-30T08:15:30Z")
    newest = past.tables.actions["occurred_at"].max()
    assert past.as_of - pd.Timedelta(minutes=5) <= newest <= past.as_of
    tokyo = make_market(1, 1, 0, as_of="2025-01-01T09:00:00+09:00")
    assert tokyo.as_of == pd.Timestamp("2025-01-01T00:00:00Z")


@pytest.mark.parametrize(("size", "key"), [((0, 1, 0), "n_users"), ((1, 0, 0), "n_jobs"), ((1, 1, -1), "n_actions")])
def test_impossible_sizes_raise(size: tuple[int, int, int], key: str) -> None:
    with raises_at(ConfigurationError, key):
        make_market(*size)


@pytest.mark.parametrize("as_of", ["yesterday-ish", "NaT"])
def test_invalid_clock_of_a_market_raises(as_of: str) -> None:
    with raises_at(ConfigurationError, "as_of"):
        make_market(1, 1, 0, as_of=as_of)


def test_actions_happen_while_the_job_is_open(market: Market, events: pd.DataFrame) -> None:
    assert len(events) == len(market.tables.actions)  # every referenced user and job exists
    at = events["occurred_at"]
    assert (at <= market.as_of).all()
    assert (at >= market.as_of - pd.Timedelta(days=361)).all()
    assert ((events["posted_at"] <= at) | events["posted_at"].isna()).all()
    assert ((events["expires_at"] > at) | events["expires_at"].isna()).all()
    assert ((events["registered_at"] <= at) | events["registered_at"].isna()).all()
    assert (at.dt.microsecond == 0).all()
    assert at.is_monotonic_increasing
    assert market.as_of - at.max() < pd.Timedelta(minutes=5)


def test_actions_form_a_funnel(market: Market) -> None:
    actions = market.tables.actions
    shares = actions["action"].value_counts(normalize=True)
    assert set(shares.index) == set(ACTION_KINDS)
    assert shares["application"] == pytest.approx(0.05, abs=0.015)
    assert shares["click"] == pytest.approx(0.25, abs=0.03)
    applications = actions[actions["action"] == "application"]
    assert not applications.duplicated(["user_id", "job_id"]).any()
    pairs = {kind: pd.MultiIndex.from_frame(g[["user_id", "job_id"]]) for kind, g in actions.groupby("action")}
    assert pairs["application"].isin(pairs["click"]).all()
    assert pairs["click"].isin(pairs["view"]).all()


def test_activity_and_popularity_have_heavy_tails(market: Market) -> None:
    tables = market.tables
    per_job = np.bincount(tables.actions["job_id"], minlength=len(tables.jobs) + 1)[1:]
    per_user = np.bincount(tables.actions["user_id"], minlength=len(tables.users) + 1)[1:]
    assert 0.6 < gini(per_job) < 0.9
    assert 0.5 < gini(per_user) < 0.8
    assert 0.05 < (per_user == 0).mean() < 0.25
    sizes = tables.jobs["company_id"].value_counts()
    assert sizes.iloc[: len(sizes) // 10].sum() > 0.4 * sizes.sum()
    assert sizes.iloc[0] < 0.05 * sizes.sum()


def test_most_jobs_are_open_and_viewed(market: Market) -> None:
    jobs, now = market.tables.jobs, market.as_of
    is_open = (
        ((jobs["posted_at"] <= now) | jobs["posted_at"].isna())
        & ((jobs["expires_at"] > now) | jobs["expires_at"].isna())
        & jobs["is_active"]
    )
    assert 0.6 < is_open.mean() < 0.8
    assert (jobs["posted_at"] > now).any()
    assert (jobs["expires_at"] <= now).any()
    assert (~jobs["is_active"]).any()
    acted_on = market.tables.actions["job_id"].isin(jobs["job_id"][is_open])
    assert acted_on.mean() > 0.3
    life = (jobs["expires_at"] - jobs["posted_at"]).dropna()
    assert life.between(pd.Timedelta(days=14), pd.Timedelta(days=90)).all()


def test_wages_are_round_and_at_least_the_minimum_wage(market: Market) -> None:
    jobs = market.tables.jobs.dropna(subset=["min_salary", "salary_type", "prefecture_code", "posted_at"])
    least = pd.merge_asof(
        jobs.sort_values("posted_at"),
        reference.load_minimum_wages().sort_values("effective_date"),
        left_on="posted_at",
        right_on="effective_date",
        by="prefecture_code",
    )
    hourly = least["min_salary"] / least["salary_type"].map(SALARY_TYPES)
    assert (hourly >= least["hourly_wage"]).all()
    assert ((least["max_salary"] >= least["min_salary"]) | least["max_salary"].isna()).all()
    for kind, step in {"daily": 500, "monthly": 10_000}.items():
        assert (least["min_salary"][least["salary_type"] == kind] % step == 0).all()
    paid = least[least["salary_type"] == "hourly"]
    assert ((paid["min_salary"] % 10 == 0) | (paid["min_salary"] == paid["hourly_wage"])).all()
    by_place = hourly.groupby(least["prefecture_code"]).mean()
    assert by_place["13"] > 1.1 * by_place["02"]


def test_places_and_occupations_follow_the_reference_tables(market: Market) -> None:
    jobs, users = market.tables.jobs, market.tables.users
    people = reference.load_prefecture_traits().set_index("prefecture_code")["population"]
    seen = users["prefecture_code"].value_counts().reindex(people.index, fill_value=0)
    assert np.corrcoef(people, seen)[0, 1] > 0.97
    for frame in (jobs, users):
        known = frame.dropna(subset=["city_code", "prefecture_code"])
        assert known["city_code"].isin(reference.load_cities()["city_code"]).all()
        assert (known["city_code"].str[:2] == known["prefecture_code"]).all()
    codes = set(market.tables.occupations["occupation_code"])
    assert set(jobs["occupation_code"].dropna()) <= codes
    assert {code for said in users["preferred_occupations"] for code in said} <= codes
    assert users["preferred_occupations"].map(lambda said: len(said) == len(set(said)) <= 5).all()
    it = jobs["occupation_code"] // 100 == 8
    assert jobs.loc[it.fillna(False), "has_remote_work"].mean() > 5 * jobs["has_remote_work"][~it.fillna(True)].mean()


def test_every_nullable_column_has_a_few_missing_values(market: Market) -> None:
    for name in ("jobs", "users"):
        frame = getattr(market.tables, name)
        for column in TABLES[name].columns:
            missing = frame[column.name].isna().mean()
            if column.required:
                assert missing == 0
            elif column.name == "external_id":
                assert missing == 1
            elif column.name not in {"is_active", "preferred_occupations"}:
                assert 0 < missing < 0.5, column.name
    assert 0.05 < market.tables.users["preferred_occupations"].map(len).eq(0).mean() < 0.25
    assert (market.tables.jobs["fee"].dropna().between(0, 10_000)).all()
    assert (market.tables.jobs["fee"].dropna() < 5000).mean() > 0.8


def test_hidden_weights_differ_between_users(market: Market) -> None:
    preferences = market.preferences
    assert sum(preferences.weights.values()) == pytest.approx(1)
    assert preferences.weights == HIDDEN_WEIGHTS
    assert list(preferences.user_weights) == ["user_id", *HIDDEN_WEIGHTS]
    matrix = preferences.user_weights[list(HIDDEN_WEIGHTS)]
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(matrix.mean(), list(HIDDEN_WEIGHTS.values()), atol=0.03)
    assert (matrix.std() > 0).all()
    assert 0.1 < preferences.quirks["hated_occupation"].notna().mean() < 0.6
    assert 0.1 < preferences.quirks["favourite_company"].notna().mean() < 0.4


def test_choices_follow_the_hidden_preferences(market: Market, events: pd.DataFrame) -> None:
    """Compare chosen jobs with random open jobs, by location and stated preference, which the frames contain."""
    rng = np.random.default_rng(0)
    jobs = market.tables.jobs
    jobs = jobs[(jobs["posted_at"] <= market.as_of) & (jobs["expires_at"] > market.as_of)]
    chosen = events[events["action"] == "application"]
    random = jobs.iloc[rng.integers(0, len(jobs), len(chosen))].reset_index(drop=True)
    preferred = chosen["preferred_occupations"].to_list()

    def worth(offered: pd.DataFrame) -> np.ndarray:
        near = (offered["prefecture_code"].to_numpy() == chosen["prefecture_code_user"].to_numpy()).astype(float)
        codes = offered["occupation_code"].fillna(-1)
        fits = np.array([code in said for code, said in zip(codes, preferred, strict=True)])
        return 65 * HIDDEN_WEIGHTS["location"] * near + 80 * HIDDEN_WEIGHTS["category"] * fits

    gain = worth(chosen) - worth(random)
    assert gain.mean() > 10  # points of utility; 30 is the maximum of both parts
    weight = market.preferences.user_weights.set_index("user_id")["location"]
    at_home = chosen["prefecture_code"] == chosen["prefecture_code_user"]
    mind = chosen["user_id"].map(weight)
    assert at_home[mind > weight.quantile(0.75)].mean() > at_home[mind < weight.quantile(0.25)].mean() + 0.02


def test_quirks_change_the_choices_of_users(market: Market, events: pd.DataFrame) -> None:
    quirks = market.preferences.quirks.set_index("user_id")
    rng = np.random.default_rng(0)

    def share(quirk: str, column: str) -> tuple[float, float]:
        """Return the share of actions that match the user's quirk, and the share for another user's quirk."""
        wanted = events["user_id"].map(quirks[quirk])
        rows = events[wanted.notna()]
        mine = wanted.dropna().to_numpy(object)
        own = rows[column].astype(object).fillna("").to_numpy(object)
        return float((own == mine).mean()), float((own == rng.permutation(mine)).mean())

    hated, by_chance = share("hated_occupation", "occupation_code")
    assert hated < 0.5 * by_chance
    sought, by_chance = share("favourite_company", "company_id")
    assert sought > 1.5 * by_chance


def test_strata_draw_open_items_of_the_group_by_weight() -> None:
    strata = Strata(np.array([1, 0, 1, 1, 3]), 4, np.array([1.0, 1.0, 3.0, 5.0, 1.0]))
    opened = strata.restrict(np.array([True, True, True, False, True]))
    drawn = opened.draw(np.random.default_rng(0), np.repeat([0, 1, 2, 3], 4000))
    assert set(drawn[:4000]) == {1}
    assert set(drawn[4000:8000]) == {0, 2}
    assert (drawn[4000:8000] == 2).mean() == pytest.approx(0.75, abs=0.03)
    assert set(drawn[8000:12000]) == {-1}
    assert set(drawn[12000:]) == {4}
    assert set(strata.restrict(np.zeros(5, bool)).draw(np.random.default_rng(0), np.arange(4))) == {-1}
