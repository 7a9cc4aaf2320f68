"""Plot of a sensitivity: small multiples, one curve per weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.plotting import BLACK, BLUE, GREY, ORANGE, SMALL, new_grid, number
from scoring.tuning.step_curve import Curve, find_constant_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.sensitivity import Sensitivity, WeightPath

__all__ = ["plot_sensitivity"]

COLUMNS = 4


def plot_sensitivity(found: Sensitivity) -> Figure:
    """Plot the metric over each weight, on one scale; without a metric, the share of listed jobs that remain."""
    n, columns = len(found.along), min(COLUMNS, len(found.along))
    rows = -(-n // columns)
    size = max(2.5 * columns, 4.5), 2.1 * rows + 0.9
    figure, panels = new_grid(*size, rows, columns, share=True)
    for axes, along in zip(panels, found.along.values(), strict=False):
        _panel(axes, along, found.curve(along.component))
    for place, axes in enumerate(panels):
        axes.set_visible(place < n)
        if place < n and place + columns >= n:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("weight", fontsize=SMALL)
        if place % columns == 0:
            axes.set_ylabel(found.metric or "jobs kept, %", fontsize=SMALL)
    over = found.n_measured if found.metric else len(found.user_id)
    what = found.metric or f"Jobs of the present top {found.k} that stay in it"
    people = f"{over:,} user{'' if over == 1 else 's'}"
    figure.suptitle(f"{what}, {people}: one weight from 0 to 1, the others in proportion", fontsize=11)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=SMALL, frameon=False)
    return figure


def _panel(axes: Any, along: WeightPath, curve: Curve) -> None:
    scale = 1.0 if along.metric is not None else 100.0
    low, high = find_constant_interval(curve.changes, along.weight)
    # the edge, wider than the line of the current weight, keeps an interval of 0.001 visible
    axes.axvspan(
        low, high, facecolor=ORANGE, edgecolor=ORANGE, alpha=0.4, linewidth=3, label="the value of now, unchanged"
    )
    axes.axvline(along.weight, color=BLACK, linewidth=1, linestyle="--", label="weight now")
    axes.step(curve.t, scale * np.append(curve.within, curve.within[-1]), where="post", color=BLUE, linewidth=1.2)
    axes.set_title(along.component, loc="left", fontsize=10)
    if along.metric is not None:
        best = curve.best(along.weight)[0]
        axes.plot([best], [curve.highest], "o", color=BLACK, markersize=5, label="best", zorder=3)
        gain = curve.highest - float(curve(along.weight))
        text = "best as it is" if gain == 0 else f"+{number(gain)} at {best:.2f}"
        axes.set_title(text, loc="right", fontsize=SMALL, color=GREY)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=SMALL)
    axes.tick_params(axis="y", labelsize=SMALL)
