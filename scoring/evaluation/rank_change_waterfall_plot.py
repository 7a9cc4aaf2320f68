"""Plot of a waterfall."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.plotting import BLUE, GREY, SMALL, VERMILION, create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.evaluation.rank_change_waterfall import Change, Waterfall

__all__ = ["plot_waterfall"]

SMALL_SHARE = 0.02
"""Components whose change is below this share of the sum of absolute changes are drawn as one bar."""

Step = tuple[str, float, str]


def plot_waterfall(why: Waterfall) -> Figure:
    """Plot the change from the total before to the total after, by component, the largest change first."""
    steps = _make_steps(why.changes)
    figure, (axes,) = create_figure(8.5, 0.42 * (len(steps) + 2) + 1.3)
    ends = np.cumsum([why.total_before, *(change for _, change, _ in steps)])
    low, high = float(min(ends.min(), why.total_after)), float(max(ends.max(), why.total_after))
    margin = max(0.35 * (high - low), 0.5)
    left = max(0.0, low - margin)
    last = len(steps) + 1
    for place, total in ((0, why.total_before), (last, why.total_after)):
        axes.barh(place, total - left, left=left, color=GREY, height=0.62)
        _write(axes, f"{total:.2f}", total, place)
    for place, (_, change, text) in enumerate(steps, 1):
        axes.barh(place, change, left=ends[place - 1], color=BLUE if change > 0 else VERMILION, height=0.62)
        _write(axes, text, max(ends[place - 1], ends[place]), place)
    for place in range(last):  # connect each bar with the next: a bar begins at the end of the previous one
        axes.plot([ends[place]] * 2, [place - 0.31, place + 1.31], color=GREY, linewidth=0.8)
    names = [why.names[0], *(name for name, _, _ in steps), why.names[1]]
    axes.set_yticks(range(last + 1), names, fontsize=SMALL)
    axes.set_ylim(last + 0.6, -0.6)
    axes.set_xlim(left, high + margin + 0.25 * (high - left))
    axes.set_xlabel("total points" + ("" if left == 0 else f" (axis starts at {left:.3g})"))
    ranks = f"rank {why.before} of {why.before.n_ranked:,} → {why.after} of {why.after.n_ranked:,}"
    axes.set_title(f"User {why.user}, job {why.job}: {ranks}", loc="left", fontsize=10)
    return figure


def _write(axes: Any, text: str, x: float, y: float) -> None:
    axes.annotate(text, (x, y), (4, 0), textcoords="offset points", va="center", fontsize=SMALL)


def _make_steps(changes: tuple[Change, ...]) -> list[Step]:
    """Return (name, points, text) of the changed components, the largest first, then all small ones as one step."""
    moved = sorted((change for change in changes if change.change), key=lambda change: -abs(change.change))
    least = SMALL_SHARE * sum(abs(change.change) for change in moved)
    small = [change for change in moved if abs(change.change) < least]
    small = small if len(small) > 1 else []  # a single small component keeps its own bar
    steps = [(change.component, change.change, _format_change(change)) for change in moved if change not in small]
    if small:
        rest = math.fsum(change.change for change in small)
        steps.append((f"{len(small)} small changes", rest, f"{rest:+.2f}"))
    return steps


def _format_change(change: Change) -> str:
    """Return the label of a change: its points, and value and weight before and after."""
    if change.value_before is None or change.value_after is None:
        return f"{change.change:+.2f} ({'new' if change.value_before is None else 'removed'})"
    weight = f"weight {change.weight_before:.3g} → {change.weight_after:.3g}"
    value = f"value {change.value_before:.3g} → {change.value_after:.3g}"
    if change.by_weight and change.by_value:
        return f"{change.change:+.2f} ({weight}: {change.by_weight:+.2f}, {value}: {change.by_value:+.2f})"
    if change.by_value:
        return f"{change.change:+.2f} ({value}, weight {change.weight_after:.3g})"
    return f"{change.change:+.2f} ({weight}, value {change.value_after:.3g})"
