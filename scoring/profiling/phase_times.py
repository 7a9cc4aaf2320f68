"""Time of a run by phase, as measured by its stopwatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from scoring.plotting import create_figure, draw_bars, format_number
from scoring.telemetry import Stopwatch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["OUTSIDE", "phase_frame", "plot_phases"]

OUTSIDE = "outside phases"


def phase_frame(watch: Stopwatch) -> pd.DataFrame:
    """Return one row per phase, each after its parent, and a last row for the time outside all phases.

    The columns are phase · depth (0 is outermost) · times (how often it ran) · seconds · own (seconds without those of
    inner phases) · share (`own` divided by all seconds). `own` adds up to `elapsed` of the stopwatch, `share` to 1.

    Example
    -------
    >>> from scoring.telemetry import Stopwatch
    >>> watch = Stopwatch()
    >>> with watch.phase("load"), watch.phase("jobs"):
    ...     pass
    >>> list(phase_frame(watch)["phase"])[:2]
    ['load', 'jobs']
    """
    phases, elapsed = watch.phases, watch.elapsed
    own = [phase.seconds for phase in phases]
    parents: list[int] = []
    for place, phase in enumerate(phases):
        parents[phase.depth :] = []
        if parents:
            own[parents[-1]] -= phase.seconds
        parents.append(place)
    outside = elapsed - sum(own)
    frame = pd.DataFrame(
        {
            "phase": [*(phase.name for phase in phases), OUTSIDE],
            "depth": [*(phase.depth for phase in phases), 0],
            "times": [*(phase.times for phase in phases), 1],
            "seconds": [*(phase.seconds for phase in phases), outside],
            "own": [*own, outside],
        }
    )
    return frame.assign(share=frame["own"] / elapsed if elapsed else 0.0)


def plot_phases(frame: pd.DataFrame, title: str = "Time by phase") -> Figure:
    """Plot one bar per row of a `phase_frame`, in the order of the phases.

    Example
    -------
    >>> from scoring.telemetry import Stopwatch
    >>> watch = Stopwatch()
    >>> with watch.phase("load"):
    ...     pass
    >>> plot_phases(phase_frame(watch)).axes[0].get_title("left")
    'Time by phase: ... in total'
    """
    figure, (axes,) = create_figure(7, 0.33 * len(frame) + 1.2)
    whole = frame["own"].sum()
    times, unit, units = (1, "s", "seconds") if whole >= 1 else (1000, "ms", "milliseconds")
    names = [f"{'    ' * depth}{phase}" for phase, depth in zip(frame["phase"], frame["depth"], strict=True)]
    texts = [
        f"{format_number(times * own)} {unit}, {share:.0%}"
        for own, share in zip(frame["own"], frame["share"], strict=True)
    ]
    draw_bars(axes, names, (times * frame["own"]).tolist(), texts)
    nested = ", without nested phases" if frame["depth"].any() else ""
    axes.set_xlabel(f"{units}{nested}")
    axes.set_title(f"{title}: {format_number(times * whole)} {unit} in total", loc="left", fontsize=10)
    return figure
