"""The registry of measures: unit, good direction and meaning. Tables, plots, sentences and promotions use it.

A measure that moves in its bad direction is the price of a gain in another measure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from scoring.evaluation.beyond_accuracy_metrics import (
    MONEY,
    Concentration,
    Coverage,
    Diversity,
    MeanFee,
    MeanWage,
    Miscalibration,
    Novelty,
    PopularityBias,
    PopulationFact,
    UserFact,
)
from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Metric, Precision, Recall

__all__ = [
    "LIST_MEASURES",
    "MEASURES",
    "METRICS",
    "PRICE_SHARE",
    "MeasureInfo",
    "compute_relative_change",
    "find_good_sign",
    "find_measure",
    "is_price",
]

METRICS: Final[tuple[type[Metric], ...]] = (NDCG, Recall, Precision, MRR, MAP, HitRate)
LIST_MEASURES: Final[tuple[type[UserFact | PopulationFact], ...]] = (
    MeanFee,
    MeanWage,
    Diversity,
    Miscalibration,
    Novelty,
    PopularityBias,
    Coverage,
    Concentration,
)

PRICE_SHARE: Final = 0.1
"""A measure that becomes worse by more than this share of the baseline's value is reported as a price."""

_WORDS: Final = {1: "higher", -1: "lower", 0: ""}


@dataclass(frozen=True)
class MeasureInfo:
    """Unit, good direction and meaning of a measure. They do not depend on the number of ranks."""

    label: str
    unit: str
    good_sign: int
    """1 if higher values are better, -1 if lower ones are, 0 if neither is."""
    meaning: str

    @property
    def good(self) -> str:
        """The good direction as a word: higher, lower, or "" for neither."""
        return _WORDS[self.good_sign]


def _describe(kind: type[Metric | UserFact | PopulationFact], label: str) -> MeasureInfo:
    meaning = (kind.__doc__ or "").partition("\n")[0]
    return MeasureInfo(label, kind.unit, kind.good_sign, meaning)


MEASURES: Final[dict[str, MeasureInfo]] = {
    **{kind.__name__: _describe(kind, kind.__name__) for kind in METRICS},
    **{kind.label: _describe(kind, kind.label) for kind in LIST_MEASURES},
}
"""Label → measure."""


def find_measure(name: str, currency: str = "") -> MeasureInfo:
    """Return unit, good direction and meaning of a measure such as `NDCG@10` or `mean fee@40`.

    `currency` is the unit of amounts of money; empty if it is not known. A label that is not registered is a metric of
    the caller, and higher values of a metric are better.
    """
    label = name.rpartition("@")[0] or name
    found = MEASURES.get(label, MeasureInfo(label, "", Metric.good_sign, ""))
    return replace(found, unit=currency) if found.unit == MONEY else found


def find_good_sign(measure: str) -> int:
    """Return 1 if higher values of the measure are better, -1 if lower ones are, and 0 if neither is."""
    return find_measure(measure).good_sign


def compute_relative_change(difference: float, baseline: float) -> float:
    """Return the difference as a share of the baseline's value; infinite if that value is 0, 0 without a difference."""
    if difference == 0:
        return 0.0
    return difference / abs(baseline) if baseline else math.copysign(math.inf, difference)


def is_price(measure: str, relative: float, share: float = PRICE_SHARE) -> bool:
    """Return whether the measure moved in its bad direction by more than a share of the baseline's value."""
    return find_good_sign(measure) * relative < -share
