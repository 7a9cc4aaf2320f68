"""Plots of `Growth`: time, pairs per second, memory, and the shares of skipped and scored pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scoring.errors import ConfigurationError
from scoring.plotting import BLUE, GREY, ORANGE, SKY, SMALL, VERMILION, create_figure, format_number
from scoring.profiling.scaling.growth_point import GrowthPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.profiling.scaling.growth import Growth

__all__ = ["plot_growth", "plot_rates", "plot_skipped"]

SHARES = {"by_rules": "excluded by a rule", "by_bounds": "skipped by bounds", "scored": "scored"}
_LABEL_SHARE = 0.2
"""Width of a label such as `40 million` as a share of the axis."""
SERIES = {"jobs": (BLUE, "o"), "users": (VERMILION, "s")}


def plot_growth(growth: Growth) -> Figure:
    """Plot seconds over jobs and over users, with a line for time proportional to the work."""
    figure, panels = create_figure(9.5, 4, columns=2)
    for axes, series, points in zip(panels, SERIES, (growth.by_jobs, growth.by_users), strict=True):
        axes.set_title(f"{_format_fixed_size(points, series)}, growing number of {series}", loc="left", fontsize=10)
        axes.set_xlabel(f"{series} (log scale)")
        axes.set_ylabel("seconds for all lists, best run (log scale)")
        done = [point for point in points if point.seconds is not None]
        if not done:
            axes.annotate("not measured: too long", (0.5, 0.5), xycoords="axes fraction", ha="center")
            continue
        x, y = [getattr(point, series) for point in done], [point.seconds or 0.0 for point in done]
        axes.plot(x, [y[0] * value / x[0] for value in x], ":", color=GREY, label="proportional to the work")
        colour, marker = SERIES[series]
        slope = f"10 × the {series}: {growth.ten_times(series):.1f} × the time" if len(set(x)) > 1 else "measured"
        axes.plot(x, y, marker + "-", color=colour, label=slope)
        for at, value in zip(x, y, strict=True):
            axes.annotate(_time(value), (at, value), xytext=(5, -13), textcoords="offset points", fontsize=SMALL)
        _set_logarithmic(axes, x, [*y, y[0] * x[-1] / x[0]])
        axes.legend(fontsize=SMALL, loc="upper left", frameon=False)
    return figure


def plot_rates(growth: Growth) -> Figure:
    """Plot pairs per second and peak memory over the number of pairs."""
    figure, (left, right) = create_figure(9.5, 3.8, columns=2)
    sizes: list[int] = []
    rates: list[float] = []
    peaks: list[float] = []
    for series, points in zip(SERIES, (growth.by_jobs, growth.by_users), strict=True):
        done = [point for point in points if point.seconds is not None]
        x = [point.pairs for point in done]
        rate = [point.pairs / (point.seconds or 1.0) for point in done]
        peak = [(point.peak_bytes or 0) / 1e6 for point in done]
        colour, marker = SERIES[series]
        label = f"{_format_fixed_size(points, series)}, growing {series}"
        left.plot(x, rate, marker + "-", color=colour, label=label)
        # lines can coincide: the second is dashed and has smaller markers, so that the first stays visible
        right.plot(
            x, peak, marker + ("-" if series == "jobs" else "--"), color=colour, markersize=9 if series == "jobs" else 5
        )
        sizes, rates, peaks = [*sizes, *x], [*rates, *rate], [*peaks, *peak]
    ticks = sorted({min(sizes), max(sizes), *(point.pairs for point in growth.by_jobs)}) if sizes else []
    texts = _stagger(ticks)
    for axes in (left, right):
        axes.set_xlabel("pairs: users × jobs (log scale)")
    _set_logarithmic(left, ticks, rates, number_of=_format_short)
    left.set_xticks(ticks, texts, fontsize=SMALL)
    left.set_ylabel("pairs per second (log scale)")
    left.set_title("Speed", loc="left", fontsize=10)
    right.set_xscale("log")
    right.set_xticks(ticks, texts, fontsize=SMALL)
    right.minorticks_off()
    right.set_ylim(0, 1.15 * max(peaks, default=1))
    right.set_ylabel("peak memory including data, MB")
    right.set_title("Memory", loc="left", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL)
    return figure


def plot_skipped(growth: Growth) -> Figure:
    """Plot the shares of excluded, skipped and scored pairs, and the jobs scored per user.

    Raises
    ------
    ConfigurationError: If the counts of pairs were not recorded for any size.
    """
    frame = growth.skipped()
    if frame.empty:
        raise ConfigurationError(
            "No number of jobs has recorded counts of pairs. Measure fewer jobs, or give `growth` a "
            "larger `patience`, in seconds.",
            key=("patience",),
        )
    figure, (left, right) = create_figure(9.5, 3.8, columns=2)
    _draw_shares(left, frame)
    _draw_scored_jobs(right, frame)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=SMALL)
    return figure


def _draw_shares(axes: Any, frame: pd.DataFrame) -> None:
    """Draw one stacked bar per size: the shares of all pairs."""
    places = range(len(frame))
    start = np.zeros(len(frame))
    for (column, label), colour in zip(SHARES.items(), (GREY, SKY, ORANGE), strict=True):
        share = (100 * frame[column] / frame["pairs"]).to_numpy()
        drawn = axes.barh(places, share, left=start, color=colour, height=0.65, label=label)
        if column == "scored":
            axes.bar_label(drawn, [f"{value:.2g}%" for value in share], padding=3, fontsize=SMALL)
        else:
            axes.bar_label(drawn, [f"{value:.0f}%" for value in share], label_type="center", fontsize=SMALL)
        start += share
    axes.set_yticks(places, [f"{jobs:,} jobs" for jobs in frame["jobs"]], fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlim(0, 115)
    axes.set_xticks(range(0, 101, 25))
    axes.set_xlabel("% of all pairs")
    axes.set_title("Pairs by result", loc="left", fontsize=10)


def _draw_scored_jobs(axes: Any, frame: pd.DataFrame) -> None:
    """Draw the eligible jobs, their cells, and the jobs scored per user, over the number of jobs."""
    x = frame["jobs"].tolist()
    open_jobs = ((frame["by_bounds"] + frame["scored"]) / frame["users"]).tolist()
    scored = (frame["scored"] / frame["users"]).tolist()
    axes.plot(x, open_jobs, "o:", color=GREY, label="eligible jobs")
    axes.plot(x, frame["cells"].tolist(), "^--", color=BLUE, label="cells of the index")
    axes.plot(x, scored, "s-", color=ORANGE, label="jobs scored")
    for at, value in zip(x, scored, strict=True):
        axes.annotate(
            format_number(value), (at, value), xytext=(0, 8), textcoords="offset points", fontsize=SMALL, ha="center"
        )
    _set_logarithmic(axes, x, [*scored, 3 * max(open_jobs)])
    axes.set_xlabel("jobs (log scale)")
    axes.set_ylabel("mean per user (log scale)")
    axes.set_title("Jobs scored per user", loc="left", fontsize=10)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left")


def _format_fixed_size(points: Sequence[GrowthPoint], series: str) -> str:
    return f"{points[0].users:,} users" if series == "jobs" else f"{points[0].jobs:,} jobs"


def _set_logarithmic(
    axes: Any,
    x: Sequence[float],
    y: Sequence[float],
    text: Callable[[float], str] = "{:,}".format,
    number_of: Callable[[float], str] = "{:,.10g}".format,
) -> None:
    """Make both axes logarithmic, with the measured sizes as ticks and space for labels."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(x, [text(value) for value in x], fontsize=SMALL)
    axes.set_xlim(min(x) / 1.6, max(x) * 2)
    low, high = min(y) / 2, max(y) * 3
    axes.set_ylim(low, high)
    step = (1, 2, 5) if high / low < 300 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    ticks = [digit * 10.0**power for power in decades for digit in step if low <= digit * 10.0**power <= high]
    axes.set_yticks(ticks, [number_of(tick) for tick in ticks], fontsize=SMALL)
    axes.minorticks_off()


def _stagger(sizes: Sequence[int]) -> list[str]:
    """Return a label per size of a logarithmic axis. A label that would overlap the next one is on a second line."""
    texts, taken = [], math.inf  # the smallest size with a label on the first line
    for size in reversed(sizes):
        is_near = math.log(taken / size) < _LABEL_SHARE * math.log(sizes[-1] / sizes[0])
        texts.append(f"\n{_format_short(size)}" if is_near else _format_short(size))
        taken = taken if is_near else size
    return texts[::-1]


def _time(seconds: float) -> str:
    return f"{format_number(seconds)} s" if seconds >= 1 else f"{format_number(1000 * seconds)} ms"


def _format_short(value: float) -> str:
    """Format a number, such as 12 thousand, 3.4 million, 100 billion."""
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value:.3g}"
