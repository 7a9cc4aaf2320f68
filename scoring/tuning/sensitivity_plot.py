"""Plot of a sensitivity: small multiples, one curve per weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.errors import pluralize
from scoring.plotting import BLACK, BLUE, GREY, ORANGE, SMALL, create_grid, format_number
from scoring.tuning.step_function import StepCurve, find_constant_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.sensitivity import Sensitivity, WeightPath

__all__ = ["plot_sensitivity"]

COLUMNS = 4


def plot_sensitivity(result: Sensitivity) -> Figure:
    """Plot the metric over each weight, on one scale; without a metric, the share of listed jobs that remain."""
    n, columns = len(result.paths), min(COLUMNS, len(result.paths))
    rows = -(-n // columns)
    size = max(2.5 * columns, 4.5), 2.1 * rows + 0.9
    figure, panels = create_grid(*size, rows, columns, share=True)
    for axes, path in zip(panels, result.paths.values(), strict=False):
        _draw_panel(axes, path, result.curve(path.component))
    for place, axes in enumerate(panels):
        axes.set_visible(place < n)
        if place < n and place + columns >= n:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("weight", fontsize=SMALL)
        if place % columns == 0:
            axes.set_ylabel(result.metric or "jobs kept, %", fontsize=SMALL)
    n_users = result.n_measured if result.metric else len(result.user_id)
    what = result.metric or f"Jobs of the current top {result.k} that remain"
    title = f"{what}, {pluralize(n_users, 'user')}\none weight from 0 to 1, other weights in proportion"
    figure.suptitle(title, fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=SMALL, frameon=False)
    return figure


def _draw_panel(axes: Any, path: WeightPath, curve: StepCurve) -> None:
    scale = 1.0 if path.metric is not None else 100.0
    low, high = find_constant_interval(curve.changes, path.weight)
    # the edge, wider than the line of the current weight, keeps an interval of 0.001 visible
    axes.axvspan(
        low, high, facecolor=ORANGE, edgecolor=ORANGE, alpha=0.4, linewidth=3, label="current value, unchanged"
    )
    axes.axvline(path.weight, color=BLACK, linewidth=1, linestyle="--", label="current weight")
    axes.step(curve.t, scale * np.append(curve.within, curve.within[-1]), where="post", color=BLUE, linewidth=1.2)
    axes.set_title(path.component, loc="left", fontsize=10)
    if path.metric is not None:
        best = curve.best(path.weight)[0]
        axes.plot([best], [curve.highest], "o", color=BLACK, markersize=5, label="best", zorder=3)
        gain = curve.highest - float(curve(path.weight))
        text = "current is best" if gain == 0 else f"+{format_number(gain)} at {best:.2f}"
        axes.set_title(text, loc="right", fontsize=SMALL, color=GREY)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=SMALL)
    axes.tick_params(axis="y", labelsize=SMALL)
