"""The exact k best jobs for models with a function of pairs that kernels cannot compute, such as a network.

The other components form the *rest* of a score. A function adds from 0 to its weight times 100, because its component
has a link. The k best jobs by their rest are evaluated first. The k-th best total of them is a lower bound of the
list's last total. A kernel then collects all jobs whose bound of the rest reaches it with the most that the functions
add. They are evaluated in descending order of their bounds, in batches over several users, until the list's last total
is greater than every remaining bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from scoring.array_types import Bools, Floats, Ints, Longs, Singles
from scoring.backends.numba import pair_blocks
from scoring.backends.numba.bounds import (
    block_slack_of_codes,
    block_slack_of_vectors,
    bound_job_scores,
    slack_of_codes,
    slack_of_vectors,
)
from scoring.backends.numba.exact_score import unfoldable_part
from scoring.backends.numba.full_scan_topk import select_best
from scoring.backends.numba.jit import internal, nogil_no_refcount
from scoring.backends.numba.job_cell_bounds import bound_cells, raise_exception_cells
from scoring.backends.numba.linked_value import link_value
from scoring.backends.numba.pair_score import component_value
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.simd_blocks import lowest_bit, mask_of_block
from scoring.backends.numba.top_list import (
    clear_marks,
    exclude_cells_of_classes,
    is_class_allowed,
    may_contain_class,
    set_excluded,
    set_not_required,
)
from scoring.backends.numba.user_fold import fold_user
from scoring.backends.numba.user_lookup_rows import fill_canonical_rows
from scoring.backends.numba.user_state import CONSTANT, SINGLE_ERROR, UNFOLDABLE, UserState, new_user_state
from scoring.bundle.block_index import BEST, FIRST, REST, SIZE, TOTAL, Index, Limits
from scoring.bundle.bundle import Bundle, SearchIndex
from scoring.bundle.program import JOB, PAIRS, Program
from scoring.bundle.terms.pair_term import find_pair_components, find_pair_function

__all__ = ["EvaluatedRanking", "score_all_jobs", "without_pair_functions"]

FIRST_JOBS = 3
"""Times k: jobs with the best rest that are evaluated first."""
BATCH: Final = 64
"""Jobs of a user in the first batch. Each further batch of the user is twice as large."""
USERS_AT_ONCE: Final = 64
"""Users whose batches are evaluated together."""
_COLLECTED_AT_ONCE: Final = 1 << 20
"""Candidates in memory per thread, or all jobs of one user if they are more: 12 MB."""
_JOBS_AT_ONCE: Final = 8192
"""Jobs whose inputs are in memory at a time, if all jobs of a user are scored."""
_MARGIN: Final = 1.0 + 2.0**-20
"""Factor of the most that functions add. It covers the rounding of their products and of the total to float32."""


def without_pair_functions(bundle: Bundle) -> Bundle:
    """Return the bundle of the rest of a score, without a limit per company."""
    weights = _zero_weights(bundle.program)

    def make_search() -> SearchIndex:
        search = bundle.search
        return replace(search, program=search.program._replace(**weights), limits=search.limits._replace(per_company=0))

    rules = bundle.eligibility._replace(per_company=0)
    return Bundle(bundle.program._replace(**weights), rules, bundle.user_id, bundle.job_id, make_search)


def _zero_weights(program: Program) -> dict[str, Any]:
    weights = {name: getattr(program, name).copy() for name in ("flat_weight", "group_weight")}
    for array in weights.values():
        array[find_pair_components(program, weighted=True)] = 0.0
    return weights


def score_all_jobs(program: Program, users: Longs, out: Singles, place: int) -> None:
    """Fill `out` (4, …, n_jobs) from row `place` like `pair_blocks.all_pairs`, for a program with pair functions."""
    parts = find_pair_components(program, weighted=True)
    starts = program.term_start[parts]
    functions = [find_pair_function(program, c) for c in parts]
    kind, slot, n = program.term_kind.copy(), program.term_slot.copy(), len(program.job_value)
    kind[starts], slot[starts] = JOB, np.arange(n, n + len(parts))
    value = np.concatenate([program.job_value, np.zeros((len(parts), program.n_jobs))])
    of_jobs = program._replace(term_kind=kind, term_slot=slot, job_value=value)
    jobs = program.pair_job[0]
    for row, user in enumerate(users):
        for part, function in enumerate(functions):
            for first in range(0, len(jobs), _JOBS_AT_ONCE):
                some = jobs[first : first + _JOBS_AT_ONCE]
                value[n + part, first : first + len(some)] = function(np.repeat(user, len(some)), some)
        pair_blocks.all_pairs(of_jobs, users[row : row + 1], out, place + row, 0, program.n_jobs)


@internal
def _collect_of_user(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    user: int,
    threshold: float,
    jobs: np.ndarray,
    bounds: np.ndarray,
    size: int,
) -> int:
    """Append the user's eligible jobs whose rest may reach the threshold, with bounds; return the number of entries."""
    single_error, most_unfoldable = state.sums[SINGLE_ERROR], state.sums[UNFOLDABLE]
    bound_cells(index, user, state.row_single, scratch.cell_bound)
    block_best = index.block_best[index.class_of_user[user]]
    reduction = raise_exception_cells(program, index, state, user, scratch.cell_bound)
    of_vectors = slack_of_vectors(index, state)
    exclude_cells_of_classes(limits, user, scratch.cell_bound)
    slack = slack_of_codes(index, state) + of_vectors
    offset = state.sums[CONSTANT] + slack - reduction + 2 * single_error
    for cell in range(len(index.cell)):
        if scratch.cell_bound[cell] + offset < threshold:
            continue
        base = state.sums[CONSTANT] + 2 * single_error
        for o in range(len(index.cell_keys)):
            base += state.row[index.cell_keys[o], index.cell[cell, 2 + o]]
        for block in range(index.cell[cell, 0], index.cell[cell, 1]):
            if block_best[block, REST] + base + slack < threshold:
                break
            best = block_best[block, BEST] + base
            if best + slack < threshold or not may_contain_class(limits, user, block):
                continue
            codes = block_slack_of_codes(program, index, state, block)
            if best + codes + block_slack_of_vectors(program, index, state, block, scratch.dot_best) < threshold:
                continue
            bound_job_scores(program, index, state, user, block, scratch.dot_best, scratch.job_bounds)
            first, n_jobs = np.int64(index.block[block, FIRST]), index.block[block, SIZE]
            low = np.float32(threshold - base - most_unfoldable)
            bits = mask_of_block(scratch.job_bounds, 0, low, np.float32(np.inf))
            bits &= (np.uint64(1) << np.uint64(n_jobs)) - np.uint64(1)
            while bits:
                j = lowest_bit(bits)
                bits &= bits - np.uint64(1)
                job = first + j
                if scratch.excluded[job] or not is_class_allowed(limits, user, job):
                    continue
                bound = scratch.job_bounds[j] + base
                if len(index.unfoldable):
                    bound += unfoldable_part(program, index, state, user, job)
                if bound >= threshold:
                    jobs[size] = job
                    bounds[size] = bound
                    size += 1
    return size


