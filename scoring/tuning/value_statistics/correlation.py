"""Correlations between components: within users, and over all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError
from scoring.plotting.plot_registry import display
from scoring.ranking import Prepared
from scoring.tuning.value_statistics.sample import Floats, Sample, draw_sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Correlations", "Method", "Over", "correlations"]

Method = Literal["pearson", "spearman"]
Over = Literal["within", "pooled"]


@dataclass(frozen=True, repr=False)
class Correlations:
    """Correlations of component values over a sample of eligible pairs; NaN where a component is constant.

    `within` uses values minus the user's mean (Spearman: ranks among the user's jobs). Only these differences affect
    the order of a user's jobs. `pooled` uses all pairs, so it includes differences between users.
    """

    sample: Sample
    method: Method
    within: Floats  # (n_components, n_components)
    pooled: Floats

    def __repr__(self) -> str:
        return f"Correlations({self.method}, {len(self.within)} components over {self.sample.description})"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def frame(self, over: Over = "within") -> pd.DataFrame:
        """Return the correlations as a frame, component × component.

        Raises
        ------
        ConfigurationError: If `over` is not "within" or "pooled".
        """
        _require("over", over, get_args(Over))
        names = [part.name for part in self.sample.model.parts]
        values = self.within if over == "within" else self.pooled
        return pd.DataFrame(values, index=pd.Index(names, name="component"), columns=names)

    def plot(self) -> Figure:
        """Plot two heat maps: within users, and over all pairs."""
        figure: Figure = display("correlations", self)
        return figure


def correlations(
    prepared: Prepared,
    users: IdList | None = None,
    *,
    method: Method = "pearson",
    n_users: int = 500,
    n_jobs: int = 400,
    seed: int = 0,
) -> Correlations:
    """Return the correlations between components over the sample that `draw_sample` returns for these arguments.

    Raises
    ------
    ConfigurationError: If the method is unknown; also as `draw_sample`.
    UnknownIdError, NotEnoughMemoryError: As `draw_sample`.

    Example
    -------
    >>> correlations(ready, n_users=20, n_jobs=20).frame().shape[0] > 0
    True
    """
    _require("method", method, get_args(Method))
    sample = draw_sample(prepared, users, n_users=n_users, n_jobs=n_jobs, seed=seed)
    if method == "pearson":
        return Correlations(sample, method, _correlate(sample.deviations()), _correlate(_centre_values(sample.values)))
    within = _correlate(sample.deviations(_rank_within_users(sample)))
    return Correlations(sample, method, within, _correlate(_centre_values(_rank_values(sample.values))))


def _require(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigurationError(f"{what} is {value!r}. Use {' or '.join(known)}.", key=(what,))


def _centre_values(values: Floats) -> Floats:
    """Return values minus the mean of their row, (n_components, p); exactly 0 in a constant row."""
    left = values - values.mean(axis=1, keepdims=True)
    left[values.min(axis=1) == values.max(axis=1)] = 0.0
    return left


def _rank_values(values: Floats) -> Floats:
    """Return ranks between 0 and 1, (n_components, p); equal values get the mean of their ranks."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values, axis=1) - 0.5) / values.shape[1])


def _rank_within_users(sample: Sample) -> Floats:
    """Return ranks among the user's jobs, from 0 to 1, so that all users' ranks have one scale."""
    ranks = np.empty_like(sample.values)
    for first, last in zip(sample.start[:-1], sample.start[1:], strict=True):
        ranks[:, first:last] = _rank_values(sample.values[:, first:last])
    return ranks


def _correlate(left: Floats) -> Floats:
    """Return the correlations of n centred rows, (n, n); NaN for a row of zeros."""
    product = left @ left.T
    size = np.sqrt(np.diag(product))
    products = np.outer(size, size)
    result = np.full(product.shape, np.nan)
    np.divide(product, products, out=result, where=products > 0)
    np.fill_diagonal(result, np.where(size > 0, 1.0, np.nan))
    return np.clip(result, -1.0, 1.0)
