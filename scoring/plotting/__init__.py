"""The style of plots, and the functions that draw results.

- `style`: colours, settings, and bars with their values; `number_format`: their texts
- `alternative_text`: the description of a plot for readers who cannot see it
- `html_table`: tables of results in notebooks; `collapsible_text`: long texts behind a fold
- `plot_registry`: the plot or table that a method of a result returns; its module is imported at the first call
"""

from scoring.plotting.alternative_text import describe_figure
from scoring.plotting.collapsible_text import Fold
from scoring.plotting.html_table import Table
from scoring.plotting.number_format import format_number
from scoring.plotting.style import (
    BLACK,
    BLUE,
    FONTS,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    SMALL,
    STYLE,
    VERMILION,
    create_figure,
    create_grid,
    draw_bars,
)

__all__ = [
    "BLACK",
    "BLUE",
    "FONTS",
    "GREEN",
    "GREY",
    "ORANGE",
    "SKY",
    "SMALL",
    "STYLE",
    "VERMILION",
    "Fold",
    "Table",
    "create_figure",
    "create_grid",
    "describe_figure",
    "draw_bars",
    "format_number",
]