@nogil_no_refcount
def collect(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    users: Longs,
    thresholds: Floats,
    start: Longs,
    jobs: Ints,
    bounds: Floats,
) -> int:
    """Fill `jobs` and `bounds` with the candidates of the users; those of users[i] begin at start[i].

    Return the number of users whose candidates are complete. There is room for all jobs of at least one user.
    """
    n_jobs = len(index.id_rank)
    for i in range(len(users)):
        if start[i] + n_jobs > len(jobs):
            return i
        user = users[i]
        fold_user(program, index, user, state)
        set_not_required(scratch.excluded, user, limits)
        set_excluded(scratch.excluded, user, True, limits)
        start[i + 1] = _collect_of_user(
            program, index, limits, state, scratch, user, thresholds[i], jobs, bounds, start[i]
        )
        set_excluded(scratch.excluded, user, False, limits)
        if len(limits.required_start) > 0:
            clear_marks(scratch.excluded)
    return len(users)


@nogil_no_refcount
def score(
    program: Program, index: Index, state: UserState, users: Longs, jobs: Longs, outputs: Floats, out: Singles
) -> None:
    """Set out[p] (4,) to the canonical scores of users[p] and jobs[p] (positions).

    `outputs` (p, functions) has the values of the pair functions in the order of the components.
    """
    for p in range(len(users)):
        user, job, place = users[p], jobs[p], 0
        if state.previous_user[0] != user:
            fill_canonical_rows(program, index, user, state)
            state.previous_user[0] = user
        total = index.job_sums[job, TOTAL]
        base, match, personal = (
            index.job_sums[job, TOTAL + 1],
            index.job_sums[job, TOTAL + 2],
            index.job_sums[job, TOTAL + 3],
        )
        for c in range(program.n_folded, len(program.flat_weight)):
            weight, within = program.flat_weight[c], program.group_weight[c]
            if weight == 0.0 and within == 0.0:
                continue
            t = program.term_start[c]
            if t < program.term_start[c + 1] and program.term_kind[t] == PAIRS:
                value = link_value(program, c, 0.0 + outputs[p, place])
                place += 1
            else:
                value = component_value(
                    program, index, c, user, job, index.job_facts[job], index.vector[job], state.canonical_row
                )
            total += weight * value
            if program.group[c] == 0:
                base += within * value
            elif program.group[c] == 1:
                match += within * value
            else:
                personal += within * value
        out[p, 0] = np.float32(total)
        out[p, 1] = np.float32(base)
        out[p, 2] = np.float32(match)
        out[p, 3] = np.float32(personal)


