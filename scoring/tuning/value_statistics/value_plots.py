"""Plots of distributions and correlations of components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.plotting import BLACK, BLUE, GREY, ORANGE, SKY, SMALL, create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.value_statistics.correlation import Correlations
    from scoring.tuning.value_statistics.distributions import Distributions

__all__ = ["plot_correlations", "plot_distributions"]


def plot_distributions(distributions: Distributions) -> Figure:
    """Plot distributions in two panels.

    Left: quantiles, and the shares of values at 0, at 100 and at the most common value. Right: weighted spread, weight
    and share of variance.
    """
    rows = distributions.frame()
    figure, (left, right) = create_figure(10.8, 0.38 * len(rows) + 1.7, columns=2)
    places = range(len(rows))
    left.hlines(list(places), rows["q05"], rows["q95"], color=SKY, linewidth=2, label="5th to 95th percentile")
    left.barh(
        list(places),
        rows["q75"] - rows["q25"],
        left=rows["q25"],
        color=BLUE,
        height=0.45,
        label="25th to 75th percentile",
    )
    left.plot(rows["median"], list(places), "o", color=ORANGE, markeredgecolor=BLACK, markersize=6, label="median")
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        _write(left, f"{row['share_at_0']:.0%}", 110, place)
        _write(left, f"{row['share_at_100']:.0%}", 125, place)
        _write(left, f"{row['share_most_common']:.0%} at {row['most_common']:.3g}", 148, place)
    for text, x in (("at 0", 110), ("at 100", 125), ("most common", 148)):
        _write(left, text, x, -0.9, color=GREY)
    left.set_xlim(-3, 165)
    left.set_xticks([0, 25, 50, 75, 100])
    left.set_xlabel("value", x=0.3)
    left.set_title("Values of eligible pairs", loc="left", fontsize=10)
    _draw_rows(left, rows["component"].tolist())

    points = rows["weighted_spread"].to_numpy()
    right.barh(list(places), points, color=BLUE, height=0.6)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        share = "" if np.isnan(row["share_of_variance"]) else f", {row['share_of_variance']:.0%} of the variance"
        text = f"{row['weighted_spread']:.2f} (weight {row['weight']:.3g}{share})"
        right.annotate(text, (points[place], place), (4, 0), textcoords="offset points", va="center", fontsize=SMALL)
    right.set_xlim(0, max(points.max() * 1.9, 1e-6))
    right.set_xlabel("weight × standard deviation among a user's jobs, points")
    right.set_title("Weighted spread among a user's jobs", loc="left", fontsize=10)
    _draw_rows(right, [""] * len(rows))
    figure.suptitle(
        distributions.sample.description[0].upper() + distributions.sample.description[1:],
        fontsize=10,
        x=0.01,
        ha="left",
    )
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=SMALL, frameon=False)
    return figure


def _write(axes: Any, text: str, x: float, y: float, color: str = BLACK) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=SMALL, color=color)


def _draw_rows(axes: Any, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_ylim(len(names) - 0.4, -1.3)


def plot_correlations(correlations: Correlations) -> Figure:
    """Plot lower triangles, each pair once; a cell is empty where a component is constant."""
    n = len(correlations.within)
    figure, panels = create_figure(2 * max(0.4 * n, 2.5) + 2.2, max(0.4 * n, 2.5) + 0.9, columns=2)
    titles = {"within": "Among a user's jobs", "pooled": "Over all pairs"}
    for axes, (over, title) in zip(panels, titles.items(), strict=True):
        values = correlations.frame("within" if over == "within" else "pooled")
        shown = np.where(np.tri(n, k=-1, dtype=bool), values.to_numpy(), np.nan)[1:, :-1]
        if n > 1:
            axes.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1)
        for row, column in np.argwhere(~np.isnan(shown)):
            value = shown[row, column]
            colour = "white" if abs(value) > 0.6 else BLACK
            text = "0" if abs(value) < 0.005 else f"{value:.2f}".replace("0.", ".", 1)
            axes.text(column, row, text, ha="center", va="center", fontsize=SMALL - 1, color=colour)
        axes.set_xticks(range(n - 1), values.columns[:-1], rotation=45, ha="right", fontsize=SMALL)
        axes.set_yticks(range(n - 1), values.columns[1:], fontsize=SMALL)
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_xlabel("component")
        axes.set_ylabel("component")
        axes.set_title(f"{title}: {correlations.method.capitalize()} correlation", loc="left", fontsize=10)
    figure.suptitle(
        correlations.sample.description[0].upper() + correlations.sample.description[1:], fontsize=10, x=0.01, ha="left"
    )
    return figure
