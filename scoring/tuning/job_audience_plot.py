"""Plots of an audience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.plotting import BLACK, BLUE, GREY, SMALL, VERMILION, create_figure, draw_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.job_audience_result import Audience

__all__ = ["plot_audience"]

BINS, FEWEST_BARS = 40, 8
MANY_RULES = 3
"""Rows of space in the plot of rules, at least: with fewer, bars would be too thick."""


def plot_audience(audience: Audience) -> Figure:
    """Plot an audience in two panels.

    Left: ranks, or gaps if the job is listed for no user. Right: components, or rules if no eligible user misses the
    job. If no user is eligible, the only panel shows the rules.
    """
    if audience.n_eligible:
        figure, (left, right) = create_figure(10.5, max(4.2, 0.33 * len(audience.comparison) + 1.2), columns=2)
        (_draw_ranks if audience.n_listed else _draw_gaps)(left, audience)
        (_draw_components if len(audience.missed) else _draw_rules)(right, audience)
    else:
        figure, (axes,) = create_figure(8.5, 0.4 * max(len(audience.rules), MANY_RULES) + 1.2)
        _draw_rules(axes, audience)
    users = len(audience.user_id)
    figure.suptitle(
        f"Job {audience.job}: listed for {audience.n_listed:,} of {users:,} users, eligible but not listed for "
        f"{len(audience.missed):,}, excluded for {users - audience.n_eligible:,}",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return figure


def _draw_ranks(axes: Any, audience: Audience) -> None:
    # ranks per bar: for few users, bars of one rank would all have height 1
    per_bar = -(-audience.k // min(BINS, max(audience.n_listed, FEWEST_BARS)))
    edges = np.arange(0.5, audience.k + per_bar + 0.5, per_bar)
    axes.hist(audience.rank[audience.rank > 0], bins=edges, color=BLUE, rwidth=0.9)
    axes.set_xlim(0.5, max(edges[-1], 1.5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("rank in the user's list" + (f" ({per_bar} ranks per bar)" if per_bar > 1 else ""))
    axes.set_ylabel("users")
    axes.set_title(f"Rank in the lists of {audience.n_listed:,} users", loc="left", fontsize=10)


def _draw_gaps(axes: Any, audience: Audience) -> None:
    axes.hist(audience.gaps, bins=BINS, color=BLUE, rwidth=0.9)
    axes.set_xlim(left=0)
    axes.set_xlabel("gap to the list, points")
    axes.set_ylabel("users")
    axes.set_title(f"Gap to the lists of {len(audience.missed):,} users", loc="left", fontsize=10)


def _draw_components(axes: Any, audience: Audience) -> None:
    rows = audience.components()
    difference = rows["difference"].to_numpy()
    places = np.arange(len(rows))
    axes.barh(places, difference, color=[VERMILION if value < 0 else BLUE for value in difference], height=0.65)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        side = -1 if row["difference"] < 0 else 1
        text = f"{row['difference']:+.2f} ({row['points']:.1f} vs {row['points_to_beat']:.1f})"
        axes.annotate(
            text, (row["difference"], place), (4 * side, 0), textcoords="offset points",
            va="center", ha="left" if side > 0 else "right", fontsize=SMALL,
        )  # fmt: skip
    axes.axvline(0, color=BLACK, linewidth=0.8)
    low, high = min(difference.min(), 0.0), max(difference.max(), 0.0)
    margin = max(high - low, 1e-6)
    axes.set_xlim(low - margin * (low < 0), high + margin * (high > 0 or low == 0))
    axes.set_yticks(places, rows["component"], fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlabel("mean points: this job minus the job to beat")
    axes.set_title(f"Components of the gap, {len(audience.missed):,} users", loc="left", fontsize=10)


def _draw_rules(axes: Any, audience: Audience) -> None:
    rows = audience.reasons()
    axes.set_xlabel("users")
    n_excluded = len(audience.user_id) - audience.n_eligible
    axes.set_title(f"Rules that exclude the job, {n_excluded:,} users", loc="left", fontsize=10)
    if not len(rows):
        axes.set_yticks([])
        axes.set_ylabel("rules")
        axes.text(
            0.5,
            0.5,
            "no rule excludes the job" if audience.n_listed else "no users",
            ha="center",
            va="center",
            transform=axes.transAxes,
            color=GREY,
        )
        return
    draw_bars(axes, rows["rule"].tolist(), rows["users"].tolist(), [f"{count:,}" for count in rows["users"]], VERMILION)
    axes.set_ylim(max(len(rows), MANY_RULES) - 0.4, -0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
