"""The scoring contract (`shared/scoring_model.md`), implemented a second time, pair by pair, in plain Python.

It follows that page alone, in the page's order, so that a reviewer can compare the two. It imports nothing from the
engine: where the two differ, one of them contradicts the page. It is slow on purpose.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

__all__ = ["CLASSIC", "PARAMS", "STANDARD", "Oracle", "Score", "known"]

Row = Mapping[str, Any]
Weights = Mapping[str, tuple[float, float]]

STANDARD: Final = (
    (
        "base",
        0.4,
        (("fee", 0.25), ("wage", 0.35), ("popularity", 0.20), ("access", 0.10), ("freshness", 0.10)),
    ),
    ("match", 0.3, (("location", 0.40), ("category", 0.35), ("conditions", 0.25))),
    ("personal", 0.3, (("history", 0.40), ("clicks", 0.30), ("collaborative", 0.30))),
)
"""Groups in the page's order: name, weight, components with their weights in the group."""

CLASSIC: Final = (
    ("base", 0.4, (("fee", 0.5), ("wage", 0.3), ("access", 0.2))),
    ("match", 0.3, (("location", 1 / 3), ("category", 1 / 3), ("condition", 1 / 3))),
    ("personal", 0.3, (("history", 0.4), ("click", 0.3), ("collaborative", 0.3))),
)

PARAMS: Final[dict[str, dict[str, Any]]] = {
    "fee": {"points": ((500.0, 0.0), (5000.0, 100.0))},
    "wage": {"points": ((0.0, 0.0), (1.0, 60.0), (1.2, 80.0), (1.5, 100.0)), "min_jobs": 30},
    "popularity": {"points": ((0.0, 0.0), (0.05, 60.0), (0.10, 80.0), (0.15, 100.0)), "days": 360},
    "freshness": {"half_life": 14.0},
    "history": {"days": 90},
    "clicks": {"days": 30},
}
"""What `standard(params=…)` may override, by component. All other constants are in the formulas."""

SESSION_HOURS: Final = {"hourly": 1.0, "daily": 8.0, "monthly": 160.0}
COLLABORATIVE_WITHOUT_FACTORS: Final = 45.0


@dataclass(frozen=True)
class Score:
    """Components and groups of one pair (both float64), the total before rounding, and the total as float32."""

    components: dict[str, float]
    groups: dict[str, float]
    total: float
    total32: float


# --- Vocabulary -----------------------------------------------------------------------------------------


def known(value: Any) -> bool:
    """Return whether the value is present. None, NaN and blank strings are missing."""
    if value is None:
        return False
    if isinstance(value, float):
        return not math.isnan(value)
    return not (isinstance(value, str) and not value.strip())


def same(a: Any, b: Any) -> bool:
    """Return whether both are known and equal. A missing value matches nothing; an unknown code matches itself."""
    return known(a) and known(b) and bool(a == b)


def flag(row: Row, name: str) -> bool:
    """Return the flag; missing means false."""
    return row.get(name) is True


def among(value: Any, values: Iterable[Any]) -> bool:
    """Return whether the value is one of the values; false for a missing value."""
    return any(same(value, other) for other in values)


def floor_of(user: Row) -> float | None:
    """Return the salary floor; None if it is missing or ≤ 0."""
    floor = user.get("preferred_salary_min")
    return float(floor) if known(floor) and floor > 0 else None


def hourly(job: Row) -> float | None:
    """Return the hourly equivalent h; None if unknown."""
    hours, salary = SESSION_HOURS.get(job.get("salary_type")), job.get("min_salary")
    if hours is None or not known(salary) or salary <= 0:
        return None
    return float(salary) / hours


def attractive(job: Row) -> bool:
    return any(flag(job, name) for name in ("has_daily_payment", "has_no_experience", "has_student_welcome"))


# --- Arithmetic -----------------------------------------------------------------------------------------


