"""Plot of a backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.evaluation.scoreboard_plot import MODEL_COLOURS
from scoring.plotting import create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.evaluation.backtest import Backtest

__all__ = ["plot_backtest"]

_WIDTH = 0.6
"""Share of the space between two cuts that the models use."""


def plot_backtest(backtest: Backtest, metric: str) -> Figure:
    """Plot the differences of a metric to the first model by cut, with intervals. The last place is the pooled one.

    A difference that is not significant has an open point. With one model, its means are plotted.
    """
    cuts = backtest.frame()
    cuts = cuts[cuts["measure"] == metric].assign(place=cuts["cut"].rank(method="dense") - 1)
    pooled = backtest.pooled()
    pooled = pooled[pooled["measure"] == metric].assign(place=len(backtest.cuts))
    rows = pd.concat([cuts, pooled], ignore_index=True)
    figure, (axes,) = create_figure(1.5 + 0.9 * (len(backtest.cuts) + 1), 3.2, 1)
    models = backtest.models[1:] or backtest.models
    value = "difference" if backtest.models[1:] else "mean"
    for index, model in enumerate(models):
        of_model = rows[rows["model"] == model]
        x = of_model["place"].to_numpy(dtype=np.float64) + _WIDTH * ((index + 0.5) / len(models) - 0.5)
        colour = MODEL_COLOURS[(index + (value == "difference")) % len(MODEL_COLOURS)]
        if value == "difference":
            axes.vlines(x, of_model["difference_low"], of_model["difference_high"], color=colour, linewidth=2)
        axes.plot(x, of_model[value], "o", color=colour, markersize=5, label=model)
        is_open = (of_model[value].notna() & ~of_model["significant"].astype(bool)).to_numpy()
        if value == "difference":
            axes.plot(x[is_open], of_model[value][is_open], "o", color="white", markersize=2.5, label="_open")
    axes.axvline(len(backtest.cuts) - 0.5, color="#BBBBBB", linewidth=1)
    labels = [f"{cut.at:%Y-%m-%d}" for cut in backtest.cuts]
    axes.set_xticks(range(len(labels) + 1), [*labels, "all cuts"], rotation=30, ha="right")
    if value == "difference":
        axes.axhline(0, color=MODEL_COLOURS[0], linewidth=1)
        axes.set_ylabel(f"{metric}, difference to {backtest.baseline}")
        axes.set_xlabel(f"cut, {backtest.level:.0%} interval (open: not significant)")
    else:
        axes.set_ylabel(metric)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(models), frameon=False)
    return figure
