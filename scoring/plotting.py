"""How plots look: one set of colours, one set of settings, bars that carry their figures.

Colours are those of Okabe and Ito, which colour-blind people can tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLACK", "BLUE", "GREEN", "GREY", "ORANGE", "SKY", "STYLE", "VERMILION", "bars", "new_figure", "number"]

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, GREY, BLACK = "#56B4E9", "#999999", "#000000"

STYLE: Final[Any] = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
"""Settings of matplotlib under which every plot is made."""

SMALL = 8.5
"""Size in points of what stands at bars and points."""


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """A figure of so many inches, and its axes from left to right. Not pyplot's: nobody else holds or shows it."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, list(axes)


def bars(
    axes: Any, names: Sequence[str], values: Sequence[float], texts: Sequence[str], colour: str | Sequence[str] = BLUE
) -> None:
    """Horizontal bars, the first on top, each with its text behind it."""
    places = range(len(names))
    drawn = axes.barh(places, values, color=colour, height=0.7)
    axes.bar_label(drawn, texts, padding=3, fontsize=SMALL)
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.invert_yaxis()
    axes.margins(x=0.2)


def number(value: float) -> str:
    """Three digits that count, with thousands apart: 0.0123, 1.23, 123, 12,300."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")
