"""The legacy formulas of the group `personal`: the user's actions.

A user without a profile gets 40 from each component.
"""

from collections import Counter
from typing import Any, ClassVar

import numpy as np

from scoring.components.clicks import find_clicked_features, make_feature_flags, make_feature_table
from scoring.components.collaborative import dot
from scoring.components.helpers import (
    compute_mean_per_user,
    find_any_per_user,
    find_distinct_codes,
    find_most_frequent_rows,
    number_column,
    occupation_key,
    prefecture_key,
)
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import JobFacts, Pair
from scoring.model.terms import FlagTerm, IntervalTerm, LookupTerm, UserTerm, Value, open_interval

_NO_PROFILE = 40.0
_FEATURES = ("daily_payment", "no_experience", "student_welcome")


def _find_most_frequent(rows: list[tuple[Any, ...]], keep: int) -> list[tuple[Any, ...]]:
    """Return the `keep` most frequent rows, by descending frequency, then ascending by their parts, None last."""

    def order(item: tuple[tuple[Any, ...], int]) -> tuple[Any, ...]:
        row, count = item
        return (-count, *((part is None, part) if part is not None else (True,) for part in row))

    return [row for row, _ in sorted(Counter(rows).items(), key=order)[:keep]]


class ClassicHistory(Component):
    """Similarity to the 10 most frequent (occupation, lowest salary, prefecture) of the applications in 90 days.

    50 without an application. Otherwise 25, plus 30 for one of the occupations, 25 for a lowest salary within 20 % of
    the rows' mean, and 20 for one of the prefectures.
    """

    kind: ClassVar[str] = "classic_history"
    reads: ClassVar[tuple[str, ...]] = ("actions.application",)

    def terms(self, inputs: Inputs) -> Value:
        n_users, seen = len(inputs.users), inputs.history.jobs
        actions = inputs.history.within("application", 90)
        occupation, prefecture = seen.occupation[actions.job], seen.prefecture[actions.job]
        salary = seen.min_salary[actions.job]
        words = inputs.words
        by_value = words.occupation.order[occupation], words.prefecture.order[prefecture]  # missing last
        columns = (by_value[0], np.nan_to_num(salary, nan=np.inf), by_value[1])
        users, rows = find_most_frequent_rows(actions, columns, keep=10)
        positive = np.where(salary[rows] > 0, salary[rows], np.nan)
        low, high = open_interval(compute_mean_per_user(users, positive, n_users), 0.2)
        applied = find_any_per_user(actions.user, n_users)
        start = np.where(inputs.has_profile, np.where(applied, 25.0, 50.0), _NO_PROFILE)
        occupations = find_distinct_codes(users, occupation[rows], n_users)
        prefectures = find_distinct_codes(users, prefecture[rows], n_users)
        return Value(
            (
                UserTerm(start),
                LookupTerm.sparse(occupation_key(inputs), occupations, 30.0),
                IntervalTerm(number_column(inputs, "min_salary"), low, high, np.full(n_users, 25.0)),
                LookupTerm.sparse(prefecture_key(inputs), prefectures, 20.0),
            )
        )

    def explain(self, pair: Pair) -> Reason:
        if not pair.user.has_profile:
            return Reason(_NO_PROFILE, {"profile": False})
        applied = [action.job for action in pair.actions("application", 90)]
        if not applied:
            return Reason(50.0, {"applications": 0})
        rows = _find_most_frequent([(seen.occupation, seen.min_salary, seen.prefecture) for seen in applied], 10)
        salaries = [row[1] for row in rows if row[1] is not None and row[1] > 0]
        mean = sum(salaries) / len(salaries) if salaries else None
        job = pair.job
        met = {
            "occupation": job.occupation is not None and job.occupation in {row[0] for row in rows},
            "wage": mean is not None and job.min_salary is not None and abs(job.min_salary - mean) < 0.2 * mean,
            pair.board.region: job.prefecture is not None and job.prefecture in {row[2] for row in rows},
        }
        value = 25.0 + 30.0 * met["occupation"] + 25.0 * met["wage"] + 20.0 * met[pair.board.region]
        return Reason(value, {"applications": len(applied), "mean lowest salary": mean, "similar in": met})


class ClassicClick(Component):
    """Similarity to the 20 most frequent (occupation, daily, no experience, student) of the clicks in 30 days.

    40, plus 20 for one of the occupations, and 15, 10 and 10 for each feature that the job and one of the rows have.
    """

    kind: ClassVar[str] = "classic_click"
    reads: ClassVar[tuple[str, ...]] = ("actions.click",)

    def terms(self, inputs: Inputs) -> Value:
        n_users, seen = len(inputs.users), inputs.history.jobs
        actions = inputs.history.within("click", 30)
        occupation = seen.occupation[actions.job]
        has = [getattr(seen, name)[actions.job] > 0 for name in _FEATURES]  # a missing flag is false
        users, rows = find_most_frequent_rows(actions, (inputs.words.occupation.order[occupation], *has), keep=20)
        flags = inputs.jobs.compute_once(make_feature_flags)
        clicked = find_clicked_features(users, [flag[rows] for flag in has], n_users)
        return Value(
            (
                UserTerm(np.full(n_users, 40.0)),  # with and without a profile
                LookupTerm.sparse(occupation_key(inputs), find_distinct_codes(users, occupation[rows], n_users), 20.0),
                FlagTerm(flags, make_feature_table((15.0, 10.0, 10.0)), clicked),
            )
        )

    def explain(self, pair: Pair) -> Reason:
        clicked = [action.job for action in pair.actions("click", 30)]
        rows = _find_most_frequent([(seen.occupation, *_get_flags(seen)) for seen in clicked], 20)
        job = pair.job
        met = {"occupation": job.occupation is not None and job.occupation in {row[0] for row in rows}}
        for place, (name, has) in enumerate(zip(_FEATURES, _get_flags(job), strict=True), start=1):
            met[name] = has and any(row[place] for row in rows)
        points = dict(zip(met, (20.0, 15.0, 10.0, 10.0), strict=True))
        value = 40.0 + sum(points[name] for name, holds in met.items() if holds)
        return Reason(value, {"clicks": len(clicked), "similar in": met})


def _get_flags(job: JobFacts) -> tuple[bool, bool, bool]:
    return bool(job.daily_payment), bool(job.no_experience), bool(job.student_welcome)


class ClassicCollaborative(Component):
    """50 · (1 + cosine of the factors); if either has no vector, 45 for a user with a profile and 40 without."""

    kind: ClassVar[str] = "classic_collaborative"
    reads: ClassVar[tuple[str, ...]] = ("actions", "user_factors", "job_factors")

    def terms(self, inputs: Inputs) -> Value:
        return Value((dot(inputs, np.where(inputs.has_profile, 45.0, _NO_PROFILE)),))

    def explain(self, pair: Pair) -> Reason:
        cosine = pair.cosine_of_factors
        without = 45.0 if pair.user.has_profile else _NO_PROFILE
        return Reason(without if cosine is None else 50.0 * (1.0 + cosine), {"cosine": cosine})
