"""The wage compared with the mean wage of the area."""

from typing import ClassVar

import numpy as np

from scoring.components.helpers import Curve, interpolate
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value

_AREAS = ("all open jobs", "the {region}", "the {region} and major occupation")


class Wage(Component):
    """A curve over the ratio of the hourly equivalent to its area mean; 0 points if either is missing."""

    kind: ClassVar[str] = "wage"
    reads: ClassVar[tuple[str, ...]] = ("jobs.min_salary", "jobs.salary_type")

    curve: Curve = ((0, 0), (1, 60), (1.2, 80), (1.5, 100))
    """Points by the ratio of the wage to the mean wage of the area, linear between the points of the curve."""

    def terms(self, inputs: Inputs) -> Value:
        mean, _, _ = inputs.basis.areas.of(inputs.jobs)
        ratio = inputs.jobs.hourly / np.where(mean > 0, mean, np.nan)  # the mean is 0 if the wages underflow
        return Value((JobTerm(np.where(np.isnan(ratio), 0.0, interpolate(ratio, self.curve))),))

    def explain(self, pair: Pair) -> Reason:
        hourly = pair.job.hourly
        mean, count, level = pair.area_mean
        ratio = None if hourly is None or not mean else hourly / mean
        facts = {
            pair.board.wage_label: hourly,
            "area mean": mean,
            "area": _AREAS[level].format(region=pair.board.region),
            "jobs in area": count,
            "ratio": ratio,
        }
        return Reason(0.0 if ratio is None else float(interpolate(ratio, self.curve)), facts)
