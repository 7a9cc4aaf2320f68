"""Escaped text, tables and small bars. Text of the data, of files and of people is escaped here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from scoring.errors import make_printable

__all__ = [
    "Column",
    "draw_change_bar",
    "draw_pair_bar",
    "escape_data",
    "escape_text",
    "format_count",
    "format_value",
    "render_list",
    "render_paragraphs",
    "render_table",
    "set_minus_signs",
]

_BAR = 110
"""Width of a small bar."""


def set_minus_signs(text: str) -> str:
    """Return text with a minus sign (U+2212) before negative numbers. Hyphens in names, dates and ids stay."""
    return re.sub(r"(?<![\w-])-(?=[\d.])", "−", text)


def escape_text(text: object, max_length: int = 500) -> str:
    """Return text as one printable line of HTML."""
    return escape(make_printable(str(text), max_length), quote=True)


def escape_data(text: object, max_length: int = 200) -> str:
    """Return text of the data or of a person as HTML that does not change the writing direction around it."""
    return f"<bdi>{escape_text(text, max_length)}</bdi>"


def render_paragraphs(text: str, max_length: int = 10_000) -> str:
    """Return a note of several lines as paragraphs."""
    lines = [line for line in text[:max_length].splitlines() if line.strip()]
    return "".join(f"<p>{escape_data(line, max_length)}</p>" for line in lines)


def render_list(items: Iterable[str]) -> str:
    """Return a list of items, which are HTML already; empty without items."""
    body = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{body}</ul>" if body else ""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    is_number: bool = False


def render_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], caption: str, *, wide: bool = False) -> str:
    """Return a table whose first column names the rows.

    Parameters
    ----------
    columns: The columns.
    rows: Cells, which are HTML already.
    caption: A sentence above the table.
    wide: Whether narrow screens show each row as a block.
    """
    kinds = [' class="n"' if column.is_number else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape_text(column.name)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    body = []
    for row in rows:
        cells = [f'<th scope="row">{row[0]}</th>']
        for column, kind, cell in zip(columns[1:], kinds[1:], row[1:], strict=True):
            label = f' data-label="{escape_text(column.name)}"' if wide else ""
            cells.append(f"<td{kind}{label}>{cell}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    style = ' class="wide"' if wide else ""
    return (
        f"<table{style}><caption>{escape_text(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def format_value(value: float, sign: str = "") -> str:
    """Return a number with decimals that depend on its size, as the tables of commands do; – if it is not finite.

    A negative number has a minus sign (U+2212). The tables of commands use the hyphen of ASCII.
    """
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    return set_minus_signs(format(value, sign + (",.0f" if size >= 1000 else ".1f" if size >= 10 else ".3f")))


def format_count(change: int) -> str:
    """Return the change of a count with its sign."""
    return set_minus_signs(f"{change:+,}")


def draw_change_bar(change: float, largest: float, label: str) -> str:
    """Return a bar to the right of the middle for a gain, to the left for a loss."""
    middle = _BAR / 2
    width = middle * abs(change) / largest if largest else 0.0
    x = middle if change > 0 else middle - width
    kind = "good" if change > 0 else "bad"
    return (
        f'<svg class="bar" viewBox="0 0 {_BAR} 14" role="img" aria-label="{escape_text(label)}">'
        f"<title>{escape_text(label)}</title>"
        f'<rect class="{kind}" x="{x:.1f}" y="2" width="{width:.1f}" height="10"/>'
        f'<line class="axis" x1="{middle:g}" y1="0" x2="{middle:g}" y2="14"/></svg>'
    )


def draw_pair_bar(before: float | None, after: float, largest: float, label: str) -> str:
    """Return two bars, before above after. None: only the bar of after."""
    first, second = (_BAR * value / largest if largest else 0.0 for value in (before or 0.0, after))
    earlier = "" if before is None else f'<rect class="before" x="0" y="1" width="{first:.1f}" height="5"/>'
    return (
        f'<svg class="bar" viewBox="0 0 {_BAR} 14" role="img" aria-label="{escape_text(label)}">'
        f"<title>{escape_text(label)}</title>"
        f'{earlier}<rect class="after" x="0" y="8" width="{second:.1f}" height="5"/></svg>'
    )
