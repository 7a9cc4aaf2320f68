"""Interactive requests of one user through the engine for legacy callers, and one explanation on the command line."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pandas as pd

from benchmarks.engine_calls import K
from benchmarks.measurement import Times, print_progress
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring.facade import ScoringEngine

MODEL = "standard"


def measure(size: Size, work: Workspace) -> Section:
    statistics = work.statistics(size)  # trains the factors
    engine = ScoringEngine(statistics.dataset, MODEL, keep_factors=work.factors)
    times = asyncio.run(measure_requests(engine, size.repeats))
    print_progress("one explanation on the command line")
    times["scoring explain USER JOB"] = _time_explanations(size, work)
    return Section(
        name="requests",
        title="Requests for one user",
        size=f"{size.text}, `{MODEL}`, a warm engine, one request at a time",
        figures=[
            Figure(name, 1000 * found.median, "ms", at_most(BARS_MS[name]), f"best {1000 * found.best:.3g} ms")
            for name, found in times.items()
        ],
        details={name: found.as_dict() for name, found in times.items()},
    )


BARS_MS = {
    "list from the same frame of jobs": 10,
    "list from a new frame of jobs": 100,
    "list by user id from the data": 10,
    "score of a new pair": 2,
    "explanation of a new pair": 180,
    "scoring explain USER JOB": 2_300,
}
"""Name → limit in milliseconds. An explanation through the engine has the target of a request."""


async def measure_requests(engine: ScoringEngine, repeats: int) -> dict[str, Times]:
    """Return the times of each kind of request. Each request has a user or a pair of its own."""
    await engine.warmup_caches()
    users, jobs = await engine._batch_load_users_optimized(), await engine._batch_load_jobs_optimized()
    prepared = (await engine._data.get_async()).prepared(engine.model, engine.max_workers)
    new_jobs = (jobs.assign(fee=jobs["fee"].fillna(0) + n) for n in range(1, repeats + 3))

    def take(n: int) -> pd.DataFrame:
        return users.iloc[[n % len(users)]]

    def take_pair(n: int) -> tuple[dict[Any, Any], dict[Any, Any]]:
        return jobs.iloc[n].to_dict(), take(n).iloc[0].to_dict()

    async def rank_known_user(n: int) -> None:
        prepared.top_k(K, [int(users["user_id"].iloc[n % len(users)])]).frame()

    requests: dict[str, Callable[[int], Awaitable[object]]] = {
        "list from the same frame of jobs": lambda n: engine.process_scoring_batch(take(n), jobs, top_k=K),
        "list from a new frame of jobs": lambda n: engine.process_scoring_batch(take(n), next(new_jobs), top_k=K),
        "list by user id from the data": rank_known_user,
        "score of a new pair": lambda n: engine.calculate_total_score(*take_pair(n)),
        "explanation of a new pair": lambda n: engine.get_score_explanation(*take_pair(n)),
    }
    return {name: await _time_requests(name, request, repeats) for name, request in requests.items()}


async def _time_requests(name: str, request: Callable[[int], Awaitable[object]], repeats: int) -> Times:
    print_progress(name)
    seconds = []
    for n in range(repeats + 1):
        awaited = request(n)
        start = time.perf_counter()
        await awaited
        seconds.append(time.perf_counter() - start)
    return Times(tuple(seconds[1:]))  # the first one compiles and plans


def _time_explanations(size: Size, work: Workspace) -> Times:
    database = work.database(size.users, size.jobs, size.actions)
    command = [sys.executable, "-m", "scoring.cli", "explain", "1", "1", "--db", str(database)]
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([*command, "--factor-cache", str(work.factors)], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return Times(tuple(seconds))
