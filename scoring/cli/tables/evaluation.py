"""Tables of evaluations, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.errors import make_printable, pluralize
from scoring.evaluation import Backtest, Scoreboard
from scoring.evaluation.job_slices import JOB_PREFIX, JobSlicing
from scoring.evaluation.measure_info import PRICE_SHARE, find_good_sign, find_measure, is_price
from scoring.evaluation.significance import ACCURATE_FROM, describe_interval_accuracy
from scoring.evaluation.slices import FEWEST_USERS, Slicing

__all__ = [
    "choose_arrow",
    "describe_overlaps",
    "describe_prices",
    "explain_scoreboard",
    "format_change",
    "format_interval",
    "format_number",
    "make_table",
    "render_ablation",
    "render_measures",
    "render_other_measures",
    "render_prices",
    "render_rows",
    "render_scoreboard",
    "render_slices",
    "style_mark",
]


def render_scoreboard(board: Scoreboard) -> RenderableType:
    """Return one table of measures per model, with differences from the first model, and what the marks mean."""
    frame, first = board.frame(), board.baseline
    body: list[RenderableType] = []
    for name in board.evaluations:
        table = render_rows(frame[frame["model"] == name], name != first)
        title = name if name == first else f"{name}, compared with {first}"
        body += [Text(make_printable(title), style="bold"), table, Text()]
    return Group(*body, *explain_scoreboard(board), *render_prices(board, board.evaluations))


def explain_scoreboard(board: Scoreboard, *, has_detectable: bool = True) -> list[Text]:
    """Return what intervals, marks and arrows mean, and why a mark and an interval disagree.

    `has_detectable` is whether the table shows detectable differences.
    """
    level, users = f"{board.level:.0%}", pluralize(len(board.evaluator.user_id), "user")
    notes = [
        f"{level} intervals: bootstrap over {users}; jackknife for coverage and concentration. ↑ higher is better, "
        "↓ lower is better.",
        *describe_interval_accuracy(len(board.evaluator.user_id)),
    ]
    if len(board.evaluations) > 1:
        frame = board.frame()
        sizes = frame.groupby("declared")["n_tests"].max()
        n_declared, n_exploratory = int(sizes.get(True, 0)), int(sizes.get(False, 0))
        if n_declared:
            of = "one test" if n_declared == 1 else f"Holm's correction over {n_declared} goals"
            notes.append(f"* a declared goal is significant at {level} ({of}).")
        notes.append(f"(*) exploratory: significant at {level} after Holm's correction over {n_exploratory} tests.")
        if has_detectable:
            notes[-1] += (
                " detectable: true difference that gets its mark with a power of 80% if no other test has a true "
                "difference."
            )
        notes += _explain_disagreements(board)
    return [Text(note, style="dim") for note in notes]


def _explain_disagreements(board: Scoreboard) -> list[str]:
    """Return one sentence per reason and model."""
    places: dict[tuple[str, str], list[str]] = {}
    for (model, measure), reason in board.disagreements().items():
        places.setdefault((model, reason), []).append(measure)
    return [
        f"{', '.join(measures)} of {make_printable(model)}: {reason}." for (model, reason), measures in places.items()
    ]


def render_prices(board: Scoreboard | Backtest, models: Iterable[str]) -> list[Text]:
    """Return one warning per model that made a measure worse by more than `PRICE_SHARE`."""
    warnings = []
    for name in models:
        if name != board.baseline and (prices := describe_prices(board, name)):
            text = f"warning: {make_printable(name)} makes measures worse by more than {PRICE_SHARE:.0%}: {prices}."
            warnings.append(Text(text, style="yellow"))
    return warnings


def describe_prices(board: Scoreboard | Backtest, model: str) -> str:
    """Return the measures that the model makes worse by more than `PRICE_SHARE`, largest change first; "" if none are.

    A change without a mark may be due to chance.
    """
    texts = [
        format_change(row["measure"], row["difference"], row["relative"], board.currency)
        + ("" if row["significant"] else " (may be due to chance)")
        for row in board.prices(model).to_dict("records")
    ]
    return ", ".join(texts)


def format_change(measure: str, difference: float, relative: float, currency: str) -> str:
    """Return a measure with its change, such as mean fee@40 -2,531 yen (-61%)."""
    unit = find_measure(measure, currency).unit
    shown = f" {unit}" if unit and " " not in unit else ""
    share = f" ({relative:+.0%})" if math.isfinite(relative) else ""
    return f"{measure} {format_number(difference, '+')}{shown}{share}"


def mark_of(row: Mapping[Any, Any]) -> str:
    """Return the mark of a row of `Scoreboard.frame`: * for a declared goal, (*) for an exploratory test."""
    return "" if not row["significant"] else "*" if row["declared"] else "(*)"


def choose_arrow(measure: str) -> str:
    """Return the good direction of a measure as an arrow; "" if neither direction is better."""
    return {1: "↑", -1: "↓", 0: ""}[find_good_sign(measure)]


def render_rows(rows: pd.DataFrame, has_baseline: bool) -> Table:
    """Return a table with a row per measure of one model, from the columns of `Scoreboard.frame`."""
    compared = ["difference", "interval", "", "detectable"]
    table = make_table("measure", "", "mean", *(compared if has_baseline else ["interval"]))
    for row in rows[rows["mean"].notna()].to_dict("records"):
        cells: list[str | Text] = [row["measure"], choose_arrow(row["measure"])]
        cells.append(format_number(row["mean"]))
        if not has_baseline:
            cells.append(format_interval(row["low"], row["high"]))
        else:
            between = format_interval(row["difference_low"], row["difference_high"])
            cells += [format_number(row["difference"], "+"), between, style_mark(row)]
            cells.append(format_number(row["detectable"]))
        table.add_row(*cells)
    return table


def style_mark(row: Mapping[Any, Any]) -> Text:
    """Return the mark in the colour of its direction."""
    gain = find_good_sign(row["measure"]) * row["difference"]
    return Text(mark_of(row), style="green" if gain > 0 else "red" if gain < 0 else "")


def render_measures(board: Scoreboard, measures: Sequence[str]) -> RenderableType:
    """Return one table with a row per measure and model."""
    frame, first = board.frame(), board.baseline
    table = make_table("measure, model", "mean", "interval", "difference", "interval", "")
    for measure in measures:
        table.add_row(Text(make_printable(f"{measure} {choose_arrow(measure)}".rstrip()), style="bold"))
        for row in frame[frame["measure"] == measure].to_dict("records"):
            cells: list[Text | str] = [
                Text(f"  {make_printable(row['model'])}"),
                format_number(row["mean"]),
                format_interval(row["low"], row["high"]),
            ]
            if row["model"] != first:
                between = format_interval(row["difference_low"], row["difference_high"])
                cells += [format_number(row["difference"], "+"), between, style_mark(row)]
            table.add_row(*cells)
    return table


def render_other_measures(board: Scoreboard, measures: Sequence[str]) -> RenderableType:
    """Return one table with a row per measure: the baseline's mean, and the difference of every other model.

    ! marks a measure that becomes worse by more than `PRICE_SHARE`.
    """
    frame, first = board.frame(), board.baseline
    others = [name for name in board.evaluations if name != first]
    table = make_table("measure", "", make_printable(first), *map(make_printable, others))
    for measure in measures:
        rows = {row["model"]: row for row in frame[frame["measure"] == measure].to_dict("records")}
        if math.isnan(rows[first]["mean"]):
            continue
        cells: list[Text | str] = [measure, choose_arrow(measure), format_number(rows[first]["mean"])]
        for name in others:
            row = rows[name]
            mark = " !" if is_price(measure, row["relative"]) else ""
            text = f"{format_number(row['difference'], '+')} {mark_of(row)}".rstrip() + mark
            cells.append(Text(text, style="red" if mark else ""))
        table.add_row(*cells)
    return table


def render_slices(
    frame: pd.DataFrame, metric: str, model: str, baseline: str, slicings: Sequence[Slicing | JobSlicing] = ()
) -> RenderableType:
    """Return the table of one metric's rows of `Scoreboard.slices`, without empty slices.

    A note names those of the slicings whose slices overlap.
    """
    title = f"{metric} of {make_printable(model)} compared with {make_printable(baseline)}, by slice"
    table = make_table("slice", "users", "baseline", "model", "difference", "interval", "")
    slicing = None
    frame = frame[frame["n"] > 0]
    for row in frame[frame["metric"] == metric].to_dict("records"):
        if row["slicing"] != slicing:
            slicing = row["slicing"]
            table.add_row(Text(make_printable(slicing), style="bold"))
        table.add_row(
            Text(f"  {make_printable(row['slice'])}"),
            f"{row['n']:,}",
            *(format_number(row[name]) for name in ("mean_a", "mean_b")),
            format_number(row["difference"], "+"),
            _format_slice_interval(row),
            _mark_slice(row),
        )
    notes = []
    if (frame["low"].notna() & (frame["n"] < ACCURATE_FROM)).any():
        notes.append(f"~ fewer than {ACCURATE_FROM} users: the interval may be too narrow.")
    if frame["slicing"].str.startswith(JOB_PREFIX).any():
        notes.append(f"{JOB_PREFIX}: only relevant jobs in the slice count; users without one are left out.")
    notes += describe_overlaps(slicings)
    if frame["low"].isna().any():
        notes.append(f"Slices with fewer than {FEWEST_USERS} users have no interval and no test.")
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes))


def describe_overlaps(slicings: Iterable[Slicing | JobSlicing]) -> list[str]:
    """Return a note on each slicing whose slices overlap."""
    return [
        f"{make_printable(slicing.name)}: a {'job' if isinstance(slicing, JobSlicing) else 'user'} with several values "
        "counts in the slice of each."
        for slicing in slicings
        if slicing.overlaps
    ]


def _format_slice_interval(row: Mapping[Any, Any]) -> str:
    """Return the interval, with ~ if it is of few users."""
    text = format_interval(row["low"], row["high"])
    return f"~ {text}" if text and row["n"] < ACCURATE_FROM else text


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
