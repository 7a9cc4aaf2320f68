"""What the tables of a dataset contain: missing values, and actions over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.plotting import BLUE, ORANGE, SKY, SMALL, create_figure, draw_bars
from scoring.validation.frame_library_conversion import to_pandas_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["missing_values", "plot_actions", "plot_missing"]

_COLOURS = {"view": SKY, "click": BLUE, "application": ORANGE}


def missing_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per column: column, missing (rows), share. The columns with most missing values are first.

    Example
    -------
    >>> frame = missing_values(tables.jobs)
    >>> list(frame.columns), len(frame) == len(tables.jobs.columns)
    (['column', 'missing', 'share'], True)
    """
    frame = to_pandas_frame(frame, "frame")
    missing = frame.isna().sum().rename("missing").rename_axis("column").reset_index()
    missing["share"] = missing["missing"] / max(len(frame), 1)
    return missing.sort_values("missing", ascending=False, kind="stable").reset_index(drop=True)


def plot_missing(frame: pd.DataFrame, title: str = "Missing values") -> Figure:
    """Plot the columns of `missing_values` that have any, as a share of all rows.

    Example
    -------
    >>> figure = plot_missing(missing_values(tables.jobs), "Jobs")
    >>> figure.axes[0].get_title("left")
    'Jobs: ... columns'
    """
    shown = frame[frame["missing"] > 0]
    figure, (axes,) = create_figure(7, 0.27 * len(shown) + 1.2)
    texts = [f"{share:.0%}" for share in shown["share"]]
    draw_bars(axes, shown["column"].tolist(), (100 * shown["share"]).tolist(), texts)
    axes.set_xlabel("rows without a value, %")
    axes.set_title(f"{title}: {len(shown):,} of {len(frame):,} columns", loc="left", fontsize=10)
    return figure


def plot_actions(data: Dataset) -> Figure:
    """Plot the actions of each week before the clock of a dataset, by kind.

    Example
    -------
    >>> figure = plot_actions(data)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['view', 'click', 'application']
    """
    actions = data.tables.actions
    weeks = ((data.as_of - actions["occurred_at"]).dt.days // 7).to_numpy()
    is_past = weeks >= 0
    figure, (axes,) = create_figure(8, 2.8)
    n_weeks = int(weeks[is_past].max()) + 1 if is_past.any() else 1
    floor = np.zeros(n_weeks)
    for kind in (kind for kind in _COLOURS if kind in ACTION_KINDS):
        counts = np.bincount(weeks[is_past & actions["action"].eq(kind).to_numpy()], minlength=n_weeks)
        axes.bar(-np.arange(n_weeks), counts, bottom=floor, color=_COLOURS[kind], label=kind, width=0.9)
        floor = floor + counts
    axes.xaxis.set_major_formatter(lambda place, _: f"{abs(place):.0f}")
    axes.set_xlabel("weeks before the clock")
    axes.set_ylabel("actions per week")
    axes.set_title(f"Actions by week, up to {data.as_of:%Y-%m-%d %H:%M} UTC", loc="left", fontsize=10)
    axes.legend(loc="upper left", frameon=False, fontsize=SMALL)
    return figure
