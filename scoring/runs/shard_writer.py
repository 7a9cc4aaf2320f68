"""Commit the shards of a run to its publishers while the next shards are ranked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from scoring.database.retry import give_up_if
from scoring.runs.publishers import OpenRun
from scoring.runs.shards import ShardResult

__all__ = ["ShardWriter"]


class ShardWriter:
    """Commit shards to open runs, one shard at a time, each thread-safe open run in its own thread.

    The database driver and the Parquet encoder release the interpreter lock most of the time, as the kernels do.
    """

    def __init__(self, open_runs: Sequence[OpenRun]) -> None:
        self._open_runs = open_runs
        self._stopped = threading.Event()
        self._waiting: list[Future[None]] = []
        n_threads = sum(run.is_thread_safe for run in open_runs)
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="scoring") if n_threads else None

    def commit(self, result: ShardResult) -> None:
        """Wait until the previous shard is committed, then begin to commit this one.

        Raises
        ------
        OutputError, DatabaseError: If the previous shard could not be written.
        """
        self.wait()
        missing = [run for run in self._open_runs if result.shard.number not in run.committed]
        for run in missing:
            if self._pool is not None and run.is_thread_safe:
                self._waiting.append(self._pool.submit(self._commit_in_thread, run, result))
        for run in missing:
            if not run.is_thread_safe:
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
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _commit_in_thread(self, run: OpenRun, result: ShardResult) -> None:
        with give_up_if(self._stopped):
            run.commit_shard(result)
