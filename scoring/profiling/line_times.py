"""Time of each line of the NumPy reference (the readable path), for a few users.

Line profilers cannot measure compiled kernels. The reference computes the same scores in the same steps.
"""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length, check_positive_integer
from scoring.backends import reference
from scoring.bundle.terms import KINDS
from scoring.optional_dependencies import require
from scoring.plotting import Fold, create_figure, draw_bars, format_number
from scoring.ranking import Prepared

if TYPE_CHECKING:
    from line_profiler import LineProfiler
    from matplotlib.figure import Figure

__all__ = [
    "FUNCTIONS",
    "fold_lines",
    "hottest_lines",
    "line_frame",
    "line_profile",
    "plot_lines",
    "readable_top_k",
]

FUNCTIONS: Final[tuple[Callable[..., Any], ...]] = (
    reference.compute_scores,
    reference.compute_component_values,
    reference.compute_term_values,
    *(type(kind).values for kind in KINDS.values()),
    reference.lookup_rows,
    reference.flag_rows,
    reference.top_k,
)
"""Functions of the readable path."""


def readable_top_k(prepared: Prepared, users: NDArray[np.int64], k: int = 40) -> list[NDArray[np.int64]]:
    """Return the ids of the k best jobs of each user (rows of the plan), by the reference. All jobs are scored.

    Example
    -------
    >>> users = ready.active_users[:1]
    >>> bool((readable_top_k(ready, users, 5)[0] == ready.scorer.top_k(5, users).job_id[0]).all())
    True
    """
    k, plan, exclusions = check_list_length(k), prepared.plan, prepared.plan.exclusions
    totals = reference.compute_scores(plan.program, users, np.arange(len(plan.job_id)))[0]
    eligible, per_company = exclusions.matrix(users), exclusions.rules.max_per_company or 0
    lists = reference.top_k(totals, plan.job_id, eligible, exclusions.company, k, per_company)
    return [plan.job_id[rows] for rows in lists]


def line_profile(prepared: Prepared, users: NDArray[np.int64], k: int = 40) -> pd.DataFrame:
    """Return the `line_frame` of the readable path for the users at these rows.

    Example
    -------
    >>> list(line_profile(ready, ready.active_users[:1], 5).columns)
    ['function', 'line', 'hits', 'ms', 'share', 'own_ms', 'source']
    """
    require("The line profile", "workbench", "line_profiler")
    from line_profiler import LineProfiler

    profiler = LineProfiler()
    for function in FUNCTIONS:
        profiler.add_function(function)
    profiler.enable_by_count()
    try:
        readable_top_k(prepared, users, k)
    finally:
        profiler.disable_by_count()
    return line_frame(profiler)


def line_frame(profiler: LineProfiler, functions: Sequence[Callable[..., Any]] = FUNCTIONS) -> pd.DataFrame:
    """Return one row per executed line of a profiler (such as `%lprun -r` returns), by function, in source order.

    The columns are function · line · hits · ms · share (of the function's time) · own_ms · source. `ms` includes the
    functions that a line calls. `own_ms` excludes those that are listed themselves (their time is distributed over
    several callers in proportion), so it adds up to the total. Profiling slows lines down, so shares are more
    reliable than milliseconds.
    """
    stats = profiler.get_stats()
    timings = {(file, first): lines for (file, first, _), lines in stats.timings.items()}
    rows = []
    for function in functions:
        code = inspect.unwrap(function).__code__
        for line, hits, ticks in timings.get((code.co_filename, code.co_firstlineno), ()):
            source = linecache.getline(code.co_filename, line).strip()
            rows.append((function.__qualname__, line, hits, 1000 * stats.unit * ticks, source))
    frame = pd.DataFrame(rows, columns=["function", "line", "hits", "ms", "source"])
    whole = frame.groupby("function")["ms"].transform("sum")
    frame.insert(4, "share", frame["ms"] / whole.where(whole > 0))
    frame.insert(5, "own_ms", _compute_own_milliseconds(frame))
    return frame


def _compute_own_milliseconds(frame: pd.DataFrame) -> pd.Series:
    """Return the milliseconds of each line without those of the listed functions that it calls.

    A call names no class, so methods of the same name share it.
    """
    own, names = frame["ms"].copy(), frame["function"].str.rsplit(".", n=1).str[-1]
    for name, inside in frame.groupby(names)["ms"].sum().items():
        calls = frame["source"].str.contains(rf"\b{re.escape(str(name))}\(") & (names != name)
        spent = frame["ms"].where(calls, 0.0)
        if spent.sum() > 0:
            own -= spent * (inside / spent.sum())
    return own


def hottest_lines(frame: pd.DataFrame, top: int = 10) -> pd.DataFrame:
    """Return the `top` lines of a `line_profile` with the largest `own_ms`: function · line · share · own_ms · source.

    `share` is the share of the total time.

    Example
    -------
    >>> len(hottest_lines(line_profile(ready, ready.active_users[:1], 5), top=3))
    3
    """
    best = frame.nlargest(check_positive_integer("top", top), "own_ms")
    best = best.assign(share=best["own_ms"] / max(frame["own_ms"].sum(), 1e-9))
    return best[["function", "line", "share", "own_ms", "source"]].reset_index(drop=True)


def fold_lines(frame: pd.DataFrame) -> Fold:
    """Return all lines of a `line_profile` as text behind a fold, by function, in source order.

    Example
    -------
    >>> fold_lines(line_profile(ready, ready.active_users[:1], 5))
    Fold(...)
    """
    parts = []
    for function, rows in frame.groupby("function", sort=False):
        parts.append(f"{function}: {format_number(rows['ms'].sum())} ms\n  line     hits        ms  % time  source")
        parts += [
            f"{row['line']:6} {row['hits']:8,} {row['ms']:9.3f} {100 * row['share']:7.1f}  {row['source']}"
            for row in rows.to_dict("records")
        ]
    return Fold(f"All {len(frame):,} executed lines", "\n".join(parts))


def plot_lines(frame: pd.DataFrame, top: int = 12) -> Figure:
    """Plot the lines of a `line_profile` with the largest `own_ms`, largest first.

    Example
    -------
    >>> figure = plot_lines(line_profile(ready, ready.active_users[:1], 5), top=3)
    >>> len(figure.axes[0].patches)
    3
    """
    whole = frame["own_ms"].sum()
    best = frame.nlargest(top, "own_ms")
    figure, (axes,) = create_figure(9.5, 0.34 * len(best) + 1.3)
    names = [f"{function}  {line}" for function, line in zip(best["function"], best["line"], strict=True)]
    texts = [f"{ms / whole:.0%}  {_shorten(source)}" for ms, source in zip(best["own_ms"], best["source"], strict=True)]
    draw_bars(axes, names, best["own_ms"].tolist(), texts)
    axes.set_xlim(0, 2.1 * best["own_ms"].max())
    axes.set_xlabel("milliseconds with the profiler, without the listed functions that a line calls")
    title = f"The {len(best)} most expensive lines of the readable path: {best['own_ms'].sum() / whole:.0%}"
    axes.set_title(f"{title} of {format_number(whole)} ms", loc="left", fontsize=10)
    return figure


def _shorten(source: str, max_length: int = 64) -> str:
    return source if len(source) <= max_length else f"{source[: max_length - 1]}…"
