"""Plots of an audience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.plotting import BLACK, BLUE, GREY, SMALL, VERMILION, bars, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.audience_result import Audience

__all__ = ["plot_audience"]

BINS, FEWEST_BARS = 40, 8
MANY_RULES = 3
"""Rows of space in the plot of rules, at least: with fewer, bars would be too thick."""


def plot_audience(seen: Audience) -> Figure:
    """Plot an audience in two panels.

    Left: ranks, or gaps if the job is listed for no user. Right: components, or rules if no eligible user misses the
    job. If no user is eligible, the only panel shows the rules.
    """
    if seen.n_eligible:
        figure, (left, right) = new_figure(11.5, max(4.4, 0.36 * len(seen.comparison) + 1.2), columns=2)
        (_ranks if seen.n_shown else _gaps)(left, seen)
        (_components if len(seen.missed) else _rules)(right, seen)
    else:
        figure, (axes,) = new_figure(8.5, 0.4 * max(len(seen.rules), MANY_RULES) + 1.2)
        _rules(axes, seen)
    users = len(seen.user_id)
    figure.suptitle(
        f"Job {seen.job_id}: shown to {seen.n_shown:,} of {users:,} users; {len(seen.missed):,} more may be, "
        f"{users - seen.n_eligible:,} may not",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return figure


def _ranks(axes: Any, seen: Audience) -> None:
    # ranks per bar: for few users, bars of one rank would all have height 1
    together = -(-seen.k // min(BINS, max(seen.n_shown, FEWEST_BARS)))
    edges = np.arange(0.5, seen.k + together + 0.5, together)
    axes.hist(seen.rank[seen.rank > 0], bins=edges, color=BLUE, rwidth=0.9)
    axes.set_xlim(0.5, max(edges[-1], 1.5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("rank on a user's list" + (f" ({together} ranks a bar)" if together > 1 else ""))
    axes.set_ylabel("users")
    axes.set_title(f"At what rank {seen.n_shown:,} users are shown it", loc="left", fontsize=10)


def _gaps(axes: Any, seen: Audience) -> None:
    axes.hist(seen.gaps, bins=BINS, color=BLUE, rwidth=0.9)
    axes.set_xlim(left=0)
    axes.set_xlabel("points that it lacks to be on the list")
    axes.set_ylabel("users")
    axes.set_title(f"How far it is from the lists of {len(seen.missed):,} users", loc="left", fontsize=10)


def _components(axes: Any, seen: Audience) -> None:
    rows = seen.held_back()
    difference = rows["difference"].to_numpy()
    places = np.arange(len(rows))
    axes.barh(places, difference, color=[VERMILION if one < 0 else BLUE for one in difference], height=0.65)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        side = -1 if row["difference"] < 0 else 1
        text = f"{row['difference']:+.2f} ({row['points']:.1f} against {row['points_to_beat']:.1f})"
        axes.annotate(
            text, (row["difference"], place), (4 * side, 0), textcoords="offset points",
            va="center", ha="left" if side > 0 else "right", fontsize=SMALL,
        )  # fmt: skip
    axes.axvline(0, color=BLACK, linewidth=0.8)
    low, high = min(difference.min(), 0.0), max(difference.max(), 0.0)
    region = max(high - low, 1e-6)
    axes.set_xlim(low - region * (low < 0), high + region * (high > 0 or low == 0))
    axes.set_yticks(places, rows["component"], fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlabel("points, mean: this job less the one that it has to beat")
    axes.set_title(f"What keeps it from {len(seen.missed):,} users who may be shown it", loc="left", fontsize=10)


def _rules(axes: Any, seen: Audience) -> None:
    rows = seen.reasons()
    axes.set_xlabel("users")
    others = len(seen.user_id) - seen.n_eligible
    axes.set_title(f"Why {others:,} users may not be shown it", loc="left", fontsize=10)
    if not len(rows):
        axes.set_yticks([])
        axes.set_ylabel("rules")
        axes.text(
            0.5,
            0.5,
            "everybody is shown it" if seen.n_shown else "there are no users",
            ha="center",
            va="center",
            transform=axes.transAxes,
            color=GREY,
        )
        return
    bars(axes, rows["rule"].tolist(), rows["users"].tolist(), [f"{one:,}" for one in rows["users"]], VERMILION)
    axes.set_ylim(max(len(rows), MANY_RULES) - 0.4, -0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
