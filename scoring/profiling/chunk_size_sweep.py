"""Time and peak memory of real runs by chunk size and workers, with a recommended setting.

A separate process prepares the data, and each run is forked from it. Therefore no run reuses memory that another run
has freed, and the system's high-water mark shows the memory of the run on top of the data. This plus the memory of the
preparing process is the peak of a process that prepares and ranks, measured from the end of loading. Each repeat runs
all settings in turn, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.argument_checks import check_list_length, check_positive_integer
from scoring.errors import ConfigurationError, pluralize
from scoring.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SMALL, VERMILION, create_figure, format_number
from scoring.profiling.measurement import release_memory, run_in_new_process
from scoring.ranking import Prepared
from scoring.runs import memory_forecast, runner
from scoring.runs.memory_forecast import format_bytes
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.runner import DEFAULT_CHUNK_SIZE
from scoring.threads.pool import available_cpus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Recommendation", "plot_sweep", "recommend", "sweep"]

Setting = tuple[int, int]
"""Users per chunk, and threads."""

CHUNK_SIZES = (100, 500, DEFAULT_CHUNK_SIZE, 4_000, 10_000)


@dataclass(frozen=True)
class _Run:
    """One run. `seconds` includes writing, `ranking` does not.

    `peak_bytes` includes the data, `extra_bytes` does not. `answer` is a digest of the written results.
    """

    seconds: float
    ranking: float
    peak_bytes: int
    extra_bytes: int
    answer: str


def sweep(
    make: Callable[[], Prepared],
    *,
    chunk_sizes: Sequence[int] = CHUNK_SIZES,
    workers: Sequence[int] | None = None,
    k: int = 40,
    repeats: int = 3,
) -> pd.DataFrame:
    """Measure the ranking of all active users, including writing Parquet files, for each setting.

    Return one row per setting: chunk_size · workers · best_s and median_s (of `repeats` runs, ranking and writing) ·
    ranking_s (the best, ranking alone) · peak_bytes (the largest of all repeats) · extra_bytes (the same without the
    prepared data) · answer (a digest of the results, the same in every row).

    Parameters
    ----------
    make: Prepares the data in a separate process, so it must be importable, such as `Source(...).prepared`.
    workers: Numbers of threads; None: 1 and the number of CPU cores.

    Raises
    ------
    ConfigurationError: If no chunk size or number of workers is given, or if `repeats` is below 1.
    """
    counts = sorted({1, available_cpus()}) if workers is None else workers
    chunk_sizes = [check_positive_integer("chunk_sizes", size) for size in chunk_sizes]
    counts = [check_positive_integer("workers", count) for count in counts]
    settings = list(product(chunk_sizes, counts))
    if not settings:
        raise ConfigurationError(
            f"chunk_sizes has {pluralize(len(chunk_sizes), 'value')}, and workers has {len(counts):,}. Give at least "
            "one chunk size and one number of workers.",
            key=("chunk_sizes", "workers"),
        )
    k, repeats = check_list_length(k), check_positive_integer("repeats", repeats)
    # elsewhere, forking a process with threads is not safe: each run prepares the data itself, and its peak includes it
    if sys.platform == "linux":
        runs = run_in_new_process(_measure_forked_runs, make, settings, k, repeats)
    else:
        runs = [
            [run_in_new_process(_prepare_and_run, make, setting, k) for setting in settings] for _ in range(repeats)
        ]
    rows = []
    for (chunk_size, threads), repeated in zip(settings, zip(*runs, strict=True), strict=True):
        seconds = [run.seconds for run in repeated]
        rows.append(
            {
                "chunk_size": chunk_size,
                "workers": threads,
                "best_s": min(seconds),
                "median_s": float(np.median(seconds)),
                "ranking_s": min(run.ranking for run in repeated),
                "peak_bytes": max(run.peak_bytes for run in repeated),
                "extra_bytes": max(run.extra_bytes for run in repeated),
                "answer": " ".join(sorted({run.answer for run in repeated})),
            }
        )
    return pd.DataFrame(rows)


def _measure_forked_runs(
    make: Callable[[], Prepared], settings: Sequence[Setting], k: int, repeats: int
) -> list[list[_Run]]:
    prepared = make()
    import pyarrow.parquet  # noqa: F401 - imported before the fork, so that runs do not import it

    release_memory()  # otherwise runs would reuse the memory that loading freed, and it would not be measured
    resident = memory_forecast.measure_resident()

    def run(setting: Setting) -> _Run:
        # the peak of a forked process is too low: it excludes pages of libraries that the process never touches
        found = _measure_forked_run(prepared, setting, k)
        return replace(found, peak_bytes=resident + found.extra_bytes)

    return [[run(setting) for setting in settings] for _ in range(repeats)]


_PREPARED: Prepared | None = None
"""In a forked process: the data prepared by its parent."""


def _set_prepared(prepared: Prepared) -> None:
    global _PREPARED
    _PREPARED = prepared


def _measure_forked_run(prepared: Prepared, setting: Setting, k: int) -> _Run:
    # arguments of the initializer are inherited; those of a call would be pickled and copied
    fork = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        # newer Python versions warn of existing threads: those of BLAS and Arrow are idle and support forking
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(1, mp_context=fork, initializer=_set_prepared, initargs=(prepared,)) as pool:
            return pool.submit(_run_prepared, setting, k).result()


def _run_prepared(setting: Setting, k: int) -> _Run:
    assert _PREPARED is not None, "the initializer runs before the call"
    return _run(_PREPARED, setting, k)


def _prepare_and_run(make: Callable[[], Prepared], setting: Setting, k: int) -> _Run:
    return _run(make(), setting, k)


def _run(prepared: Prepared, setting: Setting, k: int) -> _Run:
    chunk_size, workers = setting
    with tempfile.TemporaryDirectory() as folder:
        target, first = Path(folder) / "run", prepared.plan.user_id[prepared.active_users[:1]]
        # one user first, so that imports and one-time setup do not count for the setting
        runner.run(prepared, k=k, users=first, workers=workers, publishers=[ParquetPublisher(Path(folder) / "first")])
        before = memory_forecast.measure_peak()
        start = time.perf_counter()
        result = runner.run(
            prepared, k=k, chunk_size=chunk_size, workers=workers, publishers=[ParquetPublisher(target)]
        )
        seconds = time.perf_counter() - start
        peak = result.peak_bytes
        return _Run(seconds, result.ranking_seconds, peak, peak - before, _digest(target))


def _digest(folder: Path) -> str:
    frame = pd.read_parquet(folder)
    digest = hashlib.blake2b(digest_size=6)
    for name in frame.columns:
        digest.update(np.ascontiguousarray(frame[name].to_numpy()).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Recommendation:
    """The recommended setting, and the reason."""

    chunk_size: int
    workers: int
    reason: str
    default: str = ""
    """How the default chunk size compares with it; empty if the sweep did not include the default."""

    def __str__(self) -> str:
        text = f"chunks of {self.chunk_size:,} users on {_format_threads(self.workers)}: {self.reason}"
        return f"{text}\n{self.default}" if self.default else text


def recommend(frame: pd.DataFrame, *, slower: float = 0.05, similar: float = 0.01) -> Recommendation:
    """Recommend the setting of a `sweep` with the least memory among those almost as fast as the fastest.

    Times are the best of the repeats, because other load on the machine affects them least.

    Parameters
    ----------
    slower: Share by which a setting may be slower than the fastest.
    similar: Peaks within this share of the smallest count as equal. Of these, the setting with the fewest threads is
        chosen, then the fastest.

    Example
    -------
    >>> frame = pd.DataFrame({"chunk_size": [200, 1000], "workers": 2, "best_s": [2.0, 1.0], "peak_bytes": 10**8})
    >>> recommend(frame).chunk_size
    1000
    """
    fastest = frame.iloc[int(frame["best_s"].argmin())]
    fast = frame[frame["best_s"] <= (1 + slower) * fastest["best_s"]]
    small = fast[fast["peak_bytes"] <= (1 + similar) * fast["peak_bytes"].min()]
    chosen = small.sort_values(["workers", "best_s"]).iloc[0]
    speed = f"{format_number(chosen['best_s'])} s"
    if chosen.name == fastest.name:
        speed = f"the fastest, {speed}"
    else:
        where = f"chunks of {int(fastest['chunk_size']):,} on {_format_threads(int(fastest['workers']))}"
        more = chosen["best_s"] / fastest["best_s"] - 1
        speed += f", {more:.1%} slower than the fastest ({format_number(fastest['best_s'])} s, {where})"
    alone = f"no other setting is within {slower:.0%}"
    least = f"of the {len(fast)} settings within {slower:.0%}, none needs more than {similar:.0%} less memory"
    fewest = alone if len(fast) == 1 else least
    peaks = f"{format_bytes(chosen['peak_bytes'])}; the largest peak is {format_bytes(frame['peak_bytes'].max())}"
    reason = f"{speed}; {fewest} ({peaks})"
    return Recommendation(int(chosen["chunk_size"]), int(chosen["workers"]), reason, _describe_default(frame, chosen))


def _describe_default(frame: pd.DataFrame, chosen: pd.Series) -> str:
    rows = frame[(frame["chunk_size"] == DEFAULT_CHUNK_SIZE) & (frame["workers"] == frame["workers"].max())]
    if rows.empty:
        return ""
    default = rows.iloc[0]
    name = f"the default, chunks of {DEFAULT_CHUNK_SIZE:,} users on {_format_threads(int(default['workers']))}"
    if default.name == chosen.name:
        return f"this is {name}"
    return f"{name}: {format_number(default['best_s'])} s, {default['best_s'] / chosen['best_s'] - 1:+.0%}"


def _format_threads(count: int) -> str:
    return pluralize(count, "thread")


def plot_sweep(frame: pd.DataFrame, chosen: Recommendation | None = None) -> Figure:
    """Plot seconds and additional memory of a `sweep` over chunk sizes, one line per number of threads.

    A circle marks the setting `chosen`, and a dashed line the default chunk size.

    Example
    -------
    >>> seconds = [2.0, 1.0]
    >>> columns = {"chunk_size": [200, 1000], "workers": 2, "best_s": seconds, "median_s": seconds}
    >>> figure = plot_sweep(pd.DataFrame(columns | {"extra_bytes": 10**7}))
    >>> len(figure.axes)
    2
    """
    figure, (left, right) = create_figure(9, 3.6, columns=2)
    colours = (BLUE, VERMILION, GREEN, ORANGE)
    for place, (workers, rows) in enumerate(frame.groupby("workers")):
        colour, marker = colours[place % len(colours)], "os^D"[place % 4]
        x = rows["chunk_size"]
        left.plot(x, rows["best_s"], color=colour, marker=marker, label=f"{_format_threads(int(str(workers)))}, best")
        left.plot(
            x, rows["median_s"], color=colour, linestyle=":", label=f"{_format_threads(int(str(workers)))}, median"
        )
        right.plot(x, rows["extra_bytes"] / 1e6, color=colour, marker=marker)
    if chosen is not None:
        row = frame[(frame["chunk_size"] == chosen.chunk_size) & (frame["workers"] == chosen.workers)].iloc[0]
        for axes, y, label in ((left, row["best_s"], "recommended"), (right, row["extra_bytes"] / 1e6, None)):
            axes.plot([row["chunk_size"]], [y], "o", markersize=15, fillstyle="none", color=BLACK, label=label)
    sizes = sorted(frame["chunk_size"].unique())
    for axes in (left, right):
        if sizes[0] <= DEFAULT_CHUNK_SIZE <= sizes[-1]:
            label = f"default: {DEFAULT_CHUNK_SIZE:,}" if axes is left else None
            axes.axvline(DEFAULT_CHUNK_SIZE, color=GREY, linestyle="--", linewidth=1, label=label)
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=SMALL)
        axes.minorticks_off()
        axes.set_xlabel("users per chunk (log scale)")
    left.set_ylim(0, 1.15 * frame["median_s"].max())
    left.set_ylabel("seconds of ranking and writing")
    right.set_ylim(0, 1.15 * frame["extra_bytes"].max() / 1e6)
    right.set_ylabel("peak memory above the data, MB")
    left.set_title("Time", loc="left", fontsize=10)
    right.set_title("Memory", loc="left", fontsize=10)
    figure.legend(loc="outside lower center", ncols=3, fontsize=SMALL)
    return figure
