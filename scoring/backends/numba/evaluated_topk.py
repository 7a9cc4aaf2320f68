"""The exact k best jobs for models with a function of pairs that kernels cannot compute, such as a network.

The other components form the *rest* of a score. A function adds from 0 to its weight times 100, because its component
has a link. The k best jobs by their rest are evaluated first. The k-th best total of them is a lower bound of the
list's last total. A kernel then collects all jobs whose bound of the rest reaches it with the most that the functions
add. They are evaluated in descending order of their bounds, in batches over several users, until the list's last total
is greater than every remaining bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, Singles
from scoring.backends.numba import pair_blocks
from scoring.backends.numba.bounds import (
    block_slack_of_codes,
    block_slack_of_vectors,
    bound_job_scores,
    slack_of_codes,
    slack_of_vectors,
)
from scoring.backends.numba.exact_score import unfoldable_part
from scoring.backends.numba.jit import internal, nogil_no_refcount
from scoring.backends.numba.job_cell_bounds import bound_cells, raise_exception_cells
from scoring.backends.numba.linked_value import link_value
from scoring.backends.numba.pair_inputs import fill_rows
from scoring.backends.numba.pair_score import component_value
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.simd_blocks import lowest_bit, mask_of_block
from scoring.backends.numba.top_list import (
    clear_marks,
    exclude_cells_of_classes,
    insert,
    is_class_allowed,
    may_contain_class,
    set_excluded,
    set_not_required,
    threshold_of,
)
from scoring.backends.numba.tree_pairs import TreePairs
from scoring.backends.numba.user_fold import fold_user
from scoring.backends.numba.user_lookup_rows import fill_canonical_rows
from scoring.backends.numba.user_state import CONSTANT, SINGLE_ERROR, UNFOLDABLE, UserState, new_user_state
from scoring.bundle.block_index import BEST, FIRST, REST, SIZE, TOTAL, Index, Limits
from scoring.bundle.bundle import Bundle, SearchIndex
from scoring.bundle.bundled_model import BundledModel
from scoring.bundle.program import JOB, PAIRS, Program
from scoring.bundle.ranked_lists import Ranking
from scoring.bundle.terms.pair_term import PairFunction, find_pair_components, find_pair_function

__all__ = ["EvaluatedRanking", "score_all_jobs", "without_pair_functions"]

FIRST_JOBS = 2
"""Times k: jobs with the best rest that are evaluated first."""
BATCH: Final = 128
"""Jobs of a user in the first batch. Each further batch of the user is twice as large."""
USERS_AT_ONCE: Final = 64
"""Users whose batches are evaluated together."""
_COLLECTED_AT_ONCE: Final = 1 << 20
"""Candidates in memory per thread, or all jobs of one user if they are more: 12 MB."""
_JOBS_AT_ONCE: Final = 8192
"""Jobs whose inputs are in memory at a time, if all jobs of a user are scored."""
_MANY_PAIRS: Final = 50_000
"""From this number of pairs on, all inputs of jobs are ordered by position before they are evaluated."""
_ROWS_AT_ONCE: Final = 2048
"""Pairs whose inputs are in memory at a time. They stay in the cache until they are evaluated."""
_RANGES: Final = 32
"""Ranges of bounds by which candidates are ordered."""
_MARGIN: Final = 1.0 + 2.0**-20
"""Factor of the most that functions add. It covers the rounding of their products and of the total to float32."""


class Lists(NamedTuple):
    """The lists of n users so far. After the last job, values are not defined."""

    scores: Singles  # (n, k) canonical totals
    id_ranks: Ints  # (n, k)
    jobs: Ints  # (n, k) positions
    size: Longs  # (n,)

    @classmethod
    def empty(cls, n: int, k: int) -> Self:
        """Return lists without jobs."""
        arrays = np.zeros((n, k), np.float32), np.zeros((n, k), np.int32), np.zeros((n, k), np.int32)
        return cls(*arrays, np.zeros(n, np.int64))


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
    jobs = program.pair_job[0]
    if len(users) * len(jobs) >= _MANY_PAIRS:
        functions, jobs = [_make_predictor(function, jobs) for function in functions], np.arange(len(jobs))
    kind, slot, n = program.term_kind.copy(), program.term_slot.copy(), len(program.job_value)
    kind[starts], slot[starts] = JOB, np.arange(n, n + len(parts))
    value = np.concatenate([program.job_value, np.zeros((len(parts), program.n_jobs))])
    of_jobs = program._replace(term_kind=kind, term_slot=slot, job_value=value)
    for row, user in enumerate(users):
        for part, function in enumerate(functions):
            for first in range(0, len(jobs), _JOBS_AT_ONCE):
                some = jobs[first : first + _JOBS_AT_ONCE]
                value[n + part, first : first + len(some)] = function(np.repeat(user, len(some)), some)
        pair_blocks.all_pairs(of_jobs, users[row : row + 1], out, place + row, 0, program.n_jobs)


@internal(inline="always")  # compiled once, as a part of its caller
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
    seen: Ints,
    start: Longs,
    jobs: Ints,
    bounds: Floats,
) -> int:
    """Fill `jobs` and `bounds` with the candidates of the users; those of users[i] begin at start[i].

    Jobs in `seen` (n, …), -1 after the last, are left out. Return the number of users whose candidates are complete.
    There is room for all jobs of at least one user.
    """
    n_jobs = len(index.id_rank)
    for i in range(len(users)):
        if start[i] + n_jobs > len(jobs):
            return i
        user = users[i]
        fold_user(program, index, user, state)
        set_not_required(scratch.excluded, user, limits)
        set_excluded(scratch.excluded, user, True, limits)
        for job in seen[i]:
            if job >= 0:
                scratch.excluded[job] = True
        start[i + 1] = _collect_of_user(
            program, index, limits, state, scratch, user, thresholds[i], jobs, bounds, start[i]
        )
        for job in seen[i]:
            if job >= 0:
                scratch.excluded[job] = False
        set_excluded(scratch.excluded, user, False, limits)
        if len(limits.required_start) > 0:
            clear_marks(scratch.excluded)
    return len(users)


@internal
def _score_pair(
    program: Program, index: Index, state: UserState, user: int, job: int, outputs: np.ndarray, out: np.ndarray
) -> None:
    """Set `out` (4,) to the canonical scores of a user and a job (position), in float64.

    `outputs` has the outputs of the pair functions in the order of the components.
    """
    if state.previous_user[0] != user:
        fill_canonical_rows(program, index, user, state)
        state.previous_user[0] = user
    for s in range(4):
        out[s] = index.job_sums[job, TOTAL + s]
    place = 0
    for c in range(program.n_folded, len(program.flat_weight)):
        weight, within = program.flat_weight[c], program.group_weight[c]
        if weight == 0.0 and within == 0.0:
            continue
        t = program.term_start[c]
        if t < program.term_start[c + 1] and program.term_kind[t] == PAIRS:
            value = link_value(program, c, 0.0 + outputs[place])
            place += 1
        else:
            value = component_value(
                program, index, c, user, job, index.job_facts[job], index.vector[job], state.canonical_row
            )
        out[0] += weight * value
        out[1 + program.group[c]] += within * value


@nogil_no_refcount
def score(
    program: Program,
    index: Index,
    state: UserState,
    users: Longs,
    jobs: Longs,
    outputs: Floats,
    scores: Floats,
    out: Singles,
) -> None:
    """Set out[p] (4,) to the canonical scores of users[p] and jobs[p] (positions). `scores` (4,) is scratch memory.

    `outputs` (p, functions) has the outputs of the pair functions in the order of the components.
    """
    for p in range(len(users)):
        _score_pair(program, index, state, users[p], jobs[p], outputs[p], scores)
        for s in range(4):
            out[p, s] = np.float32(scores[s])


@nogil_no_refcount
def settle(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    parts: Longs,
    users: Longs,
    rows: Longs,
    jobs: Ints,
    bounds: Floats,
    outputs: Floats,
    lists: Lists,
    scores: Floats,
) -> None:
    """Insert evaluated jobs into the lists of their users.

    `rows` (p,) are the users' places in `lists`, `bounds` (p,) are bounds of the rest, and `parts` the components of
    the functions. A canonical score is computed only where the bound of the rest and the value may enter the list.
    """
    k = lists.scores.shape[1]
    for p in range(len(rows)):
        row, job = rows[p], np.int64(jobs[p])
        if lists.size[row] == k:
            high = bounds[p]
            for place in range(len(parts)):
                c = parts[place]
                high += program.flat_weight[c] * link_value(program, c, 0.0 + outputs[p, place]) * _MARGIN
            if high < threshold_of(lists.scores[row, k - 1]):
                continue
        user = users[row]
        _score_pair(program, index, state, user, job, outputs[p], scores)
        lists.size[row] = insert(
            lists.scores[row],
            lists.id_ranks[row],
            lists.jobs[row],
            lists.size[row],
            np.float32(scores[0]),
            index.id_rank[job],
            job,
            index.company,
            limits.per_company,
        )


@nogil_no_refcount
def order_candidates(
    start: Longs, jobs: Ints, bounds: Floats, n: int, counts: Longs, ordered_jobs: Ints, ordered_bounds: Floats
) -> None:
    """Order the candidates of each of n users by ranges of their bounds, the highest range first.

    Fill `ordered_jobs` and `ordered_bounds`. `counts` is scratch memory.
    """
    n_ranges = len(counts)
    for i in range(n):
        first, last = start[i], start[i + 1]
        if first == last:
            continue
        low = high = bounds[first]
        for at in range(first, last):
            low, high = min(low, bounds[at]), max(high, bounds[at])
        factor = (n_ranges - 1) / (high - low) if high > low else 0.0
        counts[:] = 0
        for at in range(first, last):
            counts[np.int64((high - bounds[at]) * factor)] += 1
        total = first
        for number in range(n_ranges):
            count = counts[number]
            counts[number] = total
            total += count
        for at in range(first, last):
            of_bound = np.int64((high - bounds[at]) * factor)
            ordered_jobs[counts[of_bound]] = jobs[at]
            ordered_bounds[counts[of_bound]] = bounds[at]
            counts[of_bound] += 1


@nogil_no_refcount
def choose_batch(
    lists: Lists,
    offset: int,
    n: int,
    most: float,
    width: int,
    start: Longs,
    at: Longs,
    jobs: Ints,
    bounds: Floats,
    out_row: Longs,
    out_job: Longs,
    out_bound: Floats,
) -> int:
    """Choose up to `width` further candidates of each user whose bounds may reach the list; return how many in all.

    `at` (n,) is the place of each user's next candidate. `offset` is the place of the first user in `lists`.
    """
    k, size = lists.scores.shape[1], 0
    for i in range(n):
        row = offset + i
        low = threshold_of(lists.scores[row, k - 1]) - most if lists.size[row] == k else -np.inf
        left = width
        while left > 0 and at[i] < start[i + 1]:
            if bounds[at[i]] >= low:
                out_row[size] = row
                out_job[size] = jobs[at[i]]
                out_bound[size] = bounds[at[i]]
                size += 1
                left -= 1
            at[i] += 1
    return size


def _make_predictor(function: PairFunction, jobs: Ints) -> PairFunction:
    """Return the function for jobs by position; `jobs` (m,) are the rows that the function knows them by.

    The inputs of a trained model are stored by position: jobs that are evaluated one after another are near each other
    in memory.
    """
    if not isinstance(function, BundledModel):
        return lambda users, positions: function(users, jobs[positions])
    columns = function.columns.take_jobs(jobs)
    if function.masks is not None:
        return TreePairs(function.masks, columns).predict

    def predict(users: NDArray[np.integer], positions: NDArray[np.integer]) -> Floats:
        outputs = np.empty(len(users))
        rows = np.empty((min(_ROWS_AT_ONCE, len(users)), len(columns.sides)))
        for first in range(0, len(users), _ROWS_AT_ONCE):
            part = slice(first, min(first + _ROWS_AT_ONCE, len(users)))
            of_part = rows[: part.stop - first]
            fill_rows(columns, users[part], positions[part], of_part)
            outputs[part] = function.predict(of_part)
        return outputs

    return predict


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
        self.parts = np.array(find_pair_components(bundle.program, weighted=True), dtype=np.int64)
        self.functions = [find_pair_function(bundle.program, c) for c in self.parts.tolist()]
        # by position: jobs that are evaluated one after another are near each other in memory
        self.predictors = [_make_predictor(function, self.program.pair_job[0]) for function in self.functions]
        self.most = 100.0 * float(bundle.program.flat_weight[self.parts].sum()) * _MARGIN
        self.n_jobs = len(self.index.id_rank)
        self.position = np.full(len(bundle.job_id), -1, dtype=np.int32)
        self.position[self.index.plan_row] = np.arange(self.n_jobs, dtype=np.int32)

    def fill(self, users: Longs, first: Ranking, out_row: Longs, out_scores: Singles, out_count: Ints) -> int:
        """Fill the lists of users; return the number of pairs that were evaluated.

        `first` has the best jobs of the users by the rest of their scores.
        """
        work = _Work(self)
        return sum(
            work.rank(
                users[part], first.take(np.arange(len(users))[part]), out_row[part], out_scores[part], out_count[part]
            )
            for part in (slice(begin, begin + USERS_AT_ONCE) for begin in range(0, len(users), USERS_AT_ONCE))
        )


class _Work:
    """Memory of one thread."""

    def __init__(self, ranking: EvaluatedRanking) -> None:
        self.ranking = ranking
        self.state = new_user_state(ranking.rest_program, ranking.index)
        self.scoring = new_user_state(ranking.program, ranking.index)
        self.scratch = new_scratch(ranking.rest_program, ranking.index, ranking.k)
        size = max(_COLLECTED_AT_ONCE, ranking.n_jobs)
        self.jobs, self.bounds = np.empty((2, size), dtype=np.int32), np.empty((2, size))
        self.scores, self.counts = np.empty(4), np.empty(_RANGES, dtype=np.int64)

    def rank(self, users: Longs, first: Ranking, out_row: Longs, out_scores: Singles, out_count: Ints) -> int:
        """Fill the lists of at most USERS_AT_ONCE users; return the number of pairs that were evaluated."""
        ranking, n = self.ranking, len(users)
        lists = Lists.empty(n, ranking.k)
        seen = np.where(first.job_row >= 0, ranking.position[first.job_row], -1)
        rows, columns = (np.ascontiguousarray(found) for found in np.nonzero(seen >= 0))  # one signature of kernels
        bounds = first.scores[rows, columns, 0].astype(np.float64)
        bounds += np.abs(bounds) * (_MARGIN - 1.0)
        n_evaluated = self._evaluate(users, lists, rows, seen[rows, columns].astype(np.int64), bounds)
        done = 0
        while done < n:
            n_complete, n_pairs = self._finish(users, lists, done, seen)
            done += n_complete
            n_evaluated += n_pairs
        self._write(users, lists, out_row, out_scores, out_count)
        return n_evaluated

    def _finish(self, users: Longs, lists: Lists, done: int, seen: Ints) -> tuple[int, int]:
        """Evaluate the candidates of the users from number `done` on; return for how many users, and how many pairs."""
        ranking, left = self.ranking, users[done:]
        start = np.zeros(len(left) + 1, dtype=np.int64)
        is_full = lists.size[done:] == ranking.k
        last = lists.scores[done:, -1].astype(np.float64)
        thresholds = np.where(is_full, last - np.abs(last) * 2.0**-23 - 1e-38, -np.inf) - ranking.most
        n = collect(
            ranking.rest_program,
            ranking.index,
            ranking.limits,
            self.state,
            self.scratch,
            left,
            thresholds,
            seen[done:],
            start,
            self.jobs[0],
            self.bounds[0],
        )
        order_candidates(start, self.jobs[0], self.bounds[0], n, self.counts, self.jobs[1], self.bounds[1])
        at, width, n_pairs = start[:n].copy(), BATCH, 0
        while (at < start[1 : n + 1]).any():
            size = min(n * width, int((start[1 : n + 1] - at).sum()))
            rows, jobs, bounds = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
            size = choose_batch(
                lists, done, n, ranking.most, width, start, at, self.jobs[1], self.bounds[1], rows, jobs, bounds
            )
            n_pairs += self._evaluate(users, lists, rows[:size], jobs[:size], bounds[:size])
            width *= 2
        return n, n_pairs

    def _evaluate(self, users: Longs, lists: Lists, rows: Longs, jobs: Longs, bounds: Floats) -> int:
        """Evaluate pairs, and insert the jobs into the lists; return the number of pairs."""
        if len(rows):
            ranking = self.ranking
            outputs = self._compute_outputs(users[rows], jobs)
            settle(
                ranking.program,
                ranking.index,
                ranking.limits,
                self.scoring,
                ranking.parts,
                users,
                rows,
                jobs,
                bounds,
                outputs,
                lists,
                self.scores,
            )
        return len(rows)

    def _compute_outputs(self, users: Longs, jobs: Longs) -> Floats:
        """Return (p, functions) the outputs for pairs of a user row and a job (position)."""
        outputs = np.empty((len(jobs), len(self.ranking.functions)))
        for column, predict in enumerate(self.ranking.predictors):
            outputs[:, column] = predict(users, jobs)
        return outputs

    def _write(self, users: Longs, lists: Lists, out_row: Longs, out_scores: Singles, out_count: Ints) -> None:
        """Write the lists. The listed jobs are evaluated again for their four scores, which takes the least memory."""
        ranking = self.ranking
        listed = np.arange(ranking.k) < lists.size[:, None]
        rows, jobs = np.nonzero(listed)[0], lists.jobs[listed].astype(np.int64)
        scores = np.empty((len(rows), 4), dtype=np.float32)
        outputs = self._compute_outputs(users[rows], jobs)
        score(ranking.program, ranking.index, self.scoring, users[rows], jobs, outputs, self.scores, scores)
        out_row[listed] = ranking.index.plan_row[jobs]
        out_scores[listed] = scores
        out_count[:] = lists.size
