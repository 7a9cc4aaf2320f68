"""Peak memory of a function, measured in a new process and compared with a process that does not call it.

A process that has done other work reuses its freed memory, so the peak does not show it. Sampling misses allocations
that live only briefly. Therefore each function runs in a new process, and the system records the high-water mark. The
process reads this mark before the call, too: this is the baseline of Python, imports and arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from scoring.plotting import BLUE, GREY, SMALL, create_figure
from scoring.profiling.measurement import run_in_new_process
from scoring.runs import memory_forecast
from scoring.runs.memory_forecast import format_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["METHOD", "Peak", "peak_frame", "peak_of", "plot_peaks"]

METHOD = f"high-water mark of resident memory ({'VmHWM' if sys.platform == 'linux' else 'ru_maxrss'}) of a new process"


@dataclass(frozen=True)
class Peak:
    """Peak bytes of a new process that calls a function, at the end and before the call."""

    bytes: int
    baseline_bytes: int
    method: str = METHOD

    @property
    def extra_bytes(self) -> int:
        """Bytes of the work above those of Python and the first imports."""
        return self.bytes - self.baseline_bytes

    def __str__(self) -> str:
        return f"{format_bytes(self.extra_bytes)} above {format_bytes(self.baseline_bytes)}: {self.method}"


def peak_of(function: Callable[..., object], *arguments: Any, **named: Any) -> Peak:
    """Return the peak memory of one call of a function. Its result is discarded.

    The function must be importable from a module, not defined in a notebook cell. Modules that it imports only during
    the call count as its own memory.
    """
    return run_in_new_process(_measure_call, function, arguments, named)


def _measure_call(function: Callable[..., object], arguments: tuple[Any, ...], named: dict[str, Any]) -> Peak:
    baseline = memory_forecast.measure_peak()
    function(*arguments, **named)
    return Peak(memory_forecast.measure_peak(), baseline)


def peak_frame(peaks: Mapping[str, Peak]) -> pd.DataFrame:
    """Return one row per name: baseline_mb · extra_mb · peak_mb (decimal megabytes).

    Example
    -------
    >>> peak_frame({"load": Peak(300_000_000, 100_000_000)})["extra_mb"].to_dict()
    {'load': 200.0}
    """
    rows = {name: (peak.baseline_bytes / 1e6, peak.extra_bytes / 1e6, peak.bytes / 1e6) for name, peak in peaks.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["baseline_mb", "extra_mb", "peak_mb"])


def plot_peaks(frame: pd.DataFrame, title: str = "Peak memory") -> Figure:
    """Plot one bar per row of a `peak_frame`, with the baseline in grey.

    Example
    -------
    >>> figure = plot_peaks(peak_frame({"load": Peak(300_000_000, 100_000_000)}))
    >>> figure.axes[0].get_title("left")
    'Peak memory'
    """
    figure, (axes,) = create_figure(7, 0.45 * len(frame) + 1.5)
    places = range(len(frame))
    axes.barh(places, frame["baseline_mb"], height=0.6, color=GREY, label="Python and imports")
    extra, baseline = frame["extra_mb"], frame["baseline_mb"]
    drawn = axes.barh(places, extra, left=baseline, height=0.6, color=BLUE, label="measured function")
    peaks = zip(baseline, extra, frame["peak_mb"], strict=True)
    texts = [f"{start:,.0f} + {extra:,.0f} = {peak:,.0f}" for start, extra, peak in peaks]
    axes.bar_label(drawn, texts, padding=3, fontsize=SMALL)
    axes.set_yticks(places, frame.index, fontsize=SMALL)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set_xlabel("peak resident memory of a new process, MB")
    axes.set_title(title, loc="left", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL)
    return figure
