"""Alternative text of plots in notebooks and exported pages, for readers who cannot see them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scoring.plotting.number_format import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MAX_VALUES", "describe_figure"]

MAX_VALUES: Final = 24
"""Maximum number of listed values of a series. Longer series are described by their range."""

LARGEST_CELLS: Final = 5
"""Cells of a heat map that a description lists."""


def describe_figure(figure: Figure) -> str:
    """Return a description of a figure in sentences: its title, then each panel with axes, series and values.

    Values are listed with the names of their ticks or of the texts beside them. A series of more than `MAX_VALUES`
    values is described by its number of points and its range.

    Example
    -------
    >>> from scoring.plotting import create_figure, describe_figure, draw_bars
    >>> figure, (axes,) = create_figure(4, 2)
    >>> draw_bars(axes, ["load", "rank"], [3.0, 1.0], ["3.0 s", "1.0 s"])
    >>> axes.set_title("Phases", loc="left")
    Text(0.0, 1.0, 'Phases')
    >>> describe_figure(figure)
    'Plot. Phases. load: 3.0 s; rank: 1.0 s.'
    """
    title = figure.get_suptitle().replace("\n", "; ")
    panels = [text for axes in figure.axes if axes.get_visible() and (text := _describe_panel(axes))]
    names = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    parts = ["Plot", title, *panels, f"Legend: {', '.join(names)}" if names else ""]
    return " ".join(f"{_clean(part)}." for part in parts if part.strip())


def _describe_panel(axes: Axes) -> str:
    titles = [axes.get_title(loc=side) for side in ("left", "center", "right")]
    labels = [f"{name}: {label}" for name, label in _list_axis_labels(axes) if label]
    parts = [*filter(None, titles), *labels]
    for describe in (_describe_bars, _describe_lines, _describe_single_points, _describe_points, _describe_heat_map):
        parts += describe(axes)
    legend = axes.get_legend()
    if legend is not None:
        parts.append(f"Legend: {', '.join(text.get_text() for text in legend.get_texts())}")
    return ". ".join(_clean(part) for part in parts)


def _list_axis_labels(axes: Axes) -> Iterator[tuple[str, str]]:
    yield "Horizontal axis", axes.get_xlabel()
    yield "Vertical axis", axes.get_ylabel()


def _describe_bars(axes: Axes) -> Iterator[str]:
    from matplotlib.container import BarContainer

    for container in axes.containers:
        if not isinstance(container, BarContainer) or not container.patches:
            continue
        is_horizontal = container.orientation == "horizontal"
        bars = container.patches
        values = [bar.get_width() if is_horizontal else bar.get_height() for bar in bars]
        middles = [
            bar.get_y() + bar.get_height() / 2 if is_horizontal else bar.get_x() + bar.get_width() / 2 for bar in bars
        ]
        names = _name_places(axes.yaxis if is_horizontal else axes.xaxis, middles)
        texts = _find_bar_texts(axes, bars, values, is_horizontal)
        yield _list_values(_get_label(container), names, texts, values)


def _find_bar_texts(axes: Axes, bars: Sequence[Any], values: Sequence[float], is_horizontal: bool) -> list[str]:
    """Return the label at the end of each bar, or its value."""
    beside: dict[tuple[float, float], str] = {}
    for text in axes.texts:
        place = getattr(text, "xy", text.get_position())
        beside[round(float(place[0]), 6), round(float(place[1]), 6)] = text.get_text()
    found = []
    for bar, value in zip(bars, values, strict=True):
        x, y = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2
        ends = [(bar.get_x() + bar.get_width(), y), (x, bar.get_y() + bar.get_height()), (x, y)]
        texts = [beside.get((round(float(a), 6), round(float(b), 6)), "") for a, b in ends]
        found.append(next(filter(None, texts), None) or _format_range(bar, value, is_horizontal))
    return found


def _format_range(bar: Any, length: float, is_horizontal: bool) -> str:
    """Return the start and the end of a bar that does not begin at the axis, else its length."""
    start = bar.get_x() if is_horizontal else bar.get_y()
    return _format(length) if start == 0 else f"{_format(start)} to {_format(start + length)}"


def _describe_lines(axes: Axes) -> Iterator[str]:
    for line in axes.lines:
        label = _get_label(line)
        x, y = (np.asarray(values, dtype=float).tolist() for values in (line.get_xdata(), line.get_ydata()))
        if not y or (not label and len(y) <= 2):  # without a label: a curve, but not an axis or a connecting line
            continue
        if len(set(x)) == 1 and len(x) > 1:
            yield f"{label or 'line'}: at {_format(x[0])}"
        elif len(set(y)) == 1 and len(y) > 1:
            yield f"{label or 'line'}: at {_format(y[0])}"
        elif _has_names(axes.yaxis) and not _has_names(axes.xaxis):  # points beside the names of rows
            yield _list_values(label, _name_places(axes.yaxis, y), [_format(value) for value in x], x)
        else:
            yield _list_values(label, _name_places(axes.xaxis, x), [_format(value) for value in y], y)


def _describe_points(axes: Axes) -> Iterator[str]:
    from matplotlib.collections import PathCollection

    for points in axes.collections:
        label = _get_label(points)
        if isinstance(points, PathCollection) and label:
            number = len(np.asarray(points.get_offsets()))
            yield f"{label}: {number:,} {'point' if number == 1 else 'points'}"


def _describe_single_points(axes: Axes) -> Iterator[str]:
    """Yield the points without a label beside the names of rows, from top to bottom."""
    if not _has_names(axes.yaxis):
        return
    points = [
        (float(np.asarray(line.get_ydata(), float)[0]), float(np.asarray(line.get_xdata(), float)[0]))
        for line in axes.lines
        if not _get_label(line) and len(np.atleast_1d(line.get_xdata())) == 1
    ]
    if points:
        rows, values = zip(*sorted(points, reverse=not axes.yaxis_inverted()), strict=True)
        yield _list_values("", _name_places(axes.yaxis, rows), [_format(value) for value in values], values)


def _describe_heat_map(axes: Axes) -> Iterator[str]:
    """Yield the number of cells of an image, their range, and the cells with the largest absolute values."""
    for image in axes.images:
        cells = np.ma.filled(np.ma.asarray(image.get_array()).astype(float), np.nan)
        rows, columns = np.nonzero(np.isfinite(cells))
        if not len(rows) or cells.ndim != 2:
            continue
        values = cells[rows, columns]
        largest = np.argsort(-np.abs(values), kind="stable")[:LARGEST_CELLS]
        names = [
            f"{_name_places(axes.yaxis, [float(rows[at])])[0]} and {_name_places(axes.xaxis, [float(columns[at])])[0]}"
            for at in largest
        ]
        texts = [_format(values[at]) for at in largest]
        listed = "; ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True))
        yield f"{len(values):,} cells from {_format(values.min())} to {_format(values.max())}. Largest: {listed}"


def _list_values(label: str, names: Sequence[str], texts: Sequence[str], values: Sequence[float]) -> str:
    prefix = f"{label}: " if label else ""
    if len(values) <= MAX_VALUES:
        return prefix + "; ".join(f"{name}: {text}" if name else text for name, text in zip(names, texts, strict=True))
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return f"{prefix}{len(values):,} values"
    return f"{prefix}{len(values):,} values from {_format(min(finite))} to {_format(max(finite))}"


def _has_names(axis: Any) -> bool:
    """Return whether the ticks have labels of their own, which are not numbers of a scale."""
    from matplotlib.category import StrCategoryFormatter
    from matplotlib.ticker import FuncFormatter

    return isinstance(axis.get_major_formatter(), FuncFormatter | StrCategoryFormatter)


def _name_places(axis: Any, places: Sequence[float]) -> list[str]:
    """Return the label of the tick at each place, or the place as a number.

    Bars of several series are beside the tick of their group, less than half a step away.
    """
    from matplotlib.ticker import StrMethodFormatter

    formatter = axis.get_major_formatter()
    if _has_names(axis):
        return [str(formatter(place, 0) or formatter(float(round(place)), 0)) for place in places]
    if isinstance(formatter, StrMethodFormatter):
        return [str(formatter(place, 0)) for place in places]
    return [_format(place) for place in places]


def _get_label(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else label


def _format(value: float) -> str:
    value = float(value)
    if not math.isfinite(value):
        return "none"
    return f"{value:,.0f}" if value == round(value) else format_number(value)


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().rstrip(".")
