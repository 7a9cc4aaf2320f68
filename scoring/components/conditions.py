"""The share of the user's conditions that the job meets."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from scoring.components.helpers import number_column
from scoring.dataset.arrays import JobArrays
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import Flags, FlagTerm, IntervalTerm, UserTerm, Value


def make_condition_flags(jobs: JobArrays) -> Flags:
    """Return whether each job has remote work, and whether it has an attractive feature."""
    attractive = (jobs.daily_payment > 0) | (jobs.no_experience > 0) | (jobs.student_welcome > 0)
    return Flags.of("remote, attractive", jobs.remote_work > 0, attractive)


class Conditions(Component):
    """100 · number of met conditions / number of conditions.

    Conditions are the user's salary floor and work style, if known, and attractive features, always.

    A job with remote work meets the style `remote` by 1. Every job meets any other style by `other_style`.
    """

    kind: ClassVar[str] = "conditions"
    reads: ClassVar[tuple[str, ...]] = (
        "jobs.min_salary",
        "jobs.has_daily_payment",
        "jobs.has_no_experience",
        "jobs.has_student_welcome",
        "jobs.has_remote_work",
        "users.preferred_salary_min",
        "users.preferred_work_style",
    )

    other_style: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How far a job meets a preferred style other than `remote`, from 0 (not) to 1 (fully)."""

    def terms(self, inputs: Inputs) -> Value:
        users, jobs = inputs.users, inputs.jobs
        n_users = len(users)
        has_floor = ~np.isnan(users.salary_floor)
        meets_floor = IntervalTerm(
            number_column(inputs, "hourly"), users.salary_floor, np.full(n_users, np.inf), np.full(n_users, 100.0)
        )
        other = 100.0 * self.other_style
        by_style = np.array(  # bits: neither, remote, attractive, both
            [
                [0.0, 0.0, 100.0, 100.0],  # no work style
                [other, other, other + 100.0, other + 100.0],  # a style other than remote
                [0.0, 100.0, 100.0, 200.0],  # remote
            ]
        )
        style = np.where(users.wants_remote, 2, np.where(users.has_style, 1, 0)).astype(np.int32)
        n_conditions = 1.0 + has_floor + users.has_style
        return Value(
            (meets_floor, FlagTerm(jobs.compute_once(make_condition_flags), by_style, style)),
            divisor=UserTerm(n_conditions),
        )

    def explain(self, pair: Pair) -> Reason:
        user, job = pair.user, pair.job
        met: dict[str, float] = {}
        if user.salary_floor is not None:
            met["salary floor"] = float(job.hourly is not None and job.hourly >= user.salary_floor)
        if user.work_style is not None:
            remote = user.work_style == "remote"
            met["work style"] = float(bool(job.remote_work)) if remote else self.other_style
        met["attractive features"] = float(job.attractive)
        facts = {
            "met": met,
            "salary floor": user.salary_floor,
            pair.board.wage_label: job.hourly,
            "work style": user.work_style,
        }
        return Reason(100.0 * sum(met.values()) / len(met), facts)
