"""Every pair of a request, a piece at a time: memory does not grow with the number of users."""

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

__all__ = ["PAIRS_PER_PIECE", "Piece", "each_piece", "never", "working_bytes"]

PAIRS_PER_PIECE = 2_000_000
"""Large enough that hand-over costs nothing and a Parquet file is worth opening; 33 MB of scores and flags."""

TILE = 16
"""Users whom the kernel takes together: a piece of whole tiles wastes none."""

MOST_WORKERS = 16
"""Pieces in flight at most: they are what memory goes into."""


def never() -> bool:
    """Whether to stop, where nobody may ask to."""
    return False


@dataclass(frozen=True)
class Piece:
    """All jobs for a few neighbouring users, c of them: rows first … first + c - 1 of the request."""

    number: int  # from 0, in the order of rows
    first: int
    user_id: NDArray[np.int64]  # (c,)
    job_id: NDArray[np.int64]  # (m,)
    scores: NDArray[np.float32]  # (4, c, m) in the order of `engine.SCORES`
    eligible: NDArray[np.bool_]  # (c, m)


def each_piece(
    inputs: Inputs,
    model: ScoringModel,
    take: Callable[[Piece], None],
    *,
    chunk_size: int,
    workers: int | None = None,
    cancelled: Callable[[], bool] = never,
) -> None:
    """Scores all pairs of the inputs and calls `take` with each piece, from several threads, in no order.

    Users are planned `chunk_size` at a time. Raises RunCancelledError where `cancelled` says so, and whatever
    `take` raises.
    """
    workers = _threads(workers)
    numbers = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="scoring-pairs") as pool:
        for start in range(0, len(inputs.users), chunk_size):
            rows = np.arange(start, min(start + chunk_size, len(inputs.users)))
            plan = Plan.build(model, inputs.take_users(rows))
            parts = list(_parts(len(rows), len(inputs.jobs)))

            def work(number: int, part: slice, plan: Plan = plan, start: int = start, before: int = numbers) -> None:
                if cancelled():
                    raise RunCancelledError("The request was stopped before its end. Nothing is published.")
                take(_piece(plan, before + number, start, part))

            futures = [pool.submit(work, number, part) for number, part in enumerate(parts)]
            done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
            for future in waiting:
                future.cancel()
            for future in done:
                future.result()
            numbers += len(parts)


def working_bytes(n_users: int, n_jobs: int, chunk_size: int, workers: int | None = None) -> int:
    """Bytes that `each_piece` holds at its peak, beside what `take` keeps: the pieces in flight, a chunk's plan."""
    chunk = min(chunk_size, n_users)
    pieces = min(_threads(workers) * max(PAIRS_PER_PIECE, n_jobs), chunk * n_jobs)
    return pieces * (4 * 4 + 1) + 3_000 * chunk + 700 * n_jobs + 10_000_000


def _threads(workers: int | None) -> int:
    return min(workers or available_cpus(), MOST_WORKERS)


def _parts(n_users: int, n_jobs: int) -> Iterator[slice]:
    size = max(1, PAIRS_PER_PIECE // max(n_jobs, 1))
    size -= size % TILE if size > TILE else 0  # whole tiles of the kernel
    for first in range(0, n_users, size):
        yield slice(first, min(first + size, n_users))


def _piece(plan: Plan, number: int, start: int, part: slice) -> Piece:
    rows = np.arange(part.start, part.stop)
    return Piece(
        number=number,
        first=start + part.start,
        user_id=plan.user_id[rows],
        job_id=plan.job_id,
        scores=Scorer(plan, workers=1).all_pairs(rows),
        eligible=plan.exclusions.matrix(rows),
    )
