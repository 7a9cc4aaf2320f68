"""How similar the job is to the jobs that the user clicked."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from scoring.array_types import Floats
from scoring.components.helpers import Days, Points, find_any_per_user, find_distinct_codes, occupation_key
from scoring.dataset.arrays import JobArrays
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import Flags, FlagTerm, LookupTerm, UserTerm, Value

_FEATURES = ("daily_payment", "no_experience", "student_welcome")


def make_feature_flags(jobs: JobArrays) -> Flags:
    """Return the features of the jobs."""
    return Flags.of("features", *(getattr(jobs, name) > 0 for name in _FEATURES))


def make_feature_table(points: tuple[float, ...]) -> Floats:
    """Return points (8, 8) by the bits of the clicked features and of the job's; features in both give points."""
    both = np.arange(8)[:, None] & np.arange(8)[None, :]
    table = np.zeros((8, 8))
    for bit, gain in enumerate(points):
        table += np.where(both >> bit & 1, gain, 0.0)
    return table


def find_clicked_features(users: NDArray[np.int32], has: list[NDArray[np.bool_]], n_users: int) -> NDArray[np.int32]:
    """Return per user the bits of the features of any clicked job, (n_users,). `has`: per feature, (n_clicks,)."""
    bits = [find_any_per_user(users, n_users, flag).astype(np.int32) << bit for bit, flag in enumerate(has)]
    return np.sum(bits, axis=0, dtype=np.int32)


class Clicks(Component):
    """`start` points, plus points for an occupation and features of jobs clicked in the last `days` days."""

    kind: ClassVar[str] = "clicks"
    reads: ClassVar[tuple[str, ...]] = ("actions.click",)

    days: Days = 30
    """Number of days of which clicks count."""
    start: Points = 40
    """Points of a job that differs from all clicked jobs."""
    occupation: Points = 20
    """Points that an occupation of a clicked job adds."""
    daily_payment: Points = 15
    """Points that daily payment adds if clicked jobs offer it."""
    no_experience: Points = 10
    """Points that work without experience adds if clicked jobs offer it."""
    student_welcome: Points = 10
    """Points that a welcome of students adds if clicked jobs offer it."""

    @model_validator(mode="after")
    def _at_most_100(self) -> Self:
        total = self.start + self.occupation + sum(self._features)
        if total > 100:
            raise ValueError(
                "start, occupation, daily_payment, no_experience and student_welcome must not sum to more than 100; "
                f"they sum to {total:g}. Lower one of them"
            )
        return self

    @property
    def _features(self) -> tuple[float, ...]:
        return (self.daily_payment, self.no_experience, self.student_welcome)

    def terms(self, inputs: Inputs) -> Value:
        n_users, seen = len(inputs.users), inputs.history.jobs
        actions = inputs.history.within("click", self.days)
        occupations = find_distinct_codes(actions.user, seen.occupation[actions.job], n_users)
        has = [getattr(seen, name)[actions.job] > 0 for name in _FEATURES]
        flags = inputs.jobs.compute_once(make_feature_flags)
        return Value(
            (
                UserTerm(np.full(n_users, self.start)),
                LookupTerm.sparse(occupation_key(inputs), occupations, self.occupation),
                FlagTerm(flags, make_feature_table(self._features), find_clicked_features(actions.user, has, n_users)),
            )
        )

    def explain(self, pair: Pair) -> Reason:
        job, clicked = pair.job, [action.job for action in pair.actions("click", self.days)]
        met = {"occupation": job.occupation is not None and job.occupation in {seen.occupation for seen in clicked}}
        for name in _FEATURES:
            met[name] = bool(getattr(job, name)) and any(getattr(seen, name) for seen in clicked)
        value = self.start + sum(getattr(self, name) for name, holds in met.items() if holds)
        return Reason(value, {"clicks": len(clicked), "days": self.days, "similar in": met})
