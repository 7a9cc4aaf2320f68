"""Tables of evaluations, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.errors import make_printable, pluralize
from scoring.evaluation import Scoreboard

__all__ = [
    "format_interval",
    "format_number",
    "make_table",
    "render_ablation",
    "render_measures",
    "render_scoreboard",
    "render_slices",
]


def render_scoreboard(board: Scoreboard) -> RenderableType:
    """Return one table of measures per model, with differences from the first model."""
    frame, first = board.frame(), board.baseline
    body: list[RenderableType] = []
    for name in board.evaluations:
        table = _make_rows(frame[frame["model"] == name], name != first)
        title = name if name == first else f"{name}, compared with {first}"
        body += [Text(make_printable(title), style="bold"), table, Text()]
    level, users = f"{board.level:.0%}", pluralize(len(board.evaluator.user_id), "user")
    note = f"{level} intervals: bootstrap over {users}; jackknife for coverage and concentration."
    body.append(Text(note, style="dim"))
    if len(board.evaluations) > 1:
        note = f"* significant at {level} (paired randomisation tests, Holm correction)."
        body.append(Text(f"{note} detectable: true difference that a test finds with a power of 80 %.", style="dim"))
    return Group(*body)


def _make_rows(rows: pd.DataFrame, has_baseline: bool) -> Table:
    headings = ["measure", "mean", "interval"]
    if has_baseline:
        headings += ["difference", "interval", "", "detectable"]
    table = make_table(*headings)
    for row in rows.to_dict("records"):
        cells = [row["measure"], format_number(row["mean"]), format_interval(row["low"], row["high"])]
        if has_baseline:
            mark = Text("*", style="green") if row["significant"] else Text()
            between = format_interval(row["difference_low"], row["difference_high"])
            cells += [format_number(row["difference"], "+"), between, mark, format_number(row["detectable"])]
        table.add_row(*cells)
    return table


def render_measures(board: Scoreboard, measures: Sequence[str]) -> RenderableType:
    """Return one table with a row per measure and model."""
    frame, first = board.frame(), board.baseline
    table = make_table("measure, model", "mean", "interval", "difference", "interval", "")
    for measure in measures:
        table.add_row(Text(make_printable(measure), style="bold"))
        for row in frame[frame["measure"] == measure].to_dict("records"):
            cells: list[Text | str] = [
                Text(f"  {make_printable(row['model'])}"),
                format_number(row["mean"]),
                format_interval(row["low"], row["high"]),
            ]
            if row["model"] != first:
                between = format_interval(row["difference_low"], row["difference_high"])
                cells += [format_number(row["difference"], "+"), between, "*" if row["significant"] else ""]
            table.add_row(*cells)
    return table


def render_slices(frame: pd.DataFrame, metric: str, model: str, baseline: str) -> RenderableType:
    """Return the table of one metric's rows of `Scoreboard.slices`."""
    title = f"{metric} of {make_printable(model)} compared with {make_printable(baseline)}, by slice"
    table = make_table("slice", "users", "baseline", "model", "difference", "interval", "")
    slicing = None
    for row in frame[frame["metric"] == metric].to_dict("records"):
        if row["slicing"] != slicing:
            slicing = row["slicing"]
            table.add_row(Text(make_printable(slicing), style="bold"))
        table.add_row(
            Text(f"  {make_printable(row['slice'])}"),
            f"{row['n']:,}",
            *(format_number(row[name]) for name in ("mean_a", "mean_b")),
            format_number(row["difference"], "+"),
            format_interval(row["low"], row["high"]),
            _mark_slice(row),
        )
    return Group(Text(title, style="bold"), table)


def _mark_slice(row: Mapping[Any, Any]) -> Text:
    return Text("worse", style="red") if row["worse"] else Text("better", style="green") if row["better"] else Text()


def render_ablation(frame: pd.DataFrame, metric: str, model: str) -> RenderableType:
    """Return the table of `Ablation.frame`."""
    title = f"Ablation of {make_printable(model)}: each row is the model without one component (* significant)"
    table = make_table("without", "weight", metric, "loss", "interval", "")
    for row in frame.to_dict("records"):
        mark = Text("*") if row["significant"] else Text()
        loss = (format_number(row["loss"], "+"), format_interval(row["low"], row["high"]))
        table.add_row(
            make_printable(row["component"]), f"{row['weight']:.3f}", format_number(row["without_it"]), *loss, mark
        )
    return Group(Text(title, style="bold"), table)


def make_table(first: str, *headings: str) -> Table:
    """Return an empty table. All columns except the first are aligned to the right."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def format_number(value: float, sign: str = "") -> str:
    """Return a number with decimals that depend on its size; empty for NaN."""
    if math.isnan(value):
        return ""
    size = abs(value)
    return format(value, sign + (",.0f" if size >= 1000 else ".1f" if size >= 10 else ".3f"))


def format_interval(low: float, high: float) -> str:
    """Return an interval as text; empty for NaN."""
    return "" if math.isnan(low) else f"{format_number(low)} to {format_number(high)}"
