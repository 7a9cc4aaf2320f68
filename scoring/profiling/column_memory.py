"""Bytes of a frame's columns, before and after smaller dtypes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from scoring.dataset.smaller_dtypes import memory_report, optimise
from scoring.plotting import BLUE, GREY, SMALL, create_figure
from scoring.runs.memory_forecast import format_bytes
from scoring.validation.frame_library_conversion import to_pandas_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["column_bytes", "plot_columns"]


def column_bytes(before: pd.DataFrame, after: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the `memory_report` of a frame and its copy in smaller dtypes, largest columns first.

    The index contains the columns of the frame. The columns of the report are dtype_before · dtype_after ·
    bytes_before · bytes_after (both include the text) · share (bytes_after / bytes_before).

    Parameters
    ----------
    after: The frame in smaller dtypes; None: `optimise(before)`.

    Example
    -------
    >>> list(column_bytes(tables.users).columns)
    ['dtype_before', 'dtype_after', 'bytes_before', 'bytes_after', 'share']
    """
    before = to_pandas_frame(before, "before")
    after = optimise(before) if after is None else to_pandas_frame(after, "after")
    report = memory_report(before, after)
    return report.sort_values("bytes_before", ascending=False, kind="stable")


def plot_columns(report: pd.DataFrame, title: str = "Memory by column") -> Figure:
    """Plot a frame of `column_bytes`: two bars per column, and the remaining share of all bytes.

    Example
    -------
    >>> plot_columns(column_bytes(tables.users), "The users").axes[0].get_title("left")
    'The users...'
    """
    figure, (axes,) = create_figure(7.5, 0.36 * len(report) + 1.4)
    rows = range(len(report))
    unit, size = ("MB", 1e6) if report["bytes_before"].max() >= 1e6 else ("kB", 1e3)
    for shift, name, colour, label in ((-0.19, "before", GREY, "before"), (0.19, "after", BLUE, "smaller dtypes")):
        sizes, dtypes = report[f"bytes_{name}"], report[f"dtype_{name}"]
        drawn = axes.barh([row + shift for row in rows], sizes / size, height=0.36, color=colour, label=label)
        axes.bar_label(drawn, [str(dtype).replace("datetime64", "time") for dtype in dtypes], padding=3, fontsize=6.5)
    axes.set_yticks(rows, report.index, fontsize=SMALL)
    axes.set_ylim(len(report) - 0.4, -0.6)
    axes.margins(x=0.2)
    before, after = int(report["bytes_before"].sum()), int(report["bytes_after"].sum())
    axes.set_xlabel(f"{unit} including text; the dtype is next to each bar")
    change = f": {format_bytes(before)} → {format_bytes(after)}, {after / before:.0%} of the size" if before else ""
    axes.set_title(f"{title}{change}", loc="left", fontsize=10)
    axes.legend(loc="lower right", fontsize=SMALL)
    return figure
