"""Tables of a backtest, 80 columns wide."""

from __future__ import annotations

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import arrow_of, format_interval, format_number, make_table
from scoring.errors import make_printable, pluralize
from scoring.evaluation import Backtest

__all__ = ["render_backtest"]


def render_backtest(backtest: Backtest) -> RenderableType:
    """Return the table of all cuts and, per model, the table of each metric by cut; then the conclusions."""
    pooled, frame, first = backtest.pooled(), backtest.frame(), backtest.baseline
    body: list[RenderableType] = []
    for model in backtest.models:
        title = model if model == first else f"{model}, compared with {first}"
        title = f"{title}, over {pluralize(len(backtest.cuts), 'cut')}"
        body += [Text(make_printable(title), style="bold"), _make_pooled(pooled, model, model != first), Text()]
    for model in backtest.models[1:] or backtest.models:
        title = f"{model} by cut" if model == first else f"{model}, compared with {first}, by cut"
        body += [Text(make_printable(title), style="bold"), _make_cuts(backtest, frame, model), Text()]
    body += [Text(make_printable(sentence, 500)) for sentence in backtest.conclude()]
    level = f"{backtest.level:.0%}"
    notes = f"{level} intervals: bootstrap over {pluralize(backtest.n_users, 'user')}, each with all of their cuts."
    if len(backtest.models) > 1:
        notes += (
            f" * significant at {level} (paired randomisation tests of users). Holm's correction is over all tests of "
            "all cuts together, and separately over all tests of single cuts. detectable: true difference that a test "
            "finds with a power of 80 %."
        )
    body += [Text(), Text(notes, style="dim")] if len(backtest.models) > 1 else [Text(notes, style="dim")]
    return Group(*body)


def _make_pooled(pooled: pd.DataFrame, model: str, has_baseline: bool) -> RenderableType:
    headings = ["measure", "mean", "interval"]
    table = make_table(*headings, *(["difference", "interval", "", "detectable"] if has_baseline else []))
    for row in pooled[pooled["model"] == model].to_dict("records"):
        measure = f"{row['measure']} {arrow_of(row['measure'])}".rstrip()
        cells = [measure, format_number(row["mean"]), format_interval(row["low"], row["high"])]
        if has_baseline:
            cells += [
                format_number(row["difference"], "+"),
                format_interval(row["difference_low"], row["difference_high"]),
                "*" if row["significant"] else "",
                format_number(row["detectable"]),
            ]
        table.add_row(*cells)
    return table


def _make_cuts(backtest: Backtest, frame: pd.DataFrame, model: str) -> RenderableType:
    first = backtest.baseline
    headings = ["metric, cut", "users"]
    table = make_table(
        *headings, *(["baseline", "model", "difference", "interval", ""] if model != first else ["mean"])
    )
    for metric in backtest.metrics:
        rows = frame[frame["measure"] == metric]
        bases = rows[rows["model"] == first]["mean"].tolist()
        table.add_row(Text(make_printable(metric), style="bold"))
        for row, base in zip(rows[rows["model"] == model].to_dict("records"), bases, strict=True):
            cells = [f"  {row['cut']:%Y-%m-%d}", f"{row['n']:,}"]
            if model != first:
                cells.append(format_number(base))
            cells.append(format_number(row["mean"]))
            if model != first:
                cells += [
                    format_number(row["difference"], "+"),
                    format_interval(row["difference_low"], row["difference_high"]),
                    "*" if row["significant"] else "",
                ]
            table.add_row(*cells)
    return table