@dataclass
class _Progress:
    """The evaluated jobs of one user, and the candidates that remain."""

    positions: list[Longs]
    scores: list[Singles]
    last: float = -np.inf
    """The k-th best total that the evaluated jobs allow."""


class EvaluatedRanking:
    """Rankings of one bundle with pair functions.

    Parameters
    ----------
    bundle: The bundle.
    k: Length of the lists, at most the number of eligible jobs.
    """

    def __init__(self, bundle: Bundle, k: int) -> None:
        self.bundle, self.k = bundle, k
        search = bundle.search
        self.program, self.index, self.limits = search.program, search.index, search.limits
        self.rest_program = self.program._replace(**_zero_weights(self.program))
        parts = find_pair_components(bundle.program, weighted=True)
        self.functions = [find_pair_function(bundle.program, c) for c in parts]
        self.most = 100.0 * float(bundle.program.flat_weight[parts].sum()) * _MARGIN
        self.job_id = bundle.job_id[self.index.plan_row]
        self.n_jobs = len(self.index.id_rank)
        self.position = np.full(len(bundle.job_id), -1, dtype=np.int64)
        self.position[self.index.plan_row] = np.arange(self.n_jobs)

    def fill(self, users: Longs, first_jobs: Longs, out_row: Longs, out_scores: Singles, out_count: Ints) -> int:
        """Fill the lists of users; return the number of pairs that were evaluated.

        `first_jobs` (n, …) are rows of the best jobs by their rest, -1 after the last.
        """
        n_evaluated = 0
        state = new_user_state(self.rest_program, self.index)
        scoring = new_user_state(self.program, self.index)
        scratch = new_scratch(self.rest_program, self.index, self.k)
        for begin in range(0, len(users), USERS_AT_ONCE):
            chunk = users[begin : begin + USERS_AT_ONCE]
            listed = first_jobs[begin : begin + USERS_AT_ONCE]
            found = [_Progress([], []) for _ in chunk]
            batches = [self.position[row[row >= 0]] for row in listed]
            n_evaluated += self._evaluate(chunk, found, batches, scoring)
            done = 0
            while done < len(chunk):
                done += self._finish(chunk[done:], found[done:], batches[done:], state, scratch, scoring)
            for row, progress in enumerate(found):
                best, scores = self._select(progress)
                place = begin + row
                out_row[place, : len(best)] = self.index.plan_row[best]
                out_scores[place, : len(best)] = scores
                out_count[place] = len(best)
            n_evaluated += sum(sum(map(len, progress.positions[1:])) for progress in found)
        return n_evaluated

    def _finish(
        self,
        users: Longs,
        found: list[_Progress],
        evaluated: list[Longs],
        state: UserState,
        scratch: Scratch,
        scoring: UserState,
    ) -> int:
        """Evaluate the candidates of some users until their lists are proven; return the number of these users."""
        size = max(_COLLECTED_AT_ONCE, self.n_jobs)
        jobs, bounds = np.empty(size, dtype=np.int32), np.empty(size)
        start = np.zeros(len(users) + 1, dtype=np.int64)
        thresholds = np.array([progress.last for progress in found]) - self.most
        n = collect(self.rest_program, self.index, self.limits, state, scratch, users, thresholds, start, jobs, bounds)
        queues = []
        for row in range(n):
            of_user = slice(start[row], start[row + 1])
            new = ~_is_in(jobs[of_user], evaluated[row], self.n_jobs)
            candidates, highest = jobs[of_user][new].astype(np.int64), bounds[of_user][new]
            order = np.argsort(-highest, kind="stable")
            queues.append((candidates[order], highest[order]))
        at, width = np.zeros(n, dtype=np.int64), BATCH
        active = list(range(n))
        while active:
            active = [row for row in active if self._is_open(queues[row][1], int(at[row]), found[row])]
            stops = [self._find_stop(queues[row][1], int(at[row]), width, found[row]) for row in active]
            batches = [queues[row][0][at[row] : stop] for row, stop in zip(active, stops, strict=True)]
            if active:
                self._evaluate(users[active], [found[row] for row in active], batches, scoring)
            at[active] = stops
            width *= 2
        return n

    def _is_open(self, bounds: Floats, at: int, progress: _Progress) -> bool:
        """Return whether a job that was not evaluated may be in the list."""
        return at < len(bounds) and bounds[at] + self.most >= progress.last

    def _find_stop(self, bounds: Floats, at: int, width: int, progress: _Progress) -> int:
        """Return the end of a user's next batch: jobs that the list's last total excludes are not evaluated."""
        end = min(at + width, len(bounds))
        return at + int(np.count_nonzero(bounds[at:end] + self.most >= progress.last))

    def _evaluate(self, users: Longs, found: list[_Progress], batches: list[Longs], scoring: UserState) -> int:
        """Evaluate a batch of jobs (positions) per user; return the number of pairs."""
        sizes = [len(batch) for batch in batches]
        of_user, jobs = np.repeat(users, sizes), np.concatenate(batches)
        rows = of_user, self.program.pair_job[0, jobs]
        outputs = np.empty((len(jobs), len(self.functions)))
        if len(jobs):
            for column, function in enumerate(self.functions):
                outputs[:, column] = function(*rows)
        scores = np.empty((len(jobs), 4), dtype=np.float32)
        score(self.program, self.index, scoring, of_user, jobs, outputs, scores)
        edges = np.cumsum(sizes)[:-1]
        for progress, batch, of_batch in zip(found, batches, np.split(scores, edges), strict=True):
            progress.positions.append(batch)
            progress.scores.append(of_batch)
            progress.last = self._find_last(progress)
        return len(jobs)

    def _find_last(self, progress: _Progress) -> float:
        """Return the k-th best total of the evaluated jobs; -infinity if they do not fill a list."""
        if self.limits.per_company > 0:
            best, scores = self._select(progress)
            return float(scores[-1, 0]) if len(best) == self.k else -np.inf
        totals = np.concatenate(progress.scores)[:, 0]
        if len(totals) < self.k:
            return -np.inf
        return float(np.partition(totals, len(totals) - self.k)[len(totals) - self.k])

    def _select(self, progress: _Progress) -> tuple[Longs, Singles]:
        """Return the positions and the scores of the best evaluated jobs."""
        positions, scores = np.concatenate(progress.positions), np.concatenate(progress.scores)
        all_of_them = np.ones(len(positions), dtype=bool)
        best = select_best(
            np.ascontiguousarray(scores[:, 0]),
            self.job_id[positions],
            all_of_them,
            self.index.company[positions],
            self.k,
            self.limits.per_company,
        )
        return positions[best], scores[best]


def _is_in(jobs: Ints, evaluated: Longs, n_jobs: int) -> Bools:
    marks = np.zeros(n_jobs, dtype=bool)
    marks[evaluated] = True
    found: Bools = marks[jobs]
    return found
