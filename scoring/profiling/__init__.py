"""Where time and memory go: each module gives a frame of figures and a plot of it.

- `phases`: the stopwatch of a run
- `sweep`: chunk sizes and workers, with a recommendation
- `lines`: the readable path (the NumPy reference), line by line
- `columns`: bytes of a frame's columns before and after smaller dtypes
- `peaks`: the most memory that a piece of work takes, in a process of its own
- `ladder`: the same lists by a loop over pairs, NumPy, all pairs, exact top K
- `visits`: how many jobs are looked at for a user
- `growth`: what more users and more jobs cost, and what of their pairs is skipped
- `sessions`: mixed requests as somebody tuning weights makes them, replayed, with the caches' hit rates

Beside them: `growth_point` (one size of `growth`), `growth_plot`, `source` (data that a process of its own can load),
`measure` (seconds, bytes, processes), `lists`, `facts` and `per_pair` (the legacy per-pair loop and what it is given).

Plots are matplotlib figures, returned and never shown; nothing here uses pyplot or changes its settings.
"""

from scoring.profiling.columns import column_bytes, plot_columns
from scoring.profiling.growth import Growth, growth
from scoring.profiling.growth_point import GrowthPoint
from scoring.profiling.ladder import ladder, plot_ladder
from scoring.profiling.lines import line_frame, line_profile, plot_lines, readable_top_k
from scoring.profiling.peaks import Peak, peak_frame, peak_of, plot_peaks
from scoring.profiling.phases import phase_frame, plot_phases
from scoring.profiling.sessions import (
    Session,
    SessionClock,
    SessionReport,
    make_session,
    plot_layers,
    plot_times,
    replay,
)
from scoring.profiling.source import Source, full_run
from scoring.profiling.sweep import Recommendation, plot_sweep, recommend, sweep
from scoring.profiling.visits import plot_visits, visits

__all__ = [
    "Growth",
    "GrowthPoint",
    "Peak",
    "Recommendation",
    "Session",
    "SessionClock",
    "SessionReport",
    "Source",
    "column_bytes",
    "full_run",
    "growth",
    "ladder",
    "line_frame",
    "line_profile",
    "make_session",
    "peak_frame",
    "peak_of",
    "phase_frame",
    "plot_columns",
    "plot_ladder",
    "plot_layers",
    "plot_lines",
    "plot_peaks",
    "plot_phases",
    "plot_sweep",
    "plot_times",
    "plot_visits",
    "readable_top_k",
    "recommend",
    "replay",
    "sweep",
    "visits",
]
