"""Long lists, by scoring every job and sorting the scores.

The four scores of a job are kept when its block is scored: computing them again for a long list takes longer than all
other steps. The best jobs are selected by ranges of their totals and sorted. Jobs are in the order of their ids before
the sort, and the sort is stable, so ties are ordered by id.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.jit import compiled, internal
from scoring.backends.numba.pair_blocks import (
    BLOCK,
    TOGETHER,
    allocate_tile,
    fill_user_rows,
    score_block,
    tile_products,
)
from scoring.backends.numba.top_list import is_class_allowed, set_excluded, set_not_required
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["long_lists"]

# An entry (uint64) is the key of a job's total, followed by its position. Entries are sorted by their keys.

_KEY_SHIFT = np.uint64(32)
_POSITION = np.uint64(0xFFFFFFFF)

_DIGIT_BITS = 11
_N_COUNTS = 1 << _DIGIT_BITS
"""Ranges of keys among which the best jobs are selected, and values of a digit of the sort: 16 KB of counters."""

_PADDING = 16
"""Columns between the rows of a block of vectors. Rows 2 KiB apart would share few lines of the cache."""

_GROWTH = 8
"""Times by which each further selection is larger, if a limit per company rejects jobs."""


@internal
def _round_scores(columns: np.ndarray, totals: np.ndarray, scores: np.ndarray) -> None:
    """Set `scores` (n, 4) float32 to the first four columns, and `totals` (n,) float32 to the first one.

    Totals are read in the order of ids. On their own, those of 100,000 jobs fit in the cache.
    """
    total, base, match, personal = columns[0], columns[1], columns[2], columns[3]
    for i in range(len(totals)):
        totals[i] = total[i]
    for i in range(len(scores)):
        scores[i, 0] = total[i]
        scores[i, 1] = base[i]
        scores[i, 2] = match[i]
        scores[i, 3] = personal[i]


@internal
def _collect_entries(
    index: Index, limits: Limits, user: int, excluded: np.ndarray, totals: Singles, entries: np.ndarray
) -> int:
    """Fill `entries` with the user's eligible jobs by id; return their number. `totals` (m,) is by position.

    The key of a greater total is smaller. Totals are not NaN.
    """
    bits, n = totals.view(np.uint32), 0
    for id_rank in range(len(index.position_by_id)):
        job = np.int64(index.position_by_id[id_rank])
        if excluded[job] or not is_class_allowed(limits, user, job):
            continue
        # read as integers, positive floats ascend with their bits and negative floats descend; -0.0 becomes 0.0
        raw = bits[job] if totals[job] != 0 else np.uint32(0)
        key = raw if raw >> np.uint32(31) else np.uint32(0x7FFFFFFF) - raw
        entries[n] = (np.uint64(key) << _KEY_SHIFT) | np.uint64(job)
        n += 1
    return n


@internal
def _count_bits(value: int) -> int:
    n = 0
    while (value >> n) != 0:
        n += 1
    return n


@internal
def _sort(entries: np.ndarray, other: np.ndarray, counts: Longs, lowest: int, n_bits: int) -> bool:
    """Sort the entries by their keys with a stable radix sort; return whether `other` has the result.

    The keys are at least `lowest` and less than lowest + 2 ** n_bits. `other` is as long as `entries`.
    """
    if n_bits == 0:
        return False
    n_digits = (n_bits + _DIGIT_BITS - 1) // _DIGIT_BITS
    digit_bits = (n_bits + n_digits - 1) // n_digits
    n_values, low = 1 << digit_bits, np.uint64(lowest)
    mask = np.uint64(n_values - 1)
    for digit in range(n_digits):
        shift = np.uint64(digit * digit_bits)
        counts[:n_values] = 0
        for i in range(len(entries)):
            counts[(((entries[i] >> _KEY_SHIFT) - low) >> shift) & mask] += 1
        start = 0
        for value in range(n_values):
            count = counts[value]
            counts[value] = start
            start += count
        for i in range(len(entries)):
            entry = entries[i]
            value = (((entry >> _KEY_SHIFT) - low) >> shift) & mask
            other[counts[value]] = entry
            counts[value] += 1
        entries, other = other, entries
    return n_digits % 2 == 1


@internal
def _fill_list(
    index: Index,
    limits: Limits,
    scores: Singles,
    entries: np.ndarray,
    spare: np.ndarray,
    counts: Longs,
    n_held: Ints,
    out_row: np.ndarray,
    out_score: np.ndarray,
) -> int:
    """Write the best of the entries to `out_row` (k,) and `out_score` (k, 4); return how many.

    The keys are divided into equal ranges. The entries of as many ranges as needed are selected, sorted and listed.
    """
    n, k = len(entries), len(out_row)
    if n == 0:
        return 0
    lowest, highest = entries[0] >> _KEY_SHIFT, entries[0] >> _KEY_SHIFT
    for i in range(n):
        key = entries[i] >> _KEY_SHIFT
        lowest, highest = min(lowest, key), max(highest, key)
    shift = np.uint64(max(0, _count_bits(highest - lowest) - _DIGIT_BITS))
    of_range = counts[0]
    of_range[:] = 0
    for i in range(n):
        of_range[((entries[i] >> _KEY_SHIFT) - lowest) >> shift] += 1
    n_held[:] = 0
    size, first, n_wanted = 0, 0, k
    while size < k and first < _N_COUNTS:
        last, n_selected = first, 0
        while last < _N_COUNTS and n_selected < n_wanted:
            n_selected += int(of_range[last])
            last += 1
        chosen, n_chosen = spare[0], 0
        for i in range(n):
            chosen[n_chosen] = entries[i]
            of_entry = np.int64(((entries[i] >> _KEY_SHIFT) - lowest) >> shift)
            if first <= of_entry and of_entry < last:
                n_chosen += 1
        ordered = chosen[:n_chosen]
        n_bits = _count_bits(((last - first) << shift) - 1)
        if _sort(ordered, spare[1, :n_chosen], counts[1], lowest + (np.uint64(first) << shift), n_bits):
            ordered = spare[1, :n_chosen]
        for i in range(n_chosen):
            if size == k:
                break
            job = np.int64(ordered[i] & _POSITION)
            code = index.company[job]
            if limits.per_company > 0 and code >= 0:
                if n_held[code] >= limits.per_company:
                    continue
                n_held[code] += 1
            out_row[size] = index.plan_row[job]
            for s in range(4):
                out_score[size, s] = scores[job, s]
            size += 1
        first, n_wanted = last, n_wanted * _GROWTH
    return size


@compiled
def long_lists(
    program: Program,
    index: Index,
    limits: Limits,
    users: Longs,
    places: Longs,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    stop: np.ndarray,
) -> None:
    """Fill the lists like `pruned_topk.top_k`, for lists of any length."""
    m, d = len(index.id_rank), index.vector.shape[1]
    rows, of_users, products, columns = allocate_tile(program)
    of_jobs = np.empty((d, BLOCK + _PADDING), np.float32)
    totals, scores = np.empty((TOGETHER, m), np.float32), np.empty((TOGETHER, m, 4), np.float32)
    excluded, entries, spare = np.zeros(m, np.bool_), np.empty(m, np.uint64), np.empty((2, m), np.uint64)
    counts, n_held = np.empty((2, _N_COUNTS), np.int64), np.empty(len(limits.company_start), np.int32)
    for tile in range(0, len(places), TOGETHER):
        if stop[0] != 0:
            return
        n_users = min(TOGETHER, len(places) - tile)
        for t in range(n_users):
            fill_user_rows(program, users[places[tile + t]], rows[t], of_users[t])
        for first in range(0, m, BLOCK):
            n = min(BLOCK, m - first)
            for i in range(n):
                for dimension in range(d):
                    of_jobs[dimension, i] = index.vector[first + i, dimension]
            tile_products(program, of_users, n_users, of_jobs, 0, n, products)
            for t in range(n_users):
                score_block(program, users[places[tile + t]], first, n, products[t], rows[t], columns)
                _round_scores(columns, totals[t, first : first + n], scores[t, first : first + n])
        for t in range(n_users):
            place = places[tile + t]
            user = users[place]
            set_not_required(excluded, user, limits)
            set_excluded(excluded, user, True, limits)
            n_eligible = _collect_entries(index, limits, user, excluded, totals[t], entries)
            set_excluded(excluded, user, False, limits)
            if len(limits.required_start) > 0:
                excluded[:] = False
            out_count[place] = _fill_list(
                index, limits, scores[t], entries[:n_eligible], spare, counts, n_held, out_row[place], out_score[place]
            )
