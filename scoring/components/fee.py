"""The fee that the job board receives for an application."""

from typing import ClassVar, Self

import numpy as np
from pydantic import model_validator

from scoring.components.helpers import interpolate
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value


class Fee(Component):
    """0 up to a fee of `low`, 100 from `high`, linear between. A missing fee gives 0 points."""

    kind: ClassVar[str] = "fee"
    reads: ClassVar[tuple[str, ...]] = ("jobs.fee",)

    low: float = 500
    """Up to this fee, a job gets 0 points."""
    high: float = 5000
    """From this fee, a job gets 100 points."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        return self

    @property
    def _curve(self) -> tuple[tuple[float, float], ...]:
        return ((self.low, 0.0), (self.high, 100.0))

    def terms(self, inputs: Inputs) -> Value:
        fee = inputs.jobs.fee
        return Value((JobTerm(np.where(np.isnan(fee), 0.0, interpolate(fee, self._curve))),))

    def explain(self, pair: Pair) -> Reason:
        fee = pair.job.fee
        return Reason(
            0.0 if fee is None else float(interpolate(fee, self._curve)), {pair.board.label_amount("fee"): fee}
        )
