"""How soon live lists contain an event: single events by kind, and a burst of events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scoring.argument_checks import check_positive_integer
from scoring.database.readers import load_tables
from scoring.live import LiveEngine, SeqNotReachedError
from scoring.live.live_tables import make_row
from scoring.plotting import BLUE, GREY, SMALL, VERMILION, create_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["measure_burst", "measure_event_delays", "plot_burst", "plot_event_delays"]

_BATCH: Final = 500
_SAMPLE_SECONDS: Final = 0.01
_TIMEOUT_SECONDS: Final = 60.0

Row = Mapping[str, Any]


def measure_event_delays(engine: LiveEngine, n: int = 100, seed: int = 0) -> pd.DataFrame:
    """Write n events of each kind, one after another, and read a list after each. The jobs and clicks stay.

    Return one row per event: event (new job, changed job, closed job, click) · commit_ms (until the transaction is
    committed) · readable_ms (until the lists of all users contain the event).

    Parameters
    ----------
    engine: A started engine on a database for tests.
    n: Events of each kind.
    seed: Seed of the choice of rows.

    Example
    -------
    >>> import shutil
    >>> with LiveEngine(shutil.copy(folder / "market.db", folder / "live.db"), "standard", k=5) as live:
    ...     delays = measure_event_delays(live, n=2)
    >>> list(delays.columns), len(delays)
    (['event', 'commit_ms', 'readable_ms'], 8)
    """
    n = check_positive_integer("n", n)
    rows = _Rows(engine, seed)
    kinds: dict[str, Callable[[], Row]] = {
        "new job": rows.make_job, "changed job": rows.change_job, "closed job": rows.close_job,
        "click": rows.make_click,
    }  # fmt: skip
    found = []
    for name, make in kinds.items():
        for _ in range(n):
            event = make()
            start = time.perf_counter()
            written = engine.write([event])
            committed = time.perf_counter()
            _wait_until_applied(engine, rows.a_user, written.seq)
            readable = time.perf_counter()
            found.append((name, 1000 * (committed - start), 1000 * (readable - start)))
    return pd.DataFrame(found, columns=["event", "commit_ms", "readable_ms"])


def plot_event_delays(frame: pd.DataFrame) -> Figure:
    """Plot histograms of `measure_event_delays`, one per kind of event, with the median and the 99th percentile.

    Example
    -------
    >>> frame = pd.DataFrame({"event": ["click"] * 3, "commit_ms": [1.0, 2, 3], "readable_ms": [2.0, 3, 9]})
    >>> len(plot_event_delays(frame).axes)
    1
    """
    kinds = list(dict.fromkeys(frame["event"]))
    figure, axes = create_figure(2.6 * len(kinds) + 0.6, 2.8, columns=len(kinds))
    largest = float(frame["readable_ms"].quantile(0.99))
    bins = np.linspace(0, max(largest, 1e-3), 25).tolist()
    for axis, kind in zip(axes, kinds, strict=True):
        of_kind = frame.loc[frame["event"] == kind, "readable_ms"]
        axis.hist(of_kind.clip(upper=largest), bins=bins, color=BLUE)
        for share, colour, name in ((0.5, VERMILION, "median"), (0.99, GREY, "99 %")):
            value = float(of_kind.quantile(share))
            axis.axvline(min(value, largest), color=colour, linestyle="--", label=f"{name}: {value:.1f} ms")
        axis.set_ylim(0, 1.45 * axis.get_ylim()[1])  # the legend is above the bars
        axis.set_title(kind, loc="left", fontsize=10)
        axis.set_xlabel("ms until it is readable")
        axis.legend(fontsize=SMALL)
    axes[0].set_ylabel("events")
    return figure


def measure_burst(engine: LiveEngine, n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """Write n clicks as fast as possible, and count the applied ones meanwhile.

    Return one row per sample: seconds · written (events in the log) · applied (events that the lists contain).

    Parameters
    ----------
    engine: A started engine on a database for tests.
    n: Number of events. More than 2,000 that wait are applied by one rebuild of all lists.
    seed: Seed of the choice of rows.

    Example
    -------
    >>> import shutil
    >>> with LiveEngine(shutil.copy(folder / "market.db", folder / "live.db"), "standard", k=5) as live:
    ...     burst = measure_burst(live, n=20)
    >>> int(burst["written"].iloc[-1]), int(burst["applied"].iloc[-1])
    (20, 20)
    """
    n = check_positive_integer("n", n)
    rows = _Rows(engine, seed)
    events = [rows.make_click() for _ in range(n)]
    first, n_written, samples, is_done = engine.status().seq, 0, [], threading.Event()
    start = time.perf_counter()

    def sample() -> None:
        while not is_done.is_set():
            samples.append((time.perf_counter() - start, n_written, min(n, engine.status().seq - first)))
            is_done.wait(_SAMPLE_SECONDS)

    sampler = threading.Thread(target=sample, name="live-burst")
    sampler.start()
    try:
        for place in range(0, n, _BATCH):
            batch = events[place : place + _BATCH]
            written = engine.write(batch)
            n_written += len(batch)
        _wait_until_applied(engine, rows.a_user, written.seq)
    finally:
        is_done.set()
        sampler.join()
    samples.append((time.perf_counter() - start, n, n))
    return pd.DataFrame(samples, columns=["seconds", "written", "applied"])


def plot_burst(frame: pd.DataFrame) -> Figure:
    """Plot the written and the applied events of `measure_burst` over time. The distance is the lag.

    Example
    -------
    >>> len(plot_burst(pd.DataFrame({"seconds": [0.0, 1], "written": [0, 9], "applied": [0, 9]})).axes)
    1
    """
    figure, (axis,) = create_figure(7, 3.2)
    axis.step(frame["seconds"], frame["written"], where="post", color=GREY, label="written")
    axis.step(frame["seconds"], frame["applied"], where="post", color=BLUE, label="applied to all lists")
    axis.set_xlabel("seconds")
    axis.set_ylabel("events")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=SMALL)
    return figure


def _wait_until_applied(engine: LiveEngine, user: int, seq: int) -> None:
    end = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            engine.get(user, after=seq, timeout=1.0)
        except SeqNotReachedError:
            if time.monotonic() > end:
                raise
        else:
            return


class _Rows:
    """Random rows of the database of an engine, as events."""

    def __init__(self, engine: LiveEngine, seed: int) -> None:
        tables = load_tables(engine.database)
        self._draw, self._now = np.random.default_rng(seed), engine.status().as_of
        chosen = self._draw.choice(len(tables.jobs), min(500, len(tables.jobs)), replace=False)
        # without an end: the clock of the engine may be behind that of the machine
        jobs = tables.jobs.drop(columns="expires_at", errors="ignore")
        self._jobs = [make_row(jobs.iloc[row]) for row in chosen.tolist()]
        self._users = tables.users["user_id"].to_numpy()
        self._next_id = int(tables.jobs["job_id"].max()) + 1
        self.a_user = int(self._users[0])

    def make_job(self) -> Row:
        self._next_id += 1
        return self._make({**self._choose(), "job_id": self._next_id - 1, "external_id": None, "posted_at": self._now})

    def change_job(self) -> Row:
        return self._make({**self._choose(), "fee": float(self._draw.integers(500, 5_000))})

    def close_job(self) -> Row:
        return self._make({**self._choose(), "is_active": False})

    def make_click(self) -> Row:
        self._now -= timedelta(microseconds=1)  # different actions
        user = int(self._draw.choice(self._users))
        row = {"user_id": user, "job_id": self._choose()["job_id"], "action": "click", "occurred_at": self._now}
        return {"kind": "action", "row": row}

    def _choose(self) -> dict[str, Any]:
        return self._jobs[int(self._draw.integers(len(self._jobs)))]

    def _make(self, row: Row) -> Row:
        return {"kind": "job", "row": {name: value for name, value in row.items() if value is not None}}
