"""Distributions of component values, and the share of each component in the total's variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scoring.dataset.row_lookup import IdList
from scoring.plotting.plot_registry import display
from scoring.ranking import Prepared
from scoring.tuning.value_statistics.sample import Floats, Sample, draw_sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QUANTILES", "Distributions", "component_distributions"]

QUANTILES: Final = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
"""Column → quantile, with linear interpolation."""


@dataclass(frozen=True, repr=False)
class Distributions:
    """Distribution of every component's values over a sample of eligible pairs."""

    sample: Sample
    rows: pd.DataFrame

    def __repr__(self) -> str:
        return f"Distributions({len(self.rows)} components over {self.sample.description})"

    def _repr_html_(self) -> str:
        return str(self.rows._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """Return one row per component, in the model's order.

        Columns: component · group · weight (flat) · mean · sd (over all pairs) · within_sd (root mean square of the
        differences from the user's mean; only these affect the order of a user's jobs) · weighted_spread (weight ×
        within_sd, in points) · share_of_variance · min, q05, q25, median, q75, q95, max · share_at_0 · share_at_100
        (100 or more) · most_common (the smallest if several are equally common) · share_most_common · distinct
        (number of distinct values).

        A component's share of variance is the covariance of its points with the total, divided by the total's
        variance, both within users. The shares sum to 1; a share is negative if the component works against the
        others. Shares are NaN if each user's jobs all have the same total.
        """
        return self.rows.copy()

    def plot(self) -> Figure:
        """Plot the values and their shares at 0 and 100, and the weight and weighted spread of each component."""
        figure: Figure = display("distributions", self)
        return figure


def component_distributions(
    prepared: Prepared,
    users: IdList | None = None,
    *,
    n_users: int = 500,
    n_jobs: int = 400,
    seed: int = 0,
) -> Distributions:
    """Return the distributions of component values over the sample that `draw_sample` returns for these arguments.

    Raises
    ------
    ConfigurationError, UnknownIdError, NotEnoughMemoryError: As `draw_sample`.

    Example
    -------
    >>> len(component_distributions(ready, n_users=20, n_jobs=20).frame()) == len(model.parts)
    True
    """
    sample = draw_sample(prepared, users, n_users=n_users, n_jobs=n_jobs, seed=seed)
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
        "share_of_variance": _compute_shares_of_variance(weights, within),
    }
    quantiles = np.quantile(sample.values, list(QUANTILES.values()), axis=1)
    columns |= dict(zip(QUANTILES, quantiles, strict=True))
    columns |= {"share_at_0": (sample.values == 0).mean(axis=1), "share_at_100": (sample.values >= 100).mean(axis=1)}
    common = pd.DataFrame([_find_most_common(value) for value in sample.values])
    return Distributions(sample, pd.concat([pd.DataFrame(columns), common], axis=1))


def _compute_shares_of_variance(weights: Floats, within: Floats) -> Floats:
    """Return the covariance of weighted deviations with their sum over the sum's variance, (n_components,)."""
    total = weights @ within
    variance = total @ total
    if variance == 0:
        return np.full(len(weights), np.nan)
    return np.asarray(weights * (within @ total) / variance)


def _find_most_common(values: Floats) -> dict[str, Any]:
    different, count = np.unique(values, return_counts=True)
    most = int(np.argmax(count))
    return {
        "most_common": different[most],
        "share_most_common": count[most] / len(values),
        "distinct": len(different),
    }
