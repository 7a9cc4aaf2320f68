"""Measure time and memory of your own data. Each module returns a frame of measurements and a plot of it.

- `phase_times`: seconds of the phases of a run
- `chunk_size_sweep`: chunk sizes and threads, with a recommendation
- `line_times`: the NumPy reference, line by line
- `column_memory`: bytes of a frame's columns before and after smaller dtypes
- `peak_memory`: peak memory of a function, in a separate process
- `memory_need`: the memory of a run at other sizes, compared with the available memory
- `dataset_contents`: missing values and actions over time
- `user_loading_comparison`: database queries of users who are loaded one by one, and together
- `method_speed_comparison`: the same lists from a loop over pairs, NumPy, all pairs, exact top K
- `pruning_stats`: how many jobs are scored for each user
- `scaling`: the cost of more users and more jobs, and the pairs that are skipped
- `live_delays`: how soon live lists contain events, one by one and in a burst
- `shared_cache_times`: the first answers of two engines, with and without a shared cache
- `sessions`: the mixed requests of a user who tunes weights, replayed, with the hit rates of the caches

Helper modules: `subprocess_data_source` (data that a new process can load), `measurement` (seconds, bytes, processes),
`compared_method_inputs`, `compared_method_lists` and `legacy_pair_loop` (the legacy loop over pairs, its inputs and
lists).

Plots are returned as matplotlib figures and not shown. No module uses pyplot or changes its settings.

Names are imported when they are first used, so that a new process imports only the modules that it measures with.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoring.profiling.chunk_size_sweep import Recommendation as Recommendation
    from scoring.profiling.chunk_size_sweep import plot_sweep as plot_sweep
    from scoring.profiling.chunk_size_sweep import recommend as recommend
    from scoring.profiling.chunk_size_sweep import sweep as sweep
    from scoring.profiling.column_memory import column_bytes as column_bytes
    from scoring.profiling.column_memory import plot_columns as plot_columns
    from scoring.profiling.dataset_contents import missing_values as missing_values
    from scoring.profiling.dataset_contents import plot_actions as plot_actions
    from scoring.profiling.dataset_contents import plot_missing as plot_missing
    from scoring.profiling.line_times import fold_lines as fold_lines
    from scoring.profiling.line_times import hottest_lines as hottest_lines
    from scoring.profiling.line_times import line_frame as line_frame
    from scoring.profiling.line_times import line_profile as line_profile
    from scoring.profiling.line_times import plot_lines as plot_lines
    from scoring.profiling.line_times import readable_top_k as readable_top_k
    from scoring.profiling.live_delays import measure_burst as measure_burst
    from scoring.profiling.live_delays import measure_event_delays as measure_event_delays
    from scoring.profiling.live_delays import plot_burst as plot_burst
    from scoring.profiling.live_delays import plot_event_delays as plot_event_delays
    from scoring.profiling.memory_need import plot_memory as plot_memory
    from scoring.profiling.memory_need import predict_memory as predict_memory
    from scoring.profiling.method_speed_comparison import ladder as ladder
    from scoring.profiling.method_speed_comparison import plot_ladder as plot_ladder
    from scoring.profiling.peak_memory import Peak as Peak
    from scoring.profiling.peak_memory import peak_frame as peak_frame
    from scoring.profiling.peak_memory import peak_of as peak_of
    from scoring.profiling.peak_memory import plot_peaks as plot_peaks
    from scoring.profiling.phase_times import phase_frame as phase_frame
    from scoring.profiling.phase_times import plot_phases as plot_phases
    from scoring.profiling.pruning_stats import plot_visits as plot_visits
    from scoring.profiling.pruning_stats import visits as visits
    from scoring.profiling.scaling.growth import Growth as Growth
    from scoring.profiling.scaling.growth import growth as growth
    from scoring.profiling.scaling.growth import read_growth as read_growth
    from scoring.profiling.scaling.growth_point import GrowthPoint as GrowthPoint
    from scoring.profiling.sessions import Session as Session
    from scoring.profiling.sessions import SessionClock as SessionClock
    from scoring.profiling.sessions import SessionReport as SessionReport
    from scoring.profiling.sessions import compare_caches as compare_caches
    from scoring.profiling.sessions import count_recomputed as count_recomputed
    from scoring.profiling.sessions import make_session as make_session
    from scoring.profiling.sessions import plot_hit_rates as plot_hit_rates
    from scoring.profiling.sessions import plot_layers as plot_layers
    from scoring.profiling.sessions import plot_times as plot_times
    from scoring.profiling.sessions import replay as replay
    from scoring.profiling.shared_cache_times import compare_shared_cache as compare_shared_cache
    from scoring.profiling.subprocess_data_source import Source as Source
    from scoring.profiling.subprocess_data_source import full_run as full_run
    from scoring.profiling.user_loading_comparison import compare_queries as compare_queries
    from scoring.profiling.user_loading_comparison import plot_queries as plot_queries

_HOMES = {
    "Growth": "scaling.growth",
    "GrowthPoint": "scaling.growth_point",
    "Peak": "peak_memory",
    "Recommendation": "chunk_size_sweep",
    "Session": "sessions",
    "SessionClock": "sessions",
    "SessionReport": "sessions",
    "Source": "subprocess_data_source",
    "column_bytes": "column_memory",
    "compare_caches": "sessions",
    "compare_shared_cache": "shared_cache_times",
    "compare_queries": "user_loading_comparison",
    "count_recomputed": "sessions",
    "fold_lines": "line_times",
    "full_run": "subprocess_data_source",
    "growth": "scaling.growth",
    "hottest_lines": "line_times",
    "ladder": "method_speed_comparison",
    "line_frame": "line_times",
    "line_profile": "line_times",
    "make_session": "sessions",
    "measure_burst": "live_delays",
    "measure_event_delays": "live_delays",
    "missing_values": "dataset_contents",
    "peak_frame": "peak_memory",
    "peak_of": "peak_memory",
    "phase_frame": "phase_times",
    "plot_actions": "dataset_contents",
    "plot_burst": "live_delays",
    "plot_columns": "column_memory",
    "plot_event_delays": "live_delays",
    "plot_hit_rates": "sessions",
    "plot_ladder": "method_speed_comparison",
    "plot_layers": "sessions",
    "plot_lines": "line_times",
    "plot_memory": "memory_need",
    "plot_missing": "dataset_contents",
    "plot_peaks": "peak_memory",
    "plot_phases": "phase_times",
    "plot_queries": "user_loading_comparison",
    "plot_sweep": "chunk_size_sweep",
    "plot_times": "sessions",
    "plot_visits": "pruning_stats",
    "predict_memory": "memory_need",
    "read_growth": "scaling.growth",
    "readable_top_k": "line_times",
    "recommend": "chunk_size_sweep",
    "replay": "sessions",
    "sweep": "chunk_size_sweep",
    "visits": "pruning_stats",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"scoring.profiling.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'scoring.profiling' has no attribute {name!r}")
