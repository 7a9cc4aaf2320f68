"""Waterfall table of one job and user: the change of the total by component."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.evaluation.rank_change_waterfall import Change, Waterfall
from scoring.widgets.html.html_elements import DOWN, FAINT, UP, escape_text, format_number, render_heading, render_table

__all__ = ["render_waterfall"]

_COLUMNS = (
    ("component", False), ("value", True), ("share", True), ("points", True), ("change", True), ("", False),
)  # fmt: skip
_WIDTH = 220


def render_waterfall(why: Waterfall) -> str:
    """Return the table, largest change first. Each bar starts at the end of the bar above."""
    changes = sorted(why.changes, key=lambda one: -abs(one.change))
    ends = [why.total_before]
    for change in changes:
        ends.append(ends[-1] + change.change)
    low, high = _compute_range(ends)
    rows = [_format_total_row("baseline", why.total_before, low, high)]
    for place, change in enumerate(changes):
        rows.append(_format_row(change, ends[place], ends[place + 1], low, high))
    rows.append(_format_total_row("now", why.total_after, low, high))
    return render_heading(f"Why job {why.job} moved", why.summary()) + render_table(
        _COLUMNS, rows, f"Change of the score of job {why.job} by component"
    )


def _compute_range(ends: Sequence[float]) -> tuple[float, float]:
    low, high = min(ends), max(ends)
    margin = max(0.15 * (high - low), 0.5)
    return max(0.0, low - margin), high + margin


def _format_row(change: Change, start: float, end: float, low: float, high: float) -> tuple[str, ...]:
    colour = UP if change.change > 0 else DOWN
    kind = "better" if change.change > 0 else "worse" if change.change < 0 else "muted"
    return (
        escape_text(change.component),
        _format_pair(_format_value(change.value_before), _format_value(change.value_after)),
        _format_pair(f"{change.weight_before:.4f}", f"{change.weight_after:.4f}"),
        _format_pair(f"{change.points_before:.2f}", f"{change.points_after:.2f}"),
        f'<span class="{kind}">{_format_points(change.change)}</span>',
        _draw_bar(start, end, low, high, colour) if change.change else "",
    )


def _format_total_row(label: str, total: float, low: float, high: float) -> tuple[str, ...]:
    return (f"<b>{label}</b>", "", "", f"<b>{total:.2f}</b>", "", _draw_bar(low, total, low, high, FAINT))


def _format_value(value: float | None) -> str:
    """Return the value as text. It is None if the model does not have the component."""
    return "–" if value is None else format_number(value)


def _format_points(change: float) -> str:
    return "0" if not round(change, 2) else f"{change:+.2f}".replace("-", "−")


def _format_pair(before: str, after: str) -> str:
    return escape_text(after) if before == after else f"{escape_text(before)} → {escape_text(after)}"


def _draw_bar(start: float, end: float, low: float, high: float, colour: str) -> str:
    a, b = sorted(_WIDTH * (value - low) / (high - low) for value in (start, end))
    return (
        f'<svg width="{_WIDTH}" height="14" aria-hidden="true"><rect x="{a:.1f}" y="1" width="{max(b - a, 0.75):.1f}" '
        f'height="12" fill="{colour}"/></svg>'
    )
