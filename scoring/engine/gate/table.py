"""A verdict as one readable table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.engine.gate.verdict import Verdict

__all__ = ["table"]


def table(verdict: Verdict) -> RenderableType:
    """For a rich console, 80 columns."""
    if verdict.against is None:
        return Text(f"gate: {verdict.line()}")
    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column("measure")
    for heading in ("last night", "tonight"):
        rows.add_column(heading, justify="right", no_wrap=True)
    rows.add_column("limit", no_wrap=True)
    rows.add_column("verdict", no_wrap=True)
    for one in verdict.measures:
        style = "bold red" if one.beyond else ""
        cells = (one.name, one.shown(one.before), one.shown(one.after), one.allowed, one.said)
        rows.add_row(*(Text(cell, style=style) for cell in cells))
    head = Text(
        f"Run {verdict.tonight.run_id} (tonight) beside what readers have, {verdict.against.run_id}", style="bold"
    )
    return Group(head, rows, *(Text(f"note: {note}") for note in verdict.notes))
