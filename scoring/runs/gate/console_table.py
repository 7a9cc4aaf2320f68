"""A verdict as a table for a console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.runs.gate.verdict import BY_PREVIOUS_MODEL, Measure, Verdict

__all__ = ["table"]

_HEADINGS: Final = ("measure", "last night", "tonight", "limit", "verdict")


def table(verdict: Verdict) -> RenderableType:
    """Return the verdict for a rich console of 80 columns."""
    if verdict.against is None:
        return Text(f"gate: {verdict.line()}")
    parts = [[one for one in verdict.measures if one.as_before == as_before] for as_before in (False, True)]
    width = [max(map(len, column)) for column in zip(_HEADINGS, *map(_cells, verdict.measures), strict=True)]
    first, second = (_rows(part, width) for part in parts)
    head = f"Run {verdict.tonight.run_id} (tonight) beside what readers have, {verdict.against.run_id}"
    apart: list[RenderableType] = (
        [Text(f"Tonight's data ranked{BY_PREVIOUS_MODEL}", style="bold"), second] if parts[1] else []
    )
    notes = [Text(f"note: {note}") for note in verdict.notes]
    return Group(Text(head, style="bold"), first, *apart, *notes)


def _rows(measures: Sequence[Measure], width: Sequence[int]) -> Table:
    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, (heading, least) in enumerate(zip(_HEADINGS, width, strict=True)):
        number = heading in ("last night", "tonight")
        rows.add_column(heading, justify="right" if number else "left", no_wrap=place > 0, min_width=least)
    for one in measures:
        style = "bold red" if one.beyond else ""
        rows.add_row(*(Text(cell, style=style) for cell in _cells(one)))
    return rows


def _cells(one: Measure) -> tuple[str, ...]:
    return one.name, one.shown(one.before), one.shown(one.after), one.allowed, one.said
