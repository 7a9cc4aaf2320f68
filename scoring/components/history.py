"""How similar the job is to the jobs that the user applied to."""

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from scoring.components.helpers import (
    Days,
    Points,
    compute_mean_per_user,
    find_any_per_user,
    find_distinct_codes,
    number_column,
    occupation_key,
    prefecture_key,
)
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import IntervalTerm, LookupTerm, UserTerm, Value, open_interval


class History(Component):
    """`start` points, plus points for an occupation, a wage and a prefecture like those of the user's applications.

    Applications of the last `days` days count; a user without one gets `without`. The wage is similar if it differs
    from the mean hourly equivalent of all these applications by less than `near` × the mean.
    """

    kind: ClassVar[str] = "history"
    reads: ClassVar[tuple[str, ...]] = ("actions.application",)

    days: Days = 90
    """Number of days of which applications count."""
    without: Points = 50
    """Points of every job for a user without applications in this time."""
    start: Points = 25
    """Points of a job that differs from all applications."""
    occupation: Points = 30
    """Points that an occupation of an application adds."""
    wage: Points = 25
    """Points that a wage like that of the applications adds."""
    prefecture: Points = 20
    """Points that a prefecture of an application adds."""
    near: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Largest difference from the mean wage of the applications, as a share of it."""

    @model_validator(mode="after")
    def _at_most_100(self) -> Self:
        total = self.start + self.occupation + self.wage + self.prefecture
        if total > 100:
            raise ValueError(
                "start, occupation, wage and prefecture must not sum to more than 100; "
                f"they sum to {total:g}. Lower one of them"
            )
        return self

    def terms(self, inputs: Inputs) -> Value:
        n_users, jobs = len(inputs.users), inputs.history.jobs
        actions = inputs.history.within("application", self.days)
        applied = find_any_per_user(actions.user, n_users)
        mean = compute_mean_per_user(actions.user, jobs.hourly[actions.job], n_users)
        low, high = open_interval(mean, self.near)
        occupations = find_distinct_codes(actions.user, jobs.occupation[actions.job], n_users)
        prefectures = find_distinct_codes(actions.user, jobs.prefecture[actions.job], n_users)
        return Value(
            (
                UserTerm(np.where(applied, self.start, self.without)),
                LookupTerm.sparse(occupation_key(inputs), occupations, self.occupation),
                IntervalTerm(number_column(inputs, "hourly"), low, high, np.full(n_users, self.wage)),
                LookupTerm.sparse(prefecture_key(inputs), prefectures, self.prefecture),
            )
        )

    def explain(self, pair: Pair) -> Reason:
        applied = [action.job for action in pair.actions("application", self.days)]
        if not applied:
            return Reason(self.without, {"applications": 0, "days": self.days})
        job = pair.job
        wages = [seen.hourly for seen in applied if seen.hourly is not None]
        mean = sum(wages) / len(wages) if wages else None
        met = {
            "occupation": job.occupation is not None and job.occupation in {seen.occupation for seen in applied},
            "wage": mean is not None and job.hourly is not None and abs(job.hourly - mean) < self.near * mean,
            "prefecture": job.prefecture is not None and job.prefecture in {seen.prefecture for seen in applied},
        }
        value = self.start + sum(getattr(self, name) for name, holds in met.items() if holds)
        wage = f"mean {pair.board.wage_label}"
        similar = {pair.board.region if name == "prefecture" else name: holds for name, holds in met.items()}
        facts = {"applications": len(applied), "days": self.days, wage: mean, "similar in": similar}
        return Reason(value, facts)
