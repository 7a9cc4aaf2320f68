"""The k best jobs of each user: the device proposes jobs, and the host decides with canonical scores.

For a batch of users, the device computes the scores of all jobs in float32, and the best job of each of many buckets of
jobs. From canonical scores of these jobs, the host computes the last score of a legal list, and from it a threshold.
The device then proposes every job whose score is not below the threshold, and the host ranks them. The result is exact:
the threshold is lower than any score that the device can compute for a job of the list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Self

import numpy as np

from scoring.array_types import Bools, Ints, Longs, Singles, UInt8s
from scoring.backends.cuda import kernels
from scoring.backends.cuda.device import Device, DeviceError, DeviceFullError, WrongResultError
from scoring.backends.cuda.device_columns import DeviceColumns
from scoring.backends.numba import proposed_topk
from scoring.backends.numba.proposed_topk import UserRows
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.strategies import Selection, TopKBuffers, count_users_per_batch, make_no_seeds
from scoring.backends.numba.user_state import UserState, new_user_state
from scoring.errors import pluralize
from scoring.threads.pool import limit_blas_threads, run_in_threads

__all__ = ["ProposedRanking"]

_CHECKED_SHARE, _LEAST_CHECKED = 0.01, 300
"""Users whose lists are computed again without the device: this share of all, and at least this number."""
_FREE_SHARE = 0.8
"""Share of the free memory of the device that a batch uses."""
_MAX_BATCH, _MAX_ROW_BYTES = 4096, 1 << 28
"""Users of a batch, and bytes of their rows in the memory of the host."""


@dataclass
class Tally:
    """What happened in the rankings of one bundle."""

    listed: int = 0
    """Users whose lists contain the best of the proposed jobs."""
    checked: int = 0
    """Users whose lists were computed again without the device."""
    overflowed: int = 0
    """Users whose proposals did not fit."""
    without_list: int = 0
    """Users for whom the first step found no list of k jobs."""
    proposed: int = 0
    failure: str | None = None
    """Why the device is not used any more; None: it is used."""


def count_buckets(k: int, n_jobs: int) -> int:
    """Return the number of buckets: enough that most of the k best jobs are in different buckets."""
    return min(max(1024, 8 * k), n_jobs)


class ProposedRanking:
    """Rankings of one search index with a device.

    Parameters
    ----------
    selection: The kernels of the host on the search index.
    device: The card.
    workers: Number of threads of the host.
    """

    def __init__(self, selection: Selection, device: Device, workers: int) -> None:
        self.selection, self.device, self.workers = selection, device, workers
        self.tally = Tally()

    @cached_property
    def _columns(self) -> DeviceColumns:
        return DeviceColumns.of(self.device, self.selection.program, self.selection.index, self.selection.limits)

    @cached_property
    def _row_start(self) -> Ints:
        """First column of each key in a user's row, and the number of columns."""
        return np.concatenate([[0], np.cumsum(self.selection.index.key_width)]).astype(np.int32)

    def fill(
        self,
        users: Longs,
        found: TopKBuffers,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Fill the lists of all users. If the device fails, the host ranks the remaining users.

        Raises
        ------
        WrongResultError: If the device returned a wrong result.
        """
        at, size = 0, _MAX_BATCH
        while at < len(users) and not cancelled():
            places = np.arange(at, min(at + size, len(users)))
            if self.tally.failure is not None:
                self._rank_on_host(users, places, found, cancelled)
            else:
                try:
                    size = min(size, self._count_users_per_batch(found.row.shape[1]))
                    places = places[:size]
                    self._fill_batch(users, places, found, cancelled)
                except DeviceFullError:
                    size = len(places) // 2
                    if size == 0:
                        self.tally.failure, size = "its memory is too small", _MAX_BATCH
                    continue
                except DeviceError as error:
                    self.tally.failure = str(error).rstrip(".")
                    continue
            if cancelled():
                return
            at += len(places)
            progress(len(places))

    def describe(self) -> str:
        """Return what the device did, as text."""
        tally = self.tally
        parts = [f"{self.device.name} proposed {tally.proposed / max(tally.listed, 1):,.0f} jobs per user"]
        parts.append(f"{pluralize(tally.checked, 'list')} of them computed again on the host, all equal")
        if tally.overflowed:
            parts.append(f"{pluralize(tally.overflowed, 'user')} with too many proposals ranked on the host")
        if tally.without_list:
            parts.append(f"{pluralize(tally.without_list, 'user')} without a full list ranked on the host")
        if tally.failure is not None:
            parts.append(f"the host ranked the rest, because of the device: {tally.failure}")
        return "; ".join(parts)

    def _count_users_per_batch(self, k: int) -> int:
        """Return how many users fit into the free memory of the device.

        Raises
        ------
        DeviceFullError: If the columns of the jobs leave no space for one user.
        """
        columns, selection = self._columns, self.selection
        del columns  # they are on the device now
        m, d = selection.index.vector.shape
        n_bytes = 4 * (m + int(self._row_start[-1]) + d) + 8 * count_buckets(k, m) + 4 * _capacity(k) + 1024
        n_bytes += selection.limits.hidden.shape[1] if len(selection.limits.hidden) else 0
        fitting = _FREE_SHARE * self.device.count_free_bytes() / n_bytes
        if fitting < 1:
            raise DeviceFullError("The memory of the device is full.")
        return int(min(fitting, _MAX_BATCH, max(1, _MAX_ROW_BYTES // (4 * max(1, int(self._row_start[-1]))))))

    def _fill_batch(self, users: Longs, places: Longs, found: TopKBuffers, cancelled: Callable[[], bool]) -> None:
        """Fill the lists of users[places]."""
        device, k = self.device, found.row.shape[1]
        scores = self._compute_scores(users, places, cancelled)
        n, m = len(places), self.selection.n_jobs
        n_buckets = count_buckets(k, m)
        best, best_job = device.allocate((n, n_buckets), np.float32), device.allocate((n, n_buckets), np.int32)
        device.start(kernels.find_best, (device.count_blocks(n_buckets), n), scores, best, best_job)
        thresholds = self._find_thresholds(
            users, places, device.download(best_job), device.download(best), k, cancelled
        )
        proposed, count = self._propose(scores, thresholds, _capacity(k))
        if cancelled():
            return
        listed = np.isfinite(thresholds) & (count <= proposed.shape[1])
        self._list_proposed(users, places[listed], proposed[listed], count[listed], found, cancelled)
        self._rank_on_host(users, places[~listed], found, cancelled)
        if cancelled():
            return
        self.tally.listed += int(listed.sum())
        self.tally.proposed += int(count[listed].sum())
        self.tally.without_list += int((thresholds == np.inf).sum())
        self.tally.overflowed += n - int(listed.sum()) - int((thresholds == np.inf).sum())
        self._check(users, places[listed], found)

    def _compute_scores(self, users: Longs, places: Longs, cancelled: Callable[[], bool]) -> Any:
        """Return the (n, m) float32 scores of these users, on the device."""
        device, columns, limits = self.device, self._columns, self.selection.limits
        rows, is_key_used = self._fold(users, places, cancelled)
        hidden = limits.hidden[users[places]] if len(limits.hidden) else limits.hidden
        scores = device.allocate((len(places), self.selection.n_jobs), np.float32)
        grid = device.count_blocks(self.selection.n_jobs), -(-len(places) // kernels.GROUP)
        device.start(
            kernels.score_pairs,
            grid,
            columns.job_score,
            columns.job_code,
            device.upload(np.flatnonzero(is_key_used).astype(np.int32)),
            columns.row_start,
            device.upload(rows.row),
            columns.number_rank,
            columns.step_number,
            device.upload(rows.step_low),
            device.upload(rows.step_high),
            device.upload(rows.step_gain),
            columns.dot_job_has,
            device.upload(rows.dot_base),
            device.upload(rows.dot_otherwise),
            columns.job_vector,
            device.upload(rows.vector),
            columns.job_class,
            device.upload(limits.user_class.T[users[places]].astype(np.int32)),
            columns.class_start,
            columns.class_width,
            columns.class_allowed,
            device.upload(hidden),
            scores,
        )
        return scores

    def _fold(self, users: Longs, places: Longs, cancelled: Callable[[], bool]) -> tuple[UserRows, Bools]:
        """Return the folded users, and the keys whose row is not 0 for a user."""
        program, index = self.selection.program, self.selection.index
        n, n_steps, n_dots = len(places), len(program.interval_number), len(program.dot_scale)
        rows = UserRows(
            row=np.zeros((n, int(self._row_start[-1])), np.float32),
            step_low=np.zeros((n, n_steps), np.int32),
            step_high=np.zeros((n, n_steps), np.int32),
            step_gain=np.zeros((n, n_steps), np.float32),
            dot_base=np.zeros((n, n_dots), np.float32),
            dot_otherwise=np.zeros((n, n_dots), np.float32),
            vector=np.zeros((n, index.vector.shape[1]), np.float32),
        )
        is_key_used = np.zeros(len(index.key_width), np.bool_)  # threads set elements to the same value

        def work(memory: HostMemory, part: slice, stop: Longs) -> None:
            of_part = rows.take(part)
            proposed_topk.fill_rows(
                program, index, memory.state, users, places[part], self._row_start, of_part, is_key_used, stop
            )

        self._in_threads(work, n, 1, cancelled)
        return rows, is_key_used

    def _find_thresholds(
        self, users: Longs, places: Longs, best_job: Ints, best: Singles, k: int, cancelled: Callable[[], bool]
    ) -> Singles:
        """Return the (n,) scores of the device below which it need not propose a job; see `find_thresholds`."""
        selection = self.selection
        thresholds = np.full(len(places), np.inf, np.float32)

        def work(memory: HostMemory, part: slice, stop: Longs) -> None:
            proposed_topk.find_thresholds(
                selection.program, selection.index, selection.limits, memory.state, memory.scratch, memory.excluded,
                users, places[part], best_job[part], best[part], thresholds[part], stop,
            )  # fmt: skip

        self._in_threads(work, len(places), k, cancelled)
        return thresholds

    def _propose(self, scores: Any, thresholds: Singles, capacity: int) -> tuple[Ints, Ints]:
        """Return (n, capacity) positions of proposed jobs and their number, which may exceed the capacity.

        Raises
        ------
        WrongResultError: If a second count gives another number.
        """
        device, (n, m) = self.device, scores.shape
        on_device, proposed = device.upload(thresholds), device.allocate((n, capacity), np.int32)
        count, counted = device.upload(np.zeros(n, np.int32)), device.allocate((n,), np.int32)
        device.start(kernels.append_proposals, (device.count_blocks(m), n), scores, on_device, proposed, count)
        device.start(kernels.count_proposals, (1, n), scores, on_device, counted)
        appended, second = device.download(count), device.download(counted)
        wrong = np.flatnonzero(appended != second)
        if len(wrong):
            raise WrongResultError(
                f"The device appended {appended[wrong[0]]:,} jobs for a user and counted {second[wrong[0]]:,}. Rank "
                "without the strategy gpu, and check the device."
            )
        return device.download(proposed), appended

    def _list_proposed(
        self,
        users: Longs,
        places: Longs,
        proposed: Ints,
        count: Ints,
        found: TopKBuffers,
        cancelled: Callable[[], bool],
    ) -> None:
        selection = self.selection
        results = np.zeros(len(places), np.uint8)

        def work(memory: HostMemory, part: slice, stop: Longs) -> None:
            proposed_topk.list_proposed(
                selection.program, selection.index, selection.limits, memory.state, memory.scratch, memory.excluded,
                memory.seen, users, places[part], proposed[part], count[part], found.row, found.scores, found.count,
                results[part], stop,
            )  # fmt: skip

        self._in_threads(work, len(places), found.row.shape[1], cancelled)
        wrong = np.flatnonzero(results != proposed_topk.PROPOSED)
        if len(wrong):
            raise WrongResultError(
                f"The device proposed {_FAULTS[int(results[wrong[0]])]} for the user in row {users[places[wrong[0]]]}. "
                "Rank without the strategy gpu, and check the device."
            )

    def _rank_on_host(self, users: Longs, places: Longs, found: TopKBuffers, cancelled: Callable[[], bool]) -> None:
        seeds, stop = make_no_seeds(len(users)), np.zeros(1, dtype=np.int64)

        def work(part: slice) -> int:
            self.selection.run(strategy, users, seeds, found, places[part], stop)
            return part.stop - part.start

        # matrix products in kernels require SciPy, which a machine that only ranks bundles may not have
        strategy = "dense" if find_spec("scipy") is not None else "pruned"
        with limit_blas_threads() if strategy == "dense" else nullcontext():
            run_in_threads(work, len(places), self.workers, stop, cancelled, tile=count_users_per_batch(strategy))

    def _check(self, users: Longs, places: Longs, found: TopKBuffers) -> None:
        """Compute some of the lists again on the host.

        Raises
        ------
        WrongResultError: If a list differs.
        """
        wanted = max(_LEAST_CHECKED, math.ceil(_CHECKED_SHARE * self.tally.listed)) - self.tally.checked
        if wanted <= 0 or not len(places):
            return
        chosen = places[np.unique(np.linspace(0, len(places) - 1, min(wanted, len(places))).astype(np.int64))]
        again = TopKBuffers.empty(len(users), found.row.shape[1])
        self._rank_on_host(users, chosen, again, lambda: False)
        for ours, theirs in ((again.count, found.count), (again.row, found.row), (again.scores, found.scores)):
            if not np.array_equal(ours[chosen], theirs[chosen]):
                raise WrongResultError(
                    "A list of the device differs from the list of the host. Rank without the strategy gpu, and check "
                    "the device."
                )
        self.tally.checked += len(chosen)

    def _in_threads(
        self, work: Callable[[HostMemory, slice, Longs], None], n: int, k: int, cancelled: Callable[[], bool]
    ) -> None:
        """Run a kernel of the host over slices of the users. Each thread has its own memory."""
        stop = np.zeros(1, dtype=np.int64)

        def run(part: slice) -> int:
            work(HostMemory.of(self.selection, k), part, stop)
            return part.stop - part.start

        run_in_threads(run, n, self.workers, stop, cancelled)


@dataclass(frozen=True)
class HostMemory:
    """Memory of a thread of the host."""

    state: UserState
    scratch: Scratch
    excluded: UInt8s  # (m / 8,) bits
    seen: UInt8s

    @classmethod
    def of(cls, selection: Selection, k: int) -> Self:
        """Return memory for lists of k jobs."""
        n_bytes = (selection.n_jobs + 7) // 8
        program, index = selection.program, selection.index
        return cls(
            new_user_state(program, index),
            new_scratch(program, index, k),
            np.zeros(n_bytes, np.uint8),
            np.zeros(n_bytes, np.uint8),
        )


_FAULTS = {
    proposed_topk.UNKNOWN: "a job that does not exist",
    proposed_topk.REPEATED: "a job twice",
    proposed_topk.TOO_FEW: "fewer jobs than the list has",
}


def _capacity(k: int) -> int:
    """Return the number of proposals of a user that fit."""
    return 4 * k + 256
