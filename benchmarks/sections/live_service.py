"""The service of live lists: latency and processor time of requests, while events arrive and ticks run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measurement import print_progress, run_in_new_process
from benchmarks.results import Figure, Section, Table, at_most
from benchmarks.workspace import Size, Workspace
from scoring import make_market
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.database.writers import save_tables
from scoring.live.access_tokens import ENVIRONMENT
from scoring.live.live_tables import make_row

__all__ = ["measure"]

RATE: Final = 200
"""Requests and events per second."""
BATCH: Final = 20
"""Events of a request."""
TICK: Final = 10
N_CONNECTIONS: Final = 8
ROUTE: Final = "/users/{user_id}/jobs"


def measure(size: Size, work: Workspace) -> Section:
    seconds = 5 if size.quick else 60
    path = work.folder / f"live-{size.users}-{size.jobs}.db"
    print_progress("generating a market whose clock is now")
    run_in_new_process(_make, path, size)
    events = _Events(path)
    print_progress("starting the service")
    with _Service.start(path, tick=TICK) as service:
        print_progress(f"{RATE} requests/s without events, {seconds} s")
        alone = service.observe(lambda: asyncio.run(_load(service, events, seconds, with_events=False)))
        print_progress(f"{RATE} requests/s with {RATE} events/s and ticks, {seconds} s")
        loaded = service.observe(lambda: asyncio.run(_load(service, events, seconds, with_events=True)))
        memory = service.read_metrics()["process_resident_memory_bytes"]
    path.unlink()
    return Section(
        name="live_service",
        title="Live lists: requests over HTTP",
        size=f"{size.text}, top 40, SQLite, {RATE} requests/s, {RATE} events/s, a tick every {TICK} s",
        figures=[
            Figure("99th percentile of a request, with events and ticks", loaded.quantile(0.99), "ms", at_most(20)),
            Figure("processor time of a request, without events", alone.cpu_per_request, "ms", at_most(1.5)),
            Figure("99th percentile of a request, without events", alone.quantile(0.99), "ms"),
            Figure("memory of the process", memory / 2**20, "MiB"),
        ],
        tables=[
            Table(
                "Requests for lists, by the histogram of the service",
                ("load", "requests", "median", "99th percentile", "processor time per request", "of the whole process"),
                [alone.describe("requests only"), loaded.describe("with events and ticks")],
                notes=(loaded.note,),
            )
        ],
    )


def _make(path: Path, size: Size) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Database.open(path) as database:
        database.create()
        now = datetime.now(UTC).isoformat()
        save_tables(database, make_market(size.users, size.jobs, size.actions, seed=0, as_of=now).tables)


class _Observation:
    """The change of the metrics during a load."""

    def __init__(self, before: Mapping[str, float], after: Mapping[str, float]) -> None:
        change = {name: value - before.get(name, 0.0) for name, value in after.items()}
        pattern = re.compile(r'scoring_live_request_seconds_bucket\{le="([^"]+)",route="(.+)"\}')
        found = [(pattern.fullmatch(name), value) for name, value in change.items()]
        self._counts = sorted((float(match[1]), n) for match, n in found if match and match[2] == ROUTE)
        self.n = int(self._counts[-1][1])
        self.cpu_per_request = 1000 * change["scoring_live_event_loop_cpu_seconds"] / max(1, self.n)
        self.all_cpu_per_request = 1000 * change["process_cpu_seconds_total"] / max(1, self.n)
        self._change = change

    def quantile(self, share: float) -> float:
        """Return the upper bound in milliseconds, linear within a bucket of the histogram."""
        wanted, low, below = share * self.n, 0.0, 0.0
        for bound, n in self._counts:
            if n >= wanted:
                width = (bound if np.isfinite(bound) else 2 * low) - low
                return 1000 * (low + width * (wanted - below) / max(1.0, n - below))
            low, below = bound, n
        raise AssertionError("a histogram ends with infinity")

    def describe(self, load: str) -> tuple[str, ...]:
        return (
            load, f"{self.n:,}", f"{self.quantile(0.5):.1f} ms", f"{self.quantile(0.99):.1f} ms",
            f"{self.cpu_per_request:.2f} ms", f"{self.all_cpu_per_request:.2f} ms",
        )  # fmt: skip

    @property
    def note(self) -> str:
        """The events and ticks of the load, and answers other than 200."""
        events = sum(n for name, n in self._change.items() if name.startswith("scoring_live_events_total"))
        ticks = self._change.get("scoring_live_ticks_total", 0)
        pattern = re.compile(r'scoring_live_requests_total\{.*status="(\d+)"\}')
        failed: Counter[str] = Counter()
        for name, n in self._change.items():
            match = pattern.fullmatch(name)
            if match and n and match[1] != "200":
                failed[match[1]] += int(n)
        others = ", ".join(f"{n:,} × {status}" for status, n in sorted(failed.items())) or "none"
        return f"{events:,.0f} events were applied, {ticks:.0f} ticks were written; answers other than 200: {others}"


class _Service:
    """`scoring live` in its own process."""

    def __init__(self, process: subprocess.Popen[str], port: int, tokens: Mapping[str, str]) -> None:
        self.process, self.port, self.tokens = process, port, tokens

    @classmethod
    @contextmanager
    def start(cls, path: Path, tick: int) -> Iterator[_Service]:
        tokens = {scope: secrets.token_urlsafe(24) for scope in ENVIRONMENT}
        environment = {**os.environ, **{ENVIRONMENT[scope]: token for scope, token in tokens.items()}}
        command = [sys.executable, "-m", "scoring.cli", "live", "--db", str(path)]
        subprocess.run([*command, "--install"], check=True, stdout=subprocess.DEVNULL, env=environment)
        process = subprocess.Popen(
            [*command, "--port", "0", "--tick", str(tick)], stdout=subprocess.PIPE, text=True, env=environment
        )
        try:
            assert process.stdout is not None
            found = next(filter(None, (re.search(r":(\d+)$", line.strip()) for line in process.stdout)))
            yield cls(process, int(found[1]), tokens)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()

    def read_metrics(self) -> dict[str, float]:
        """Return name with labels → value."""
        headers = {"Authorization": f"Bearer {self.tokens['read']}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers=headers)
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def observe(self, load: Callable[[], object]) -> _Observation:
        before = self.read_metrics()
        load()
        return _Observation(before, self.read_metrics())


async def _load(service: _Service, events: _Events, seconds: float, *, with_events: bool) -> None:
    """Send requests at their times, whether or not earlier ones are answered: a slow answer delays no request."""
    draw = np.random.default_rng(0)
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(N_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", service.port))
    start, tasks = time.monotonic(), []
    for number in range(int(RATE * seconds)):
        await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
        path = f"/users/{draw.choice(events.users)}/jobs"
        tasks.append(asyncio.create_task(_ask(free, service, "GET", path, "read", b"")))
        if with_events and number % BATCH == 0:
            body = json.dumps({"events": [events.make() for _ in range(BATCH)]}, default=str).encode()
            tasks.append(asyncio.create_task(_ask(free, service, "POST", "/events", "write", body)))
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait()[1].close()


async def _ask(free: asyncio.Queue[Any], service: _Service, method: str, path: str, scope: str, body: bytes) -> None:
    reader, writer = await free.get()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {service.tokens[scope]}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}\r\n".encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", answer)
    assert length is not None
    await reader.readexactly(int(length[1]))
    free.put_nowait((reader, writer))


class _Events:
    """Random events: clicks, and as often jobs, half of them new."""

    def __init__(self, path: Path) -> None:
        with Database.open(path) as database:
            tables = load_tables(database)
        self._draw, self._number = np.random.default_rng(1), 0
        rows = self._draw.choice(len(tables.jobs), min(2_000, len(tables.jobs)), replace=False)
        self._jobs = [make_row(tables.jobs.iloc[row]) for row in rows.tolist()]
        is_active = tables.users["is_active"].fillna(True).to_numpy(dtype=bool)
        self.users = tables.users["user_id"].to_numpy()[is_active]
        self._next_id = int(tables.jobs["job_id"].max()) + 1

    def make(self) -> dict[str, Any]:
        self._number += 1
        now = datetime.now(UTC).isoformat()
        job = dict(self._jobs[int(self._draw.integers(len(self._jobs)))])
        if self._number % 2:
            user = int(self._draw.choice(self.users))
            row = {"user_id": user, "job_id": job["job_id"], "action": "click", "occurred_at": now}
            return {"kind": "action", "row": row}
        if self._number % 4:
            job["job_id"], self._next_id = self._next_id, self._next_id + 1
        return {"kind": "job", "row": {**job, "fee": float(self._draw.integers(0, 5000)), "posted_at": now}}
