"""Rank the shards of a run in the workers of a Dask cluster. Only this process reads data and writes results."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from scoring.array_types import Longs
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranked_lists import SCORES, Ranking, StrategyChoice
from scoring.errors import ClusterError, pluralize
from scoring.optional_dependencies import require
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.runs.executors.cluster_events import (
    Admitted,
    Excluded,
    Failed,
    Finished,
    Lost,
    Message,
    Ranked,
    Unranked,
)
from scoring.runs.executors.cluster_session import ClusterSession, Limits, SharedBundle
from scoring.runs.executors.executor import ShardRanker
from scoring.runs.executors.local_executor import LocalExecutor
from scoring.runs.executors.part_queue import Part, PartQueue
from scoring.runs.executors.private_folder import PrivateFolder
from scoring.runs.shards import ShardResult, ShardTask, digest_lists
from scoring.runs.spec import DEFAULT_CHUNK_SIZE

__all__ = ["SAMPLE_USERS", "DaskExecutor", "share_bundle", "to_ranking"]

SAMPLE_USERS: Final = 64
"""Users whose lists each worker must reproduce before it ranks."""


class DaskExecutor:
    """Rank in the workers of a cluster.

    Each worker first reproduces the lists of `SAMPLE_USERS` users of this run. One user of each returned part is ranked
    here again. If the scheduler or all workers are lost, the rest is ranked in this process.

    Parameters
    ----------
    address: The address of the scheduler, `tls://HOST:PORT`, or `tcp://` on this machine.
    certificates: Folder of the certificates (`scoring cluster certificates`).
    chunk_size: Number of users at a time that this process ranks without the cluster.
    report: Called with each sentence for the user.
    limits: Times and sizes.
    """

    def __init__(
        self,
        address: str | ClusterAddress,
        *,
        certificates: Path | None = None,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
        report: Callable[[str], object] = lambda text: None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        run_name: str = "run",
    ) -> None:
        require("A cluster", "cluster", "distributed", "cryptography")
        self._address = address if isinstance(address, ClusterAddress) else ClusterAddress.parse(address)
        self._certificates, self._chunk_size, self._report = certificates, chunk_size, report
        self._limits, self._run_name = limits, run_name
        self.admitted: list[Admitted] = []
        self.excluded: list[Excluded] = []
        self.n_parts: dict[str, int] = {}
        """Name of a worker → the number of its parts that were used."""
        self.n_local_users = 0
        """Users that this process ranked because workers were lost."""

    def map(
        self,
        rank_shard: ShardRanker,
        tasks: Sequence[ShardTask],
        *,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> Generator[ShardResult, None, None]:
        """Yield the results in the order in which shards are complete.

        Raises
        ------
        ClusterError: If the cluster cannot begin, or a worker returns a wrong result. It names the worker.
        """
        if not tasks:
            return
        queue = PartQueue(tasks)
        with PrivateFolder("driver") as folder:
            shared = share_bundle(rank_shard, tasks, folder.path)
            session = ClusterSession(self._address, self._certificates, shared, queue, self._run_name, self._limits)
            try:
                reason = yield from self._receive(session, queue, rank_shard, progress, cancelled)
            finally:
                session.close()
        if reason is not None and not cancelled():
            yield from self._rank_rest(reason, queue, rank_shard, progress, cancelled)

    def _receive(
        self,
        session: ClusterSession,
        queue: PartQueue,
        rank_shard: ShardRanker,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> Generator[ShardResult, None, str | None]:
        """Yield shards as long as the cluster ranks. Return why it does not any more; None after the last shard."""
        bundle = rank_shard.bundle
        received: dict[int, tuple[bytes, str]] = {}  # part → digest of its lists, and the worker
        while not cancelled():
            event = session.next_event(0.1)
            if isinstance(event, Ranked):
                lists = to_ranking(event.result, event.part, bundle, rank_shard.list_width)
                if lists is None:
                    raise self._make_error(f"Worker {event.worker} returned lists that are damaged", event.worker)
                digest = digest_lists(lists)
                first = received.get(event.part.number)
                if first is not None:
                    if first[0] != digest:
                        raise self._make_error(
                            f"Workers {first[1]} and {event.worker} returned different lists of the same users",
                            event.worker,
                        )
                    continue
                self._check_user(lists, event.part, rank_shard, event.worker)
                received[event.part.number] = digest, event.worker
                self.n_parts[event.worker] = self.n_parts.get(event.worker, 0) + 1
                result = queue.add(event.part, lists)
                progress(event.part.n_users)
                if result is not None:
                    yield result
            elif isinstance(event, Unranked):
                self._report("Several workers were lost with the same users. This process ranks them.")
                lists = rank_shard.rank(event.part.rows, cancelled)
                if cancelled():
                    break
                self.n_local_users += event.part.n_users
                result = queue.add(event.part, lists)
                progress(event.part.n_users)
                if result is not None:
                    yield result
            elif isinstance(event, Admitted):
                self.admitted.append(event)
                self._report(
                    f"Worker {event.worker} was admitted: {pluralize(event.threads, 'thread')}, bundle sent in "
                    f"{event.transfer_seconds:.1f} s, kernels compiled in {event.compile_seconds:.1f} s."
                )
            elif isinstance(event, Excluded):
                self.excluded.append(event)
                self._report(f"warning: worker {event.worker} is excluded: {event.reason}.")
            elif isinstance(event, Message):
                self._report(event.text)
            elif isinstance(event, Failed):
                raise self._explain(event.error)
            elif isinstance(event, Lost):
                return event.reason
            elif isinstance(event, Finished):
                return None
        return None

    def _explain(self, error: Exception) -> Exception:
        """Return the error with the reasons why workers were excluded."""
        if isinstance(error, ClusterError) and error.reason == "no worker" and self.excluded:
            first = self.excluded[0]
            return ClusterError(
                f"{error} Worker {first.worker}: {first.reason}.",
                reason="no worker",
                address=error.address,
                worker=first.worker,
            )
        return error

    def _check_user(self, lists: Ranking, part: Part, rank_shard: ShardRanker, worker: str) -> None:
        """Rank one user of a part here, and compare."""
        place = random.randrange(part.n_users)
        here = rank_shard.rank(part.rows[place : place + 1])
        if digest_lists(here) != digest_lists(lists.take(np.array([place]))):
            raise self._make_error(f"Worker {worker} returned wrong lists", worker)

    def _make_error(self, what: str, worker: str) -> ClusterError:
        return ClusterError(
            f"{what}, so nothing was published. Stop this worker and check its machine, then start a new run without "
            "--resume.",
            reason="wrong result",
            address=str(self._address),
            worker=worker,
        )

    def _rank_rest(
        self,
        reason: str,
        queue: PartQueue,
        rank_shard: ShardRanker,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> Generator[ShardResult, None, None]:
        """Rank the shards that the cluster did not complete."""
        tasks, n_counted = queue.unfinished()
        n_users = sum(len(task.rows) for task in tasks)
        self._report(f"warning: {reason}. This process ranks the remaining {pluralize(n_users, 'user')}.")
        self.n_local_users += n_users

        def count_others(done: int) -> None:
            """Users whose parts were counted before are not counted again."""
            nonlocal n_counted
            again = min(done, n_counted)
            n_counted -= again
            if done > again:
                progress(done - again)

        yield from LocalExecutor(self._chunk_size).map(rank_shard, tasks, progress=count_others, cancelled=cancelled)


def share_bundle(rank_shard: ShardRanker, tasks: Sequence[ShardTask], folder: Path) -> SharedBundle:
    """Save the bundle for workers, and rank the users whose lists they must reproduce."""
    rows = np.concatenate([task.rows for task in tasks])
    sample = rows[np.linspace(0, len(rows) - 1, min(SAMPLE_USERS, len(rows))).astype(np.int64)]
    digest = rank_shard.bundle.save(folder / "run.bundle")
    began = time.process_time()  # of all threads: a worker may have one
    expected = digest_lists(rank_shard.rank(sample)).hex()
    seconds = time.process_time() - began
    return SharedBundle(
        folder / "run.bundle",
        digest,
        rank_shard.k,
        rank_shard.list_width,
        sample,
        expected,
        seconds,
        len(rows),
    )


def to_ranking(result: dict[str, Any], part: Part, bundle: Bundle, width: int) -> Ranking | None:
    """Return the lists in the result of a worker; None if they are not lists of these users."""
    rows: Longs = part.rows
    job_row, scores, count = (result.get(name) for name in ("job_row", "scores", "count"))
    expected = ((job_row, np.int32, (len(rows), width)), (scores, np.float32, (len(rows), width, len(SCORES))))
    for values, dtype, shape in (*expected, (count, np.int32, (len(rows),))):
        if not isinstance(values, np.ndarray) or values.dtype != dtype or values.shape != shape:
            return None
    assert isinstance(job_row, np.ndarray)
    assert isinstance(scores, np.ndarray)
    assert isinstance(count, np.ndarray)
    if len(rows) and (count.min() < 0 or count.max() > width):
        return None
    listed = np.arange(width) < count[:, None]
    if job_row.size and (job_row.max() >= len(bundle.job_id) or (job_row < 0)[listed].any()):
        return None
    row = np.where(listed, job_row, -1).astype(np.int64)
    job_id = bundle.job_id[row]
    job_id[row < 0] = -1  # row -1 is the last job's
    choice, n_scored = result.get("choice"), result.get("n_scored")
    if not isinstance(n_scored, int) or not (choice is None or len(choice) == 2):
        return None
    lists = Ranking(
        bundle.user_id[rows],
        job_id,
        row,
        scores,
        count,
        n_scored,
        None if choice is None else StrategyChoice(str(choice[0]), str(choice[1])),
    )
    return lists if digest_lists(lists).hex() == result.get("digest") else None
