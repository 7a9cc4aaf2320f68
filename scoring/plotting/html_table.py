"""HTML tables of results in notebooks: text on the left, numbers on the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "render_html_table"]


@dataclass(frozen=True)
class Table:
    """A frame as a notebook shows it: text on the left, numbers on the right with separators, no row numbers.

    `formats` maps columns to formats, such as `{"share": "{:.0%}"}`. A named index becomes the first column.

    Example
    -------
    >>> import pandas as pd
    >>> from scoring.plotting import Table
    >>> print(Table(pd.DataFrame({"phase": ["load"], "share": [0.25]}), {"share": "{:.0%}"}))
    phase share
     load   25%
    """

    frame: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        import pandas as pd

        frame = self._columns()
        texts = {
            str(name): [_format(value, self._writers().get(str(name))) for value in column]
            for name, column in frame.items()
        }
        return pd.DataFrame(texts).to_string(index=False)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return render_html_table(self._columns(), self._writers())

    def _columns(self) -> pd.DataFrame:
        return self.frame if self.frame.index.name is None else self.frame.reset_index()

    def _writers(self) -> dict[str, Callable[[Any], str]]:
        return {name: template.format for name, template in self.formats.items()}


def render_html_table(frame: pd.DataFrame, formats: Mapping[str, Callable[[Any], str]] | None = None) -> str:
    """Return a frame without its index as an HTML table. A missing value is an empty cell.

    Notebooks align all cells to the right, so each cell states its side.

    Parameters
    ----------
    formats: Column → the text of a value. Other integers have separators, other floats three decimals.
    """
    import pandas as pd

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
    import pandas as pd

    if pd.isna(value):
        return ""
    if write is not None:
        return write(value)
    if isinstance(value, str | bool):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}" if isinstance(value, float) else str(value)
