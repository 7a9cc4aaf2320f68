"""Tables of a search for weights, 80 columns wide."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.cli.tables.evaluation import (
    choose_arrow,
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
from scoring.evaluation.measure_info import LIST_MEASURES, PRICE_SHARE, compute_relative_change, find_good_sign
from scoring.evaluation.significance_marks import explain_mark
from scoring.tuning import Tuning
from scoring.tuning.tune import BASELINE, DIRECT, RANDOM, SEARCH

__all__ = ["render_tuning"]

MAX_ROWS = 12
"""Maximum number of trials of a front in the table. Files contain all trials."""
MAX_WIDTH = 80
LONG_WORD = 10
"""Longer words of a heading of the prices are divided."""


def render_tuning(tuning: Tuning, test: Scoreboard | None) -> RenderableType:
    """Return the front of several goals, the measures of all models, their weights, and a conclusion."""
    goals = [goal.name for goal in tuning.problem.goals]
    measures = list(dict.fromkeys([*goals, *(metric.name for metric in tuning.validation.metrics)]))
    body: list[RenderableType] = []
    if len(goals) > 1:
        body += _render_front(tuning)
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
    if not _are_equal(tuning, SEARCH, BASELINE):
        body += [_render_conclusion(test or tuning.scoreboard, goals, "test" if test else "validation")]
    for name in (BASELINE, DIRECT):  # models that the search starts with
        if _are_equal(tuning, SEARCH, name):
            body += [Text(f"No trial is better than the {name} on the validation users.")]
    if _are_equal(tuning, RANDOM, BASELINE):
        body += [Text("Random search found no better model than the baseline.")]
    return Group(*body)


def _are_equal(tuning: Tuning, name: str, other: str) -> bool:
    """Return whether two models have equal weights and parameters. Those of a trial are rounded."""
    weights = tuning.weights()
    return bool(np.allclose(weights[name], weights[other], rtol=1e-9, atol=1e-9))


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


def _render_front(tuning: Tuning) -> list[RenderableType]:
    """Return trials of `Tuning.front` and the result beside the baseline, and their prices.

    Up to `MAX_ROWS` trials are shown, at equal distances along the first goal.
    """
    goals = tuning.problem.goals
    front, shown, winner = tuning.front(), _choose_front_rows(tuning), tuning.find_trial()
    start = tuning.problem.values(tuning.problem.train, tuning.problem.train_baseline)
    columns = [(f"{goal.name} {'↑' if goal.maximise else '↓'}", "change") for goal in goals]
    table = make_table("trial", *(heading for pair in columns for heading in pair), "")
    table.add_row("baseline", *(cell for value in start for cell in (format_number(value), "")))
    for row in shown.to_dict("records"):
        cells: list[str | Text] = []
        for goal, value in zip(goals, start, strict=True):
            change = compute_relative_change(row[goal.name] - value, value)
            cells += [format_number(row[goal.name]), _format_change(change, change if goal.maximise else -change)]
        place = "" if row["trial"] in front["trial"].to_numpy() else ", not on the front"
        mark = Text(f"result{place}", style="green") if row["trial"] == winner else ""
        table.add_row(f"{row['trial']}", *cells, mark)
    body: list[RenderableType] = [Text("Pareto front of the goals, on training users", style="bold"), table]
    n_shown = int(shown["trial"].isin(front["trial"]).sum())
    which = f"{n_shown} of {len(front)} trials; --out writes all. " if n_shown < len(front) else ""
    use = "`scoring profiles save NAME --trial SEARCH:TRIAL` saves one, --pick selects one by a limit."
    body += [Text(f"{which}{use}", style="dim"), Text()]
    changes = tuning.front_changes(shown["trial"].tolist())
    if len(changes.columns):
        title = "Prices of the front: change from the baseline, on training users"
        body += [Text(title, style="bold"), *_render_front_prices(changes), Text()]
    return body


def _choose_front_rows(tuning: Tuning) -> pd.DataFrame:
    """Return the rows to show, the best in the first goal first. The result is among them, also off the front."""
    front, first = tuning.front(), tuning.problem.goals[0]
    places = np.unique(np.linspace(0, len(front) - 1, min(MAX_ROWS, len(front))).round().astype(int))
    chosen = [*front["trial"].iloc[places], tuning.find_trial()]
    trials = tuning.trials()
    rows = trials[(trials["study"] == SEARCH) & trials["trial"].isin(chosen)]
    return rows.sort_values(first.name, ascending=not first.maximise, kind="stable")


def _render_front_prices(changes: pd.DataFrame) -> Iterator[RenderableType]:
    """Yield tables of `Tuning.front_changes`, at most `MAX_WIDTH` wide: properties of lists first. ! marks a price."""
    columns: list[tuple[str, list[Text]]] = [
        (_make_heading(str(measure)), [_mark_change(str(measure), change) for change in values])
        for measure, values in sorted(changes.items(), key=lambda column: _is_metric(str(column[0])))
    ]
    first = [str(trial) for trial in changes.index]
    start = width = max(len(text) for text in ("trial", *first)) + 1
    block: list[tuple[str, list[Text]]] = []
    for heading, cells in columns:
        needed = 1 + max(len(text) for text in (*heading.split("\n"), *(cell.plain for cell in cells)))
        if block and width + needed > MAX_WIDTH + 1:  # the last column needs no space after it
            yield _join_columns(first, block)
            yield Text()
            width, block = start, []
        width += needed
        block.append((heading, cells))
    yield _join_columns(first, block)


def _is_metric(measure: str) -> bool:
    return measure.rpartition("@")[0] not in {kind.label for kind in LIST_MEASURES}


def _join_columns(first: list[str], columns: list[tuple[str, list[Text]]]) -> Table:
    table = make_table("trial", *(heading for heading, _ in columns))
    for row, trial in enumerate(first):
        table.add_row(trial, *(cells[row] for _, cells in columns))
    return table


def _make_heading(measure: str) -> str:
    """Return the name and arrow of a measure on lines of at most `LONG_WORD` characters."""
    label, _, k = measure.rpartition("@")
    words = (label or measure).split() + ([f"@{k} {choose_arrow(measure)}".rstrip()] if label else [])
    lines: list[str] = []
    for word in words:
        half = (len(word) + 1) // 2
        lines += [f"{word[:half]}-", word[half:]] if len(word) > LONG_WORD else [word]
    return "\n".join(lines)


def _mark_change(measure: str, change: float) -> Text:
    return _format_change(change, find_good_sign(measure) * change)


def _format_change(change: float, gain: float) -> Text:
    """Return a change as a share of the baseline's value. A gain below -`PRICE_SHARE` is a price."""
    if np.isnan(change):
        return Text("–")
    is_worse = gain < -PRICE_SHARE
    text = f"{change:+.0%}"
    return Text("0%" if text in ("+0%", "-0%") else text + (" !" if is_worse else ""), style="red" if is_worse else "")


def _render_weights(weights: pd.DataFrame) -> RenderableType:
    """Return the table of `Tuning.weights`."""
    table = make_table("component", *(make_printable(name) for name in weights.columns))
    for name, row in weights.iterrows():
        table.add_row(Text(make_printable(str(name))), *(f"{value:.3f}" for value in row))
    return table
