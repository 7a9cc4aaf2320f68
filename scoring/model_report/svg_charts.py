"""Drawings of a report as SVG, each with a title and a description that states its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scoring.model_report.page_elements import escape_text, set_minus_signs

__all__ = ["ChartRow", "draw_changes", "draw_histogram", "find_reach"]

WIDTH: Final = 400
_MARGIN: Final = 6
_MOST: Final = 2.0
"""Largest drawn change as a share. Larger ones are drawn at the end of the scale; their text states the value."""

Direction = Literal["good", "bad", "neutral"]


@dataclass(frozen=True)
class ChartRow:
    """A change as a share of the value before, with its likely range (NaN: none)."""

    name: str
    change: float
    low: float
    high: float
    direction: Direction
    is_clear: bool
    """Whether the change is more than chance. Otherwise its point is empty."""


def find_reach(rows: Iterable[ChartRow]) -> float:
    """Return the largest change of a scale for these rows. Drawings beside each other have the same scale."""
    ends = [abs(value) for row in rows for value in (row.change, row.low, row.high) if math.isfinite(value)]
    return min(max([*ends, 0.05]) * 1.05, _MOST)


def draw_changes(rows: Sequence[ChartRow], slug: str, title: str, reach: float) -> str:
    """Return one line per change: a point, its likely range, and a mark at no change. The scale ends at ±`reach`."""
    step, height = 36, 36 * len(rows) + 30
    middle, half = WIDTH / 2, WIDTH / 2 - _MARGIN

    def place(value: float) -> float:
        return middle + half * max(-1.0, min(1.0, value / reach))

    parts = []
    for number, row in enumerate(rows):
        y = number * step + 28
        parts.append(  # one line through all rows would cross the names
            f'<line class="axis" x1="{middle:g}" y1="{y - 8}" x2="{middle:g}" y2="{y + 8}"/>'
            f'<text x="{_MARGIN}" y="{y - 12}">{escape_text(row.name, 60)}</text>'
            f'<text x="{WIDTH - _MARGIN}" y="{y - 12}" text-anchor="end">{_format_share(row.change)}</text>'
        )
        if math.isfinite(row.low) and math.isfinite(row.high):
            parts.append(
                f'<line class="{row.direction}" x1="{place(row.low):.1f}" y1="{y}" x2="{place(row.high):.1f}" y2="{y}" '
                'stroke-width="3"/>'
            )
        if math.isfinite(row.change):
            fill = "" if row.is_clear else " open"
            parts.append(
                f'<circle class="{row.direction}{fill}" cx="{place(row.change):.1f}" cy="{y}" r="5" stroke-width="2"/>'
            )
    for value in (-reach, 0.0, reach):
        anchor = "start" if value < 0 else "end" if value > 0 else "middle"
        parts.append(
            f'<text class="minor" x="{place(value):.1f}" y="{height - 6}" text-anchor="{anchor}">'
            f"{_format_share(value)}</text>"
        )
    texts = [_describe_row(row) for row in rows]
    return _render(slug, title, "; ".join(texts), height, parts)


def _describe_row(row: ChartRow) -> str:
    has_range = math.isfinite(row.low) and math.isfinite(row.high)
    likely = f", likely between {_format_share(row.low)} and {_format_share(row.high)}" if has_range else ""
    doubt = "" if row.is_clear else ", may be chance"
    return f"{row.name} {_format_share(row.change)}{likely}{doubt}"


def draw_histogram(counts: Sequence[int], slug: str, title: str) -> str:
    """Return bars of counts over equal parts of the range from 0 to 100 %."""
    height, base, largest = 190, 150, max([*counts, 1])
    width = (WIDTH - 2 * _MARGIN) / len(counts)
    parts = []
    for number, count in enumerate(counts):
        size = 120 * count / largest
        x = _MARGIN + number * width
        parts.append(
            f'<rect class="after" x="{x + 1:.1f}" y="{base - size:.1f}" width="{width - 2:.1f}" height="{size:.1f}"/>'
        )
        if count:
            parts.append(
                f'<text x="{x + width / 2:.1f}" y="{base - size - 4:.1f}" text-anchor="middle">{count:,}</text>'
            )
    parts.append(f'<line class="axis" x1="{_MARGIN}" y1="{base}" x2="{WIDTH - _MARGIN}" y2="{base}"/>')
    for share in (0, 0.5, 1):
        anchor = {0: "start", 0.5: "middle", 1: "end"}[share]
        x = _MARGIN + share * (WIDTH - 2 * _MARGIN)
        parts.append(
            f'<text class="minor" x="{x:.1f}" y="{base + 16}" text-anchor="{anchor}">{100 * share:g}% kept</text>'
        )
    parts.append(f'<text class="minor" x="{_MARGIN}" y="{base + 34}">bars: number of users</text>')
    part = 100 / len(counts)
    text = "; ".join(f"{part * n:.0f} to {part * (n + 1):.0f}%: {count:,} users" for n, count in enumerate(counts))
    return _render(slug, title, text, height, parts)


def _render(slug: str, title: str, description: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{slug}-title {slug}-text">'
        f'<title id="{slug}-title">{escape_text(title)}</title>'
        f'<desc id="{slug}-text">{escape_text(description, 4_000)}</desc>{"".join(parts)}</svg>'
    )


def _format_share(share: float) -> str:
    if not math.isfinite(share):
        return "from 0"
    return set_minus_signs(f"{100 * share:+.0f}%") if round(100 * share) else "0%"
