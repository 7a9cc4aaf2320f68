"""Whether the job states a station and an address."""

from typing import ClassVar

import numpy as np

from scoring.components.helpers import Points
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value


class Access(Component):
    """`start` points, plus `station` if the job has a station and `address` if it has an address; at most 100."""

    kind: ClassVar[str] = "access"
    reads: ClassVar[tuple[str, ...]] = ("jobs.station_name", "jobs.address")

    start: Points = 25
    """Points of a job without station and address."""
    station: Points = 75
    """Points that a station adds."""
    address: Points = 25
    """Points that an address adds."""

    def terms(self, inputs: Inputs) -> Value:
        jobs = inputs.jobs
        points = self.start + self.station * jobs.has_station + self.address * jobs.has_address
        return Value((JobTerm(np.minimum(100.0, points)),))

    def explain(self, pair: Pair) -> Reason:
        job = pair.job
        points = self.start + self.station * job.has_station + self.address * job.has_address
        return Reason(min(100.0, points), {"station": job.row["station_name"], "address": job.row["address"]})
