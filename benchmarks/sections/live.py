"""Live lists: processor time of one event, by kind, and of building all lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.engine_calls import K
from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, Table, at_least, at_most
from benchmarks.workspace import Size, Workspace
from scoring.dataset import Dataset
from scoring.live import Event, LiveLists
from scoring.live.live_tables import make_row

__all__ = ["measure"]

Row = Mapping[str, Any]
_BATCH: Final = 50


def measure(size: Size, work: Workspace) -> Section:
    statistics = work.statistics(size)
    data, n = statistics.dataset, 100 if size.quick else 1000
    basis = statistics.basis.materialize([360.0])
    print_progress("building the lists twice")
    LiveLists(data.tables, "standard", basis, k=K)  # loads the kernels
    start = time.process_time()
    lists = LiveLists(data.tables, "standard", basis, k=K)
    build = time.process_time() - start
    stream = _Stream(lists, data)
    stream.send([stream.new_job(i) for i in range(20)])  # the first events load the kernels
    stream.send([stream.click(i) for i in range(20)])
    before = psutil.Process().memory_info().rss
    print_progress(f"{n} events of each kind")
    seconds = {name: stream.send([make(i) for i in range(n)]) for name, make in stream.kinds().items()}
    in_batches = stream.send_in_batches([stream.new_job(i) for i in range(n)])
    grown = max(0, psutil.Process().memory_info().rss - before)
    rows = [
        (name, *(f"{1000 * value:.2f}" for value in (np.median(times), np.percentile(times, 99), times.mean())))
        for name, times in seconds.items()
    ]
    of_jobs = np.concatenate([times for name, times in seconds.items() if "job" in name])
    of_users = np.concatenate([times for name, times in seconds.items() if "job" not in name])
    return Section(
        name="live",
        title="Live lists: one event",
        size=f"{size.text}, top {K}, processor time on one thread, all lists exact after each event",
        figures=[
            Figure("a job event, median", 1000 * float(np.median(of_jobs)), "ms", at_most(0.5)),
            Figure("a job event, 99th percentile", 1000 * float(np.percentile(of_jobs, 99)), "ms", at_most(2)),
            Figure("job events per second", 1 / float(of_jobs.mean()), "", at_least(2000)),
            Figure(f"job events per second in batches of {_BATCH}", n / in_batches, "", at_least(2000)),
            Figure("events of users per second", 1 / float(of_users.mean()), "", at_least(500)),
            Figure("building all lists, compared with a job event", build / float(of_jobs.mean()), "×", at_least(500)),
            Figure("building all lists", build, "s"),
            Figure(f"more memory after these {6 * n:,} events", grown / 1e6, "MB", at_most(50)),
        ],
        tables=[Table("Milliseconds per event", ("event", "median", "99th percentile", "mean"), rows)],
    )


class _Stream:
    """Events on the rows of a market."""

    def __init__(self, lists: LiveLists, data: Dataset) -> None:
        self.lists, self.data, self.at = lists, data, data.as_of.to_pydatetime()
        self.draw, self.seq = np.random.default_rng(0), 0
        self.first_new = int(data.jobs.job_id.max()) + 1

    def kinds(self) -> dict[str, Callable[[int], Event]]:
        return {
            "new job": self.new_job,
            "job changed": self.change_job,
            "job closed": self.close_job,
            "click": self.click,
            "user changed": self.change_user,
        }

    def send(self, events: Sequence[Event]) -> np.ndarray:
        """Apply events; return the processor time of each in seconds."""
        seconds = np.empty(len(events))
        for place, event in enumerate(events):
            start = time.thread_time()
            self.lists.apply(event)
            seconds[place] = time.thread_time() - start
        return seconds

    def send_in_batches(self, events: Sequence[Event]) -> float:
        """Apply events in batches; return the processor time in seconds."""
        start = time.thread_time()
        for first in range(0, len(events), _BATCH):
            self.lists.apply_all(events[first : first + _BATCH])
        return time.thread_time() - start

    def new_job(self, number: int) -> Event:
        row = self._draw_row("jobs", open_only=True) | {"job_id": self.first_new + self.seq, "posted_at": self.at}
        return self._make("job", row["job_id"], row)

    def change_job(self, number: int) -> Event:
        row = self._draw_row("jobs", open_only=True) | {"fee": float(self.draw.integers(0, 5000))}
        return self._make("job", row["job_id"], row)

    def close_job(self, number: int) -> Event:
        row = self._draw_row("jobs", open_only=True) | {"is_active": False}
        return self._make("job", row["job_id"], row)

    def click(self, number: int) -> Event:
        user, job = self._draw_row("users")["user_id"], self._draw_row("jobs")["job_id"]
        row = {"user_id": user, "job_id": job, "action": "click", "occurred_at": self.at}
        return self._make("action", user, row)

    def change_user(self, number: int) -> Event:
        row = self._draw_row("users") | {"preferred_salary_min": float(self.draw.integers(900, 2000))}
        return self._make("user", row["user_id"], row)

    def _draw_row(self, table: str, *, open_only: bool = False) -> dict[str, Any]:
        frame = getattr(self.data.tables, table)
        rows = np.flatnonzero(self.data.open_jobs) if open_only else np.arange(len(frame))
        return make_row(frame.iloc[int(self.draw.choice(rows))])

    def _make(self, kind: Any, key: int, row: Row) -> Event:
        self.seq += 1
        return Event(self.seq, kind, key, row, self.at)
