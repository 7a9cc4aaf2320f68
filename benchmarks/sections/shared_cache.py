"""Engines that share values through a server on this machine: gains, hits beside a writer, and a dead server."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import secrets
import shutil
import signal
import statistics as numbers
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.engine_calls import K
from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, at_least, at_most
from benchmarks.workspace import Size, Workspace
from scoring.caching import CacheKey, MemoryStore, RedisStore, SharedCache
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.database.writers import write_frame
from scoring.facade import ScoringEngine
from scoring.profiling.shared_cache_times import start_local_server
from scoring.statistics.factors import Factors

VALUES: Final = ("factors", "similarity", "company")
N_PROCESSES: Final = 8
COMPUTATION_SECONDS: Final = 0.1
ACTIONS_PER_SECOND: Final = 5.0


def measure(size: Size, work: Workspace) -> Section:
    logging.getLogger("scoring.shared_cache").setLevel(logging.CRITICAL)
    n_users, n_jobs, n_actions = size.users, max(1, size.jobs // 5), 50 * size.users
    database = work.database(n_users, n_jobs, n_actions)
    small = work.database(max(50, size.users // 10), max(100, size.jobs // 50), 5 * size.users)
    with start_local_server() as url:
        print_progress("first answers of two engines")
        figures = _measure_first_answers(url, database, size.repeats)
        print_progress("eight processes that miss a value at once")
        figures.append(_measure_computations(url, 20 if size.quick else 200))
        print_progress("two engines beside a writer")
        figures.append(_measure_hits(url, small, work.folder / "written.db", 15.0 if size.quick else 60.0))
        print_progress("a server that does not answer")
        figures += _measure_dead_server(url, 10 if size.quick else 50)
    return Section(
        name="shared_cache",
        title="Shared cache",
        size=f"{n_users:,} users × {n_jobs:,} jobs, {n_actions:,} actions, `standard`, a Valkey server on this machine",
        figures=figures,
    )


def _options(url: str, namespace: str, basis_seconds: float = 60.0) -> SharedCache:
    return SharedCache(url, namespace, basis_seconds, _SECRETS)


_SECRETS: Final = (secrets.token_bytes(32),)


def _measure_first_answers(url: str, database: Path, repeats: int) -> list[Figure]:
    training: list[float] = []
    train = Factors.of

    def time_training(*arguments: Any, **settings: Any) -> Factors:
        began = time.perf_counter()
        factors = train(*arguments, **settings)
        training.append(time.perf_counter() - began)
        return factors

    def answer(options: SharedCache) -> float:
        began = time.perf_counter()
        with ScoringEngine(database, "standard", keep_factors=False, shared_cache=options) as engine:
            asyncio.run(engine.calculate_scores_for_all_users(top_k=K))
            return time.perf_counter() - began

    Factors.of = time_training  # type: ignore[method-assign]
    try:
        answer(_options(url, "warm"))
        rows = []
        for number in range(repeats):
            options = _options(url, f"first{number}")
            training.clear()
            first, second = answer(options), answer(options)
            rows.append((first, second, training[0], len(training)))
    finally:
        Factors.of = train  # type: ignore[method-assign]
    saved = numbers.median((first - second) / trained for first, second, trained, _ in rows)
    first, second, trained, _ = (numbers.median(column) for column in zip(*rows, strict=True))
    return [
        Figure("first answer of the first engine, with loading", first, "s", note=f"training takes {trained:.3g} s"),
        Figure("first answer of the second engine", second, "s"),
        Figure("time saved by the second engine", saved, "× the training", at_least(0.9), f"median of {repeats}"),
        Figure("trainings of the second engine", max(row[3] for row in rows) - 1, "", at_most(0)),
    ]


@dataclass(frozen=True)
class _NumberKey(CacheKey):
    cache: ClassVar[str] = "factors"
    number: int


class _ArrayCodec:
    def encode(self, value: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        return {"value": value}

    def decode(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return arrays["value"]


def _open_store(options: SharedCache) -> RedisStore:
    return RedisStore(options, {"factors": _ArrayCodec()})


def _count_computations(pipe: Connection, options: SharedCache) -> None:
    """For each number received, request a value; send how often it was computed here."""
    store, computed = _open_store(options), [0]

    def compute() -> NDArray[Any]:
        computed[0] += 1
        time.sleep(COMPUTATION_SECONDS)
        return np.zeros(100)

    pipe.send(None)
    while (number := pipe.recv()) is not None:
        computed[0] = 0
        store.get_or_compute(_NumberKey(number), compute)
        pipe.send(computed[0])


def _measure_computations(url: str, attempts: int) -> Figure:
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(N_PROCESSES):
        pipe, other = context.Pipe()
        processes.append(context.Process(target=_count_computations, args=(other, _options(url, "computations"))))
        processes[-1].start()
        pipes.append(pipe)
    for pipe in pipes:
        pipe.recv()
    once = 0
    for number in range(attempts):
        for pipe in pipes:
            pipe.send(number)
        once += sum(pipe.recv() for pipe in pipes) == 1
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(None)
        process.join()
    return Figure(
        f"{N_PROCESSES} processes miss a value at once: computed once",
        100 * once / attempts,
        "% of the attempts",
        at_least(99),
        f"{attempts} attempts",
    )


def _measure_hits(url: str, source: Path, path: Path, seconds: float) -> Figure:
    """Two engines check the database every second, half a second apart, with a new basis every five seconds."""
    shutil.copy(source, path)
    options, ends = _options(url, "writer", basis_seconds=5.0), threading.Event()
    writer = threading.Thread(target=_write_actions, args=(path, ends))
    writer.start()
    loads = 0
    settings: dict[str, Any] = {"keep_factors": False, "change_check_seconds": 0, "shared_cache": options}
    with ScoringEngine(path, "standard", **settings) as first, ScoringEngine(path, "standard", **settings) as second:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for engine in (first, second):
                asyncio.run(engine.calculate_scores_for_all_users(top_k=1, user_limit=1))
                time.sleep(0.5)
            loads += 1
        ends.set()
        writer.join()
        stats = [engine.shared_cache_stats() for engine in (first, second)]
    counts = [found.caches[name] for found in stats if found is not None for name in VALUES]
    path.unlink()
    hits, computed = sum(count.hits for count in counts), sum(count.misses + count.skipped for count in counts)
    n_values = _count_values(url, options.namespace)  # each has to be computed once
    requests = hits + computed - n_values
    note = f"{hits} of {requests} in {seconds:.0f} s; {n_values} values; {loads} loads of each of two engines"
    name = f"with {ACTIONS_PER_SECOND:.0f} actions a second, requests for values of another engine served by the server"
    return Figure(name, 100 * hits / requests, "%", at_least(90), note)


def _count_values(url: str, namespace: str) -> int:
    import redis

    with redis.Redis.from_url(url, protocol=2) as client:
        return sum(key.count(b":") == 4 and not key.endswith(b":lock") for key in client.keys(f"scoring:{namespace}:*"))


def _write_actions(path: Path, ends: threading.Event) -> None:
    with Database.open(path) as database:
        tables = load_tables(database)
        types = tables.actions.dtypes.to_dict()
        at, number = tables.actions["occurred_at"].max(), 0
        while not ends.wait(1 / ACTIONS_PER_SECOND):
            number += 1
            row = {
                "user_id": tables.users["user_id"][number % 50],
                "job_id": tables.jobs["job_id"][number % 49],
                "action": "view",
                "occurred_at": at + timedelta(seconds=number / ACTIONS_PER_SECOND),
            }
            with database.begin() as connection:
                write_frame(connection, "actions", pd.DataFrame([row])[list(types)].astype(types))


def _measure_dead_server(url: str, repeats: int) -> list[Figure]:
    """Stop the server's process. Each repetition has a store of its own, so that its first request waits."""
    process = _read_process_id(url)
    stores = [_open_store(_options(url, f"dead{number}")) for number in range(repeats)]
    for number, store in enumerate(stores):
        store.get_or_compute(_NumberKey(-1 - number), lambda: np.zeros(1))  # opens a connection
    first, later = list[float](), list[float]()
    os.kill(process, signal.SIGSTOP)
    try:
        for store in stores:
            first.append(_time_request(store.get_or_compute, 0))
            later += [_time_request(store.get_or_compute, number) for number in range(1, 50)]
    finally:
        os.kill(process, signal.SIGCONT)
    memory = MemoryStore[CacheKey](10**8)
    usual = numbers.median(_time_request(memory.get_or_compute, number) for number in range(50 * repeats))
    name = "a stopped server: {} is slower by"
    return [
        Figure(name.format("the first request"), 1000 * (numbers.median(first) - usual), "ms", at_most(25), "median"),
        Figure(name.format("a later request"), 1000 * (numbers.median(later) - usual), "ms", at_most(0.1), "median"),
    ]


def _time_request(request: Callable[[Any, Callable[[], Any]], Any], number: int) -> float:
    began = time.perf_counter()
    request(_NumberKey(number), lambda: np.zeros(1))
    return time.perf_counter() - began


def _read_process_id(url: str) -> int:
    import redis

    with redis.Redis.from_url(url, protocol=2) as client:
        return int(client.info("server")["process_id"])
