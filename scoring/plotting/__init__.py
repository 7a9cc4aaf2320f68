"""How plots look, and which function draws which result.

- `style`: one set of colours, one set of settings, bars with their values
- `displays`: the plot or table that a result's method returns, imported when it is first drawn
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
    bars,
    new_figure,
    new_grid,
    number,
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
    "bars",
    "new_figure",
    "new_grid",
    "number",
]
