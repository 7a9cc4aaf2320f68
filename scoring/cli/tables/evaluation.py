"""Tables of evaluations and searches, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.errors import pluralize, printable
from scoring.evaluation import Scoreboard
from scoring.tuning import Tuning

__all__ = ["front", "render_ablation", "render_measures", "render_scoreboard", "slices", "verdict", "weights"]

MAX_ROWS = 12
"""Maximum number of trials of a front in a table. Files contain all trials."""


def render_scoreboard(board: Scoreboard) -> RenderableType:
    """Return one table of measures per model, with differences from the first model."""
    frame, first = board.frame(), board.baseline
    body: list[RenderableType] = []
    for name in board.evaluations:
        table = _measures(frame[frame["model"] == name], None if name == first else first)
        body += [Text(printable(name), style="bold"), table, Text()]
    level = f"{board.level:.0%}"
    said = f"Intervals of {level} by bootstrap over {pluralize(len(board.evaluator.user_id), 'user')}, of coverage and"
    body.append(Text(f"{said} concentration by jackknife.", style="dim"))
    if len(board.evaluations) > 1:
        about = f"* significant at {level}, corrected for all that is tested here (Holm, paired randomisation)."
        body.append(Text(f"{about} `detectable`: a true difference that would show in 4 of 5 cases.", style="dim"))
    return Group(*body)


def _measures(rows: pd.DataFrame, against: str | None) -> Table:
    headings = ["", "mean", "interval"]
    if against is not None:
        headings += [f"− {printable(against)}", "interval", "", "detectable"]
    table = _table(*headings)
    for row in rows.to_dict("records"):
        cells = [row["measure"], _number(row["mean"]), _interval(row["low"], row["high"])]
        if against is not None:
            mark = Text("*", style="green") if row["significant"] else Text()
            between = _interval(row["difference_low"], row["difference_high"])
            cells += [_number(row["difference"], "+"), between, mark, _number(row["detectable"])]
        table.add_row(*cells)
    return table


def render_measures(board: Scoreboard, measures: Sequence[str]) -> RenderableType:
    """Return one table with a row per measure and model."""
    frame, first = board.frame(), board.baseline
    table = _table("", "mean", "interval", "difference", "interval", "")
    for measure in measures:
        table.add_row(Text(printable(measure), style="bold"))
        for row in frame[frame["measure"] == measure].to_dict("records"):
            cells: list[Text | str] = [
                Text(f"  {printable(row['model'])}"),
                _number(row["mean"]),
                _interval(row["low"], row["high"]),
            ]
            if row["model"] != first:
                between = _interval(row["difference_low"], row["difference_high"])
                cells += [_number(row["difference"], "+"), between, "*" if row["significant"] else ""]
            table.add_row(*cells)
    return table


def verdict(board: Scoreboard, measure: str, part: str) -> Text:
    """Return a sentence on whether the last model is better than the first."""
    frame = board.frame()
    row = frame[(frame["model"] == list(board.evaluations)[-1]) & (frame["measure"] == measure)].iloc[0]
    users = f"{pluralize(len(board.evaluator.user_id), 'user')} of {part}"
    between = f"{_number(row['difference'], '+')} ({_interval(row['difference_low'], row['difference_high'])})"
    if not row["significant"]:
        least = "" if math.isnan(row["detectable"]) else f"; so many users would show {_number(row['detectable'])}"
        return Text(f"{measure} of what was found differs by {between} on {users}: that may be chance{least}.")
    word = "higher" if row["difference"] > 0 else "lower"
    return Text(f"{measure} of what was found is significantly {word} on {users}: {between}.")


def front(tuning: Tuning) -> RenderableType:
    """Return up to `MOST` trials of `Tuning.front`, at equal distances along the first goal."""
    goals = [goal.name for goal in tuning.problem.goals]
    found = tuning.front()
    rows = np.unique(np.linspace(0, len(found) - 1, min(MAX_ROWS, len(found))).round().astype(int))
    table = _table("trial", *goals)
    for row in found.iloc[rows].to_dict("records"):
        table.add_row(f"{row['trial']}", *(_number(row[goal]) for goal in goals))
    if len(rows) < len(found):
        table.add_row(Text(f"{len(rows)} of {len(found)}; --out writes all", style="dim"))
    return table


def slices(found: pd.DataFrame, metric: str) -> RenderableType:
    """Return the table of one metric's rows of `Scoreboard.slices`."""
    table = _table("slice", "users", "baseline", "now", "difference", "interval", "")
    slicing = None
    for row in found[found["metric"] == metric].to_dict("records"):
        if row["slicing"] != slicing:
            slicing = row["slicing"]
            table.add_row(Text(printable(slicing), style="bold"))
        table.add_row(
            Text(f"  {printable(row['slice'])}"),
            f"{row['n']:,}",
            *(_number(row[name]) for name in ("mean_a", "mean_b")),
            _number(row["difference"], "+"),
            _interval(row["low"], row["high"]),
            _verdict(row),
        )
    return table


def _verdict(row: Mapping[Any, Any]) -> Text:
    return Text("worse", style="red") if row["worse"] else Text("better", style="green") if row["better"] else Text()


def render_ablation(found: pd.DataFrame, metric: str) -> RenderableType:
    """Return the table of `Ablation.frame`."""
    table = _table("left out", "weight", f"{metric} without", "lost", "interval", "")
    for row in found.to_dict("records"):
        mark = Text("*") if row["significant"] else Text()
        loss = (_number(row["loss"], "+"), _interval(row["low"], row["high"]))
        table.add_row(printable(row["component"]), f"{row['weight']:.3f}", _number(row["without_it"]), *loss, mark)
    return table


def weights(found: pd.DataFrame) -> RenderableType:
    """Return the table of `Tuning.weights`."""
    table = _table("", *(printable(name) for name in found.columns))
    for name, row in found.iterrows():
        table.add_row(Text(printable(str(name))), *(f"{value:.3f}" for value in row))
    return table


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _number(value: float, sign: str = "") -> str:
    """Return a number with decimals that depend on its size; empty for NaN."""
    if math.isnan(value):
        return ""
    size = abs(value)
    return format(value, sign + (",.0f" if size >= 1000 else ".1f" if size >= 10 else ".3f"))


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{_number(low)} to {_number(high)}"
