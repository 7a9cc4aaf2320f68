"""The age of the posting."""

from typing import ClassVar

import numpy as np

from scoring.components.helpers import Days
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value


class Freshness(Component):
    """100 · 2 ** -(age / `half_life_days`). A missing posting time gives 0 points."""

    kind: ClassVar[str] = "freshness"
    reads: ClassVar[tuple[str, ...]] = ("jobs.posted_at",)

    half_life_days: Days = 14
    """Age in days after which a posting has half of its points."""

    def terms(self, inputs: Inputs) -> Value:
        value = 100.0 * np.exp2(-inputs.job_age_days / self.half_life_days)
        return Value((JobTerm(np.where(np.isnan(value), 0.0, value)),))

    def explain(self, pair: Pair) -> Reason:
        age = pair.job_age_days
        value = 0.0 if age is None else 100.0 * float(np.exp2(-age / self.half_life_days))
        return Reason(value, {"posted at": pair.job.posted_at, "age in days": age})