def piecewise(x: float, points: Sequence[tuple[float, float]]) -> float:
    """Interpolate linearly between the points, with constant values outside; exact at each point."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x < x1:
            return y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return points[-1][1]


def mean(values: Sequence[float]) -> float | None:
    """Return the sum of the values, added in their order, divided by their count; None without values."""
    if not values:
        return None
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def close(value: float | None, m: float | None) -> bool:
    """Return whether |value − m| < 0.2 · m (strictly); false if either is unknown."""
    return value is not None and m is not None and abs(value - m) < 0.2 * m


def float32(value: float) -> float:
    """Return the nearest float32, as a Python float."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def unit(vector: Sequence[float] | None) -> list[float] | None:
    """Normalise the vector in float64 and round it to float32; None for a missing or zero vector."""
    if vector is None or not all(known(v) for v in vector):
        return None
    squares = 0.0
    for v in vector:
        squares += float(v) * float(v)
    norm = math.sqrt(squares)
    return None if norm == 0.0 else [float32(float(v) / norm) for v in vector]


def weighted(groups: Any, values: Mapping[str, float], weights: Weights | None) -> Score:
    """Add flat weight × value in the page's order; a group uses its own weights."""
    flat_total, group_scores = 0.0, {}
    for group, group_weight, components in groups:
        group_score = 0.0
        for name, weight in components:
            w_group, w = (weights or {}).get(name, (group_weight, weight))
            flat_total += (w_group * w) * values[name]
            group_score += w * values[name]
        group_scores[group] = group_score
    return Score(dict(values), group_scores, flat_total, float32(flat_total))


