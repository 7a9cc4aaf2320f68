"""Plots of tuning results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scoring.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SMALL, create_figure
from scoring.tuning.goals import Goal, ListGoal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.tune import Tuning

__all__ = ["plot_front", "plot_progress"]

_COLOURS = {"random search": ORANGE, "search": BLUE}
_LINES = {"baseline": (BLACK, ":"), "direct fit": (GREEN, "--")}
_MARKERS = {
    "baseline": ("s", 15, GREY),
    "random search": ("^", 11, ORANGE),
    "direct fit": ("D", 7, GREEN),
    "search": ("*", 9, BLUE),
}
"""Model → shape, size and colour. Sizes differ so that models at the same point are all visible."""
_NUMBERS = 12
"""Maximum number of trials of the front whose number is shown."""
_BEYOND = 0.3
"""Range shown on the worse side of the baseline and the direct fit, as a share of baseline to best value."""


def plot_progress(tuning: Tuning) -> Figure:
    """Plot the best value so far on the training users, by trial.

    Trials far worse than the baseline are outside the axes; the axis label counts them.
    """
    goal, trials = tuning.problem.goals[0], tuning.trials()
    figure, (axes,) = create_figure(7.5, 4.2)
    for study, rows in trials.groupby("study", sort=False):
        kept = rows[rows["keeps"]]
        best = kept[goal.name].cummax() if goal.maximise else kept[goal.name].cummin()
        colour, number = _COLOURS[str(study)], kept.index - rows.index[0] + 1
        axes.plot(number, kept[goal.name], ".", color=colour, alpha=0.35, markersize=4)
        if len(kept):  # drawn to the last trial, even if that does not keep the floors
            axes.step(
                [*number, len(rows)], [*best, best.iloc[-1]], where="post", color=colour, lw=2, label=f"best of {study}"
            )
    levels = {name: _value(tuning, goal, name) for name in _LINES}
    for name, (colour, style) in _LINES.items():
        axes.axhline(levels[name], color=colour, linestyle=style, linewidth=1.5, label=name, zorder=1)
    n_outside = _set_limits(axes, goal, trials.loc[trials["keeps"], goal.name], levels)
    axes.set_xlabel("trial" + (f" ({n_outside:,} of {len(trials):,} outside the axes)" if n_outside else ""))
    axes.set_ylabel(_label(goal))
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=SMALL + 0.5)
    return figure


def _set_limits(axes: Any, goal: Goal, values: pd.Series, levels: dict[str, float]) -> int:
    """Set the axis limits around the baseline and all better values; return the number of values outside them."""
    sign = 1.0 if goal.maximise else -1.0
    shown = sign * np.array([*levels.values(), *values])
    start = sign * levels["baseline"]
    top = shown.max()
    bottom = max(shown.min(), min(start, sign * levels["direct fit"]) - _BEYOND * (top - start))
    margin = 0.05 * (top - bottom) or 0.01
    axes.set_ylim(*sorted((sign * (bottom - margin), sign * (top + margin))))
    return int((sign * values < bottom - margin).sum())


def plot_front(tuning: Tuning) -> Figure:
    """Plot the search's trials by the first two goals, their front, and the compared models.

    Numbers at points of the front are trials, see `Tuning.model_of_trial`.

    With three or more goals, the third goal is the colour of the front's trials.
    """
    first, second, *more = tuning.problem.goals
    trials, front = tuning.trials().query("study == 'search'"), tuning.front()
    figure, (axes,) = create_figure(8.0 if more else 7.5, 5.2)
    axes.plot(trials[second.name], trials[first.name], ".", color=GREY, alpha=0.5, label="trial of the search")
    label = "Pareto front"
    if more:
        dots = axes.scatter(
            front[second.name], front[first.name], c=front[more[0].name], s=45, zorder=2, label=label, edgecolor="white"
        )
        figure.colorbar(dots).set_label(_label(more[0]), fontsize=SMALL)
    else:
        ordered = front.sort_values(second.name)
        # between two trials of the front, only the values of the next trial with a better second goal are certain
        where = "pre" if second.maximise else "post"
        line = axes.step(ordered[second.name], ordered[first.name], where=where, color=BLUE, marker="o", markersize=5)
        line[0].set_label(label)
    values = front[second.name].to_numpy()
    if len(front):  # at equal distances, so that numbers do not overlap
        places = np.abs(values - np.linspace(values.min(), values.max(), _NUMBERS)[:, None]).argmin(axis=1)
    for row in front.iloc[np.unique(places)].to_dict("records") if len(front) else []:
        axes.annotate(
            str(row["trial"]), (row[second.name], row[first.name]), (4, 4), textcoords="offset points", fontsize=SMALL
        )
    for name, (marker, size, colour) in _MARKERS.items():
        x, y = (_value(tuning, goal, name) for goal in (second, first))
        axes.plot(x, y, marker, color=colour, markeredgecolor=BLACK, markersize=size, linestyle="", label=name)
    axes.set_xlabel(_label(second))
    axes.set_ylabel(_label(first))
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=SMALL + 0.5)
    return figure


def _value(tuning: Tuning, goal: Goal, model: str) -> float:
    """Return the value of a goal on the training users, as for trials."""
    return goal.of(tuning.problem.train, tuning.problem.train.evaluate(tuning.models[model]))


def _label(goal: Goal) -> str:
    unit = f" [{goal.fact.unit}]" if isinstance(goal, ListGoal) else ""
    return f"{goal.name}{unit}, training users ({'higher' if goal.maximise else 'lower'} is better)"
