"""The text of a number at a bar, at a marker and in a table."""

from __future__ import annotations

__all__ = ["format_number"]


def format_number(value: float) -> str:
    """Format a number with three significant digits, from 100 on as an integer: 0.0123, 1.23, 123, 12,300."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")
