"""A verdict as a table for a console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.runs.gate.verdict import BY_PUBLISHED_MODEL, Measure, Verdict

__all__ = ["make_table"]

_HEADINGS: Final = ("measure", "published", "new", "limit", "result")


def make_table(verdict: Verdict) -> RenderableType:
    """Return the verdict for a rich console of 80 columns."""
    if verdict.published is None:
        return Text(f"gate: {verdict.summarize()}")
    new = [measure for measure in verdict.measures if not measure.by_published_model]
    by_published_model = [measure for measure in verdict.measures if measure.by_published_model]
    width = [max(map(len, column)) for column in zip(_HEADINGS, *map(_format_cells, verdict.measures), strict=True)]
    body: list[RenderableType] = [
        Text(f"New run {verdict.new.run_id} compared with run {verdict.published.run_id}", style="bold"),
        _make_rows(new, width),
    ]
    if by_published_model:
        body += [Text(f"New data ranked{BY_PUBLISHED_MODEL}", style="bold"), _make_rows(by_published_model, width)]
    notes = [Text(f"note: {note}") for note in verdict.notes]
    return Group(*body, *notes)


def _make_rows(measures: Sequence[Measure], width: Sequence[int]) -> Table:
    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, (heading, least) in enumerate(zip(_HEADINGS, width, strict=True)):
        is_number = heading in ("published", "new")
        rows.add_column(heading, justify="right" if is_number else "left", no_wrap=place > 0, min_width=least)
    for measure in measures:
        style = "bold red" if measure.is_exceeded else ""
        rows.add_row(*(Text(cell, style=style) for cell in _format_cells(measure)))
    return rows


def _format_cells(measure: Measure) -> tuple[str, ...]:
    published, new = measure.format_value(measure.published), measure.format_value(measure.new)
    return measure.name, published, new, measure.limit_text, measure.result
