"""Soak of a live engine: `python -m benchmarks.live_soak --minutes 10 --rate 1000`.

A second process writes events, as other programs do. This process follows them, ticks, and reads one list every few
milliseconds. At the end it verifies all lists and prints: lag, waits of reads (all, and while lists were built), ticks,
memory, and the memory of the rows that events added.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workspace import Workspace
from scoring.database.database import Database
from scoring.database.readers import load_jobs, load_tables, load_users
from scoring.database.writers import save_tables
from scoring.live.event_log import EventLog
from scoring.live.live_engine import LiveEngine
from scoring.live.live_tables import make_row
from scoring.telemetry import measure_resident

_BATCH_SECONDS = 0.05
_MAX_BATCH = 500  # larger transactions start early ticks
_BYTES_PER_ACTION = 108
"""Of an action: two frames (29 each), the codes of both (17 each), its time and its place by job (8 each)."""
_BYTES_PER_JOB = 2000
"""Of a job: two frames (0.5 KB each), codes, vectors, points and places of 20 columns."""


def main() -> None:
    """Run the soak, print one JSON object, and exit with 1 if a list or a row is wrong."""
    options = _parse()
    with tempfile.TemporaryDirectory(dir=options.folder.parent) as folder:
        url = _prepare(options, Path(folder))
        found = _run(options, url)
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["is_exact"] and found["writer_exit_code"] == 0 else 1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=1000.0, help="events per second; 0: none")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=10_000, help="jobs that events change; the gate allows 20 %%")
    parser.add_argument("--tick", type=float, default=60.0, help="seconds between two ticks")
    parser.add_argument("--k", type=int, default=40)
    parser.add_argument("--read-ms", type=float, default=2.0, help="milliseconds between two reads")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database (default: a SQLite file)")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "scoring-soak", help="of the market"
    )
    return parser.parse_args()


def _prepare(options: argparse.Namespace, folder: Path) -> str:
    """Return the URL of a database with the market, to which this soak alone writes."""
    source = Workspace(options.folder).database(options.users, options.jobs, 100 * options.users)
    if options.database is None:
        shutil.copy(source, folder / "market.db")
        return f"sqlite:///{folder / 'market.db'}"
    with Database.open(source) as market, Database.open(options.database) as database:
        database.create()
        save_tables(database, load_tables(market))
    return str(options.database)


def _run(options: argparse.Namespace, url: str) -> dict[str, Any]:
    start = time.monotonic()
    with LiveEngine(url, "standard", k=options.k, tick_seconds=options.tick) as engine:
        started = time.monotonic() - start
        context = multiprocessing.get_context("spawn")
        is_ready = context.Event()
        writer = context.Process(
            target=write_events, args=(url, options.rate, 60 * options.minutes, options.changed, is_ready), daemon=True
        )
        writer.start()
        is_ready.wait(300)
        reader, memory = _Reader(engine, options.read_ms / 1000), _Memory(engine)
        lags: list[float] = []
        end = time.monotonic() + 60 * options.minutes
        while time.monotonic() < end:
            time.sleep(1.0)
            lags.append(engine.status().lag_seconds)
            memory.sample()
        writer.join(120)
        exit_code = writer.exitcode  # None: it is late
        writer.terminate()
        writer.join()
        wanted, last = engine.log.end().seq, time.monotonic()
        while engine.status().seq < wanted and time.monotonic() - last < 300:
            time.sleep(0.05)
        drained = time.monotonic() - last
        status = engine.status()
        reader.stop()
        report = engine.verify()
    counters = status.counters
    n_events = sum(n for name, n in counters.items() if name.startswith("events_"))
    return {
        "options": {name: str(value) for name, value in vars(options).items()},
        "start_seconds": round(started, 2),
        "events": {name: n for name, n in counters.items() if name.startswith("events_")},
        "events_per_second": round(n_events / options.minutes / 60),
        "event_seconds": _describe_histogram(engine, "event_seconds"),
        "delay_seconds": _describe_histogram(engine, "delay_seconds"),
        "tick_seconds": _describe_histogram(engine, "tick_seconds"),
        "build_seconds": _describe_histogram(engine, "build_seconds"),
        "counters": {name: n for name, n in counters.items() if not name.startswith("events_")},
        "lag_seconds": {"median": round(float(np.median(lags)), 3), "max": round(max(lags), 3)},
        "drained_seconds": round(drained, 2),
        "reads": reader.describe(),
        "memory_mb": memory.describe(),
        "frozen": list(status.frozen),
        "tick_failure": status.tick_failure,
        "verify": str(report),
        "is_exact": report.is_exact,
        "writer_exit_code": exit_code,
    }


def _describe_histogram(engine: LiveEngine, name: str) -> dict[str, float]:
    histogram = engine.metrics.histograms[name]
    counts, total = histogram.read()
    n = counts[-1]
    below = zip(histogram.bounds, counts, strict=False)
    shares = {f"share up to {bound:g}": round(count / max(1, n), 4) for bound, count in below}
    return {"count": n, "mean": round(total / max(1, n), 5), **shares}


class _Reader:
    """Reads lists in a thread, and keeps how long each read took, also until the thread was woken."""

    def __init__(self, engine: LiveEngine, seconds: float) -> None:
        self._engine, self._seconds = engine, seconds
        self._waits: list[float] = []
        self._during: list[bool] = []
        self._stopped = threading.Event()
        self._users = engine._require_state().published.copy().user_id.tolist()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        draw = random.Random(1)
        while not self._stopped.is_set():
            due = time.perf_counter() + self._seconds
            time.sleep(self._seconds)
            self._engine.get(draw.choice(self._users))
            self._waits.append(time.perf_counter() - due)
            self._during.append(self._engine._captured is not None or self._engine._tick_running)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def describe(self) -> dict[str, Any]:
        waits, during = 1000 * np.array(self._waits), np.array(self._during)
        return {
            "all": _describe_waits(waits),
            "during_builds": _describe_waits(waits[during]),
            "over_20_ms": int((waits > 20).sum()),
        }


def _describe_waits(waits: np.ndarray) -> dict[str, float]:
    if not len(waits):
        return {"count": 0}
    found = {f"p{q:g}_ms": round(float(np.percentile(waits, q)), 2) for q in (50, 99, 99.9)}
    return {"count": len(waits), **found, "max_ms": round(float(waits.max()), 1)}


class _Memory:
    """Resident memory, once per second. Between two builds, a process has one set of lists; during a build, two."""

    def __init__(self, engine: LiveEngine) -> None:
        self._engine = engine
        self._sizes: list[float] = []
        self._between: list[tuple[float, int, int]] = []  # after the first tick: MiB, jobs, actions
        self.sample()

    def sample(self) -> None:
        engine = self._engine
        self._sizes.append(measure_resident() / 2**20)
        if engine._captured is None and not engine._tick_running and engine.metrics.counters()["ticks"]:
            lists = engine._require_state().lists
            n_actions = len(lists.tables.tables.actions) + len(lists.tables.actions)
            self._between.append((self._sizes[-1], lists.n_jobs, n_actions))

    def describe(self) -> dict[str, Any]:
        tenth = max(1, len(self._sizes) // 10)
        found: dict[str, Any] = {
            "start": round(self._sizes[0]),
            "mean_of_first_tenth": round(float(np.mean(self._sizes[:tenth]))),
            "mean_of_last_tenth": round(float(np.mean(self._sizes[-tenth:]))),
            "max": round(max(self._sizes)),
        }
        if len(self._between) < 2:
            return found
        quarter = max(1, len(self._between) // 4)
        first, last = (np.mean(part, axis=0) for part in (self._between[:quarter], self._between[-quarter:]))
        n_jobs, n_actions = (last - first)[1:].tolist()
        expected = (n_jobs * _BYTES_PER_JOB + n_actions * _BYTES_PER_ACTION) / 2**20
        return found | {
            "between_builds": {
                "samples": len(self._between),
                "mean_of_first_quarter": round(float(first[0])),
                "mean_of_last_quarter": round(float(last[0])),
                "jobs_added": round(n_jobs),
                "actions_added": round(n_actions),
                "expected_growth": round(expected, 1),
                "growth": round(float(last[0] - first[0]), 1),
            }
        }


def write_events(url: str, rate: float, seconds: float, n_changed: int, is_ready: Event) -> None:
    """Write events at a rate: 60 % changed jobs, 10 % closed or opened, 2 % new, 2 % deleted, 26 % actions."""
    if not rate:
        is_ready.set()
        return
    draw = random.Random(0)
    with Database.open(url) as database:
        jobs, users = load_jobs(database, limit=n_changed), load_users(database)["user_id"].tolist()
        rows = [{k: v for k, v in make_row(jobs.iloc[place]).items() if v is not None} for place in range(len(jobs))]
        log, new, next_id = EventLog(database), [], 10**9
        is_ready.set()
        start, sent = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            batch: list[dict[str, Any]] = []
            while sent < (time.monotonic() - start) * rate and len(batch) < _MAX_BATCH:
                sent += 1
                row, kind = draw.choice(rows), draw.random()
                if kind < 0.6:
                    row["fee"] = float(draw.randrange(0, 9000))
                elif kind < 0.7:
                    row["is_active"] = not row.get("is_active", True)
                elif kind < 0.72:
                    next_id += 1
                    new.append(next_id)
                    batch.append({"kind": "job", "row": {**row, "job_id": next_id, "posted_at": datetime.now(UTC)}})
                    continue
                elif kind < 0.74 and len(new) > 50:
                    batch.append({"kind": "job", "id": new.pop(0), "deleted": True})
                    continue
                else:
                    action = {"user_id": draw.choice(users), "job_id": row["job_id"]}
                    action |= {"action": draw.choice(("view", "click")), "occurred_at": datetime.now(UTC)}
                    batch.append({"kind": "action", "row": action})
                    continue
                batch.append({"kind": "job", "row": dict(row)})
            if batch:
                log.write_rows(batch)
            time.sleep(_BATCH_SECONDS)


if __name__ == "__main__":
    main()
