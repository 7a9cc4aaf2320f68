"""Statistics of the whole snapshot, compared with plain counting."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset, Tables
from scoring.dataset.arrays import DAY
from scoring.model import Inputs
from scoring.statistics import Statistics
from scoring.statistics.area_wages import MIN_JOBS_PER_AREA
from tests.support.random_markets import CLOCK, RawMarket, Row, random_market
from tests.support.small_datasets import small_dataset


def market_of(jobs: list[Row], actions: list[Row] | None = None, users: list[Row] | None = None) -> Dataset:
    market = RawMarket(
        jobs=[{"is_active": True} | job for job in jobs],
        users=users or [{"user_id": 1}],
        actions=actions or [],
        occupations=[
            {"occupation_code": code, "name": None, "major_code": major}
            for code, major in ((101, 1), (102, 1), (201, 2), (301, None))
        ],
        prefectures=[{"prefecture_code": code, "name": code, "region": None} for code in ("01", "02")],
        adjacency=[("01", "02")],
    )
    return Dataset(Tables(**market.frames()), as_of=CLOCK)


# --- Area means ---------------------------------------------------------------------------------------------


def paid_job(job_id: int, wage: float | None, prefecture: str | None, occupation: int | None, **more: object) -> Row:
    return {
        "job_id": job_id,
        "salary_type": "hourly",
        "min_salary": wage,
        "prefecture_code": prefecture,
        "occupation_code": occupation,
    } | more


def area_of_first(jobs: list[Row]) -> tuple[float, int, int]:
    data = market_of(jobs)
    mean, count, level = Statistics(data).areas.of(data.jobs)
    return float(mean[0]), int(count[0]), int(level[0])


@pytest.mark.parametrize(("others", "level"), [(28, 0), (29, 2)])
def test_area_mean_requires_30_open_jobs_with_wage(others: int, level: int) -> None:
    """29 jobs are too few, both for prefecture and major group and for the prefecture."""
    assert MIN_JOBS_PER_AREA == 30
    jobs = [paid_job(i, 1000.0 + i, "01", (101, 102)[i % 2]) for i in range(others + 1)]
    jobs += [paid_job(100 + i, 5000.0, "02", 101) for i in range(5)]
    # jobs that do not count: closed, unknown wage, another place
    jobs += [paid_job(200, 9000.0, "01", 101, posted_at=CLOCK + timedelta(days=1))]
    jobs += [paid_job(201, 9000.0, "01", 101, expires_at=CLOCK)]
    jobs += [
        paid_job(202, None, "01", 101),
        paid_job(203, -5.0, "01", 101),
        paid_job(204, 9000.0, "01", 101, salary_type="yearly"),
    ]
    own = [1000.0 + i for i in range(others + 1)]
    wages = own if level == 2 else own + [5000.0] * 5
    assert area_of_first(jobs) == (sum(wages) / len(wages), len(wages), level)


@pytest.mark.parametrize(("in_prefecture", "level"), [(29, 0), (30, 1)])
def test_small_major_group_uses_mean_of_prefecture(in_prefecture: int, level: int) -> None:
    jobs = [paid_job(0, 1000.0, "01", 101)]
    jobs += [paid_job(i, 1100.0, "01", (201, 301, None, 999)[i % 4]) for i in range(1, in_prefecture)]
    jobs += [paid_job(100 + i, 3000.0, "02", 101) for i in range(4)]
    mean, count, found = area_of_first(jobs)
    wages = [1000.0] + [1100.0] * (in_prefecture - 1) + [3000.0] * (4 if level == 0 else 0)
    assert (count, found) == (len(wages), level)
    assert mean == pytest.approx(sum(wages) / len(wages), rel=1e-15)


@pytest.mark.parametrize("prefecture", [None, "77"])
def test_jobs_without_area_use_overall_mean(prefecture: str | None) -> None:
    """Forty jobs without a prefecture do not form an area; forty with an unknown code do."""
    jobs = [paid_job(i, 1000.0, prefecture, None) for i in range(40)] + [paid_job(99, 2000.0, "01", 101)]
    mean, count, level = area_of_first(jobs)
    assert (mean, count, level) == ((42000.0 / 41, 41, 0) if prefecture is None else (1000.0, 40, 1))


def test_no_mean_without_open_jobs_with_wage() -> None:
    mean, count, level = area_of_first([paid_job(0, None, "01", 101), paid_job(1, 1000.0, "01", 101, expires_at=CLOCK)])
    assert math.isnan(mean)
    assert (count, level) == (0, 0)


def test_request_rows_use_area_means_of_dataset() -> None:
    data = market_of([paid_job(i, 1000.0, "01", 101) for i in range(30)])
    statistics = Statistics(data)
    rich = data.tables.jobs.assign(min_salary=9999.0)
    rich["prefecture_code"] = ["01", "02", "55"] * 10
    mean, _, level = statistics.areas.of(Inputs.of(statistics, jobs=rich).jobs)
    assert set(mean) == {1000.0}
    assert level[:3].tolist() == [2, 0, 0]


# --- Popularity ---------------------------------------------------------------------------------------------


def action(job: int, kind: str, when: timedelta, user: int = 1) -> Row:
    return {"user_id": user, "job_id": job, "action": kind, "occurred_at": CLOCK - when}


def test_company_actions_include_window_bounds() -> None:
    jobs = [{"job_id": 1, "company_id": "A"}, {"job_id": 2, "company_id": "A"}, {"job_id": 3, "company_id": None}]
    days, tick = timedelta(days=360), timedelta(microseconds=1)
    actions = [
        action(1, "application", timedelta(0)),
        action(1, "application", timedelta(0)),  # a duplicate
        action(2, "application", days),
        action(1, "application", days + tick),
        action(1, "application", -tick),
        action(1, "click", days),
        action(2, "click", days + tick),
        action(2, "view", tick),
        action(3, "application", tick),
        action(3, "view", tick),
    ]
    data = market_of(jobs, actions)
    assert data.clock.now % DAY  # the clock is not at midnight
    applications, looks = Statistics(data).company_actions(360).of(data.jobs.company)
    assert applications.tolist() == [2, 2, 0]
    assert looks.tolist() == [2, 2, 0]
    wider = Statistics(data).company_actions(361)
    assert wider.of(data.jobs.company)[0].tolist() == [3, 3, 0]


def test_company_of_request_only_has_no_actions() -> None:
    statistics = Statistics(market_of([{"job_id": 1, "company_id": "A"}], [action(1, "application", timedelta(0))]))
    jobs = statistics.dataset.tables.jobs.assign(company_id="B")
    applications, looks = statistics.company_actions(360).of(Inputs.of(statistics, jobs=jobs).jobs.company)
    assert (applications.tolist(), looks.tolist()) == ([0], [0])


def test_counts_are_cached_per_window() -> None:
    statistics = Statistics(small_dataset())
    assert statistics.company_actions(30) is statistics.company_actions(30)
    assert statistics.company_actions(30) is not statistics.company_actions(360)


# --- Similarity ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_cosine_equals_cosine_of_application_counts(seed: int) -> None:
    market = random_market(seed, factors=True)
    data = Dataset(Tables(**market.frames()), as_of=market.as_of)
    cosine = Statistics(data).similarity.cosine
    occupation = {job["job_id"]: job["occupation_code"] for job in market.jobs}
    once = {tuple(action.values()) for action in market.actions if action["occurred_at"] <= data.as_of}
    counts: dict[int, Counter[int]] = {}
    for user_id, job_id, kind, _ in once:
        if kind == "application" and occupation[job_id] is not None:
            counts.setdefault(occupation[job_id], Counter())[user_id] += 1
    codes = data.words.occupation.values.tolist()
    assert cosine.shape == (len(codes), len(codes))
    np.testing.assert_array_equal(cosine, cosine.T)
    for i, a in enumerate(codes):
        for j, b in enumerate(codes):
            if a not in counts or b not in counts:
                assert cosine[i, j] == 0.0
                continue
            dot = sum(n * counts[b][user] for user, n in counts[a].items())
            norms = [math.sqrt(sum(n * n for n in counts[code].values())) for code in (a, b)]
            assert cosine[i, j] == pytest.approx(dot / (norms[0] * norms[1]), abs=1e-12)
            assert cosine[i, j] <= 1.0 + 1e-15


def test_similarity_is_maximum_of_major_group_and_cosine() -> None:
    jobs = [{"job_id": code, "occupation_code": code} for code in (101, 102, 201, 301, 999)]
    applied = [action(job, "application", timedelta(days=400), user) for user in (1, 2) for job in (101, 201, 999)]
    data = market_of(jobs, applied, users=[{"user_id": 1}, {"user_id": 2}])
    similarity, majors = Statistics(data).similarity, data.words.majors()
    found = similarity.matrix(majors, 0.5, 0.5)
    np.testing.assert_array_equal(similarity.rows(np.array([3, 1]), majors, 0.5, 0.5), found[[3, 1]])
    code = {value: place for place, value in enumerate(data.words.occupation.values)}
    expected = {
        (101, 101): 1.0,
        (101, 102): 0.5,  # the same major group
        (101, 201): 0.5,  # the same users: half the cosine, which is 1
        (201, 999): 0.5,
        (102, 201): 0.0,
        (301, 999): 0.0,  # neither has a major group, so they share none
        (301, 301): 1.0,
    }
    for (a, b), value in expected.items():
        assert found[code[a], code[b]] == pytest.approx(value), (a, b)
        assert found[code[b], code[a]] == found[code[a], code[b]]


# --- The snapshot -------------------------------------------------------------------------------------------


def test_fingerprint_does_not_depend_on_row_order() -> None:
    tables = small_dataset(2).tables
    for seed in range(3):
        mixed = Tables(**{name: frame.sample(frac=1, random_state=seed) for name, frame in tables.items()})
        assert Dataset(mixed).fingerprint == Dataset(tables).fingerprint


def other_values(values: pd.Series) -> pd.Series:
    """Change the value in one row."""
    place = values.notna().to_numpy().argmax()
    old = values.iloc[place]
    if isinstance(old, list):
        new: object = [*old, 301]
    elif isinstance(old, str):
        new = old + "x"
    elif isinstance(old, bool | np.bool_):
        new = not old
    else:
        new = old + (pd.Timedelta(microseconds=1) if isinstance(old, pd.Timestamp) else 1)
    return pd.Series([new if row == place else value for row, value in enumerate(values)], dtype=values.dtype)


@pytest.mark.parametrize("table", ["jobs", "users", "occupations", "user_factors", "job_factors"])
def test_fingerprint_depends_on_every_value(table: str) -> None:
    """Every column counts, because a user-defined component may read any."""
    tables = small_dataset(2).tables
    frame = getattr(tables, table)
    keys = {"user_id", "job_id", "occupation_code"} if table != "jobs" else {"job_id"}
    before = Dataset(tables, as_of=CLOCK).fingerprint
    for name in frame.columns:
        if name in keys or not frame[name].notna().any():
            continue
        other = tables.with_tables(**{table: frame.assign(**{name: other_values(frame[name])})})
        assert Dataset(other, as_of=CLOCK).fingerprint != before, name


def test_fingerprint_depends_on_clock_and_actions_before_it() -> None:
    tables = small_dataset(2).tables
    data = Dataset(tables)
    assert Dataset(tables, as_of=data.as_of).fingerprint == data.fingerprint  # the data's own clock, given explicitly
    early = data.as_of - pd.Timedelta(days=3)
    before = Dataset(tables, as_of=early).fingerprint
    assert before != data.fingerprint
    happened = tables.actions["occurred_at"] <= early
    newest = tables.actions["occurred_at"] == data.as_of  # while later actions exist, the clock is set back
    assert Dataset(tables.with_tables(actions=tables.actions[happened | newest]), as_of=early).fingerprint == before
    fewer = tables.actions[(happened | newest) & (tables.actions.index != happened.to_numpy().argmax())]
    assert Dataset(tables.with_tables(actions=fewer), as_of=early).fingerprint != before
