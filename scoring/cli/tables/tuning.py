"""Tables of a search for weights, 80 columns wide."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import (
    describe_prices,
    explain_scoreboard,
    format_interval,
    format_number,
    make_table,
    render_measures,
    render_other_measures,
)
from scoring.errors import make_printable, pluralize
from scoring.evaluation import Scoreboard
from scoring.evaluation.marks import explain_mark
from scoring.evaluation.measure_info import PRICE_SHARE
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
            body += _render_split(board, split, measures)
    body += [
        Text("Weights (shares of the total) and parameters", style="bold"),
        _render_weights(tuning.weights()),
        Text(),
        *explain_scoreboard(test or tuning.scoreboard, has_detectable=False),
        Text(f"! worse than the baseline by more than {PRICE_SHARE:.0%}", style="dim"),
        Text(),
    ]
    body += [_render_conclusion(test or tuning.scoreboard, goals, "test" if test else "validation")]
    for name in (BASELINE, DIRECT):  # models that the search starts with
        if tuning.winner.digest == tuning.models[name].digest:
            body += [Text(f"No trial is better than the {name} on the validation users.")]
    return Group(*body)


def _render_split(board: Scoreboard, split: str, measures: list[str]) -> list[RenderableType]:
    """Return the measures of one split: goals and metrics with intervals, then the other measures."""
    users = pluralize(len(board.evaluator.user_id), "user")
    names = board.frame()["measure"].unique().tolist()
    return [
        Text(f"{split.capitalize()}: {users}, compared with the baseline", style="bold"),
        render_measures(board, [measure for measure in measures if measure in names]),
        Text(),
        Text(f"{split.capitalize()}: properties of the lists", style="bold"),
        render_other_measures(board, [measure for measure in names if measure not in measures]),
        Text(),
    ]


def _render_conclusion(board: Scoreboard, goals: list[str], split: str) -> Text:
    """Return sentences on whether the last model is better than the first in each goal, and at which price."""
    frame, model = board.frame(), list(board.evaluations)[-1]
    rows = frame[frame["model"] == model].set_index("measure")
    texts = [
        _conclude(rows.loc[goal].to_dict(), goal, split, len(board.evaluator.user_id))
        for goal in goals
        if goal in rows.index
    ]
    prices = describe_prices(board, model)
    if prices and texts:
        texts[-1] += f", at the price of {prices}"
    elif not prices:
        texts.append(f"No other measure is worse by more than {PRICE_SHARE:.0%}")
    if split == "validation":
        texts.append("The result was selected on these users, so the difference is probably too large")
    return Text(" ".join(f"{text}." for text in texts))


def _conclude(row: dict[Hashable, Any], goal: str, split: str, n_users: int) -> str:
    """Return a sentence on one goal, without its full stop."""
    interval = format_interval(row["difference_low"], row["difference_high"])
    difference = f"{format_number(row['difference'], '+')} ({interval})"
    subject = f"{split.capitalize()} users: {goal} of the search result"
    if row["significant"]:
        direction = "higher" if row["difference"] > 0 else "lower"
        return f"{subject} is significantly {direction} than that of the baseline: {difference}"
    reason = explain_mark(False, row["difference_low"], row["difference_high"], row["n_tests"], row["declared"])
    texts = [f"{subject} does not differ significantly from that of the baseline{reason and f': {reason}'}."]
    if least := format_number(row["detectable"]):
        users = pluralize(n_users, "user")
        texts.append(f"With {users}, its test finds a difference of {least} with a power of 80%.")
    return " ".join([*texts, f"The difference is {difference}"])


def _render_front(tuning: Tuning) -> RenderableType:
    """Return up to `MAX_ROWS` trials of `Tuning.front`, at equal distances along the first goal."""
    goals = [goal.name for goal in tuning.problem.goals]
    front = tuning.front()
    rows = np.unique(np.linspace(0, len(front) - 1, min(MAX_ROWS, len(front))).round().astype(int))
    winner = tuning.find_trial()
    place = np.flatnonzero(front["trial"] == winner)
    rows = np.union1d(rows, place)
    table = make_table("trial", *goals, "")
    for row in front.iloc[rows].to_dict("records"):
        mark = Text("result", style="green") if row["trial"] == winner else ""
        table.add_row(f"{row['trial']}", *(format_number(row[goal]) for goal in goals), mark)
    if len(rows) < len(front):
        table.add_row(Text(f"{len(rows)} of {len(front)} trials; --out writes all", style="dim"))
    return table


def _render_weights(weights: pd.DataFrame) -> RenderableType:
    """Return the table of `Tuning.weights`."""
    table = make_table("component", *(make_printable(name) for name in weights.columns))
    for name, row in weights.iterrows():
        table.add_row(Text(make_printable(str(name))), *(f"{value:.3f}" for value in row))
    return table
