"""Compare the oracle with numbers computed by hand from the contract's page."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.oracle import CLASSIC, STANDARD, Oracle, float32, known, piecewise
from tests.support.random_markets import CLOCK, random_market

NOW = datetime(2025, 6, 15, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
OCCUPATIONS = [
    {"occupation_code": code, "name": None, "major_code": major}
    for code, major in ((101, 1), (102, 1), (201, 2), (301, None), (302, None))
]
PREFECTURES = [{"prefecture_code": code, "name": code, "region": None} for code in ("01", "02", "03")]
ADJACENCY = [("02", "01"), ("03", "99")]


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def job(job_id: int = 1, **columns: Any) -> dict[str, Any]:
    return {"job_id": job_id, "is_active": True} | columns


def user(user_id: int = 1, **columns: Any) -> dict[str, Any]:
    return {"user_id": user_id} | columns


def act(user_id: int, job_id: int, action: str, at: datetime) -> dict[str, Any]:
    return {"user_id": user_id, "job_id": job_id, "action": action, "occurred_at": at}


def oracle(jobs: Any = (), actions: Any = (), users: Any = (), **keywords: Any) -> Oracle:
    keywords = {"as_of": NOW} | keywords
    return Oracle(list(jobs), list(users), list(actions), OCCUPATIONS, PREFECTURES, ADJACENCY, **keywords)


def standard(name: str, o: Oracle, u: dict[str, Any], j: dict[str, Any]) -> float:
    return o.standard(u, j).components[name]


def classic(name: str, o: Oracle, u: dict[str, Any], j: dict[str, Any], has_profile: bool = True) -> float:
    return o.classic(u, j, has_profile=has_profile).components[name]


# --- Vocabulary ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, math.nan, "", "  "])
def test_missing(value: Any) -> None:
    assert not known(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "a"])
def test_not_missing(value: Any) -> None:
    assert known(value)


# --- The clock ----------------------------------------------------------------------------------------------


def test_clock_is_the_newest_action_else_the_newest_posting() -> None:
    jobs = [job(1, posted_at=ago(1)), job(2, posted_at=ago(3)), job(3)]
    actions = [act(1, 1, "view", ago(9)), act(1, 2, "view", ago(5))]
    assert oracle(jobs, actions, as_of=None).as_of == ago(5)
    assert oracle(jobs, as_of=None).as_of == ago(1)
    assert oracle(jobs, actions).as_of == NOW
    assert oracle([job(3)], as_of=None).as_of is None


@pytest.mark.parametrize(
    ("columns", "set_back", "is_open"),
    [
        ({}, False, True),
        ({"posted_at": NOW}, False, True),
        ({"posted_at": NOW + TICK}, False, False),
        ({"expires_at": NOW}, False, False),
        ({"expires_at": NOW + TICK}, False, True),
        ({"is_active": False}, False, False),
        ({"is_active": None}, False, True),
        ({"is_active": False}, True, True),
        ({"is_active": False, "expires_at": NOW}, True, False),
    ],
)
def test_open(columns: dict[str, Any], set_back: bool, is_open: bool) -> None:
    later = [act(1, 9, "view", NOW + timedelta(days=1) + TICK)] if set_back else []
    o = oracle([job(9)], [act(1, 9, "view", NOW), *later], as_of=NOW if set_back else None)
    assert o.is_open(job(1, **columns)) is is_open


def test_clock_a_day_before_newest_data_is_not_set_back() -> None:
    actions = [act(1, 9, "view", NOW + timedelta(days=1))]
    assert not oracle([job(9)], actions, as_of=NOW).is_open(job(1, is_active=False))


# --- standard: base -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fee", "value"),
    [(None, 0), (-100, 0), (500, 0), (950, 10), (2750, 50), (5000, 100), (9000, 100)],
)
def test_fee(fee: float | None, value: float) -> None:
    # 950: (950 − 500) / 4500 = 0.1; 2750: 2250 / 4500 = 0.5
    assert standard("fee", oracle(), user(), job(fee=fee)) == value


@pytest.mark.parametrize(
    ("h", "value"),
    [
        (None, 0),
        (0, 0),
        (-5, 0),
        (500, 30),
        (1000, 60),
        (1100, 70),
        (1200, 80),
        (1350, 90),
        (1500, 100),
        (9e9, 100),
    ],
)
def test_wage_by_ratio_to_the_mean(h: float | None, value: float) -> None:
    # the one open job pays 8000 a day: the mean is 1000
    o = oracle([job(9, salary_type="daily", min_salary=8000.0)])
    assert standard("wage", o, user(), job(salary_type="hourly", min_salary=h)) == pytest.approx(value, abs=1e-12)
    assert standard("wage", o, user(), job(salary_type="yearly", min_salary=h)) == 0


def test_wage_areas() -> None:
    def rows(first: int, n: int, h: float, **columns: Any) -> list[dict[str, Any]]:
        return [job(first + i, salary_type="hourly", min_salary=h, **columns) for i in range(n)]

    in_both = rows(100, 30, 2000.0, prefecture_code="01", occupation_code=101)
    in_prefecture = rows(200, 10, 1000.0, prefecture_code="01")
    elsewhere = rows(300, 30, 500.0, prefecture_code="02", occupation_code=301)
    closed = rows(400, 50, 9000.0, prefecture_code="01", occupation_code=101, expires_at=NOW)
    unknown = rows(500, 1, 0.0, prefecture_code="01", occupation_code=101)
    o = oracle(in_both + in_prefecture + elsewhere + closed + unknown)

    # 102 is of the same major group as 101
    assert o.area_mean(job(prefecture_code="01", occupation_code=102)) == 2000
    # the 40 of the prefecture: (30 · 2000 + 10 · 1000) / 40
    assert o.area_mean(job(prefecture_code="01", occupation_code=201)) == 1750
    # 301 has no known major group, so it uses the prefecture's 30
    assert o.area_mean(job(prefecture_code="02", occupation_code=301)) == 500
    # all 70: (60000 + 10000 + 15000) / 70
    everything = 85000 / 70
    assert o.area_mean(job(prefecture_code="03", occupation_code=101)) == everything
    assert o.area_mean(job(occupation_code=101)) == everything

    # one job fewer in both: 29 are too few, 39 in the prefecture are enough
    fewer = oracle(in_both[1:] + in_prefecture + elsewhere)
    assert fewer.area_mean(job(prefecture_code="01", occupation_code=102)) == (29 * 2000 + 10 * 1000) / 39


def test_wage_without_open_jobs_is_zero() -> None:
    o = oracle([job(9, salary_type="hourly", min_salary=1000.0, expires_at=NOW)])
    assert standard("wage", o, user(), job(salary_type="hourly", min_salary=1000.0)) == 0


def test_popularity() -> None:
    jobs = [job(1, company_id="A"), job(2, company_id="A"), job(3, company_id=None), job(4, company_id="B")]
    actions = [act(u, 1 + u % 2, "application", ago(u)) for u in range(3)]
    actions += [act(u, 1, "view", ago(360)) for u in range(20)]
    actions += [act(1, 1, "click", ago(360) - TICK), act(1, 1, "click", NOW + TICK)]
    actions += [act(u, 3, "application", ago(1)) for u in range(9)]
    actions += [act(u, 4, "application", ago(1)) for u in range(2)]
    o = oracle(jobs, actions)
    assert o.company_rate("A") == (3 + 1) / (20 + 20)
    # 0.10 → 80; a company without actions, or a missing one: 1/20 = 0.05 → 60; B: 3/20 = 0.15 → 100
    assert [standard("popularity", o, user(), job(company_id=c)) for c in ("A", "Z", None, "B")] == [
        80,
        60,
        60,
        100,
    ]


def test_the_same_action_counts_once() -> None:
    actions = [
        act(1, 1, "application", NOW),
        act(1, 1, "application", NOW),
        act(1, 1, "application", NOW - TICK),
    ]
    assert oracle([job(1, company_id="A")], actions).company_rate("A") == 3 / 20


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ({}, 25),
        ({"station_name": "", "address": "x"}, 50),
        ({"station_name": "x"}, 100),
        ({"station_name": "x", "address": "x"}, 100),
    ],
)
def test_access(columns: dict[str, Any], value: float) -> None:
    assert standard("access", oracle(), user(), job(**columns)) == value
    # classic: 5 · (5 + 15 + 5), at most 100
    assert classic("access", oracle(), user(), job(**columns)) == value


@pytest.mark.parametrize(
    ("posted_at", "value"),
    [
        (None, 0),
        (NOW, 100),
        (NOW + timedelta(days=2), 100),
        (ago(14), 50),
        (ago(28), 25),
        (ago(7), 50 * math.sqrt(2)),
    ],
)
def test_freshness(posted_at: datetime | None, value: float) -> None:
    assert standard("freshness", oracle(), user(), job(posted_at=posted_at)) == pytest.approx(value, abs=1e-12)


# --- standard: match ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_user", "of_job", "value", "legacy"),
    [
        (("01", "5"), ("01", "5"), 100, 100),
        (("01", "5"), ("01", "6"), 85, 100),
        (("01", None), ("01", None), 85, 100),
        (("01", "5"), ("02", "5"), 60, 60),
        (("02", "5"), ("01", "5"), 60, 60),
        (("01", "5"), ("03", "5"), 20, 20),
        ((None, "5"), (None, "5"), 20, 20),
        (("99", "5"), ("99", "5"), 100, 100),
        # 99 is in the adjacency but not in the reference table: it matches itself and nothing else
        (("99", "5"), ("03", "5"), 20, 20),
    ],
)
def test_location(of_user: Any, of_job: Any, value: float, legacy: float) -> None:
    u = user(prefecture_code=of_user[0], city_code=of_user[1])
    j = job(prefecture_code=of_job[0], city_code=of_job[1])
    assert standard("location", oracle(), u, j) == value
    assert classic("location", oracle(), u, j) == legacy


def similar() -> Oracle:
    """Return an oracle with these applications by user: 101: (2, 1), 201: (1, 1), 901: (0, 3)."""
    jobs = [job(1, occupation_code=101), job(2, occupation_code=201), job(3, occupation_code=901), job(4)]
    actions = [
        act(1, 1, "application", ago(400)),
        act(1, 1, "application", ago(300)),
        act(2, 1, "application", NOW),
    ]
    actions += [act(1, 2, "application", ago(1)), act(2, 2, "application", ago(2))]
    actions += [act(2, 3, "application", ago(n)) for n in range(3)]
    actions += [act(2, 1, "application", NOW + TICK), act(2, 1, "click", NOW), act(2, 4, "application", NOW)]
    return oracle(jobs, actions)


@pytest.mark.parametrize(
    ("preferred", "occupation", "value", "legacy"),
    [
        ([101], 101, 100, 100),
        ([101], 102, 60, 60),  # same major group: 20 + 80 · 0.5; 102 has no column
        ([101], 201, 20 + 40 * 3 / math.sqrt(10), 20),  # (2 · 1 + 1 · 1) / √(5 · 2)
        ([101], 901, 20 + 40 / math.sqrt(5), 20),  # 1 · 3 / √(5 · 9), although the reference table does not contain 901
        ([102, 101], 201, 20 + 40 * 3 / math.sqrt(10), 20),
        ([301], 302, 20, 20),  # both without a major group
        ([902], 902, 100, 100),  # an unknown code matches itself
        ([902], 101, 20, 20),
        ([], 101, 20, 20),
        (None, 101, 20, 20),
        ([101], None, 20, 20),
    ],
)
def test_category(preferred: Any, occupation: int | None, value: float, legacy: float) -> None:
    u, j = user(preferred_occupations=preferred), job(occupation_code=occupation)
    assert standard("category", similar(), u, j) == pytest.approx(value, abs=1e-12)
    assert classic("category", similar(), u, j) == legacy


WANTS_REMOTE = {"preferred_salary_min": 1000.0, "preferred_work_style": "remote"}


@pytest.mark.parametrize(
    ("of_user", "of_job", "value"),
    [
        ({}, {}, 0),  # features are always part of the mean
        ({}, {"has_student_welcome": True}, 100),
        ({}, {"has_remote_work": True}, 0),  # remote work is not an attractive feature
        ({"preferred_salary_min": 0.0, "preferred_work_style": " "}, {"has_daily_payment": True}, 100),
        ({"preferred_salary_min": 1000.0}, {"salary_type": "monthly", "min_salary": 160000.0}, 50),
        ({"preferred_salary_min": 1000.0}, {"salary_type": "monthly", "min_salary": 159999.0}, 0),
        ({"preferred_salary_min": 1000.0}, {"has_no_experience": True}, 50),
        ({"preferred_work_style": "office"}, {"has_remote_work": True}, 25),
        (WANTS_REMOTE, {"salary_type": "hourly", "min_salary": 1000.0, "has_remote_work": True}, 200 / 3),
        (WANTS_REMOTE, {"has_remote_work": None, "has_daily_payment": True}, 100 / 3),
    ],
)
def test_conditions(of_user: dict[str, Any], of_job: dict[str, Any], value: float) -> None:
    assert standard("conditions", oracle(), user(**of_user), job(**of_job)) == value


# --- standard: personal -------------------------------------------------------------------------------------


def applied(**first: Any) -> Oracle:
    """User 1 applied twice to job 1 (h 1000) and once to job 2 (h 1300, daily): m = 3300 / 3 = 1100."""
    columns = {"salary_type": "hourly", "min_salary": 1000.0, "occupation_code": 101, "prefecture_code": "01"}
    jobs = [
        job(1, **columns | first),
        job(2, salary_type="daily", min_salary=10400.0),
        job(3, salary_type="hourly", min_salary=9.0, occupation_code=201, prefecture_code="02"),
    ]
    actions = [
        act(1, 1, "application", NOW),
        act(1, 1, "application", ago(90)),
        act(1, 2, "application", ago(3)),
    ]
    actions += [
        act(1, 3, "application", ago(90) - TICK),
        act(1, 3, "view", NOW),
        act(1, 3, "application", NOW + TICK),
    ]
    return oracle(jobs, actions)


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ({}, 25),  # a missing occupation or prefecture never matches
        ({"occupation_code": 101}, 55),
        ({"occupation_code": 201, "prefecture_code": "02"}, 25),
        ({"prefecture_code": "01"}, 45),
        ({"salary_type": "hourly", "min_salary": 1319.0}, 50),  # 219 < 0.2 · 1100
        ({"salary_type": "hourly", "min_salary": 1321.0}, 25),
        (
            {"salary_type": "hourly", "min_salary": 881.0, "occupation_code": 101, "prefecture_code": "01"},
            100,
        ),
        ({"salary_type": "hourly", "min_salary": 879.0}, 25),
    ],
)
def test_history(columns: dict[str, Any], value: float) -> None:
    assert standard("history", applied(), user(), job(9, **columns)) == value
    assert standard("history", applied(), user(2), job(9, **columns)) == 50


def test_history_threshold_is_strict_and_needs_a_mean() -> None:
    o = oracle([job(1, salary_type="hourly", min_salary=1000.0), job(2)], [act(1, 1, "application", NOW)])
    for h, value in ((800.0, 25), (800.5, 50), (1200.0, 25), (1199.5, 50)):
        assert standard("history", o, user(), job(9, salary_type="hourly", min_salary=h)) == value
    unknown = oracle([job(2)], [act(1, 2, "application", NOW)])
    assert standard("history", unknown, user(), job(9, salary_type="hourly", min_salary=1.0)) == 25


def test_clicks() -> None:
    jobs = [
        job(1, occupation_code=101, has_daily_payment=True),
        job(2, has_no_experience=True),
        job(3, occupation_code=201, has_student_welcome=True),
    ]
    actions = [act(1, 1, "click", ago(30)), act(1, 2, "click", NOW)]
    actions += [act(1, 3, "click", ago(30) - TICK), act(1, 3, "view", NOW), act(1, 3, "click", NOW + TICK)]
    o = oracle(jobs, actions)
    every = {"has_daily_payment": True, "has_no_experience": True, "has_student_welcome": True}
    assert standard("clicks", o, user(), job(9, occupation_code=101, **every)) == 40 + 20 + 15 + 10
    assert standard("clicks", o, user(), job(9, occupation_code=201, **every)) == 40 + 15 + 10
    assert standard("clicks", o, user(), job(9)) == 40
    assert standard("clicks", o, user(2), job(9, occupation_code=101, **every)) == 40


def test_collaborative() -> None:
    o = oracle(
        user_factors={1: [3.0, 4.0], 2: [0.0, 0.0]},
        job_factors={1: [30.0, 40.0], 2: [-4.0, 3.0], 3: [-3.0, -4.0], 4: [5.0, 0.0], 5: [0.0, 0.0]},
    )
    values = [standard("collaborative", o, user(1), job(j)) for j in range(1, 7)]
    # cosines 1, 0, −1, 0.6; then a zero vector and none
    assert values == pytest.approx([100, 50, 0, 80, 45, 45], abs=1e-5)
    assert standard("collaborative", o, user(2), job(1)) == 45
    assert standard("collaborative", o, user(3), job(1)) == 45


def test_collaborative_keeps_float32_vectors() -> None:
    o = oracle(user_factors={1: [3.0, 4.0]}, job_factors={1: [1.0, 0.0]})
    # 0.6 as a float32 is 10066330 / 2^24
    assert standard("collaborative", o, user(), job(1)) == 50 * (1 + 10066330 / 2**24)


# --- classic ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fee", "value"), [(None, 0), (-1, 0), (500, 10), (4999.5, 99.99), (5000, 100), (6000, 100)])
def test_classic_fee(fee: float | None, value: float) -> None:
    assert classic("fee", oracle(), user(), job(fee=fee)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("salary_type", "salary", "value"),
    [
        ("hourly", 1500.0, 100),
        ("daily", 12000.0, 100),
        ("hourly", 1499.0, 200 / 3),
        ("monthly", 192000.0, 200 / 3),
        ("hourly", 1000.0, 100 / 3),
        ("hourly", 999.0, 50 / 3),
        ("yearly", 1e7, 50 / 3),
        (None, 2000.0, 50 / 3),
        ("hourly", None, 50 / 3),
    ],
)
def test_classic_wage(salary_type: str | None, salary: float | None, value: float) -> None:
    assert classic("wage", oracle(), user(), job(salary_type=salary_type, min_salary=salary)) == value


@pytest.mark.parametrize(
    ("of_user", "of_job", "value"),
    [
        ({}, {}, 50),  # no conditions
        ({}, {"has_remote_work": False}, 0),
        ({}, {"has_remote_work": True}, 0),
        ({}, {"has_daily_payment": True}, 100),
        ({"preferred_work_style": "remote"}, {"has_remote_work": True}, 25),
        ({"preferred_work_style": "remote"}, {}, 50),
        ({"preferred_salary_min": 1000.0}, {"salary_type": "monthly", "min_salary": 1000.0}, 100),
        ({"preferred_salary_min": 1000.0}, {"salary_type": "hourly", "min_salary": 999.0}, 0),
        ({"preferred_salary_min": -1.0}, {"min_salary": 999.0}, 50),
        (WANTS_REMOTE, {"min_salary": 2000.0, "has_no_experience": True}, 250 / 3),
    ],
)
def test_classic_condition(of_user: dict[str, Any], of_job: dict[str, Any], value: float) -> None:
    assert classic("condition", oracle(), user(**of_user), job(**of_job)) == value


def test_classic_history_counts_a_row_once_in_the_mean() -> None:
    # rows: (101, 1000, 01) twice and (–, 10400, –): m = (1000 + 10400) / 2 = 5700, in raw yen
    o = applied()
    assert classic("history", o, user(), job(9, min_salary=5700.0, occupation_code=101, prefecture_code="01")) == 100
    assert classic("history", o, user(), job(9, min_salary=4560.0)) == 25  # |4560 − 5700| = 1140 = 0.2 · 5700
    assert classic("history", o, user(), job(9, min_salary=4561.0)) == 50
    assert classic("history", o, user(), job(9, min_salary=1000.0)) == 25
    assert classic("history", o, user(2), job(9)) == 50
    # a salary ≤ 0 makes a row that does not count in the mean
    assert classic("history", applied(min_salary=-5.0), user(), job(9, min_salary=10400.0)) == 50


def test_classic_history_takes_ten_rows() -> None:
    # 12 rows: occupation 50 twice; once each (9, 2, 01), (9, 1, –), (9, –, –), then 1 … 7, then none
    rows = [(50, 5.0, "03"), (50, 5.0, "03"), (9, 2.0, "01"), (9, 1.0, None), (9, None, None)]
    rows += [(n, 3.0, None) for n in range(1, 8)] + [(None, 1.0, "02")]
    names = ("occupation_code", "min_salary", "prefecture_code")
    jobs = [job(i, **dict(zip(names, row, strict=True))) for i, row in enumerate(rows)]
    o = oracle(jobs, [act(1, i, "application", ago(i)) for i in range(len(rows))])

    # taken: 50, 1 … 7, then (9, 1, –) and (9, 2, 01): m = (5 + 7 · 3 + 1 + 2) / 10 = 2.9
    def value(**columns: Any) -> float:
        return classic("history", o, user(), job(99, **columns))

    assert value(occupation_code=50, prefecture_code="03") == 75
    assert value(occupation_code=9, prefecture_code="01") == 75
    assert value(occupation_code=9, prefecture_code="02") == 55  # the row without occupation is last and dropped
    assert [value(min_salary=s) for s in (2.31, 2.33, 3.47, 3.49)] == [25, 50, 50, 25]  # 2.9 ± 0.58


def test_classic_click_takes_twenty_rows() -> None:
    # 21 rows: 19 occupations, then 500 without flags and with no-experience (false before true)
    jobs = [job(n, occupation_code=n, has_daily_payment=True) for n in range(1, 20)]
    jobs += [job(20, occupation_code=500, has_no_experience=True), job(21, occupation_code=500)]
    o = oracle(jobs, [act(1, j["job_id"], "click", ago(j["job_id"])) for j in jobs])
    every = {"has_daily_payment": True, "has_no_experience": True, "has_student_welcome": True}
    assert classic("click", o, user(), job(99, occupation_code=500, **every)) == 40 + 20 + 15
    assert standard("clicks", o, user(), job(99, occupation_code=500, **every)) == 40 + 20 + 15 + 10

    # a second click makes the last row the most frequent; the row that is dropped has the same occupation
    twice = oracle(jobs, [act(1, j["job_id"], "click", ago(1)) for j in jobs] + [act(1, 20, "click", ago(2))])
    assert classic("click", twice, user(), job(99, occupation_code=500, **every)) == 40 + 20 + 15 + 10
    assert classic("click", twice, user(2), job(99, occupation_code=500, **every)) == 40


def test_classic_profile() -> None:
    actions = [act(1, 1, "view", ago(900)), act(2, 1, "view", NOW + TICK)]
    o = oracle([job(1)], actions, user_factors={3: [1.0]}, job_factors={1: [2.0]})
    personal = {
        id_: [o.classic(user(id_), job(1)).components[c] for c in ("history", "click", "collaborative")]
        for id_ in (1, 2, 3)
    }
    assert personal == {1: [50, 40, 45], 2: [40, 40, 40], 3: [50, 40, 100]}
    assert classic("history", o, user(1), job(1), has_profile=False) == 40
    assert classic("collaborative", o, user(2), job(1), has_profile=True) == 45


# --- Totals -------------------------------------------------------------------------------------------------


def test_standard_total() -> None:
    # an empty market: fee 10, wage 0, popularity 60, access 25, freshness 50 → 2.5 + 0 + 12 + 2.5 + 5 = 22;
    # location 20, category 20, conditions 0 → 8 + 7 = 15;
    # history 50, clicks 40, collaborative 45 → 20 + 12 + 13.5 = 45.5
    score = oracle().standard(user(), job(fee=950.0, posted_at=ago(14)))
    assert score.groups == pytest.approx({"base": 22, "match": 15, "personal": 45.5})
    assert score.total == pytest.approx(0.4 * 22 + 0.3 * 15 + 0.3 * 45.5)  # 26.95
    assert score.total32 == float32(score.total) == float32(26.95)
    assert score.total32 != score.total


def test_classic_total() -> None:
    # fee 100, wage 100, access 100 → 100; 100, 100, 100 → 100; no profile: 40
    u = user(prefecture_code="01", preferred_occupations=[101], preferred_salary_min=1.0)
    j = job(fee=5000.0, salary_type="hourly", min_salary=1500.0, station_name="x", prefecture_code="01")
    score = oracle().classic(u, j | {"occupation_code": 101})
    assert score.groups == pytest.approx({"base": 100, "match": 100, "personal": 40})
    assert score.total == pytest.approx(82)


def test_flat_weights_are_added_in_contract_order() -> None:
    none = {name: (0.0, 0.0) for _, _, components in STANDARD for name, _ in components}
    j = job(fee=5000.0)
    score = oracle().standard(user(), j, weights=none | {"fee": (0.5, 1.0), "clicks": (0.5, 1.0)})
    assert score.total == 0.5 * 100 + 0.5 * 40
    assert score.groups == {"base": 100, "match": 0, "personal": 40}


@pytest.mark.parametrize("model", [STANDARD, CLASSIC])
def test_weights_sum_to_one(model: Any) -> None:
    assert sum(weight for _, weight, _ in model) == pytest.approx(1)
    for _, _, components in model:
        assert sum(weight for _, weight in components) == pytest.approx(1)


def test_params() -> None:
    o = oracle([job(9, salary_type="hourly", min_salary=1000.0)], [])
    params = {"fee": {"points": ((0.0, 0.0), (100.0, 100.0))}, "freshness": {"half_life": 7.0}}
    values = o.standard(user(), job(fee=30.0, posted_at=ago(14)), params=params).components
    assert (values["fee"], values["freshness"]) == (30, 25)


def test_piecewise_is_exact_at_its_points() -> None:
    points = ((0.0, 0.0), (0.05, 60.0), (0.10, 80.0), (0.15, 100.0))
    assert [piecewise(x, points) for x in (-1.0, 0.0, 0.05, 0.10, 0.15, 2.0)] == [0, 0, 60, 80, 100, 100]


# --- Eligibility and rankings -------------------------------------------------------------------------------


def test_eligibility() -> None:
    jobs = [job(n, company_id=c) for n, c in ((1, "A"), (2, "A"), (3, "B"), (4, "B"), (5, None), (6, None), (7, "C"))]
    actions = [
        act(1, 1, "application", ago(14)),
        act(1, 3, "application", ago(14) - TICK),
        act(1, 5, "application", ago(1)),
        act(1, 7, "application", NOW + TICK),
        act(1, 7, "click", NOW),
    ]
    o = oracle(jobs, actions)

    def eligible(**rules: Any) -> list[int]:
        return [j["job_id"] for j in jobs if o.eligible(user(), j, **rules)]

    # 1, 3, 5 are applied to; 2 is in A's cooldown; B's has just ended; a missing company has none
    assert eligible() == [4, 6, 7]
    assert eligible(not_applied=False) == [3, 4, 5, 6, 7]
    assert eligible(cooldown_days=None) == [2, 4, 6, 7]
    assert eligible(cooldown_days=15) == [6, 7]
    assert all(o.eligible(user(2), j) for j in jobs)


@pytest.mark.parametrize(
    ("columns", "rules", "eligible"),
    [
        ({"fee": None}, {}, True),
        ({"fee": -1.0}, {}, False),
        ({"fee": None}, {"min_fee": 1.0}, False),
        ({"fee": 1.0}, {"min_fee": 1.0}, True),
        ({"employment_type_code": 2}, {"employment_types": [1, 2]}, True),
        ({"employment_type_code": 3}, {"employment_types": [1, 2]}, False),
        ({}, {"employment_types": [1, 2]}, False),
        ({"expires_at": NOW}, {}, False),
        ({"expires_at": NOW}, {"open_only": False}, True),
    ],
)
def test_eligibility_of_a_job(columns: dict[str, Any], rules: dict[str, Any], eligible: bool) -> None:
    assert oracle().eligible(user(), job(**columns), **rules) is eligible


def test_ranking_order_ties_and_caps() -> None:
    columns = (
        (7, "A", 5000.0),
        (3, "A", 5000.0),
        (5, "B", 2750.0),
        (4, None, 500.0),
        (2, None, 500.0),
        (1, "A", 0.0),
    )
    o = oracle([job(id_, company_id=c, fee=fee) for id_, c, fee in columns])

    def ids(model: str, **keywords: Any) -> list[int]:
        return [id_ for id_, _ in o.ranking(model, user(), **keywords)]

    # in `standard`, fees 0 and 500 both score 0; in `classic`, 0 and 10
    assert ids("standard", k=99) == [3, 7, 5, 1, 2, 4]
    assert ids("classic", k=99) == [3, 7, 5, 2, 4, 1]
    assert ids("standard", k=3, max_per_company=1) == [3, 5, 2]
    assert ids("standard", k=99, max_per_company=1) == [3, 5, 2, 4]
    assert ids("standard", k=99, min_fee=500.0) == [3, 7, 5, 2, 4]
    assert o.ranking("standard", user(), k=1) == [(3, o.standard(user(), o.jobs[3]).total32)]


def test_classic_ranks_all_open_jobs() -> None:
    jobs = [job(1, fee=-1.0), job(2), job(3, expires_at=NOW), job(4, is_active=False)]
    o = oracle(jobs, [act(1, 2, "application", ago(1)), act(1, 2, "view", NOW + timedelta(days=2))])  # set back
    assert {id_ for id_, _ in o.ranking("classic", user(), k=9)} == {1, 2, 4}
    assert {id_ for id_, _ in o.ranking("standard", user(), k=9)} == {4}


# --- Markets ------------------------------------------------------------------------------------------------


def test_random_markets_are_deterministic() -> None:
    first, again = (random_market(5, factors=True) for _ in range(2))
    assert first == again
    assert first != random_market(6, factors=True)
    assert {name: len(frame) for name, frame in first.frames().items()}["actions"] == 150
    assert first.as_of == CLOCK
    assert random_market(6).oracle().as_of == CLOCK
    tied = random_market(4, ties=True)
    # the last users have no actions, so only company rates and the one different job separate the jobs
    totals = [total for _, total in tied.oracle().ranking("standard", tied.users[-1], k=999)]
    assert len(set(totals)) < len(totals) / 2
