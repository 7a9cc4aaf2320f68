"""Plots of tuning results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scoring.evaluation.measure_info import PRICE_SHARE, find_good_sign, find_measure, is_price
from scoring.model import ScoringModel
from scoring.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SMALL, VERMILION, create_figure
from scoring.tuning.goals import Goal, ListGoal
from scoring.tuning.secondary_measure_losses import measure_train_changes, select_worse

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
_ROW_HEIGHT = 0.2
_LABEL_WIDTH = 1.4
"""Height of a row, and width of the first column, of the table of prices, in inches."""
_BEYOND = 0.3
"""Range shown on the worse side of the baseline and the direct fit, as a share of baseline to best value."""


def plot_progress(tuning: Tuning) -> Figure:
    """Plot the best value so far on the training users, by trial.

    Trials far worse than the baseline are outside the axes; the axis label counts them. The table below has the prices
    of the compared models.
    """
    goal, trials = tuning.problem.goals[0], tuning.trials()
    models = {name: model for name, model in tuning.models.items() if name != "baseline"}
    figure, axes = _create_figure_with_prices(7.5, 4.2, tuning, models)
    for study, rows in trials.groupby("study", sort=False):
        kept = rows[rows["keeps"]]
        best = kept[goal.name].cummax() if goal.maximise else kept[goal.name].cummin()
        colour, number = _COLOURS[str(study)], kept.index - rows.index[0] + 1
        axes.plot(number, kept[goal.name], ".", color=colour, alpha=0.35, markersize=4)
        if len(kept):  # drawn to the last trial, even if that does not keep the floors
            axes.step(
                [*number, len(rows)], [*best, best.iloc[-1]], where="post", color=colour, lw=2, label=f"best of {study}"
            )
    levels = {name: _get_value(tuning, goal, name) for name in _LINES}
    for name, (colour, style) in _LINES.items():
        axes.axhline(levels[name], color=colour, linestyle=style, linewidth=1.5, label=name, zorder=1)
    n_outside = _set_limits(axes, goal, trials.loc[trials["keeps"], goal.name], levels)
    axes.set_xlabel("trial" + (f" ({n_outside:,} of {len(trials):,} outside the axes)" if n_outside else ""))
    axes.set_ylabel(_label(tuning, goal))
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

    Numbers at points of the front are trials, see `Tuning.model_of_trial`. The table below has their prices.

    With three or more goals, the third goal is the colour of the front's trials.
    """
    first, second, *more = tuning.problem.goals
    trials, front = tuning.trials().query("study == 'search'"), tuning.front()
    numbered = _choose_numbered(tuning, front)
    models = {str(number): tuning.model_of_trial(number) for number in numbered}
    if tuning.find_trial() not in numbered:
        models["search"] = tuning.winner
    figure, axes = _create_figure_with_prices(8.0 if more else 7.5, 5.2, tuning, models)
    axes.plot(trials[second.name], trials[first.name], ".", color=GREY, alpha=0.5, label="trial of the search")
    label = "Pareto front"
    if more:
        dots = axes.scatter(
            front[second.name], front[first.name], c=front[more[0].name], s=45, zorder=2, label=label, edgecolor="white"
        )
        figure.colorbar(dots, ax=axes).set_label(_label(tuning, more[0]), fontsize=SMALL)
    else:
        ordered = front.sort_values(second.name)
        # between two trials of the front, only the values of the next trial with a better second goal are certain
        where = "pre" if second.maximise else "post"
        line = axes.step(ordered[second.name], ordered[first.name], where=where, color=BLUE, marker="o", markersize=5)
        line[0].set_label(label)
    for row in front[front["trial"].isin(numbered)].to_dict("records"):
        axes.annotate(
            str(row["trial"]), (row[second.name], row[first.name]), (4, 4), textcoords="offset points", fontsize=SMALL
        )
    for name, (marker, size, colour) in _MARKERS.items():
        x, y = (_get_value(tuning, goal, name) for goal in (second, first))
        axes.plot(x, y, marker, color=colour, markeredgecolor=BLACK, markersize=size, linestyle="", label=name)
    axes.set_xlabel(_label(tuning, second))
    axes.set_ylabel(_label(tuning, first))
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=SMALL + 0.5)
    return figure


