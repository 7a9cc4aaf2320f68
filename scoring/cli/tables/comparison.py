"""Tables that compare two rankings, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.cli.tables.evaluation import choose_arrow, describe_overlaps, format_number
from scoring.dataset import Dataset
from scoring.errors import make_printable
from scoring.evaluation import Comparison, Slicing
from scoring.evaluation.exposure_changes import name_attribute
from scoring.evaluation.measure_info import PRICE_SHARE, is_price
from scoring.evaluation.rank_change_waterfall import Waterfall

__all__ = ["render_movements", "render_overlap", "render_overlap_slices", "render_overlaps", "render_waterfall"]

_OVERLAP_HEADINGS = ("in both", "new", "RBO", "list changed", "first job changed")
_OVERLAP_COLUMNS = ("overlap", "new", "rbo", "changed", "first_changed")
MAX_ROWS = 5
"""Maximum number of rows with gains, and of rows with losses."""


def render_overlap(comparison: Comparison, by: str) -> RenderableType:
    """Return the overlap of the lists, and the values of `by` with the largest gains and losses of places."""
    head = Text.assemble(
        "\nLists of ",
        (make_printable(comparison.names[0]), "bold"),
        " → ",
        (make_printable(comparison.names[1]), "bold"),
    )
    summary = Table.grid(padding=(0, 2, 0, 0))
    summary.add_column()
    summary.add_column(justify="right")
    for measure, value in comparison.summary()["value"].items():
        share = "share" in str(measure)
        text = f"{value:.1%}" if share else f"{value:,.0f}" if measure == "users" else f"{value:.3f}"
        summary.add_row(str(measure).replace(", mean share", ", mean").replace(", share", ""), text)
    changes, properties = comparison.exposure(by), _render_properties([comparison])
    label, _ = name_attribute(by, comparison.inputs.board)
    if changes["change"].eq(0).all():
        return Group(head, Text(), summary, *properties, Text(f"\nThe numbers of list places by {label} are equal."))
    table = _make_table(label, ("places before", "places after", "change"))
    for row in _select_changes(changes).to_dict("records"):
        _add_change(table, row)
    title = f"\nLargest gains and losses of list places by {label}"
    note = _describe_lists(comparison, by)
    return Group(head, Text(), summary, *properties, Text(title, style="bold"), table, *note)


def render_overlaps(comparisons: Sequence[Comparison], by: str) -> RenderableType:
    """Return one row per model or run with its overlap with the first, and one group of gains and losses each."""
    overlaps = _make_table(f"compared with {make_printable(comparisons[0].names[0])}", _OVERLAP_HEADINGS)
    label, _ = name_attribute(by, comparisons[0].inputs.board)
    places = _make_table(label, ("places before", "places after", "change"))
    for found in comparisons:
        name = make_printable(found.names[1])
        users, *values = found.summary()["value"]
        cells = [f"{value:.3f}" if index == 2 else f"{value:.1%}" for index, value in enumerate(values)]
        overlaps.add_row(Text(name, style="bold"), *cells)
        changes = found.exposure(by)
        places.add_row(Text(name, style="bold"))
        if changes["change"].eq(0).all():
            places.add_row(Text("  no gains and no losses"))
        for row in _select_changes(changes).to_dict("records"):
            _add_change(places, row, indent="  ")
    rbo = f"RBO: mean rank-biased overlap (p = {comparisons[0].p:g})."
    note = f"Lists of {users:,.0f} users. in both, new: mean shares of jobs. {rbo}"
    title = f"\nLargest gains and losses of list places by {label}"
    properties = _render_properties(comparisons)
    lists = _describe_lists(comparisons[0], by)
    return Group(overlaps, Text(note, style="dim"), *properties, Text(title, style="bold"), places, *lists)


def _describe_lists(comparison: Comparison, by: str) -> list[RenderableType]:
    """Return a note if a column of lists gives a place several values."""
    own = {column.name: column.type for column in comparison.inputs.board.get_own("jobs")}
    if by not in own or not own[by].is_list:
        return []
    return [Text(f"{by}: a place of a job with several values counts for each.", style="dim")]


def _render_properties(comparisons: Sequence[Comparison]) -> list[RenderableType]:
    """Return the properties of the first lists, and how those of each other side differ."""
    frames = [found.measures().set_index("measure") for found in comparisons]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("property of the lists", no_wrap=True)
    table.add_column("")
    for name in (comparisons[0].names[0], *(found.names[1] for found in comparisons)):
        table.add_column(make_printable(name), justify="right", overflow="fold")
    has_price = False
    for measure in frames[0].index[frames[0]["before"].notna()]:
        cells = [Text(choose_arrow(measure)), Text(format_number(frames[0].loc[measure, "before"]))]
        for frame in frames:
            difference, relative = frame.loc[measure, ["difference", "relative"]]
            share = f" ({relative:+.0%})" if math.isfinite(relative) else ""
            is_worse = is_price(measure, relative)
            has_price |= is_worse
            text = f"{format_number(difference, '+')}{share}{' !' if is_worse else ''}"
            cells.append(Text(text, style="red" if is_worse else ""))
        table.add_row(measure, *cells)
    note = f"↑ higher is better, ↓ lower is better. {_describe_coverage(comparisons)}"
    note += f" ! worse than {comparisons[0].names[0]} by more than {PRICE_SHARE:.0%}." if has_price else ""
    return [Text(), table, Text(make_printable(note), style="dim")]


def _describe_coverage(comparisons: Sequence[Comparison]) -> str:
    """Return the jobs of which coverage is a share. Sides may differ in their listed jobs."""
    numbers = sorted({int(found.counted_jobs.sum()) for found in comparisons})
    text = " to ".join(f"{number:,}" for number in dict.fromkeys((numbers[0], numbers[-1])))
    if comparisons[0].eligible is None:
        return f"coverage, concentration: of all {text} jobs."
    return f"coverage, concentration: of {text} jobs that the rules of a side leave open or that are listed."


def render_overlap_slices(comparisons: Sequence[Comparison], slicings: Sequence[Slicing]) -> RenderableType:
    """Return the overlap by slice of the users, one group of rows per model or run and slicing."""
    table = _make_table("slice", ("users", *_OVERLAP_HEADINGS))
    for found in comparisons:
        users = found.frame().set_index("user_id")
        for slicing in slicings:
            of_users = slicing.of_users(users.index.to_numpy())
            table.add_row(Text(f"{make_printable(found.names[1])}, {make_printable(slicing.name)}", style="bold"))
            for label, mask in zip(of_users.labels, of_users.masks, strict=True):
                if mask.any():
                    both, new, rbo, changed, first = users.loc[mask, list(_OVERLAP_COLUMNS)].mean()
                    cells = f"{both:.1%}", f"{new:.1%}", f"{rbo:.3f}", f"{changed:.1%}", f"{first:.1%}"
                    table.add_row(Text(f"  {make_printable(label)}"), f"{mask.sum():,}", *cells)
    title = f"\nOverlap with {make_printable(comparisons[0].names[0])} by slice"
    notes = (Text(note, style="dim") for note in describe_overlaps(slicings))
    return Group(Text(title, style="bold"), table, *notes)


def _select_changes(changes: pd.DataFrame) -> pd.DataFrame:
    gains = changes[changes["change"] > 0].nlargest(MAX_ROWS, "change")
    losses = changes[changes["change"] < 0].nsmallest(MAX_ROWS, "change")
    return pd.concat([gains, losses[::-1]])


def _add_change(table: Table, row: dict[Any, Any], indent: str = "") -> None:
    change = Text(f"{row['change']:+,}", style="green" if row["change"] > 0 else "red")
    name = Text(indent + make_printable(row["name"]))
    table.add_row(name, f"{row['places_before']:,}", f"{row['places_after']:,}", change)


def render_movements(comparison: Comparison, user_id: int, data: Dataset) -> RenderableType:
    """Return the second list of a user, with the movement of each job, and the jobs that are no longer in it."""
    jobs = data.tables.jobs.set_index("job_id")[["title", "company_name"]]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("rank", "job", "move"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading, width in (("title", 36), ("company", 20)):
        table.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=width)
    external_ids = data.external_ids
    name = external_ids.name_user(user_id)
    for row in comparison.movements(user_id).to_dict("records"):
        title, company = jobs.loc[row["job_id"]]
        out = pd.isna(row["rank_after"])
        rank = f"({row['rank_before']})" if out else str(row["rank_after"])
        names = (Text(make_printable(name)) if isinstance(name, str) else Text("–") for name in (title, company))
        table.add_row(
            rank,
            Text(make_printable(external_ids.name_job(row["job_id"]), 40)),
            _style_label(row["label"], row["rank_before"], row["rank_after"]),
            *names,
            style="dim" if out else "",
        )
    title = f"\nList of user {name}; (rank): previous rank of a job that is no longer in the list"
    return Group(Text(title, style="bold"), table)


def _style_label(label: str, rank_before: int | None, rank_after: int | None) -> Text:
    """Return the label in the colour of the movement; a missing rank means that the job is not in that list."""
    before, after = (math.inf if pd.isna(rank) else rank for rank in (rank_before, rank_after))
    return Text(label, style="green" if after < before else "red" if after > before else "")


def render_waterfall(waterfall: Waterfall) -> RenderableType:
    """Return the change of a pair's total by component."""
    table = _make_table("component", ("value", "new", "weight", "new", "points", "new", "change"))
    for row in waterfall.frame().to_dict("records"):
        table.add_row(
            Text(f"{make_printable(row['component'])}"),
            *_format_pair(row, "value", ".2f"),
            *_format_pair(row, "weight", ".3f"),
            *_format_pair(row, "points", ".2f"),
            "" if math.isclose(row["change"], 0, abs_tol=0.005) else f"{row['change']:+.2f}",
        )
    totals = f"{waterfall.total_before:.2f}", f"{waterfall.total_after:.2f}"
    table.add_row(
        "total", "", "", "", "", *totals, f"{waterfall.total_after - waterfall.total_before:+.2f}", style="bold"
    )
    return Group(
        Text(f"\nChange of the total of job {waterfall.job}", style="bold"),
        table,
        Text(waterfall.summary()),
    )


def _format_pair(row: dict[Any, Any], name: str, form: str) -> tuple[str, str]:
    before, after = row[f"{name}_before"], row[f"{name}_after"]
    return _format_value(before, form), _format_value(after, form)


def _format_value(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def _make_table(first: str, headings: tuple[str, ...]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
