"""Small random markets with rows at the limits of the contract, for property tests; deterministic by seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd

from scoring.columns import TABLES, Table
from scoring.columns.types import ACTIVE, INTEGER_LIST
from tests.support.oracle import Oracle, hourly, known

__all__ = ["CLOCK", "RawMarket", "random_market"]

CLOCK: Final = datetime(2025, 6, 15, 9, 30, 0, 123456, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
WINDOWS: Final = (14, 30, 90, 360)

SALARIES: Final = (1000.0, 1200.0, 1500.0, 800.0, 999.0, 1199.5, 1250.0, 1499.0, 1601.5, 2000.0)
BALANCED: Final = ((1000.0, 1000.0), (1200.0, 800.0), (1500.0, 500.0), (1250.0, 750.0))
"""Pairs around 1000: an area of such pairs has a mean of exactly 1000, so ratios are exactly 1, 1.2, 1.5."""
FEES: Final = (500.0, 5000.0, 0.0, -100.0, 499.0, 501.0, 2750.0, 3100.0, 4999.0, 5001.0, 12000.0)
FLOORS: Final = (1000.0, 1200.0, 1500.0, 0.0, -1.0, 999.5, 8000.0, 160000.0)
SESSION_HOURS: Final = {"hourly": 1.0, "daily": 8.0, "monthly": 160.0}
STYLES: Final = ("remote", "remote", "office", "hybrid", "", "  ")

OCCUPATIONS: Final = {101: 1, 102: 1, 103: 1, 201: 2, 202: 2, 301: None}
"""Occupation → major group in the reference table; 301 has no major group."""
UNKNOWN_OCCUPATIONS: Final = (901, 902)
UNKNOWN_PREFECTURES: Final = ("98", "ZZ")
FLAGS: Final = ("has_daily_payment", "has_no_experience", "has_student_welcome", "has_remote_work")

Row = dict[str, Any]


@dataclass
class RawMarket:
    """The tables as `Oracle` takes them; `as_of` None: the data's own clock (CLOCK if actions exist)."""

    jobs: list[Row]
    users: list[Row]
    actions: list[Row]
    occupations: list[Row]
    prefectures: list[Row]
    adjacency: list[tuple[str, str]]
    user_factors: dict[int, list[float]] | None = None
    job_factors: dict[int, list[float]] | None = None
    as_of: datetime | None = None

    def oracle(self, kind: type[Oracle] = Oracle) -> Oracle:
        """Return the oracle of these tables."""
        return kind(
            self.jobs,
            self.users,
            self.actions,
            self.occupations,
            self.prefectures,
            self.adjacency,
            user_factors=self.user_factors,
            job_factors=self.job_factors,
            as_of=self.as_of,
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return table name → canonical frame; factor tables only if factors exist; duplicate actions are kept."""
        rows = {
            "jobs": self.jobs,
            "users": self.users,
            "actions": self.actions,
            "occupations": self.occupations,
            "prefectures": self.prefectures,
            "prefecture_adjacency": [{"prefecture_code": a, "adjacent_code": b} for a, b in self.adjacency],
        }
        frames = {name: _frame(TABLES[name], table) for name, table in rows.items()}
        for name, factors in (("user_factors", self.user_factors), ("job_factors", self.job_factors)):
            if factors is not None:
                frames[name] = _factor_frame(TABLES[name].key[0], factors)
        return frames


def _frame(table: Table, rows: Sequence[Row]) -> pd.DataFrame:
    columns = {}
    for column in table.columns:
        values = [row.get(column.name) for row in rows]
        if column.type is INTEGER_LIST:
            values = [list(value or []) for value in values]
        elif column.type is ACTIVE:
            values = [value is not False for value in values]
        else:
            values = [value if known(value) else None for value in values]
        columns[column.name] = pd.Series(values, dtype=column.type.dtype)
    return pd.DataFrame(columns)


def _factor_frame(key: str, factors: dict[int, list[float]]) -> pd.DataFrame:
    n = max(map(len, factors.values()), default=0)
    columns: dict[str, Any] = {key: pd.Series(list(factors), dtype="int64")}
    for i in range(n):
        columns[f"f{i}"] = pd.Series([vector[i] for vector in factors.values()], dtype="float64")
    return pd.DataFrame(columns)


def random_market(
    seed: int,
    n_users: int = 12,
    n_jobs: int = 60,
    n_actions: int = 150,
    *,
    missing: float = 0.15,
    ties: bool = False,
    factors: bool = False,
    n_prefectures: int = 5,
) -> RawMarket:
    """Return a market with rows at the limits of the contract.

    By seed: every second market has an earlier clock, with actions and postings after it. Two of three
    concentrate jobs in one prefecture and major group: about 120 jobs are enough to pass the 30 jobs of a
    prefecture, and 250 the 30 of both. One of three has a user with dozens of clicks. One of five has area
    means of exactly 1000. `ties` makes nearly all jobs and users equal, so that totals tie. Without `factors`,
    no user and no job has any.
    """
    make = _Maker(random.Random(f"market-{seed}"), seed, missing, ties, n_prefectures)
    jobs, users = make.jobs(n_jobs), make.users(n_users)
    market = RawMarket(
        jobs=jobs,
        users=users,
        actions=make.actions(users, jobs, n_actions),
        occupations=[
            {"occupation_code": code, "name": f"occupation {code}", "major_code": major}
            for code, major in make.shuffled(OCCUPATIONS.items())
        ],
        prefectures=[{"prefecture_code": code, "name": code, "region": None} for code in make.prefectures],
        adjacency=make.adjacency(),
        as_of=CLOCK if make.set_back else None,
    )
    if factors:
        axis = [make.random.gauss(0.0, 1.0) for _ in range(make.random.choice((2, 4, 7)))]
        market.user_factors = make.factors([user["user_id"] for user in users], axis)
        market.job_factors = make.factors([job["job_id"] for job in jobs], axis)
    if seed % 5 == 4:
        make.balance_wages(market)
    return market


class _Maker:
    """The random choices of one market."""

    def __init__(self, random_: random.Random, seed: int, missing: float, ties: bool, n_prefectures: int) -> None:
        self.random, self.missing, self.ties = random_, missing, ties
        self.set_back = seed % 2 == 1
        self.gathered = seed % 3 != 2
        self.avid = seed % 3 == 1
        width = max(2, len(str(n_prefectures)))
        self.prefectures = [str(i + 1).zfill(width) for i in range(n_prefectures)]

    def shuffled(self, values: Any) -> list[Any]:
        values = list(values)
        return self.random.sample(values, len(values))

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def maybe(self, value: Any) -> Any:
        """Return the value, or None at the rate of missing values."""
        return None if self.chance(self.missing) else value

    def ids(self, n: int, first: int) -> list[int]:
        """Return distinct, unsorted ids with gaps; one of them exceeds 32 bits."""
        ids = self.random.sample(range(first, first + 3 * n + 1), n)
        if ids:
            ids[self.random.randrange(n)] = 3_000_000_007 + first
        return ids

    def prefecture(self) -> str:
        if self.gathered and self.chance(0.6):
            return self.prefectures[0]
        return self.random.choice([*self.prefectures, *self.prefectures, *UNKNOWN_PREFECTURES])

    def occupation(self) -> int:
        if self.gathered and self.chance(0.4):
            return self.random.choice((101, 102, 103))
        return self.random.choice([101, *OCCUPATIONS, *OCCUPATIONS, *UNKNOWN_OCCUPATIONS])

    def flag(self) -> bool | None:
        return self.maybe(self.chance(0.4))

    # --- Rows -----------------------------------------------------------------------------------------------

    def jobs(self, n: int) -> list[Row]:
        template = self.job(0)
        if self.ties:
            # the template that most jobs are equal to must be open
            template |= {
                "posted_at": CLOCK - timedelta(days=7),
                "expires_at": None,
                "is_active": True,
                "fee": 500.0,
            }
        rows = []
        for job_id in self.ids(n, 1000):
            row = self.job(job_id)
            if self.ties and self.chance(0.9):
                # companies differ, for caps and cooldowns (their rates differ too, but have only a few levels)
                row = template | {"job_id": job_id, "company_id": row["company_id"]}
            rows.append(row)
        return rows

    def job(self, job_id: int) -> Row:
        salary_type = self.random.choice(("hourly", "hourly", "hourly", "daily", "monthly", "yearly"))
        return {
            "job_id": job_id,
            "company_id": self.maybe(f"C{self.random.randrange(8)}"),
            "company_name": self.maybe("company"),
            "title": self.maybe(f"job {job_id}"),
            "prefecture_code": self.maybe(self.prefecture()),
            "city_code": self.maybe(self.random.choice(("11", "12", "13"))),
            "station_name": self.random.choice(("station", "station", None, "")),
            "address": self.random.choice(("address", None, " ")),
            "salary_type": self.maybe(salary_type),
            "min_salary": self.maybe(self.salary(salary_type)),
            "max_salary": self.maybe(3000.0),
            "fee": self.maybe(self.random.choice(FEES) if self.chance(0.6) else self.random.uniform(0.0, 6000.0)),
            "occupation_code": self.maybe(self.occupation()),
            "employment_type_code": self.maybe(self.random.choice((1, 1, 2, 3))),
            **{name: self.flag() for name in FLAGS},
            "posted_at": self.maybe(self.posted_at()),
            "expires_at": self.expires_at(),
            "is_active": self.random.choice((True, True, True, True, None, False)),
            "external_id": None,
        }

    def salary(self, salary_type: str) -> float:
        if self.chance(0.06):
            return self.random.choice((0.0, -1000.0, 1.0))
        h = self.random.choice(SALARIES) if self.chance(0.8) else self.random.uniform(700.0, 2500.0)
        # Some salaries keep the hourly amount under another type, so that raw yen are close in classic too.
        return h * SESSION_HOURS.get(salary_type, 1.0) if self.chance(0.85) else h

    def posted_at(self) -> datetime:
        after = (CLOCK + MICROSECOND, CLOCK + timedelta(days=3))
        edges = (CLOCK, CLOCK - MICROSECOND, CLOCK - timedelta(days=14), CLOCK - timedelta(days=28))
        if self.chance(0.1):
            return self.random.choice(after)
        if self.chance(0.3):
            return self.random.choice(edges)
        return CLOCK - timedelta(days=self.random.uniform(0.0, 120.0))

    def expires_at(self) -> datetime | None:
        if self.chance(0.5):
            return None
        if self.chance(0.3):
            return self.random.choice((CLOCK, CLOCK - MICROSECOND, CLOCK + MICROSECOND, CLOCK - timedelta(days=9)))
        return CLOCK + timedelta(days=self.random.uniform(0.5, 60.0))

    def users(self, n: int) -> list[Row]:
        template = self.user(0)
        rows = []
        for user_id in self.ids(n, 1):
            row = self.user(user_id)
            rows.append(template | {"user_id": user_id} if self.ties and self.chance(0.7) else row)
        if rows and not self.ties:
            # a user without any preference
            wants = ("preferred_occupations", "preferred_salary_min", "preferred_work_style")
            rows[0] |= dict.fromkeys(wants)
        return rows

    def user(self, user_id: int) -> Row:
        preferred = [self.occupation() for _ in range(self.random.randrange(4))]
        return {
            "user_id": user_id,
            "prefecture_code": self.maybe(self.prefecture()),
            "city_code": self.maybe(self.random.choice(("11", "12", "13"))),
            "age_group": self.maybe("20s"),
            "gender": self.maybe("x"),
            "preferred_occupations": self.maybe(preferred),
            "preferred_salary_min": self.maybe(self.random.choice(FLOORS)),
            "preferred_work_style": self.maybe(self.random.choice(STYLES)),
            "registered_at": self.maybe(CLOCK - timedelta(days=self.random.uniform(0.0, 900.0))),
            "is_active": self.random.choice((True, True, True, None, False)),
            "external_id": None,
        }

    def adjacency(self) -> list[tuple[str, str]]:
        """Return a chain in random directions and one pair both ways; no duplicate pair, only known codes."""
        pairs = [self.shuffled(pair) for pair in zip(self.prefectures, self.prefectures[1:], strict=False)]
        if pairs:
            pairs.append(pairs[0][::-1])
        return [(a, b) for a, b in pairs]

    def factors(self, ids: Sequence[int], axis: Sequence[float]) -> dict[int, list[float]]:
        """Return factors: some missing, some zero, some along or against the axis, with lengths far from 1."""
        vectors: dict[int, list[float]] = {}
        for id_ in ids:
            kind = self.random.random()
            if kind < 0.1:
                continue
            if kind < 0.2:
                vectors[id_] = [0.0] * len(axis)
            elif kind < 0.4:
                scale = self.random.choice((1.0, -1.0, 3.0, -1e-6, 1e6))
                vectors[id_] = [scale * value for value in axis]
            else:
                vectors[id_] = [self.random.gauss(0.0, 2.0) for _ in axis]
        return vectors

    # --- Actions --------------------------------------------------------------------------------------------

    def occurred_at(self) -> datetime:
        draw = self.random.random()
        if draw < 0.3:
            edge = CLOCK - timedelta(days=self.random.choice(WINDOWS))
            # an action at the inner edge is read, one that is a microsecond outside is not
            return edge + self.random.choice((timedelta(0), -MICROSECOND, MICROSECOND))
        if draw < 0.4 and self.set_back:
            return CLOCK + self.random.choice((MICROSECOND, timedelta(days=1), timedelta(days=20)))
        if draw < 0.7:
            return CLOCK - timedelta(days=self.random.uniform(0.0, 30.0))
        return CLOCK - timedelta(days=self.random.uniform(0.0, 420.0))

    def actions(self, users: Sequence[Row], jobs: Sequence[Row], n: int) -> list[Row]:
        """Return actions, at least one at the clock, with some duplicates and some second applications at a company."""
        if not (users and jobs and n):
            return []
        # the last quarter of the users has no actions; a few jobs have many
        actors = users[: max(1, 3 * len(users) // 4)]
        favourites = self.random.sample(jobs, max(1, len(jobs) // 5))
        by_company = defaultdict(list)
        for job in jobs:
            by_company[job["company_id"]].append(job)

        rows = [self.action(actors, jobs) | {"occurred_at": CLOCK}]
        while len(rows) < n:
            draw = self.random.random()
            if draw < 0.1:
                rows.append(dict(self.random.choice(rows)))
            elif draw < 0.18:
                rows.append(self.again_at_company(self.random.choice(rows), jobs, by_company))
            elif draw < 0.5 and self.avid:
                # more than 20 different rows of clicks in the last 30 days
                at = CLOCK - timedelta(days=self.random.uniform(0.0, 30.0))
                rows.append(self.action(actors[:1], jobs) | {"action": "click", "occurred_at": at})
            else:
                rows.append(self.action(actors, favourites if self.chance(0.4) else jobs))
        return self.shuffled(rows)

    def action(self, users: Sequence[Row], jobs: Sequence[Row]) -> Row:
        return {
            "user_id": self.random.choice(users)["user_id"],
            "job_id": self.random.choice(jobs)["job_id"],
            "action": self.random.choice(("application", "application", "click", "click", "view")),
            "occurred_at": self.occurred_at(),
        }

    def again_at_company(self, action: Row, jobs: Sequence[Row], by_company: dict[Any, list[Row]]) -> Row:
        """Return an application by the same user to a job of the same company (or without one), near the cooldown."""
        company = next(job["company_id"] for job in jobs if job["job_id"] == action["job_id"])
        at = CLOCK - timedelta(days=14) + self.random.choice((timedelta(0), -MICROSECOND, timedelta(days=5)))
        job = self.random.choice(by_company[company])
        return action | {"job_id": job["job_id"], "action": "application", "occurred_at": at}

    # --- Wages ----------------------------------------------------------------------------------------------

    def balance_wages(self, market: RawMarket) -> None:
        """Rewrite the wages of open jobs in pairs around 1000, within prefecture and major group."""
        oracle = market.oracle()
        areas = defaultdict(list)
        for job in market.jobs:
            if oracle.is_open(job) and hourly(job) is not None:
                areas[job["prefecture_code"], oracle.major(job["occupation_code"])].append(job)
        for area in areas.values():
            wages = [1000.0] * (len(area) % 2)
            while len(wages) < len(area):
                wages.extend(self.random.choice(BALANCED))
            for job, h in zip(area, wages, strict=True):
                job["min_salary"] = h * SESSION_HOURS[job["salary_type"]]
