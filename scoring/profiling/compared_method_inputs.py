"""Input of the methods that the engine is compared with: the values of `standard` per user and per job.

Preparing them is not timed, as it is not timed for the engine. The points of components that depend on the job alone
are already added. Points of a user are in tables by the codes of jobs. Jobs excluded for all users are removed. A
compared method computes only what depends on the pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs, Singles
from scoring.components.helpers import compute_mean_per_user, find_any_per_user, find_distinct_codes
from scoring.dataset.arrays import Ragged
from scoring.model import Inputs
from scoring.model.eligibility import Eligibility
from scoring.model.terms import LookupTerm
from scoring.ranking import Prepared

__all__ = ["Jobs", "PeerInputs", "Users", "Weights"]


_FEATURES = ("daily_payment", "no_experience", "student_welcome")


@dataclass(frozen=True)
class Weights:
    """Flat weights of the components that depend on both user and job."""

    location: float
    category: float
    conditions: float
    history: float
    clicks: float
    collaborative: float


@dataclass(frozen=True)
class Jobs:
    """The m jobs that no rule excludes for all users, by job_id. Missing codes use the last column of the tables."""

    job_id: Longs
    base: Floats  # sum of the weighted points of the five components that depend on the job alone
    prefecture: Ints
    place: Ints  # prefecture and city; -1: missing
    occupation: Ints
    hourly: Floats
    offers: Ints  # bit 0: remote work, bit 1: any attractive feature
    features: Ints  # bits: daily payment, no experience, student welcome
    vector: Singles
    has_vector: Bools

    def __len__(self) -> int:
        return len(self.job_id)


@dataclass(frozen=True)
class Users:
    """n users; tables have shape (n, codes) and contain points."""

    user_id: Longs
    place: Ints  # -1: missing
    location: Floats  # by prefecture
    category: Floats  # by occupation
    floor: Floats  # yen per hour; NaN: none
    style: Ints  # 0: none, 1: other than remote, 2: remote
    applied: Bools  # within 90 days
    applied_occupations: Ragged
    applied_prefectures: Ragged
    usual_wage: Floats  # NaN: none
    clicked_occupations: Ragged
    clicked_features: Ints  # bits
    vector: Singles
    has_vector: Bools
    excluded: tuple[Longs, ...]  # per user: positions in `Jobs` of the jobs excluded for this user

    def __len__(self) -> int:
        return len(self.user_id)

    def conditions(self) -> Floats:
        """Return (n, 2, 4) points, by whether the job pays the floor and by its offers."""
        style_points = np.array([[0, 0, 100, 100], [50, 50, 150, 150], [0, 100, 100, 200]], dtype=np.float64)
        has_floor = ~np.isnan(self.floor)
        met = style_points[self.style][:, None, :] + np.array([0.0, 100.0])[None, :, None]
        return met / (1.0 + has_floor + (self.style > 0))[:, None, None]

    def feature_points(self) -> Floats:
        """Return (n, 8) points of `clicks`, by the features of the job."""
        table = np.zeros((8, 8))
        for bit, points in enumerate((15, 10, 10)):
            table += points * (np.arange(8)[:, None] >> bit & np.arange(8)[None, :] >> bit & 1)
        return table[self.clicked_features]

    @staticmethod
    def table(codes: Ragged, width: int, points: float) -> Floats:
        """Return an (n, width) table with `points` at the codes of each user, 0 elsewhere."""
        table = np.zeros((len(codes), width))
        table[codes.rows, codes.values] = points
        return table


@dataclass(frozen=True)
class PeerInputs:
    """Jobs and some users of a prepared `standard` model. `jobs` contains the rows `shown` of the jobs of `inputs`."""

    inputs: Inputs
    shown: Longs
    weights: Weights
    jobs: Jobs
    users: Users

    @classmethod
    def of(cls, prepared: Prepared, rows: NDArray[np.integer]) -> PeerInputs:
        """Return the inputs of the users at these rows of the plan, in that order."""
        inputs, plan = prepared.inputs, prepared.plan
        flat = dict(zip((part.name for part in prepared.model.parts), prepared.model.flat_weights, strict=True))
        shown = np.flatnonzero(plan.exclusions.open_to_all)
        shown = shown[np.argsort(plan.job_id[shown], kind="stable")]
        weights = Weights(**{name: float(flat[name]) for name in Weights.__dataclass_fields__})
        selected = inputs.take_users(rows)
        return cls(
            selected,
            shown,
            weights,
            _collect_jobs(prepared, shown, flat),
            _collect_users(prepared, selected, rows, shown),
        )

    @property
    def n_occupations(self) -> int:
        """Number of codes, including the one for missing."""
        return self.users.category.shape[1]

    @property
    def n_prefectures(self) -> int:
        return self.users.location.shape[1]


def _collect_jobs(prepared: Prepared, shown: Longs, flat: dict[str, float]) -> Jobs:
    inputs = prepared.inputs
    jobs, words = inputs.jobs, inputs.words
    values = prepared.scorer.components(np.zeros(1, dtype=np.int64), shown)[:, 0, :]
    base = np.zeros(len(shown))
    for part, value in zip(prepared.model.parts, values, strict=True):
        if part.group == "base":
            base += flat[part.name] * value
    flags = [getattr(jobs, name)[shown] > 0 for name in _FEATURES]
    return Jobs(
        job_id=jobs.job_id[shown],
        base=base,
        prefecture=_replace_missing_codes(jobs.prefecture[shown], len(words.prefecture)),
        place=jobs.place[shown],
        occupation=_replace_missing_codes(jobs.occupation[shown], len(words.occupation)),
        hourly=jobs.hourly[shown],
        offers=((jobs.remote_work[shown] > 0) + 2 * np.any(flags, axis=0)).astype(np.int32),
        features=sum((flag.astype(np.int32) << bit for bit, flag in enumerate(flags)), np.zeros(len(shown), np.int32)),
        vector=inputs.job_vectors[shown],
        has_vector=inputs.job_has_vector[shown],
    )


def _replace_missing_codes(codes: Ints, size: int) -> Ints:
    return np.where(codes < 0, size, codes).astype(np.int32)


def _collect_users(prepared: Prepared, inputs: Inputs, rows: NDArray[np.integer], shown: Longs) -> Users:
    users, seen, n = inputs.users, inputs.history.jobs, len(rows)
    tables = {part.name: part.component.terms(inputs).terms for part in prepared.model.parts if part.group == "match"}
    location, category = tables["location"][0], tables["category"][0]
    assert isinstance(location, LookupTerm)
    assert isinstance(category, LookupTerm)
    applications = inputs.history.within("application", 90)
    clicks = inputs.history.within("click", 30)
    bits = [find_any_per_user(clicks.user, n, getattr(seen, name)[clicks.job] > 0) for name in _FEATURES]
    return Users(
        user_id=users.user_id,
        place=users.place,
        location=location.rows[location.row_of],
        category=category.rows[category.row_of],
        floor=users.salary_floor,
        style=np.where(users.wants_remote, 2, np.where(users.has_style, 1, 0)).astype(np.int32),
        applied=find_any_per_user(applications.user, n),
        applied_occupations=find_distinct_codes(applications.user, seen.occupation[applications.job], n),
        applied_prefectures=find_distinct_codes(applications.user, seen.prefecture[applications.job], n),
        usual_wage=compute_mean_per_user(applications.user, seen.hourly[applications.job], n),
        clicked_occupations=find_distinct_codes(clicks.user, seen.occupation[clicks.job], n),
        clicked_features=sum((bit.astype(np.int32) << k for k, bit in enumerate(bits)), np.zeros(n, np.int32)),
        vector=inputs.user_vectors,
        has_vector=inputs.user_has_vector,
        excluded=_collect_excluded(prepared, rows, shown),
    )


def _collect_excluded(prepared: Prepared, rows: NDArray[np.integer], shown: Longs) -> tuple[Longs, ...]:
    rules: Eligibility = prepared.model.eligibility
    is_of_job_only = all(rule.form == "job" for rule in rules.rules)
    if not rules.not_applied and rules.company_cooldown_days is None and is_of_job_only:
        return (np.empty(0, dtype=np.int64),) * len(rows)
    found: list[Longs] = []
    for first in range(0, len(rows), 64):
        allowed = prepared.plan.exclusions.matrix(np.asarray(rows[first : first + 64], dtype=np.int64))[:, shown]
        found += [np.flatnonzero(~row) for row in allowed]
    return tuple(found)
