"""Measure time and memory of your own data. Each module returns a frame of measurements and a plot of it.

- `phase_times`: seconds of the phases of a run
- `chunk_size_sweep`: chunk sizes and threads, with a recommendation
- `line_times`: the NumPy reference, line by line
- `column_memory`: bytes of a frame's columns before and after smaller dtypes
- `peak_memory`: peak memory of a function, in a separate process
- `engine_ladder`: the same lists from a loop over pairs, NumPy, all pairs, exact top K
- `pruning_stats`: how many jobs are scored for each user
- `scaling`: the cost of more users and more jobs, and the pairs that are skipped
- `sessions`: the mixed requests of a user who tunes weights, replayed, with the hit rates of the caches

Helper modules: `data_source` (data that a new process can load), `measurement` (seconds, bytes, processes),
`compared_method_inputs`, `compared_method_lists` and `pair_loop` (the legacy loop over pairs, its inputs and
lists).

Plots are returned as matplotlib figures and not shown. No module uses pyplot or changes its settings.
"""

from scoring.profiling.chunk_size_sweep import Recommendation, plot_sweep, recommend, sweep
from scoring.profiling.column_memory import column_bytes, plot_columns
from scoring.profiling.data_source import Source, full_run
from scoring.profiling.engine_ladder import ladder, plot_ladder
from scoring.profiling.line_times import line_frame, line_profile, plot_lines, readable_top_k
from scoring.profiling.peak_memory import Peak, peak_frame, peak_of, plot_peaks
from scoring.profiling.phase_times import phase_frame, plot_phases
from scoring.profiling.pruning_stats import plot_visits, visits
from scoring.profiling.scaling.growth import Growth, growth
from scoring.profiling.scaling.growth_point import GrowthPoint
from scoring.profiling.sessions import (
    Session,
    SessionClock,
    SessionReport,
    make_session,
    plot_hit_rates,
    plot_layers,
    plot_times,
    replay,
)

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
    "plot_hit_rates",
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
