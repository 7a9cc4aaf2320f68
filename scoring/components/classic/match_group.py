"""The legacy formulas of the group `match`: how the job fits the user."""

from typing import ClassVar

import numpy as np

from scoring.components.helpers import number_column, occupation_key, prefecture_key
from scoring.dataset.arrays import JobArrays
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import Flags, FlagTerm, IntervalTerm, LookupTerm, Value


class ClassicLocation(Component):
    """100 in the same prefecture, 60 in an adjacent one, 20 otherwise or if a prefecture is missing."""

    kind: ClassVar[str] = "classic_location"
    reads: ClassVar[tuple[str, ...]] = ("jobs.prefecture_code", "users.prefecture_code")

    def terms(self, inputs: Inputs) -> Value:
        size = len(inputs.words.prefecture)
        points = np.full((size + 1, size + 1), 20.0)  # the last row and column: missing
        points[:size, :size][inputs.adjacent] = 60.0
        points[np.arange(size), np.arange(size)] = 100.0
        return Value((LookupTerm(prefecture_key(inputs), points, inputs.users.prefecture),))

    def explain(self, pair: Pair) -> Reason:
        user, job = pair.user.prefecture, pair.job.prefecture
        value = 20.0 if user is None or job is None else 100.0 if user == job else 60.0 if pair.adjacent else 20.0
        return Reason(value, {"user": user, "job": job, "adjacent": pair.adjacent})


class ClassicCategory(Component):
    """100 for a preferred occupation, 60 for one of the same (known) major group, 20 otherwise."""

    kind: ClassVar[str] = "classic_category"
    reads: ClassVar[tuple[str, ...]] = ("jobs.occupation_code", "users.preferred_occupations")

    def terms(self, inputs: Inputs) -> Value:
        preferred, majors = inputs.users.preferred, inputs.majors
        points = np.full((len(preferred), len(majors) + 1), 20.0)
        users, codes = preferred.rows, preferred.values
        wanted_major = np.zeros((len(preferred), max(majors.max(initial=-1) + 1, 1)), dtype=bool)
        known = majors[codes] >= 0
        wanted_major[users[known], majors[codes[known]]] = True
        points[:, :-1][wanted_major[:, majors] & (majors >= 0)] = 60.0
        points[users, codes] = 100.0
        return Value((LookupTerm(occupation_key(inputs), points, np.arange(len(preferred), dtype=np.int32)),))

    def explain(self, pair: Pair) -> Reason:
        job, preferred = pair.job, pair.user.preferred
        majors = {pair.major_of(occupation) for occupation in preferred} - {None}
        value = 20.0
        if job.occupation is not None and job.occupation in preferred:
            value = 100.0
        elif job.major is not None and job.major in majors:
            value = 60.0
        return Reason(value, {"job's occupation": job.occupation, "preferred": preferred})


def make_stated_flags(jobs: JobArrays) -> Flags:
    """Return whether a flag of each job is known, and whether the job has an attractive feature."""
    stated = (jobs.daily_payment, jobs.no_experience, jobs.student_welcome, jobs.remote_work)
    known = np.any([flag >= 0 for flag in stated], axis=0)
    attractive = np.any([flag > 0 for flag in stated[:3]], axis=0)
    return Flags.of("features known, attractive", known, attractive)


class ClassicCondition(Component):
    """100 · number of met conditions / number of conditions; 50 without conditions.

    Conditions: the user's salary floor and work style if known (a style is always met by one half), and attractive
    features if at least one of the job's four flags is not missing. The floor is compared with the lowest salary
    without conversion of its type.
    """

    kind: ClassVar[str] = "classic_condition"
    reads: ClassVar[tuple[str, ...]] = (
        "jobs.min_salary",
        "jobs.has_daily_payment",
        "jobs.has_no_experience",
        "jobs.has_student_welcome",
        "users.preferred_salary_min",
        "users.preferred_work_style",
    )

    def terms(self, inputs: Inputs) -> Value:
        users, jobs = inputs.users, inputs.jobs
        n_users = len(users)
        meets_floor = IntervalTerm(
            number_column(inputs, "min_salary"), users.salary_floor, np.full(n_users, np.inf), np.full(n_users, 100.0)
        )
        flags = jobs.compute_once(make_stated_flags)
        # rows: the user has no condition, a floor, a style, both; columns: unknown, known, (impossible), both
        met = np.array(
            [
                [50.0, 0.0, 50.0, 100.0],
                [0.0, 0.0, 0.0, 100.0],
                [50.0, 50.0, 50.0, 150.0],
                [50.0, 50.0, 50.0, 150.0],
            ]
        )
        n_conditions = np.array(
            [[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.0, 2.0], [1.0, 2.0, 1.0, 2.0], [2.0, 3.0, 2.0, 3.0]]
        )
        row = (~np.isnan(users.salary_floor) + 2 * users.has_style).astype(np.int32)
        return Value((meets_floor, FlagTerm(flags, met, row)), divisor=FlagTerm(flags, n_conditions, row))

    def explain(self, pair: Pair) -> Reason:
        user, job = pair.user, pair.job
        met: dict[str, float] = {}
        if user.salary_floor is not None:
            met["salary floor"] = float(job.min_salary is not None and job.min_salary >= user.salary_floor)
        if user.work_style is not None:
            met["work style"] = 0.5
        stated = (job.daily_payment, job.no_experience, job.student_welcome, job.remote_work)
        if any(flag is not None for flag in stated):
            met["attractive features"] = float(job.attractive)
        value = 100.0 * sum(met.values()) / len(met) if met else 50.0
        return Reason(value, {"met": met, "salary floor": user.salary_floor, "lowest salary": job.min_salary})
