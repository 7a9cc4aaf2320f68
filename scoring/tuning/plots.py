"""How searches look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scoring.plotting import BLACK, BLUE, GREY, ORANGE, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.tuning.tune import Tuning

__all__ = ["plot_front", "plot_progress"]

_COLOURS = {"random search": ORANGE, "search": BLUE}


def plot_progress(tuning: Tuning) -> Figure:
    """The best value so far on the training users, by trial."""
    goal = tuning.problem.goals[0]
    trials = tuning.trials()
    figure, (axes,) = new_figure(7.5, 4.0)
    for study, rows in trials.groupby("study", sort=False):
        values = rows.loc[rows["keeps"], goal.name]
        turn = np.arange(1, len(rows) + 1)[rows["keeps"].to_numpy()]
        best = values.cummax() if goal.maximise else values.cummin()
        colour = _COLOURS[str(study)]
        axes.plot(turn, values, ".", color=colour, alpha=0.3, markersize=4)
        axes.step(turn, best, where="post", color=colour, linewidth=2, label=f"best of {study}")
    ways = {"baseline": (BLACK, ":"), "direct fit": (GREY, "--")}
    for name, (colour, line) in ways.items():
        judgement = tuning.problem.train.judge(tuning.models[name])
        value = goal.of(tuning.problem.train, judgement)
        axes.axhline(value, color=colour, linestyle=line, linewidth=1.5, label=name)
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{goal.name} of the training users")
    axes.legend(frameon=False, fontsize=SMALL + 0.5, loc="lower right")
    return figure


def plot_front(tuning: Tuning) -> Figure:
    """Trials of the search by its first two goals, those that no other beats, and the models of the report."""
    first, second = tuning.problem.goals[:2]
    trials, front = tuning.trials().query("study == 'search'"), tuning.front()
    figure, (axes,) = new_figure(7.0, 5.0)
    axes.plot(trials[second.name], trials[first.name], ".", color=GREY, alpha=0.5, label="trials")
    along = front.sort_values(second.name)
    axes.plot(
        along[second.name], along[first.name], "o-", color=BLUE, markersize=5, label="none is better in all goals"
    )
    for (name, model), marker in zip(tuning.models.items(), "s^D*", strict=True):
        judgement = tuning.problem.train.judge(model)
        x, y = (goal.of(tuning.problem.train, judgement) for goal in (second, first))
        axes.plot(x, y, marker, color=ORANGE, markeredgecolor=BLACK, markersize=11 if marker == "*" else 8, label=name)
    axes.set_xlabel(f"{second.name} of the training users")
    axes.set_ylabel(f"{first.name} of the training users")
    axes.legend(frameon=False, fontsize=SMALL)
    return figure
