"""Tables of a backtest, 80 columns wide."""

from __future__ import annotations

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import (
    format_interval,
    format_number,
    make_table,
    render_prices,
    render_rows,
    style_mark,
)
from scoring.errors import make_printable, pluralize
from scoring.evaluation import Backtest

__all__ = ["render_backtest"]


def render_backtest(backtest: Backtest) -> RenderableType:
    """Return the measures over all cuts, the metrics by cut, the conclusions, and what the marks mean."""
    pooled, frame, first = backtest.pooled(), backtest.frame(), backtest.baseline
    cuts, body = pluralize(len(backtest.cuts), "cut"), list[RenderableType]()
    for model in backtest.models:
        title = f"{model}, over {cuts}" if model == first else f"{model}, compared with {first}, over {cuts}"
        table = render_rows(pooled[pooled["model"] == model], model != first)
        body += [Text(make_printable(title), style="bold"), table, Text()]
    for model in backtest.models[1:] or backtest.models:
        title = f"{model}, by cut" if model == first else f"{model}, compared with {first}, by cut"
        body += [Text(make_printable(title), style="bold"), _make_cuts(backtest, frame, model), Text()]
    body += [Text(make_printable(sentence, 500)) for sentence in backtest.conclude()]
    body += [Text()] if len(backtest.models) > 1 else []
    level, users = f"{backtest.level:.0%}", pluralize(backtest.n_users, "user")
    notes = [
        f"{level} intervals: bootstrap over {users}, each with all cuts. ↑ higher is better, ↓ lower is better.",
        "coverage, concentration: means over the cuts, without interval and test, because the same users are in "
        "several cuts. An evaluation of one cut has them.",
    ]
    if len(backtest.models) > 1:
        sizes = pooled.groupby("declared")["n_tests"].max()
        n_declared, n_pooled, n_single = int(sizes.get(True, 0)), int(sizes.get(False, 0)), int(frame["n_tests"].max())
        if n_declared:
            of = "one test" if n_declared == 1 else f"Holm's correction over {n_declared} goals"
            notes.append(f"* a declared goal is significant at {level} over all cuts ({of}).")
        notes.append(
            f"(*) exploratory: significant at {level} after Holm's correction, over {n_pooled} tests of all cuts "
            f"together, and over {n_single} tests of single cuts. detectable: true difference that gets its mark with "
            "a power of 80% if no other test has a true difference."
        )
    body += [Text(note, style="dim") for note in notes]
    return Group(*body, *render_prices(backtest, backtest.models))


def _make_cuts(backtest: Backtest, frame: pd.DataFrame, model: str) -> RenderableType:
    first = backtest.baseline
    headings = ["metric, cut", "users"]
    table = make_table(
        *headings, *(["baseline", "model", "difference", "interval", ""] if model != first else ["mean"])
    )
    for metric in dict.fromkeys((*(goal.name for goal in backtest.goals), *backtest.metrics)):
        rows = frame[frame["measure"] == metric]
        bases = rows[rows["model"] == first]["mean"].tolist()
        table.add_row(Text(make_printable(metric), style="bold"))
        for row, base in zip(rows[rows["model"] == model].to_dict("records"), bases, strict=True):
            cells: list[str | Text] = [f"  {row['cut']:%Y-%m-%d}", f"{row['n']:,}"]
            if model != first:
                cells.append(format_number(base))
            cells.append(format_number(row["mean"]))
            if model != first:
                cells += [
                    format_number(row["difference"], "+"),
                    format_interval(row["difference_low"], row["difference_high"]),
                    style_mark(row),
                ]
            table.add_row(*cells)
    return table
