"""A session of mixed requests, such as a user sends while tuning weights, replayed against an engine.

    session = make_session(dataset, 5000, seed=0)
    report = await replay(ScoringEngine(url, clock=clock), session, database, clock)
    report.caches, report.times(), plot_hit_rates(report)

Requests repeat as on a job board. A few users are active at a time, and they request the jobs of a front page
repeatedly; both are drawn by Zipf's law. Requests also switch between several weight profiles. New actions are written
after every 1,000 requests. By the session's clock, a session takes several hours.

- `session_requests`: creates the requests
- `session_replay`: sends them to an engine and returns a report
- `session_plots`: plots of the report
- `cache_comparison`: the same session with and without caches; the values that a change makes an engine compute again
"""

from scoring.profiling.sessions.cache_comparison import compare_caches, count_recomputed
from scoring.profiling.sessions.session_plots import plot_hit_rates, plot_layers, plot_times
from scoring.profiling.sessions.session_replay import TARGETS, SessionClock, SessionReport, replay
from scoring.profiling.sessions.session_requests import KINDS, SESSION_HOURS, Request, Session, make_session

__all__ = [
    "KINDS",
    "SESSION_HOURS",
    "TARGETS",
    "Request",
    "Session",
    "SessionClock",
    "SessionReport",
    "compare_caches",
    "count_recomputed",
    "make_session",
    "plot_hit_rates",
    "plot_layers",
    "plot_times",
    "replay",
]
