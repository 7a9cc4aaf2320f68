"""Plot of a scoreboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, SMALL, VERMILION, create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MODEL_COLOURS", "plot_scoreboard"]

MODEL_COLOURS = (GREY, ORANGE, GREEN, BLUE, VERMILION, SKY, BLACK)
"""Colours of the models in order. The models of a search (baseline, random, direct, search) match its own plots."""
_ROW = 0.8
"""Share of a metric's height that its models use."""


def plot_scoreboard(frame: pd.DataFrame, models: Sequence[str], measures: Sequence[str], level: float) -> Figure:
    """Plot a `Scoreboard.frame`: means on the left, differences to the first model on the right.

    A difference that is not significant has an open point.
    """
    interval = f"{100 * level:g} % interval"
    is_single = len(models) == 1
    figure, panels = create_figure(
        6.5 if is_single else 10.0, 1.0 + 0.28 * len(measures) * max(len(models), 2), 2 - is_single
    )
    _dots(panels[0], frame, models, measures, "mean", "low", "high")
    panels[0].set_xlabel(f"mean over users, {interval}")
    panels[0].set_xlim(left=0)
    if not is_single:
        _dots(panels[1], frame, models, measures, "difference", "difference_low", "difference_high")
        panels[1].axvline(0, color=MODEL_COLOURS[0], linewidth=1)
        _open_points(panels[1], frame, models[1:], measures)
        panels[1].set_xlabel(f"difference to {models[0]}, {interval} (open: not significant)")
        panels[1].set_yticklabels([])
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(models), frameon=False
        )
    return figure


def _dots(
    axes: Any, frame: pd.DataFrame, models: Sequence[str], measures: Sequence[str], mean: str, low: str, high: str
) -> None:
    for index, model in enumerate(models):
        rows = _rows(frame, model, measures)
        colour = MODEL_COLOURS[index % len(MODEL_COLOURS)]
        y = _heights(index, len(models), len(measures))
        axes.hlines(y, rows[low], rows[high], color=colour, linewidth=2)
        axes.plot(rows[mean], y, "o", color=colour, markersize=5, label=model)
    axes.set_yticks(range(len(measures)), measures, fontsize=SMALL + 1)
    axes.set_ylim(len(measures) - 0.5, -0.5)
    axes.grid(axis="x", color="#E5E5E5")
    axes.set_axisbelow(True)


def _open_points(axes: Any, frame: pd.DataFrame, models: Sequence[str], measures: Sequence[str]) -> None:
    """Draw open points over the differences that are not significant; `models` without the first."""
    for index, model in enumerate(models, 1):
        rows = _rows(frame, model, measures)
        is_open = ~rows["significant"].to_numpy(dtype=bool)
        y = _heights(index, len(models) + 1, len(measures))
        axes.plot(rows["difference"][is_open], y[is_open], "o", color="white", markersize=2.5, label=f"_{model}, open")


def _rows(frame: pd.DataFrame, model: str, measures: Sequence[str]) -> pd.DataFrame:
    return frame[frame["model"] == model].set_index("measure").loc[list(measures)]


def _heights(index: int, models: int, measures: int) -> NDArray[np.float64]:
    """Return (measures,) y coordinates of the points of the model with this index."""
    return np.arange(measures, dtype=np.float64) + (_ROW / models * (index + 0.5) - _ROW / 2)
