"""The style of plots, and the functions that draw results.

- `style`: colours, settings, and bars with their values
- `html_table`: tables of results in notebooks
- `plot_registry`: the plot or table that a method of a result returns; its module is imported at the first call
"""

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
    format_number,
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
    "create_figure",
    "create_grid",
    "draw_bars",
    "format_number",
]
