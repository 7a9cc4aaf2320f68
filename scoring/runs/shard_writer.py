"""Commit the shards of a run to its publishers while the next shards are ranked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from scoring.bundle.ranked_lists import Ranking
from scoring.database.retry import give_up_if
from scoring.runs.publishers import OpenRun
from scoring.runs.shards import Shard, ShardResult

__all__ = ["ShardWriter"]


class ShardWriter:
    """Commit shards to open runs, one shard at a time, each thread-safe open run in its own thread.

    The database driver and the Parquet encoder release the interpreter lock most of the time, as the kernels do.
    """

    def __init__(self, open_runs: Sequence[OpenRun]) -> None:
        self._open_runs = open_runs
        self._stopped = threading.Event()
        self._waiting: list[Future[None]] = []
        # a run's parts and shards are written in order
        self._threads = [
            ThreadPoolExecutor(1, thread_name_prefix="scoring") if run.is_thread_safe else None for run in open_runs
        ]
        self._parts: list[list[Future[None]]] = [[] for _ in open_runs]

    def write_part(self, shard: Shard, lists: Ranking) -> None:
        """Begin to write the next lists of a shard that is not complete yet, to the runs that have a thread."""
        for run, thread, parts in zip(self._open_runs, self._threads, self._parts, strict=True):
            if thread is not None and shard.number not in run.committed:
                parts.append(thread.submit(self._write_in_thread, run, shard, lists))

    def commit(self, result: ShardResult) -> None:
        """Wait until the previous shard is committed, then begin to commit this one.

        Raises
        ------
        OutputError, DatabaseError: If the previous shard could not be written.
        """
        self.wait()
        direct = []
        for place, (run, thread) in enumerate(zip(self._open_runs, self._threads, strict=True)):
            if result.shard.number in run.committed:
                continue
            if thread is None:
                direct.append(run)
                continue
            parts, self._parts[place] = self._parts[place], []
            self._waiting.append(thread.submit(self._commit_in_thread, run, result, parts))
        for run in direct:
            run.commit_shard(result)

    def wait(self) -> None:
        """Wait until every shard is committed.

        Raises
        ------
        OutputError, DatabaseError: If a shard could not be written.
        """
        for future in self._waiting:
            future.result()
        self._waiting.clear()

    def close(self) -> None:
        """End the threads. A shard that is being written is completed, or fails at the next error of its database."""
        self._stopped.set()
        for thread in self._threads:
            if thread is not None:
                thread.shutdown(wait=True, cancel_futures=True)

    def _write_in_thread(self, run: OpenRun, shard: Shard, lists: Ranking) -> None:
        with give_up_if(self._stopped):
            run.write_part(shard, lists)

    def _commit_in_thread(self, run: OpenRun, result: ShardResult, parts: Sequence[Future[None]]) -> None:
        for part in parts:
            part.result()  # raises the error of a part that could not be written
        with give_up_if(self._stopped):
            run.commit_shard(result)
