"""Plots of the hit rates and times of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.plotting import BLUE, GREY, ORANGE, SKY, VERMILION, create_figure, format_number
from scoring.profiling.sessions.session_replay import TARGETS, SessionReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_hit_rates", "plot_layers", "plot_times"]


def plot_hit_rates(report: SessionReport) -> Figure:
    """Plot the hit rate of each cache as a bar, with its number of requests and its target, if any.

    Example
    -------
    >>> import asyncio
    >>> from scoring import ScoringEngine
    >>> from scoring.profiling import compare_caches
    >>> kept, off = asyncio.run(compare_caches(ScoringEngine, tables, n_requests=5))
    >>> len(plot_hit_rates(kept).axes)
    1
    """
    rates = pd.Series(report.hit_rates).dropna()[::-1]
    requests = {"overall": int(report.caches["requests"].sum()), **report.caches["requests"].astype(int)}
    figure, (axes,) = create_figure(7, 0.42 * len(rates) + 1.2)
    colours = [BLUE if name == "overall" else SKY for name in rates.index]
    axes.barh(rates.index, 100 * rates, color=colours, height=0.65)
    label = "target"
    for place, (name, rate) in enumerate(rates.items()):
        axes.text(101, place, f"{100 * rate:.1f}% of {requests[str(name)]:,}", va="center", fontsize=9)
        if name in TARGETS:
            axes.vlines(100 * TARGETS[str(name)], place - 0.42, place + 0.42, color=VERMILION, lw=2.5, label=label)
            label = "_"  # only one entry in the legend
    axes.set(xlim=(0, 100), xlabel="cache hits, % of the requests")
    axes.set_title("Hit rate of each cache in the session", loc="left", fontsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower right", frameon=False, fontsize=9)
    return figure


plot_layers = plot_hit_rates
"""Deprecated name of `plot_hit_rates`."""


def plot_times(times: pd.DataFrame) -> Figure:
    """Plot `SessionReport.times`: median milliseconds per kind of request, cold, warm and without caches.

    Example
    -------
    >>> times = pd.DataFrame({"requests": 9, "cold_ms": 5.0, "warm_ms": 0.1, "off_ms": 6.0}, index=["one list"])
    >>> len(plot_times(times).axes)
    1
    """
    shown = times.dropna(subset=["cold_ms", "warm_ms"], how="all")
    shown = shown[shown["requests"].gt(0) & shown["warm_ms"].gt(0)].sort_values("warm_ms")
    figure, (axes,) = create_figure(7, 0.75 * len(shown) + 1.2)
    series = [("off_ms", "caches off", GREY), ("cold_ms", "cold", ORANGE), ("warm_ms", "warm", BLUE)]
    height, longest = 0.27, float(np.nanmax(shown.filter(like="_ms").to_numpy()))
    for place, (name, label, colour) in enumerate((part for part in series if part[0] in shown), -1):
        at = np.arange(len(shown)) - place * height
        axes.barh(at, shown[name], height=height, color=colour, label=label)
        for y, value in zip(at, shown[name], strict=True):
            if value == value:
                axes.text(value + 0.01 * longest, y, format_number(value), va="center", fontsize=8)
    axes.set_yticks(np.arange(len(shown)), shown.index)
    axes.set(xlim=(0, 1.08 * longest), xlabel="median milliseconds")
    axes.set_title("Time per request", loc="left", fontsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower right", ncols=3, frameon=False, fontsize=9)
    return figure
