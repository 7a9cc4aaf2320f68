"""Tables of a search for weights, 80 columns wide."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import format_interval, format_number, make_table, render_measures
from scoring.errors import make_printable, pluralize
from scoring.evaluation import Scoreboard
from scoring.tuning import Tuning
from scoring.tuning.tune import BASELINE, DIRECT

__all__ = ["render_tuning"]

MAX_ROWS = 12
"""Maximum number of trials of a front in the table. Files contain all trials."""


def render_tuning(tuning: Tuning, test: Scoreboard | None) -> RenderableType:
    """Return the front of several goals, the measures of all models, their weights, and a conclusion."""
    goals = [goal.name for goal in tuning.problem.goals]
    measures = list(dict.fromkeys([*goals, *(metric.name for metric in tuning.validation.metrics)]))
    body: list[RenderableType] = []
    if len(goals) > 1:
        body += [Text("Pareto front of the goals, on training users", style="bold"), _render_front(tuning), Text()]
    for board, split in ((tuning.scoreboard, "validation"), (test, "test")):
        if board is not None:
            users = pluralize(len(board.evaluator.user_id), "user")
            title = f"{split.capitalize()}: {users}, compared with the baseline (* significant)"
            body += [Text(title, style="bold"), render_measures(board, measures), Text()]
    body += [
        Text("Weights (shares of the total) and parameters", style="bold"),
        _render_weights(tuning.weights()),
        Text(),
    ]
    body += [_render_conclusion(test or tuning.scoreboard, goals[0], "test" if test else "validation")]
    for name in (BASELINE, DIRECT):  # models that the search starts with
        if tuning.winner.digest == tuning.models[name].digest:
            body += [Text(f"No trial is better than the {name} on the validation users.")]
    return Group(*body)


def _render_conclusion(board: Scoreboard, measure: str, split: str) -> Text:
    """Return sentences on whether the last model is better than the first."""
    frame = board.frame()
    row = frame[(frame["model"] == list(board.evaluations)[-1]) & (frame["measure"] == measure)].iloc[0]
    interval = format_interval(row["difference_low"], row["difference_high"])
    difference = f"{format_number(row['difference'], '+')} ({interval})"
    subject = f"{split.capitalize()} users: {measure} of the search result"
    if row["significant"]:
        direction = "higher" if row["difference"] > 0 else "lower"
        return Text(f"{subject} is significantly {direction} than that of the baseline: {difference}.")
    text = f"{subject} differs from the baseline by {difference}. The difference is not significant."
    if least := format_number(row["detectable"]):
        users = pluralize(len(board.evaluator.user_id), "user")
        text += f" With {users}, a test finds a difference of {least} with a power of 80 %."
    return Text(text)


def _render_front(tuning: Tuning) -> RenderableType:
    """Return up to `MAX_ROWS` trials of `Tuning.front`, at equal distances along the first goal."""
    goals = [goal.name for goal in tuning.problem.goals]
    front = tuning.front()
    rows = np.unique(np.linspace(0, len(front) - 1, min(MAX_ROWS, len(front))).round().astype(int))
    table = make_table("trial", *goals)
    for row in front.iloc[rows].to_dict("records"):
        table.add_row(f"{row['trial']}", *(format_number(row[goal]) for goal in goals))
    if len(rows) < len(front):
        table.add_row(Text(f"{len(rows)} of {len(front)} trials; --out writes all", style="dim"))
    return table


def _render_weights(weights: pd.DataFrame) -> RenderableType:
    """Return the table of `Tuning.weights`."""
    table = make_table("component", *(make_printable(name) for name in weights.columns))
    for name, row in weights.iterrows():
        table.add_row(Text(make_printable(str(name))), *(f"{value:.3f}" for value in row))
    return table
