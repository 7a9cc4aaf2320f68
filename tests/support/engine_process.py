"""A process with an engine over a shared cache. It loads states of a database, and answers, on command."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import pandas as pd

from scoring.caching import EngineCaches, RedisStore, SharedCache, circuit_breaker, redis_store
from scoring.database.database import Database
from scoring.database.validated_reader import read_accepted
from scoring.dataset import Dataset
from scoring.facade import ScoringEngine, batch_methods
from scoring.facade.shared_lists import ListsCodec
from scoring.statistics.shared_basis import CODECS

__all__ = ["BASIS_SECONDS", "States", "answer", "make_engine", "serve"]

BASIS_SECONDS: Final = 10.0
CHUNK: Final = 3
LENGTHS: Final = {"lists": 5, "short lists": 2, "pairs": None}
"""Kind of a question → `top_k`."""


class States:
    """The states of a database, each a SQLite file, loaded on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._loaded = folder, dict[int, Dataset]()

    def load(self, number: int) -> Dataset:
        if number not in self._loaded:
            with Database.open(f"sqlite:///{self._folder / f'{number}.db'}") as database:
                found = read_accepted(database, as_of=None)
            self._loaded[number] = Dataset(found.tables, ledger=found.ledger)
        return self._loaded[number]


def make_engine(dataset: Dataset, caches: EngineCaches) -> ScoringEngine:
    return ScoringEngine(dataset, "standard", keep_factors=False, max_workers=1, chunk_size=CHUNK, caches=caches)


def answer(run: Callable[[Any], Any], engine: ScoringEngine, kind: str) -> str:
    """Return a digest of all values of an answer."""
    frame = run(engine.calculate_scores_for_all_users(top_k=LENGTHS[kind]))
    assert isinstance(frame, pd.DataFrame)
    digest = hashlib.sha256(str(dict(frame.dtypes)).encode())
    for name in frame:
        digest.update(frame[name].to_numpy().tobytes())
    return digest.hexdigest()


def serve(pipe: Connection, options: SharedCache, folder: Path) -> None:
    """Execute commands until the pipe is closed.

    Locks and open times are short, so that a sequence of killed processes and servers takes little time.
    """
    logging.disable(logging.CRITICAL)
    redis_store.LOCK_MS, redis_store.HEARTBEAT_SECONDS = 300, 0.1  # type: ignore[misc]
    circuit_breaker.OPEN_SECONDS, circuit_breaker.TIMEOUT_OPEN_SECONDS = 0.02, 0.02  # type: ignore[misc]
    batch_methods.MIN_SHARED_USERS = 1  # type: ignore[misc, attr-defined]
    states, loop = States(folder), asyncio.new_event_loop()
    store: RedisStore | None = None
    caches, engine = EngineCaches(), None
    while True:
        try:
            command, value = pipe.recv()
        except EOFError:
            return
        if command == "start":
            store = RedisStore(options, CODECS | {"lists": ListsCodec()})
            caches, engine = EngineCaches(store=store, basis_seconds=BASIS_SECONDS), None
        elif command == "load":
            engine = make_engine(states.load(value), caches)
        elif command == "answer":
            assert engine is not None
            pipe.send(answer(loop.run_until_complete, engine, value))
        elif command == "stop":  # the engine is closed: its counts are sent
            assert store is not None
            pipe.send(store.shared_stats.as_dict()["caches"])
            store.close()
