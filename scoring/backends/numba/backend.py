"""Compiled kernels as a backend."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length, check_row_numbers, check_workers
from scoring.array_types import Floats, Ints, Longs, Singles
from scoring.backends import reference
from scoring.backends.numba import pair_blocks
from scoring.backends.numba.full_scan_topk import select_best
from scoring.backends.numba.strategies import (
    FEWEST_FOR_DENSE,
    MIN_USERS,
    STRATEGIES,
    Selection,
    Strategy,
    TopKBuffers,
    count_users_per_batch,
    make_no_seeds,
)
from scoring.backends.numba.top_list import SHORT
from scoring.bundle.bundle import Bundle
from scoring.bundle.program import Program
from scoring.bundle.ranked_lists import SCORES, Ranking, StrategyChoice
from scoring.bundle.terms.pair_term import find_pair_components
from scoring.errors import ConfigurationError
from scoring.id_index import IdIndex
from scoring.threads.pool import available_cpus, limit_blas_threads, limit_threads, run_in_threads
from scoring.threads.reusable_threads import start_work

if TYPE_CHECKING:
    from scoring.backends.cuda.device_strategy import DeviceStrategy
    from scoring.backends.numba.evaluated_topk import EvaluatedRanking
    from scoring.backends.numba.list_walk import ListWalk

__all__ = ["NumbaBackend"]

_PAIRS_SCANNED_AT_ONCE = 2_000_000
"""Pairs whose scores are in memory at a time: 32 MB."""
_MIN_JOBS_PER_THREAD = 20_000
"""Fewer jobs of a user are scored in one thread."""
_MAX_KEPT_SCORES = 2_000_000
"""Scores for which a thread keeps memory: 8 MB."""


class _Scratch(threading.local):
    """Memory of this thread for the scores of a scan. The pages of new memory take as long as a third of the scan."""

    scores: Singles = np.empty(0, dtype=np.float32)

    def get_scores(self, n_users: int, n_jobs: int) -> Singles:
        """Return (4, n_users, n_jobs) float32, which is valid until the next call in this thread."""
        shape, size = (len(SCORES), n_users, n_jobs), len(SCORES) * n_users * n_jobs
        if size > _MAX_KEPT_SCORES:
            return np.empty(shape, dtype=np.float32)
        if len(self.scores) < size:
            self.scores = np.empty(size, dtype=np.float32)
        return self.scores[:size].reshape(shape)


_scratch = _Scratch()


class NumbaBackend:
    """Compute scores and lists of a bundle with compiled kernels. The kernels release the interpreter lock.

    Parameters
    ----------
    bundle: The users and jobs to rank.
    workers: Maximum number of threads; None: one per available core. Results do not depend on it.
    strategy: "pruned", "dense", or "auto", which measures on a few users which of them is faster; "scan", which needs
        no search index, for a few users of jobs that are not ranked again; or "gpu", which uses a graphics card. Where
        no card can be used, "gpu" has the effect of "auto", and the reason of the choice says why.

    Raises
    ------
    ConfigurationError: If `workers` is not a positive integer, or the strategy does not exist.
    """

    def __init__(self, bundle: Bundle, *, workers: int | None = None, strategy: Strategy = "auto") -> None:
        workers = check_workers(workers)
        if strategy not in STRATEGIES:
            raise ConfigurationError(
                f"strategy is {strategy!r}; it must be one of {', '.join(STRATEGIES)}.", key=("strategy",)
            )
        self.bundle = bundle
        self.workers = workers or available_cpus()
        self.strategy: Strategy = strategy
        self._choices: dict[int, StrategyChoice] = {}
        self._evaluated: EvaluatedRanking | None = None  # of the last k; it orders the inputs of all jobs

    def top_k(
        self,
        k: int = 40,
        users: NDArray[np.integer] | None = None,
        *,
        seeds: Ranking | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ranking:
        """See `Backend`."""
        bundle = self.bundle
        k, rows = check_list_length(k), check_row_numbers(users, bundle.program.n_users, "users")
        found = TopKBuffers.empty(len(rows), min(k, bundle.n_eligible))
        n_scored, choice = 0, None
        if found.row.size and bundle.order is not None:
            n_scored, choice = self._walk_parts(rows, found, cancelled, progress)
        elif found.row.size and find_pair_components(bundle.program, weighted=True):
            n_scored = self._rank_evaluated(rows, found, cancelled, progress)
            choice = StrategyChoice(
                "evaluated",
                f"a trained model is evaluated per pair; lists were proven after {n_scored / len(rows):,.0f} of "
                f"{bundle.n_eligible:,} jobs per user",
            )
        elif found.row.size and self.strategy == "scan":
            choice = StrategyChoice("scan", "requested")
            n_scored = self._scan(rows, found, cancelled, progress)
        elif found.row.size:
            choice = self._choose(rows, found.row.shape[1])
            if choice.strategy == "gpu":
                choice = self._device.fill(rows, choice, found, cancelled, progress)
                n_scored = bundle.n_eligible * len(rows)
            else:
                n_scored = self._fill(rows, choice, seeds, found, cancelled, progress)
        else:
            progress(len(rows))
        job_id = bundle.job_id[found.row]
        job_id[found.row < 0] = -1  # row -1 is the last job's
        return Ranking(bundle.user_id[rows], job_id, found.row, found.scores, found.count, n_scored, choice)

    def _walk_parts(
        self, rows: Longs, found: TopKBuffers, cancelled: Callable[[], bool], progress: Callable[[int], None]
    ) -> tuple[int, StrategyChoice | None]:
        """Fill the lists of a bundle with an order; return the number of pairs that were scored, and the strategy."""
        from scoring.backends.numba.list_walk import USERS_AT_ONCE

        n_scored, choice = 0, None
        for first in range(0, len(rows), USERS_AT_ONCE):
            if cancelled():
                break
            part = slice(first, first + USERS_AT_ONCE)
            n, of_part = self._list_walk.fill(
                rows[part], found.row[part], found.scores[part], found.count[part], cancelled
            )
            n_scored, choice = n_scored + n, choice or of_part
            progress(len(rows[part]))
        return n_scored, choice

    @cached_property
    def _list_walk(self) -> ListWalk:
        from scoring.backends.numba.list_walk import ListWalk

        backends = [NumbaBackend(part, workers=self.workers, strategy=self.strategy) for part in self.bundle.parts]
        return ListWalk(self.bundle, backends)

    def _rank_evaluated(
        self, rows: Longs, found: TopKBuffers, cancelled: Callable[[], bool], progress: Callable[[int], None]
    ) -> int:
        """Fill the lists of a model with functions of pairs; return the number of pairs that were evaluated."""
        from scoring.backends.numba.evaluated_topk import FIRST_JOBS, USERS_AT_ONCE, EvaluatedRanking

        k, n_evaluated = found.row.shape[1], [0]
        ranking, rest = self._evaluated, NumbaBackend(self._rest, workers=1, strategy="pruned")
        if ranking is None or ranking.k != k:
            ranking = self._evaluated = EvaluatedRanking(self.bundle, k)

        def work(part: slice) -> int:
            users = rows[part]
            first = rest.top_k(max(k, min(FIRST_JOBS * k, SHORT)), users)
            n_evaluated.append(ranking.fill(users, first, found.row[part], found.scores[part], found.count[part]))
            return part.stop - part.start

        run_in_threads(work, len(rows), self.workers, cancelled=cancelled, progress=progress, tile=USERS_AT_ONCE)
        return sum(n_evaluated)

    @cached_property
    def _rest(self) -> Bundle:
        """The bundle without functions of pairs."""
        from scoring.backends.numba.evaluated_topk import without_pair_functions

        return without_pair_functions(self.bundle)

    def _scan(
        self, rows: Longs, found: TopKBuffers, cancelled: Callable[[], bool], progress: Callable[[int], None]
    ) -> int:
        """Fill the lists without the search index; return the number of pairs that were scored."""
        bundle, rules, k = self.bundle, self.bundle.eligibility, found.row.shape[1]
        size = max(1, _PAIRS_SCANNED_AT_ONCE // bundle.program.n_jobs)
        workers = self.workers if len(rows) <= pair_blocks.TILE else 1  # the threads of more users are busy

        def work(part: slice) -> int:
            for first in range(part.start, part.stop, size):
                users = rows[first : min(first + size, part.stop)]
                scores = _scratch.get_scores(len(users), bundle.program.n_jobs)
                self._score_in_threads(users, scores, workers)
                for row, eligible in enumerate(rules.matrix(users)):
                    best = select_best(scores[0, row], bundle.job_id, eligible, rules.company, k, rules.per_company)
                    found.row[first + row, : len(best)] = best
                    found.scores[first + row, : len(best)] = scores[:, row, best].T
                    found.count[first + row] = len(best)
            return part.stop - part.start

        run_in_threads(work, len(rows), self.workers, cancelled=cancelled, progress=progress, tile=pair_blocks.TILE)
        return len(rows) * bundle.program.n_jobs

    def _score_in_threads(self, users: Longs, scores: Singles, workers: int) -> None:
        """Fill `scores` (4, n, n_jobs), with a range of the jobs in each thread."""
        program = self.bundle.program
        n_parts = min(workers, max(1, program.n_jobs // _MIN_JOBS_PER_THREAD))

        def work(part: int) -> None:
            begin, stop = (program.n_jobs * edge // n_parts for edge in (part, part + 1))
            pair_blocks.all_pairs(program, users, scores, 0, begin, stop)

        others = [start_work(partial(work, part)) for part in range(1, n_parts)]
        work(0)
        for wait in others:
            wait()

    def _fill(
        self,
        rows: Longs,
        choice: StrategyChoice,
        seeds: Ranking | None,
        found: TopKBuffers,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> int:
        """Fill the lists; return the number of pairs that were scored individually."""
        selection, n_scored, stop = self._selection, [0], np.zeros(1, dtype=np.int64)
        positions = self._positions(seeds, rows, found.row.shape[1]) if choice.strategy == "pruned" else None
        seed_positions = make_no_seeds(len(rows)) if positions is None else positions

        def work(part: slice) -> int:
            n_scored.append(selection.run(choice.strategy, rows, seed_positions, found, order[part], stop))
            return part.stop - part.start

        # set once for all parts: setting it for each part takes longer than the products
        with limit_blas_threads() if choice.strategy in ("dense", "clustered") else nullcontext():
            order = selection.order_users(choice.strategy, rows)
            run_in_threads(
                work, len(rows), self.workers, stop, cancelled, progress, count_users_per_batch(choice.strategy)
            )
        return sum(n_scored)

    def _choose(self, rows: Longs, k: int) -> StrategyChoice:
        """Return the choice for this k. A measured choice is reused."""
        choice = self._choices.get(k)
        if choice is None:
            choice = self._measure_choice(rows, k)
            if len(rows) >= MIN_USERS:
                self._choices[k] = choice
        return choice

    def _measure_choice(self, rows: Longs, k: int) -> StrategyChoice:
        if self.strategy != "gpu":
            choice = self._selection.choose(self.strategy, rows, k)
            if self.strategy != "auto" or choice.strategy == "pruned" or len(rows) < FEWEST_FOR_DENSE:
                return choice
            return self._device.choose(choice, rows, k, lambda users, found: self._fill(users, choice, None, found))
        objection = self._device.find_objection(k)
        if objection is None:
            return StrategyChoice("gpu", "requested")
        choice = self._selection.choose("auto", rows, k)
        return StrategyChoice(choice.strategy, f"gpu is not used. {objection} {choice.reason}")

    @cached_property
    def _device(self) -> DeviceStrategy:
        from scoring.backends.cuda.device_strategy import DeviceStrategy

        return DeviceStrategy(self._selection, self.workers)

    def _positions(self, seeds: Ranking | None, rows: Longs, k: int) -> Ints | None:
        """Return (len(rows), k) positions of the seeds' k best jobs. None: no usable seeds.

        The row of a user with fewer than k usable seeds is -1.
        """
        if seeds is None or seeds.job_row.shape[1] < k or not len(seeds.user_id):
            return None
        of_seeds, present = IdIndex(seeds.user_id).find(self.bundle.user_id[rows])
        known = present & (seeds.count[of_seeds] >= k)
        position = np.full(len(self.bundle.job_id), -1, dtype=np.int32)
        position[self._selection.index.plan_row] = np.arange(self._selection.n_jobs, dtype=np.int32)
        positions = position[seeds.job_row[of_seeds, :k]]
        positions[~known | (positions < 0).any(axis=1)] = -1
        return np.ascontiguousarray(positions)

    @cached_property
    def _selection(self) -> Selection:
        with limit_threads(self.workers):
            return Selection(self.bundle.search)

    def all_pairs(self, users: NDArray[np.integer] | None = None, *, out: Singles | None = None) -> Singles:
        """See `Backend`."""
        program = self.bundle.program
        rows = check_row_numbers(users, program.n_users, "users")
        scores = reference.make_scores_array(out, len(rows), program.n_jobs)

        def work(part: slice) -> int:
            self._score_pairs(program, rows[part], scores, part.start)
            return part.stop - part.start

        run_in_threads(work, len(rows), self.workers)
        return scores

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Singles:
        """See `Backend`. Pairs are grouped by user; each group of users is scored for all jobs of the group."""
        program = self.bundle.program
        users, jobs = (
            check_row_numbers(users, program.n_users, "users"),
            check_row_numbers(jobs, program.n_jobs, "jobs"),
        )
        out = np.empty((len(SCORES), len(users)), dtype=np.float32)
        distinct, which = np.unique(users, return_inverse=True)
        by_user = np.argsort(which, kind="stable")
        first = np.searchsorted(which[by_user], np.arange(0, len(distinct) + pair_blocks.TILE, pair_blocks.TILE))
        for group, (start, stop) in enumerate(pairwise(first)):
            pairs_of_group = by_user[start:stop]
            columns, column = np.unique(jobs[pairs_of_group], return_inverse=True)
            rows = distinct[group * pair_blocks.TILE : (group + 1) * pair_blocks.TILE]
            block = np.empty((len(SCORES), len(rows), len(columns)), dtype=np.float32)
            self._score_pairs(program.take_jobs(columns), rows, block, 0)
            out[:, pairs_of_group] = block[:, which[pairs_of_group] - group * pair_blocks.TILE, column]
        return out

    def _score_pairs(self, program: Program, users: Longs, out: Singles, place: int) -> None:
        """Fill `out` (4, …, n_jobs) from row `place` with the scores of these users and all jobs of the program."""
        if find_pair_components(program, weighted=True):
            from scoring.backends.numba.evaluated_topk import score_all_jobs

            score_all_jobs(program, users, out, place)
        else:
            pair_blocks.all_pairs(program, users, out, place, 0, program.n_jobs)

    def components(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """See `Backend`. The reference computes them."""
        return reference.compute_component_values(self.bundle.program, np.asarray(users), np.asarray(jobs))
