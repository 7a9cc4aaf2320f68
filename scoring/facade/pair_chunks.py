"""All pairs of a request in chunks, so that memory does not grow with the number of users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.errors import RunCancelledError
from scoring.model import Inputs, ScoringModel
from scoring.plan import Plan
from scoring.ranking import Scorer
from scoring.threads.pool import available_cpus

__all__ = ["PAIRS_PER_CHUNK", "PairChunk", "estimate_working_bytes", "never_cancelled", "score_chunks"]

PAIRS_PER_CHUNK = 2_000_000
"""33 MB of scores and flags: large enough that passing chunks on and opening Parquet files takes little time."""

TILE = 16
"""Users that the kernel scores together. A chunk is a multiple, so that no tile is incomplete."""

MAX_WORKERS = 16
"""Limit of the chunks computed at the same time, which occupy most of the memory."""


def never_cancelled() -> bool:
    """Return False: the default of `cancelled`."""
    return False


@dataclass(frozen=True)
class PairChunk:
    """All jobs for c adjacent users: rows first … first + c - 1 of the request."""

    number: int  # from 0, in row order
    first: int
    user_id: NDArray[np.int64]  # (c,)
    job_id: NDArray[np.int64]  # (m,)
    scores: NDArray[np.float32]  # (4, c, m) in the order of `ranking.SCORES`
    eligible: NDArray[np.bool_]  # (c, m)


def score_chunks(
    inputs: Inputs,
    model: ScoringModel,
    take: Callable[[PairChunk], None],
    *,
    chunk_size: int,
    workers: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> None:
    """Score all pairs of the inputs. Call `take` with each chunk, from several threads, in any order.

    Parameters
    ----------
    chunk_size: Number of users planned at a time.
    workers: Number of threads (None: one for each available core).

    Raises
    ------
    RunCancelledError: If `cancelled` returns True.
    Exception: What `take` raises.
    """
    workers = _count_threads(workers)
    numbers = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="scoring-pairs") as pool:
        for start in range(0, len(inputs.users), chunk_size):
            rows = np.arange(start, min(start + chunk_size, len(inputs.users)))
            plan = Plan.build(model, inputs.take_users(rows))
            parts = list(_split_users(len(rows), len(inputs.jobs)))

            def work(number: int, part: slice, plan: Plan = plan, start: int = start, before: int = numbers) -> None:
                if cancelled():
                    raise RunCancelledError("The request was cancelled, so it has no result.")
                take(_score_chunk(plan, before + number, start, part))

            futures = [pool.submit(work, number, part) for number, part in enumerate(parts)]
            done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
            for future in waiting:
                future.cancel()
            for future in done:
                future.result()
            numbers += len(parts)


def estimate_working_bytes(n_users: int, n_jobs: int, chunk_size: int, workers: int | None = None) -> int:
    """Return the peak memory of `score_chunks` in bytes, without what `take` keeps."""
    planned = min(chunk_size, n_users)
    scored = min(_count_threads(workers) * max(PAIRS_PER_CHUNK, n_jobs), planned * n_jobs)
    return scored * (4 * 4 + 1) + 3_000 * planned + 700 * n_jobs + 10_000_000


def _count_threads(workers: int | None) -> int:
    return min(workers or available_cpus(), MAX_WORKERS)


def _split_users(n_users: int, n_jobs: int) -> Iterator[slice]:
    size = max(1, PAIRS_PER_CHUNK // max(n_jobs, 1))
    size -= size % TILE if size > TILE else 0  # whole tiles of the kernel
    for first in range(0, n_users, size):
        yield slice(first, min(first + size, n_users))


def _score_chunk(plan: Plan, number: int, start: int, part: slice) -> PairChunk:
    rows = np.arange(part.start, part.stop)
    return PairChunk(
        number=number,
        first=start + part.start,
        user_id=plan.user_id[rows],
        job_id=plan.job_id,
        scores=Scorer(plan, workers=1).all_pairs(rows),
        eligible=plan.exclusions.matrix(rows),
    )
