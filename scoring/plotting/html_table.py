"""HTML tables of results in notebooks: text on the left, numbers on the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import pandas as pd

__all__ = ["render_html_table"]


def render_html_table(frame: pd.DataFrame, formats: Mapping[str, Callable[[Any], str]] | None = None) -> str:
    """Return a frame without its index as an HTML table. A missing value is an empty cell.

    Notebooks align all cells to the right, so each cell states its side.

    Parameters
    ----------
    formats: Column → the text of a value. Other integers have separators, other floats three decimals.
    """
    sides = {str(name): "right" if pd.api.types.is_numeric_dtype(column) else "left" for name, column in frame.items()}
    head = "".join(f'<th style="text-align:{side}">{escape(name)}</th>' for name, side in sides.items())
    formats = formats or {}
    rows = []
    for row in frame.to_dict("records"):
        cells = (
            f'<td style="text-align:{sides[str(name)]}">{escape(_format(value, formats.get(str(name))))}</td>'
            for name, value in row.items()
        )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _format(value: Any, write: Callable[[Any], str] | None) -> str:
    if pd.isna(value):
        return ""
    if write is not None:
        return write(value)
    if isinstance(value, str | bool):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if isinstance(value, float) else str(value)
