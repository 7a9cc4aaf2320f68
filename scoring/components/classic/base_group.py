"""The legacy formulas of the group `base`: what the job offers."""

from typing import ClassVar

import numpy as np

from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value


class ClassicFee(Component):
    """100 · fee / 5000, clipped to 0 to 100. A missing fee gives 0 points."""

    kind: ClassVar[str] = "classic_fee"
    reads: ClassVar[tuple[str, ...]] = ("jobs.fee",)

    def terms(self, inputs: Inputs) -> Value:
        # clip first: 100 times the largest floats is infinite
        fee = np.clip(np.nan_to_num(inputs.jobs.fee, nan=0.0), 0.0, 5000.0)
        return Value((JobTerm(np.clip(100.0 * fee / 5000.0, 0.0, 100.0)),))

    def explain(self, pair: Pair) -> Reason:
        fee = pair.job.fee
        return Reason(min(100.0, max(0.0, 100.0 * (fee or 0.0) / 5000.0)), {pair.board.label_amount("fee"): fee})


class ClassicWage(Component):
    """100 from 1500 yen per hour, 200/3 from 1200, 100/3 from 1000, else 50/3 (also if the wage is missing)."""

    kind: ClassVar[str] = "classic_wage"
    reads: ClassVar[tuple[str, ...]] = ("jobs.min_salary", "jobs.salary_type")

    def terms(self, inputs: Inputs) -> Value:
        hourly = np.nan_to_num(inputs.jobs.hourly, nan=0.0)
        steps = [hourly >= 1500, hourly >= 1200, hourly >= 1000]
        return Value((JobTerm(np.select(steps, [100.0, 200 / 3, 100 / 3], 50 / 3)),))

    def explain(self, pair: Pair) -> Reason:
        hourly = pair.job.hourly or 0.0
        value = 100.0 if hourly >= 1500 else 200 / 3 if hourly >= 1200 else 100 / 3 if hourly >= 1000 else 50 / 3
        return Reason(value, {pair.board.wage_label: pair.job.hourly})


class ClassicAccess(Component):
    """5 · min(20, 5 + 15 with a station + 5 with an address)."""

    kind: ClassVar[str] = "classic_access"
    reads: ClassVar[tuple[str, ...]] = ("jobs.station_name", "jobs.address")

    def terms(self, inputs: Inputs) -> Value:
        jobs = inputs.jobs
        return Value((JobTerm(5.0 * np.minimum(20, 5 + 15 * jobs.has_station + 5 * jobs.has_address)),))

    def explain(self, pair: Pair) -> Reason:
        job = pair.job
        value = 5.0 * min(20, 5 + 15 * job.has_station + 5 * job.has_address)
        return Reason(value, {"station": job.row["station_name"], "address": job.row["address"]})
