"""The style of plots: colours, settings, and bars labelled with their values.

Colours are those of Okabe and Ito, which colour-blind people can distinguish. Japanese characters use a font from the
package `matplotlib-fontja`, because few machines have such a font where matplotlib finds it.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scoring.plotting.alternative_text import describe_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "SKY",
    "STYLE",
    "VERMILION",
    "create_figure",
    "create_grid",
    "draw_bars",
]

BLUE = "#0072B2"
"""The colour of the main series, and of changes for the better."""
ORANGE = "#E69F00"
"""The colour of a second series."""
GREEN = "#009E73"
"""The colour of a third series."""
VERMILION = "#D55E00"
"""The colour of changes for the worse."""
SKY = "#56B4E9"
"""The colour of ranges, and of a further series."""
GREY = "#999999"
"""The colour of the baseline, and of differences that are not significant."""
BLACK = "#000000"
"""The colour of text and marks."""

FONTS: Final = ["DejaVu Sans", "IPAexGothic"]
"""Each character is drawn in the first font that contains it."""

STYLE: Final[Any] = {"font.size": 10, "font.family": FONTS, "axes.spines.top": False, "axes.spines.right": False}
"""Matplotlib settings of every plot."""

SMALL = 8.5
"""Size in points of the labels at bars and markers."""


def create_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """Return a figure, given its size in inches, and its axes from left to right. pyplot does not manage the figure."""
    figure, axes = create_grid(width, height, 1, columns)
    return figure, axes


def create_grid(
    width: float, height: float, rows: int, columns: int, *, share: bool = False
) -> tuple[Figure, list[Any]]:
    """Return a figure and its grid of axes, row by row. With `share`, all axes have the same scale."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _make_styled_figure()(figsize=(width, height), dpi=110, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
    for axis in (axis for one in axes.ravel() for axis in (one.xaxis, one.yaxis)):
        axis.set_major_formatter(_make_thousands_formatter()())
        axis.isDefault_majfmt = True  # names, dates and logarithmic scales can still set their own formatters
    return figure, list(axes.ravel())


@cache
def _make_thousands_formatter() -> type[ScalarFormatter]:
    """Return matplotlib's number formatter with thousands separators: 150,000 for 150000."""
    from matplotlib.ticker import ScalarFormatter

    class ThousandsApart(ScalarFormatter):
        def __init__(self) -> None:
            super().__init__(useOffset=False)
            self.set_powerlimits((-5, 15))

        def __call__(self, x: float, pos: int | None = None) -> str:
            return re.sub(r"(?<![.\d])\d{4,}", lambda digits: f"{int(digits[0]):,}", super().__call__(x, pos))

    return ThousandsApart


@cache
def _make_styled_figure() -> type[Figure]:
    """Return a figure class that sets the fonts of all texts when it is drawn, and that notebooks display as HTML.

    Matplotlib sets the font of a text when it creates the text, and it creates some texts only while drawing.
    JupyterLab gives images of the type image/png no alternative text. Therefore the image is part of an HTML output.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    # importing the package would change the font of all plots in the process, so only its font file is used
    package = find_spec("matplotlib_fontja")
    if package is not None and package.origin is not None:
        fontManager.addfont(Path(package.origin).parent / "fonts" / "ipaexg.ttf")

    class StyledFigure(Figure):
        def draw(self, renderer: Any) -> None:
            for text in self.findobj(Text):
                text.set_fontfamily(FONTS)
            with matplotlib.rc_context(STYLE):
                super().draw(renderer)

        def _repr_html_(self) -> str:
            """Return the figure as an image with its description as alternative text."""
            image = io.BytesIO()
            self.savefig(image, format="png", dpi=self.dpi, bbox_inches="tight")
            source = base64.b64encode(image.getvalue()).decode("ascii")
            text = escape(describe_figure(self), quote=True)
            return f'<img alt="{text}" src="data:image/png;base64,{source}" style="max-width:100%">'

        def _ipython_display_(self) -> None:
            """Display the image once. Without this method, a notebook may store it a second time as image/png."""
            from IPython.display import display

            display({"text/html": self._repr_html_(), "text/plain": describe_figure(self)}, raw=True)

    return StyledFigure


def draw_bars(
    axes: Any, names: Sequence[str], values: Sequence[float], texts: Sequence[str], colour: str | Sequence[str] = BLUE
) -> None:
    """Draw horizontal bars from top to bottom, each followed by its text."""
    places = range(len(names))
    drawn = axes.barh(places, values, color=colour, height=0.7)
    axes.bar_label(drawn, texts, padding=3, fontsize=SMALL)
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.invert_yaxis()
    axes.margins(x=0.2)