def _choose_numbered(tuning: Tuning, front: pd.DataFrame) -> list[int]:
    """Return the trials of the front whose number is shown, by the second goal: at equal distances, and the result."""
    if not len(front):
        return []
    ordered = front.sort_values(tuning.problem.goals[1].name, kind="stable")
    values = ordered[tuning.problem.goals[1].name].to_numpy()
    places = np.abs(values - np.linspace(values.min(), values.max(), _NUMBERS)[:, None]).argmin(axis=1)
    is_result = (ordered["trial"] == tuning.find_trial()).to_numpy()
    shown = np.union1d(places, np.flatnonzero(is_result))
    return [int(trial) for trial in ordered["trial"].iloc[shown]]


def _create_figure_with_prices(
    width: float, height: float, tuning: Tuning, models: Mapping[str, ScoringModel]
) -> tuple[Figure, Any]:
    """Return a figure and its axes for a plot. A table of the prices of the models is below these axes."""
    changes = select_worse(measure_train_changes(tuning.problem, models)) if models else pd.DataFrame()
    rows = _ROW_HEIGHT * (len(changes) + 2.5 if len(changes) else 1)
    figure, (axes,) = create_figure(width, height + rows)
    subplots = axes.get_subplotspec().subgridspec(2, 1, height_ratios=[height, rows])
    axes.set_subplotspec(subplots[0])
    table = figure.add_subplot(subplots[1])
    table.axis("off")
    limit = f"{PRICE_SHARE:.0%}"
    if not len(changes):
        table.text(0, 0.5, f"No other measure is worse by more than {limit}, on training users.", fontsize=SMALL)
        return figure, axes
    left = -0.5 - len(models) * _LABEL_WIDTH / (width - _LABEL_WIDTH - 1)  # the axis of the plot takes 1 inch
    table.set_xlim(left, len(models) - 0.5)
    table.set_ylim(len(changes) - 0.5, -3)
    kind = "trial" if next(iter(models)).isdecimal() else "model"
    title = f"change in % of the baseline, training users (red: worse by more than {limit})"
    table.text(left, -2.3, title, fontsize=SMALL, va="center")
    table.text(left, -1.1, kind, fontsize=SMALL, va="center")
    for place, name in enumerate(models):
        table.text(place, -1.1, name, fontsize=SMALL, ha="center", va="center")
    table.axhline(-0.55, color=GREY, linewidth=0.8)
    arrows = {1: " ↑", -1: " ↓", 0: ""}
    for row, (measure, values) in enumerate(changes.iterrows()):
        table.text(left, row, f"{measure}{arrows[find_good_sign(str(measure))]}", fontsize=SMALL, va="center")
        for place, change in enumerate(values):
            is_worse = is_price(str(measure), change)
            text = "–" if np.isnan(change) else f"{100 * change:+.0f}".replace("-", "−")
            colour = VERMILION if is_worse else BLACK
            table.text(place, row, text, fontsize=SMALL, ha="center", va="center", color=colour)
    return figure, axes


def _get_value(tuning: Tuning, goal: Goal, model: str) -> float:
    """Return the value of a goal on the training users, as for trials."""
    return goal.of(tuning.problem.train, tuning.problem.train.evaluate(tuning.models[model]))


def _label(tuning: Tuning, goal: Goal) -> str:
    currency = tuning.problem.train.holdout.data.board.currency
    unit = find_measure(goal.name, currency).unit if isinstance(goal, ListGoal) else ""
    shown = f" [{unit}]" if unit else ""
    return f"{goal.name}{shown}, training users ({'higher' if goal.maximise else 'lower'} is better)"
