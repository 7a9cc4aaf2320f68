"""Plot of a backtest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.evaluation.scoreboard_plot import MODEL_COLOURS
from scoring.plotting import create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_backtest"]

_WIDTH = 0.6
"""Share of the space between two cuts that the models use."""


def plot_backtest(frame: pd.DataFrame, pooled: pd.DataFrame, all_models: Sequence[str], level: float) -> Figure:
    """Plot the differences of one metric to the first model by cut, with intervals; the last place is over all cuts.

    A difference that is not significant has an open point. With one model, its means are plotted.

    Parameters
    ----------
    frame, pooled: The rows of one measure of `Backtest.frame` and `Backtest.pooled`.
    all_models: The models, the baseline first.
    level: Level of the intervals.
    """
    metric, dates = frame["measure"].iloc[0], sorted(frame["cut"].unique())
    cuts = frame.assign(place=frame["cut"].rank(method="dense") - 1)
    pooled = pooled.assign(place=len(dates))
    rows = pd.concat([cuts, pooled], ignore_index=True)
    figure, (axes,) = create_figure(1.5 + 0.9 * (len(dates) + 1), 3.2, 1)
    models = all_models[1:] or all_models
    value = "difference" if all_models[1:] else "mean"
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
    axes.axvline(len(dates) - 0.5, color="#BBBBBB", linewidth=1)
    labels = [f"{cut:%Y-%m-%d}" for cut in dates]
    axes.set_xticks(range(len(labels) + 1), [*labels, "all cuts"], rotation=30, ha="right")
    if value == "difference":
        axes.axhline(0, color=MODEL_COLOURS[0], linewidth=1)
        axes.set_ylabel(f"{metric}, difference to {all_models[0]}")
        axes.set_xlabel(f"cut, {level:.0%} interval (open: not significant)")
    else:
        axes.set_ylabel(metric)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(models), frameon=False)
    return figure
