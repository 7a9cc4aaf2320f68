"""How the values of components are spread, and how much each really decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.plotting.displays import display
from scoring.ranking import Prepared
from scoring.tuning.value_statistics.sample import Floats, Sample, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QUANTILES", "Distributions", "component_distributions"]

QUANTILES: Final = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
"""Column → quantile (linear between values)."""


@dataclass(frozen=True, repr=False)
class Distributions:
    """Of every component over a sample of eligible pairs."""

    sample: Sample
    rows: pd.DataFrame

    def __repr__(self) -> str:
        return f"Distributions({len(self.rows)} components over {self.sample.told})"

    def _repr_html_(self) -> str:
        return str(self.rows._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """One row per component, in the model's order.

        component · group · weight (flat) · mean · sd (over all pairs) · within_sd (root mean square of the
        differences to the user's mean: what orders a user's jobs) · weighted_spread (weight × within_sd, in points) ·
        share_of_variance · min, q05, q25, median, q75, q95, max · share_at_0 and share_at_100 (100 or more) ·
        most_common (the smallest of those that are equally common) and share_most_common · distinct values.

        A component's share of variance is the covariance of its points with the total, both within users, over the
        total's variance: the shares sum to 1, and one is negative where a component works against the others. NaN
        where all of a user's jobs have one total.
        """
        return self.rows.copy()

    def plot(self) -> Figure:
        """Where values lie and how many are at the ends; beside it what each component weighs and what it decides."""
        figure: Figure = display("distributions", self)
        return figure


def component_distributions(
    prepared: Prepared,
    users: NDArray[np.integer] | Sequence[int] | None = None,
    *,
    n_users: int = 500,
    n_jobs: int = 400,
    seed: int = 0,
) -> Distributions:
    """Over the pairs that `draw` gives for these arguments, which raises what can be wrong."""
    sample = draw(prepared, users, n_users=n_users, n_jobs=n_jobs, seed=seed)
    weights, within = sample.model.flat_weights, sample.deviations()
    within_sd = np.sqrt((within**2).mean(axis=1))
    columns = {
        "component": [part.name for part in sample.model.parts],
        "group": [part.group for part in sample.model.parts],
        "weight": weights,
        "mean": sample.values.mean(axis=1),
        "sd": [value.std() if value.min() < value.max() else 0.0 for value in sample.values],
        "within_sd": within_sd,
        "weighted_spread": weights * within_sd,
        "share_of_variance": _shares_of_variance(weights, within),
    }
    quantiles = np.quantile(sample.values, list(QUANTILES.values()), axis=1)
    columns |= dict(zip(QUANTILES, quantiles, strict=True))
    columns |= {"share_at_0": (sample.values == 0).mean(axis=1), "share_at_100": (sample.values >= 100).mean(axis=1)}
    common = pd.DataFrame([_most_common(value) for value in sample.values])
    return Distributions(sample, pd.concat([pd.DataFrame(columns), common], axis=1))


def _shares_of_variance(weights: Floats, within: Floats) -> Floats:
    """(n_components,) covariance of weighted deviations (n_components, p) with their sum, over the sum's variance."""
    total = weights @ within
    variance = total @ total
    if variance == 0:
        return np.full(len(weights), np.nan)
    return np.asarray(weights * (within @ total) / variance)


def _most_common(values: Floats) -> dict[str, Any]:
    different, count = np.unique(values, return_counts=True)
    most = int(np.argmax(count))
    return {
        "most_common": different[most],
        "share_most_common": count[most] / len(values),
        "distinct": len(different),
    }
