"""A session of mixed requests as somebody tuning weights makes them, replayed against an engine.

    session = make_session(dataset, 5000, seed=0)
    report = await replay(ScoringEngine(url, clock=clock), session, database, clock)
    report.layers, report.times(), plot_layers(report)

What is asked repeats as it does on a job board: a few users at a time are there, by Zipf's law, and come back to the
jobs of a front page while they are. Weights are tried and returned to, new actions are written about once an hour, and
the clock passes several hours.

- `making`: the requests; `replaying`: sent to an engine, with a report; `plots`: of the report
"""

from scoring.profiling.sessions.making import HOURS, KINDS, Request, Session, make_session
from scoring.profiling.sessions.replaying import TARGETS, SessionClock, SessionReport, replay
from scoring.profiling.sessions.session_plots import plot_layers, plot_times

__all__ = [
    "HOURS",
    "KINDS",
    "TARGETS",
    "Request",
    "Session",
    "SessionClock",
    "SessionReport",
    "make_session",
    "plot_layers",
    "plot_times",
    "replay",
]
