"""The rate of applications per view or click of the company's jobs."""

from typing import Annotated, ClassVar

from pydantic import Field

from scoring.components.helpers import Curve, Days, interpolate
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value


class Popularity(Component):
    """A curve over (applications + a) / (views and clicks + b) of the company in the last `days` days.

    a and b (`prior_applications`, `prior_looks`) are prior counts that are added for every company. A missing company
    is treated as a company without actions.
    """

    kind: ClassVar[str] = "popularity"
    reads: ClassVar[tuple[str, ...]] = ("jobs.company_id", "actions")

    days: Days = 360
    """Number of days of which applications, views and clicks count."""
    prior_applications: Annotated[float, Field(ge=0)] = 1
    """Applications that are added for every company, so that a few actions count little."""
    prior_looks: Annotated[float, Field(gt=0)] = 20
    """Views and clicks that are added for every company, so that a few actions count little."""
    curve: Curve = ((0, 0), (0.05, 60), (0.10, 80), (0.15, 100))
    """Points by the rate of applications per view or click, linear between the points of the curve."""

    def terms(self, inputs: Inputs) -> Value:
        applications, looks = inputs.basis.company_actions(self.days).of(inputs.jobs.company)
        rate = (applications + self.prior_applications) / (looks + self.prior_looks)
        return Value((JobTerm(interpolate(rate, self.curve)),))

    def explain(self, pair: Pair) -> Reason:
        applications, looks = pair.company_actions(self.days)
        rate = (applications + self.prior_applications) / (looks + self.prior_looks)
        facts = {"company": pair.job.company, "applications": applications, "views and clicks": looks, "rate": rate}
        return Reason(float(interpolate(rate, self.curve)), facts)
