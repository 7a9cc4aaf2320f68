"""Plot of a scoreboard: metrics, their differences, and the price in the properties of the lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.evaluation.measure_info import PRICE_SHARE, find_good_sign
from scoring.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, SMALL, VERMILION, create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MODEL_COLOURS", "plot_scoreboard"]

MODEL_COLOURS = (GREY, ORANGE, GREEN, BLUE, VERMILION, SKY, BLACK)
"""Colours of the models in order. The models of a search (baseline, random, direct, search) match its own plots."""
_ROW = 0.8
"""Share of a metric's height that its models use."""
_ARROWS = {1: " ↑", -1: " ↓", 0: ""}


def plot_scoreboard(
    frame: pd.DataFrame, models: Sequence[str], metrics: Sequence[str], properties: Sequence[str], level: float
) -> Figure:
    """Plot a `Scoreboard.frame`: means and differences of the metrics, and relative changes of the list properties.

    A single model has no differences. An open point is a difference without a mark. The third plot shades the changes
    that make a property worse by more than `PRICE_SHARE`.
    """
    interval = f"{100 * level:g}% interval"
    if len(models) == 1:
        figure, (axes,) = create_figure(6.5, 1.0 + 0.56 * len(metrics))
        _draw_dots(axes, _select(frame, models, metrics, ("mean", "low", "high")))
        _name_rows(axes, metrics)
        axes.set_xlabel(f"mean over users, {interval}")
        axes.set_xlim(left=0)
        return figure
    known = set(frame.loc[frame["relative"].notna() & np.isfinite(frame["relative"]), "measure"])
    properties = [measure for measure in properties if measure in known]
    height = 1.0 + 0.28 * max(len(metrics), len(properties)) * len(models)
    figure, panels = create_figure(11.5 if properties else 9.0, height, 3 if properties else 2)
    _draw_dots(panels[0], _select(frame, models, metrics, ("mean", "low", "high")))
    _name_rows(panels[0], metrics)
    panels[0].set_xlabel(f"mean over users, {interval}")
    panels[0].set_xlim(left=0)
    differences = _select(frame, models, metrics, ("difference", "difference_low", "difference_high"))
    _draw_dots(panels[1], differences, with_marks=True)
    _name_rows(panels[1], [""] * len(metrics))
    panels[1].set_xlabel(f"difference to {models[0]},\n{interval} (open: no mark)")
    if properties:
        _draw_prices(panels[2], frame, models, properties)
        panels[2].set_xlabel(f"change in % of {models[0]}, {interval}\n(shaded: worse by more than {PRICE_SHARE:.0%})")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(models), frameon=False)
    return figure


def _draw_prices(axes: Any, frame: pd.DataFrame, models: Sequence[str], properties: Sequence[str]) -> None:
    """Draw the relative changes, and shade the changes beyond `PRICE_SHARE` on the bad side of each row."""
    changes = _select(frame, models, properties, ("relative", "difference_low", "difference_high"))
    scale = frame[frame["model"] == models[0]].set_index("measure").loc[list(properties), "mean"].abs().to_numpy()
    scale = np.where(scale > 0, scale, np.nan)  # a change from 0 has no share
    for values in changes.values():
        values["at"] *= 100
        values[["low", "high"]] = values[["low", "high"]].mul(100 / scale, axis=0)
    _draw_dots(axes, changes, with_marks=True)
    _name_rows(axes, [measure + _ARROWS[find_good_sign(measure)] for measure in properties])
    left, right = axes.get_xlim()
    limit = 100 * PRICE_SHARE
    left, right = min(left, -1.5 * limit), max(right, 1.5 * limit)
    for row, measure in enumerate(properties):
        sign = find_good_sign(measure)
        if sign:
            start, end = (left, -limit) if sign > 0 else (limit, right)
            axes.barh(row, end - start, height=1, left=start, color=VERMILION, alpha=0.12, zorder=0)
    axes.set_xlim(left, right)


def _select(
    frame: pd.DataFrame, models: Sequence[str], measures: Sequence[str], columns: tuple[str, str, str]
) -> dict[str, pd.DataFrame]:
    """Return model → measures with the columns at, low, high, significant."""
    chosen = {}
    for model in models:
        rows = frame[frame["model"] == model].set_index("measure").loc[list(measures)]
        chosen[model] = rows[[*columns, "significant"]].set_axis(["at", "low", "high", "significant"], axis=1)
    return chosen


def _draw_dots(axes: Any, values: dict[str, pd.DataFrame], *, with_marks: bool = False) -> None:
    """Draw one point per model and measure. With marks, a difference without a mark is an open point."""
    for index, (model, rows) in enumerate(values.items()):
        colour = MODEL_COLOURS[index % len(MODEL_COLOURS)]
        y = _compute_heights(index, len(values), len(rows))
        axes.hlines(y, rows["low"], rows["high"], color=colour, linewidth=2)
        axes.plot(rows["at"], y, "o", color=colour, markersize=5, label=model)
        if with_marks and index:
            is_open = ~rows["significant"].to_numpy(dtype=bool)
            axes.plot(rows["at"][is_open], y[is_open], "o", color="white", markersize=2.5, label=f"_{model}, open")
    if with_marks:
        axes.axvline(0, color=MODEL_COLOURS[0], linewidth=1)


def _name_rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=SMALL + 1)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#E5E5E5")
    axes.set_axisbelow(True)


def _compute_heights(index: int, models: int, measures: int) -> NDArray[np.float64]:
    """Return (measures,) y coordinates of the points of the model with this index."""
    return np.arange(measures, dtype=np.float64) + (_ROW / models * (index + 0.5) - _ROW / 2)