class Oracle:
    """Every score, eligibility and ranking of a market of plain rows.

    Rows are dicts of canonical columns. A missing value is None. Times are aware datetimes.
    `preferred_occupations` is a list of int. `adjacency` holds pairs of codes. Factors are raw vectors by id. Factors
    of None mean that no user or job has any; other tests cover the training. `as_of` may be before the data's own
    clock: then the caller has set the clock back.
    """

    def __init__(
        self,
        jobs: Sequence[Row],
        users: Sequence[Row],
        actions: Sequence[Row],
        occupations: Sequence[Row],
        prefectures: Sequence[Row],
        adjacency: Iterable[tuple[str, str]],
        *,
        user_factors: Mapping[int, Sequence[float]] | None = None,
        job_factors: Mapping[int, Sequence[float]] | None = None,
        as_of: datetime | None = None,
    ) -> None:
        self.jobs = {job["job_id"]: job for job in sorted(jobs, key=lambda job: job["job_id"])}
        self.users = {user["user_id"]: user for user in users}
        self.majors = {row["occupation_code"]: row.get("major_code") for row in occupations}
        self.user_factors, self.job_factors = user_factors or {}, job_factors or {}

        # a pair in one direction counts for both; a code that the reference table lacks matches only itself
        codes = {row["prefecture_code"] for row in prefectures}
        self.adjacent = {frozenset(pair) for pair in adjacency if set(pair) <= codes}

        newest = self._clock(jobs, actions)
        self.as_of = as_of or newest
        # rows that arrive during a run, and clocks that differ by up to a day, do not set a given clock back
        self.set_back = as_of is not None and newest is not None and newest - as_of > timedelta(days=1)

        # duplicate actions count once; actions after the clock are ignored; ordered by (occurred_at, job_id)
        once = {(a["occurred_at"], a["job_id"], a["user_id"], a["action"]) for a in actions}
        self.actions = [
            {"user_id": user_id, "job_id": job_id, "action": action, "occurred_at": at}
            for at, job_id, user_id, action in sorted(once)
            if at <= self.as_of
        ]
        self._unit_vectors: dict[tuple[str, int], list[float] | None] = {}
        self._cache: dict[Hashable, Any] = {}

    # --- The data's clock -------------------------------------------------------------------------------

    @staticmethod
    def _clock(jobs: Sequence[Row], actions: Sequence[Row]) -> datetime | None:
        """Return the newest occurred_at; without actions the newest posted_at; None without either."""
        occurred = [action["occurred_at"] for action in actions]
        posted = [job["posted_at"] for job in jobs if known(job.get("posted_at"))]
        return max(occurred or posted, default=None)

    def _in_last(self, days: float, at: datetime) -> bool:
        return self.as_of - days * timedelta(hours=24) <= at <= self.as_of

    def is_open(self, job: Row) -> bool:
        posted_at, expires_at = job.get("posted_at"), job.get("expires_at")
        if self.as_of is not None:
            if known(posted_at) and posted_at > self.as_of:
                return False
            if known(expires_at) and expires_at <= self.as_of:
                return False
        # a missing is_active means true
        return self.set_back or job.get("is_active") is not False

    # --- Statistics: the whole tables as of the clock ---------------------------------------------------

    @cached_property
    def _actions_by_user(self) -> dict[int, list[Row]]:
        by_user: dict[int, list[Row]] = {}
        for action in self.actions:
            by_user.setdefault(action["user_id"], []).append(action)
        return by_user

    def _of_user(self, user: Row, action: str, days: float | None = None) -> list[Row]:
        """Return the jobs of a user's actions of one kind, one per action, ordered by (occurred_at, job_id)."""
        key = ("of user", user.get("user_id"), action, days)
        if key not in self._cache:
            self._cache[key] = [
                self.jobs[a["job_id"]]
                for a in self._actions_by_user.get(user.get("user_id"), [])
                if a["action"] == action and (days is None or self._in_last(days, a["occurred_at"]))
            ]
        return self._cache[key]

    def major(self, occupation: Any) -> Any:
        """Return the major group of an occupation; None if the reference table does not contain it."""
        return self.majors.get(occupation) if known(occupation) else None

    @cached_property
    def _open_wages(self) -> list[tuple[Any, Any, float]]:
        """Return (prefecture, major, h) of the open jobs with known h, in order of job_id."""
        rows = ((job, hourly(job)) for job in self.jobs.values() if self.is_open(job))
        return [(j.get("prefecture_code"), self.major(j.get("occupation_code")), h) for j, h in rows if h is not None]

    def area_mean(self, job: Row, min_jobs: int = PARAMS["wage"]["min_jobs"]) -> float | None:
        """Return the mean h of the job's area; None if no open job has a known h."""
        prefecture, major = job.get("prefecture_code"), self.major(job.get("occupation_code"))
        key = ("area", prefecture, major, min_jobs)
        if key not in self._cache:
            in_prefecture = [row for row in self._open_wages if same(row[0], prefecture)]
            in_both = [h for _, other, h in in_prefecture if same(other, major)]
            if len(in_both) >= min_jobs:
                area = in_both
            elif len(in_prefecture) >= min_jobs:
                area = [h for _, _, h in in_prefecture]
            else:
                area = [h for _, _, h in self._open_wages]
            self._cache[key] = mean(area)
        return self._cache[key]

    def company_rate(self, company: Any, days: float = PARAMS["popularity"]["days"]) -> float:
        key = ("companies", days)
        if key not in self._cache:
            self._cache[key] = Counter(
                (self.jobs[a["job_id"]].get("company_id"), a["action"] == "application")
                for a in self.actions
                if self._in_last(days, a["occurred_at"])
            )
        # a missing company counts as one without actions
        counts = self._cache[key] if known(company) else {}
        return (counts.get((company, True), 0) + 1) / (counts.get((company, False), 0) + 20)

    @cached_property
    def _application_counts(self) -> dict[int, Counter[int]]:
        """Return occupation → user → applications up to the clock: the columns of the user × occupation counts."""
        columns: dict[int, Counter[int]] = {}
        for action in self.actions:
            occupation = self.jobs[action["job_id"]].get("occupation_code")
            if action["action"] == "application" and known(occupation):
                columns.setdefault(occupation, Counter())[action["user_id"]] += 1
        return columns

    def occupation_cosine(self, a: int, b: int) -> float:
        """Return the cosine of two columns; 0 if one is missing. The reference table is not used here."""
        column_a, column_b = self._application_counts.get(a), self._application_counts.get(b)
        if column_a is None or column_b is None:
            return 0.0
        dot = sum(count * column_b[user] for user, count in column_a.items())
        squares_a, squares_b = (sum(n * n for n in column.values()) for column in (column_a, column_b))
        return dot / math.sqrt(squares_a * squares_b)

    def similarity(self, a: int, b: int) -> float:
        if a == b:
            return 1.0
        same_major = 0.5 if same(self.major(a), self.major(b)) else 0.0
        return max(same_major, 0.5 * self.occupation_cosine(a, b))

    # --- standard ---------------------------------------------------------------------------------------

    def standard(
        self, user: Row, job: Row, *, params: Mapping[str, Row] | None = None, weights: Weights | None = None
    ) -> Score:
        """Return the score of any pair; `params` overrides entries of PARAMS by component."""
        p = {name: {**defaults, **(params or {}).get(name, {})} for name, defaults in PARAMS.items()}
        values = {
            "fee": self._fee(job, **p["fee"]),
            "wage": self._wage(job, **p["wage"]),
            "popularity": self._popularity(job, **p["popularity"]),
            "access": self._access(job),
            "freshness": self._freshness(job, **p["freshness"]),
            "location": self._location(user, job),
            "category": self._category(user, job),
            "conditions": self._conditions(user, job),
            "history": self._history(user, job, **p["history"]),
            "clicks": self._clicks(user, job, **p["clicks"]),
            "collaborative": self._collaborative(user, job),
        }
        return weighted(STANDARD, values, weights)

    def _fee(self, job: Row, points: Any) -> float:
        fee = job.get("fee")
        return piecewise(float(fee), points) if known(fee) else 0.0

    def _wage(self, job: Row, points: Any, min_jobs: int) -> float:
        h = hourly(job)
        if h is None:
            return 0.0
        area_mean = self.area_mean(job, min_jobs)
        return 0.0 if area_mean is None else piecewise(h / area_mean, points)

    def _popularity(self, job: Row, points: Any, days: float) -> float:
        return piecewise(self.company_rate(job.get("company_id"), days), points)

    def _access(self, job: Row) -> float:
        station, address = known(job.get("station_name")), known(job.get("address"))
        return float(min(100, 25 + 75 * station + 25 * address))

    def _freshness(self, job: Row, half_life: float) -> float:
        posted_at = job.get("posted_at")
        if not known(posted_at) or self.as_of is None:
            return 0.0
        # timedelta / timedelta divides integer microseconds: rounded once
        age = max(0.0, (self.as_of - posted_at) / timedelta(days=1))
        return 100.0 * 2.0 ** (-age / half_life)

    def _location(self, user: Row, job: Row) -> float:
        prefectures = user.get("prefecture_code"), job.get("prefecture_code")
        if same(*prefectures):
            return 100.0 if same(user.get("city_code"), job.get("city_code")) else 85.0
        return 60.0 if frozenset(prefectures) in self.adjacent else 20.0

    def _category(self, user: Row, job: Row) -> float:
        preferred, occupation = user.get("preferred_occupations") or [], job.get("occupation_code")
        if not preferred or not known(occupation):
            return 20.0
        return 20.0 + 80.0 * max(self.similarity(code, occupation) for code in preferred)

    def _conditions(self, user: Row, job: Row) -> float:
        asked, met = 0, 0.0
        floor, style, h = floor_of(user), user.get("preferred_work_style"), hourly(job)
        if floor is not None:
            asked += 1
            met += h is not None and h >= floor
        if known(style):
            asked += 1
            met += flag(job, "has_remote_work") if style == "remote" else 0.5
        asked += 1
        met += attractive(job)
        return 100.0 * met / asked

    def _history(self, user: Row, job: Row, days: float) -> float:
        applied = self._of_user(user, "application", days)
        if not applied:
            return 50.0
        # each application counts: two applications to one job are two values in the mean
        m = mean([h for h in map(hourly, applied) if h is not None])
        value = 25.0
        value += 30.0 * among(job.get("occupation_code"), [j.get("occupation_code") for j in applied])
        value += 25.0 * close(hourly(job), m)
        value += 20.0 * among(job.get("prefecture_code"), [j.get("prefecture_code") for j in applied])
        return value

    def _clicks(self, user: Row, job: Row, days: float) -> float:
        clicked = self._of_user(user, "click", days)
        value = 40.0
        value += 20.0 * among(job.get("occupation_code"), [j.get("occupation_code") for j in clicked])
        for name, points in (
            ("has_daily_payment", 15.0),
            ("has_no_experience", 10.0),
            ("has_student_welcome", 10.0),
        ):
            value += points * (flag(job, name) and any(flag(j, name) for j in clicked))
        return value

    def _vector(self, side: str, factors: Mapping[int, Sequence[float]], id_: Any) -> list[float] | None:
        if (side, id_) not in self._unit_vectors:
            self._unit_vectors[side, id_] = unit(factors.get(id_))
        return self._unit_vectors[side, id_]

    def _collaborative(self, user: Row, job: Row) -> float:
        u = self._vector("user", self.user_factors, user.get("user_id"))
        j = self._vector("job", self.job_factors, job.get("job_id"))
        if u is None or j is None:
            return COLLABORATIVE_WITHOUT_FACTORS
        cosine = 0.0
        for a, b in zip(u, j, strict=True):
            cosine += a * b
        # the page does not clip: rounding to float32 may put the cosine slightly outside −1…1
        return 50.0 * (1.0 + cosine)

    # --- Eligibility ------------------------------------------------------------------------------------

    def eligible(
        self,
        user: Row,
        job: Row,
        *,
        employment_types: Iterable[int] | None = None,
        min_fee: float | None = 0.0,
        not_applied: bool = True,
        open_only: bool = True,
        cooldown_days: float | None = 14,
        own_rules: Iterable[Callable[[Oracle, Row, Row], bool]] = (),
    ) -> bool:
        """Return whether the job may be ranked for the user. None (for the cooldown also 0) disables a rule."""
        if not all(holds(self, user, job) for holds in own_rules):
            return False
        if open_only and not self.is_open(job):
            return False
        if employment_types is not None and not among(job.get("employment_type_code"), employment_types):
            return False
        fee = job.get("fee")
        if min_fee is not None and (float(fee) if known(fee) else 0.0) < min_fee:
            return False
        if not_applied and among(job.get("job_id"), [j["job_id"] for j in self._of_user(user, "application")]):
            return False
        recent = self._of_user(user, "application", cooldown_days) if cooldown_days else []
        return not among(job.get("company_id"), [j.get("company_id") for j in recent])

    def days_since(self, user: Row, job: Row, kind: str, *, of_company: bool = False) -> float:
        """Return the days since the user's latest action on the job, or on a job of its company; infinite without."""
        column = "company_id" if of_company else "job_id"
        times = [
            action["occurred_at"]
            for action in self._actions_by_user.get(user.get("user_id"), [])
            if action["action"] == kind and same(self.jobs[action["job_id"]].get(column), job.get(column))
        ]
        return (self.as_of - max(times)) / timedelta(days=1) if times else math.inf

    # --- classic ----------------------------------------------------------------------------------------

    def classic(self, user: Row, job: Row, *, has_profile: bool | None = None, weights: Weights | None = None) -> Score:
        """Return the legacy score. `has_profile` None: an action up to the clock, or given factors, make a profile."""
        profile = self.has_profile(user) if has_profile is None else has_profile
        values = {
            "fee": self._classic_fee(job),
            "wage": self._classic_wage(job),
            "access": 5.0 * min(20, 5 + 15 * known(job.get("station_name")) + 5 * known(job.get("address"))),
            "location": self._classic_location(user, job),
            "category": self._classic_category(user, job),
            "condition": self._classic_condition(user, job),
            "history": self._classic_history(user, job) if profile else 40.0,
            "click": self._classic_click(user, job) if profile else 40.0,
            "collaborative": self._collaborative(user, job) if profile else 40.0,
        }
        return weighted(CLASSIC, values, weights)

    def has_profile(self, user: Row) -> bool:
        user_id = user.get("user_id")
        return user_id in self._actions_by_user or user_id in self.user_factors

    def _classic_fee(self, job: Row) -> float:
        fee = job.get("fee")
        return min(100.0, max(0.0, 100.0 * float(fee) / 5000.0)) if known(fee) else 0.0

    def _classic_wage(self, job: Row) -> float:
        h = hourly(job) or 0.0
        if h >= 1500:
            return 100.0
        if h >= 1200:
            return 200 / 3
        return 100 / 3 if h >= 1000 else 50 / 3

    def _classic_location(self, user: Row, job: Row) -> float:
        prefectures = user.get("prefecture_code"), job.get("prefecture_code")
        if same(*prefectures):
            return 100.0
        return 60.0 if frozenset(prefectures) in self.adjacent else 20.0

    def _classic_category(self, user: Row, job: Row) -> float:
        preferred, occupation = user.get("preferred_occupations") or [], job.get("occupation_code")
        if among(occupation, preferred):
            return 100.0
        return 60.0 if among(self.major(occupation), map(self.major, preferred)) else 20.0

    def _classic_condition(self, user: Row, job: Row) -> float:
        asked, met = 0, 0.0
        floor, salary = floor_of(user), job.get("min_salary")
        if floor is not None:
            asked += 1
            # raw yen, for every salary type
            met += known(salary) and salary > 0 and salary >= floor
        if known(user.get("preferred_work_style")):
            asked += 1
            met += 0.5
        flags = ("has_daily_payment", "has_no_experience", "has_student_welcome", "has_remote_work")
        if any(known(job.get(name)) for name in flags):
            asked += 1
            met += attractive(job)
        return 100.0 * met / asked if asked else 50.0

    def _frequent(self, rows: Iterable[tuple[Any, ...]], n: int) -> list[tuple[Any, ...]]:
        """Return the n most frequent rows; ties: smaller first, column by column, missing last."""
        counts = Counter(tuple(value if known(value) else None for value in row) for row in rows)

        def order(row: tuple[Any, ...]) -> tuple[Any, ...]:
            return -counts[row], *((0, value) if value is not None else (1, 0) for value in row)

        return sorted(counts, key=order)[:n]

    def _classic_history(self, user: Row, job: Row) -> float:
        columns = ("occupation_code", "min_salary", "prefecture_code")
        applied = self._of_user(user, "application", 90)
        rows = self._frequent((tuple(j.get(name) for name in columns) for j in applied), 10)
        if not rows:
            return 50.0
        # a row counts once in the mean, for any number of applications; added in the order of the rows
        m = mean([salary for _, salary, _ in rows if salary is not None and salary > 0])
        salary = job.get("min_salary")
        value = 25.0
        value += 30.0 * among(job.get("occupation_code"), [row[0] for row in rows])
        value += 25.0 * close(salary if known(salary) else None, m)
        value += 20.0 * among(job.get("prefecture_code"), [row[2] for row in rows])
        return value

    def _classic_click(self, user: Row, job: Row) -> float:
        flags = ("has_daily_payment", "has_no_experience", "has_student_welcome")
        clicked = self._of_user(user, "click", 30)
        rows = self._frequent(((j.get("occupation_code"), *(flag(j, name) for name in flags)) for j in clicked), 20)
        value = 40.0
        value += 20.0 * among(job.get("occupation_code"), [row[0] for row in rows])
        for i, points in enumerate((15.0, 10.0, 10.0)):
            value += points * (flag(job, flags[i]) and any(row[1 + i] for row in rows))
        return value

    # --- Order and ties ---------------------------------------------------------------------------------

    def ranking(
        self,
        model: str,
        user: Row,
        *,
        k: int,
        max_per_company: int | None = None,
        weights: Weights | None = None,
        **rules: Any,
    ) -> list[tuple[int, float]]:
        """Return (job_id, float32 total) by descending total, then job_id; `rules` as in `eligible`."""
        if model == "classic":
            # classic has one rule: the job must be open; rules that the caller passes still apply
            rules = {"min_fee": None, "not_applied": False, "cooldown_days": None, **rules}
        score = {"standard": self.standard, "classic": self.classic}[model]
        totals = [
            (job_id, score(user, job, weights=weights).total32)
            for job_id, job in self.jobs.items()
            if self.eligible(user, job, **rules)
        ]
        taken: list[tuple[int, float]] = []
        per_company: Counter[str] = Counter()
        for job_id, total in sorted(totals, key=lambda pair: (-pair[1], pair[0])):
            if len(taken) >= k:
                break
            company = self.jobs[job_id].get("company_id")
            if max_per_company is not None and known(company):
                if per_company[company] >= max_per_company:
                    continue
                per_company[company] += 1
            taken.append((job_id, total))
        return taken
