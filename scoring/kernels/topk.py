"""The k best jobs of each user, exact, most jobs never looked at. The lists are those of `reference.top_k`.

Cells are bounded for a user all at once, the promising ones visited from the best bound down, their blocks bounded
more closely, and the jobs of what is left scored in float32. Whatever may still belong to the list gets its
canonical score: in float64, from the folded sums where these leave no doubt about the float32 that they round to,
else by the formula. The list in hand is exact at all times, so nothing below its last score can matter, whatever
the order of visits. (Block-Max WAND and MaxScore skip by the same argument; here bounds are made per user, from
the few parts that a score has.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.kernels.compiled import bare, inner
from scoring.kernels.folding import COARSE, CONSTANT, FINE, SUBSET_BITS, UNEVEN, Fold, fold_user
from scoring.kernels.index import BEST, BLOCK_JOBS, FIRST, MASK_BITS, MASKS, REST, SCORE, SIZE, Index, Limits
from scoring.kernels.lists import cut_of, insert, mark
from scoring.kernels.program import Floats, Int32s, Int64s, Program, Singles
from scoring.kernels.single import canonical_scores, component_value

__all__ = [
    "Room",
    "add_either",
    "add_row",
    "add_step",
    "base_of",
    "count_from",
    "exact_score",
    "new_room",
    "product",
    "top_k",
    "uneven_part",
    "write_list",
]

CHUNK = 64
"""Cells that are compared at once."""
BINS = 64
"""Steps in which promising cells are put in order."""
FIRST_BAND = 0.6
"""Of the way down to where lists usually end: what is found there makes nearly the last bound for all the rest."""
LOWEST = np.finfo(np.float32).min
"""Below every bound but that of an empty cell, which is -infinity."""


class Room(NamedTuple):
    """What a thread writes on while it makes lists of up to k jobs."""

    marks: NDArray[np.bool_]  # (m,) may not be shown to the user at work; all False between users
    bound: Singles  # (n_cells,)
    lanes: Singles  # (CHUNK,)
    found: Int32s  # (n_cells,)
    ordered: Int32s  # (n_cells,)
    start: Int32s  # (BINS + 1,)
    scores: Singles  # (k,) the list in hand
    turns: Int32s  # (k,)
    jobs: Int32s  # (k,)
    dots: Singles  # (n_dots,)
    value: Singles  # (BLOCK_JOBS,)
    canonical: Floats  # (k, 4)
    one_job: Int32s  # (1,)
    one_score: Floats  # (1, 4)


def new_room(p: Program, x: Index, k: int) -> Room:
    n_cells = len(x.cell_best)
    return Room(
        marks=np.zeros(len(x.turn), dtype=np.bool_),
        bound=np.empty(n_cells, np.float32),
        lanes=np.empty(CHUNK, np.float32),
        found=np.empty(n_cells, np.int32),
        ordered=np.empty(n_cells, np.int32),
        start=np.empty(BINS + 1, np.int32),
        scores=np.empty(k, np.float32),
        turns=np.empty(k, np.int32),
        jobs=np.empty(k, np.int32),
        dots=np.empty(len(p.dot_scale), np.float32),
        value=np.empty(BLOCK_JOBS, np.float32),
        canonical=np.empty((k, 4)),
        one_job=np.empty(1, np.int32),
        one_score=np.empty((1, 4)),
    )


# Loops run over views that begin at 0: where an index might be negative for all that the compiler knows, it cannot
# use vector instructions.


@inner
def _bound_gathered(best: np.ndarray, base: float, row: np.ndarray, code: np.ndarray, bound: np.ndarray) -> None:
    for i in range(len(bound)):
        bound[i] = best[i] + base + row[code[i]]


@inner
def _bound_row(best: np.ndarray, base: float, row: np.ndarray, bound: np.ndarray) -> None:
    for i in range(len(bound)):
        bound[i] = best[i] + (base + row[i])


@inner
def _bound_cells(x: Index, rows: np.ndarray, bound: np.ndarray) -> None:
    """bound[cell] = its best job score and what the ordered keys add."""
    zero, n_ordered = np.float32(0.0), len(x.ordered)
    for group in range(len(x.group_cell) - 1):
        first, last = x.group_cell[group], x.group_cell[group + 1]
        here, best = bound[first:last], x.cell_best[first:last]
        if n_ordered == 0:
            for i in range(len(here)):
                here[i] = best[i]
        elif n_ordered == 1:
            _bound_gathered(best, zero, rows[x.ordered[0]], x.cell_code[0, first:last], here)
        else:
            base = rows[x.ordered[0], x.cell_code[0, first]]
            if x.grid:
                _bound_row(best, base, rows[x.ordered[1]], here)
            else:
                _bound_gathered(best, base, rows[x.ordered[1]], x.cell_code[1, first:last], here)
            for place in range(2, n_ordered):
                _bound_gathered(here, zero, rows[x.ordered[place]], x.cell_code[place, first:last], here)


@inner(fastmath={"nnan", "nsz"})
def _raise_lanes(lanes: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(values)):
        lanes[i] = values[i] if values[i] > lanes[i] else lanes[i]


@inner
def _greatest(values: np.ndarray, lanes: np.ndarray) -> float:
    """`lanes` (CHUNK,) is room: one running maximum cannot be kept in vectors, many can (10 times as fast)."""
    for i in range(len(lanes)):
        lanes[i] = -np.inf
    for first in range(0, len(values), CHUNK):
        _raise_lanes(lanes, values[first : min(first + CHUNK, len(values))])
    top = lanes[0]
    for i in range(1, len(lanes)):
        top = max(top, lanes[i])
    return top


@inner
def count_from(values: np.ndarray, low: float) -> int:
    """How many are `low` or more."""
    count = np.int32(0)
    for i in range(len(values)):
        count += np.int32(values[i] >= low)
    return count


@inner
def _collect(bound: np.ndarray, low: float, high: float, found: np.ndarray) -> int:
    """Puts the cells with low <= bound < high into `found`; returns how many there are."""
    size = 0
    for first in range(0, len(bound), CHUNK):
        here = bound[first : min(first + CHUNK, len(bound))]
        if count_from(here, low):
            for i in range(len(here)):
                if low <= here[i] and here[i] < high:
                    found[size] = first + i
                    size += 1
    return size


@inner
def _put_in_order(
    bound: np.ndarray, found: np.ndarray, size: int, top: float, start: np.ndarray, ordered: np.ndarray
) -> None:
    """Copies `found` to `ordered` by descending bound, up to the width of a bin; `start` (BINS + 1,) is room."""
    low = top
    for i in range(size):
        low = min(low, bound[found[i]])
    start[:] = 0
    scale = np.float32(BINS) / max(top - low, np.float32(1e-30))
    for i in range(size):
        start[min(BINS - 1, int((top - bound[found[i]]) * scale)) + 1] += 1
    for b in range(BINS):
        start[b + 1] += start[b]
    for i in range(size):
        b = min(BINS - 1, int((top - bound[found[i]]) * scale))
        ordered[start[b]] = found[i]
        start[b] += 1


@inner(fastmath={"reassoc", "contract"})
def product(a: np.ndarray, b: np.ndarray) -> float:
    """In any order, in float32: the bound on its error holds for all of them."""
    result = np.float32(0.0)
    for i in range(len(a)):
        result += a[i] * np.float32(b[i])
    return np.float64(result)


@inner(fastmath={"reassoc", "contract"})
def _exact_product(a: np.ndarray, b: np.ndarray) -> float:
    """The same in float64."""
    result = 0.0
    for i in range(len(a)):
        result += a[i] * np.float64(b[i])
    return result


@inner
def uneven_part(p: Program, x: Index, f: Fold, user: int, job: int) -> float:
    """What components that do not fold add to one job."""
    value = 0.0
    for place in range(len(x.uneven)):
        c = np.int64(x.uneven[place])
        if p.flat_weight[c] != 0.0:
            value += p.flat_weight[c] * component_value(p, x, c, user, job, x.job_facts[job], x.vector[job], f.table)
    return value


@inner
def base_of(x: Index, f: Fold, job: int) -> float:
    """What the user has with all jobs of this one's cell."""
    base = f.sums[CONSTANT]
    for key in x.ordered:
        base += f.row[key, x.job_facts[job, key]]
    return base


@inner(inline="always")
def exact_score(p: Program, x: Index, f: Fold, r: Room, user: int, job: int, base: float) -> float:
    """The canonical total (float32) of one job; `base` is `base_of` it."""
    facts, n_keys = x.job_facts[job], len(x.width)
    value, some = x.job_sums[job, SCORE] + base, False
    for key in x.loose:
        value += f.row[key, facts[key]]
    for slot in range(len(f.step_gain)):
        rank = facts[n_keys + p.interval_number[slot]]
        if f.step_low[slot] <= rank and rank < f.step_high[slot]:
            value += f.step_gain[slot]
    for slot in range(len(f.on)):
        if f.on[slot]:
            has = facts[n_keys + len(p.number_rank) + slot] != 0
            value += f.dot_base[slot] if has else f.dot_other[slot]
            some |= has
    if some:
        value += _exact_product(f.pull, x.vector[job])
    if len(x.uneven):
        value += uneven_part(p, x, f, user, job)
    result = np.float32(value - f.sums[FINE])
    if result != np.float32(value + f.sums[FINE]):  # either side of where a float32 ends: by the formula
        r.one_job[0] = job
        canonical_scores(p, x, user, r.one_job, len(r.one_job), f.table, r.one_score)
        result = np.float32(r.one_score[0, 0])
    return result


@inner
def write_list(
    p: Program, x: Index, f: Fold, r: Room, user: int, size: int, row: np.ndarray, score: np.ndarray
) -> None:
    """The list in hand as rows of the plan and all four scores."""
    canonical_scores(p, x, user, r.jobs, size, f.table, r.canonical)
    for i in range(size):
        row[i] = x.plan_row[r.jobs[i]]
        for s in range(4):
            score[i, s] = np.float32(r.canonical[i, s])


@inner
def _most_of_codes(x: Index, f: Fold) -> float:
    """The most that loose keys, steps and uneven components add to any job."""
    slack = f.sums[UNEVEN]
    for key in x.loose:
        slack += f.best[key]
    for slot in range(len(f.step_gain)):
        slack += max(f.step_gain[slot], 0.0)
    return slack


@inner
def _most_of_vectors(x: Index, f: Fold) -> float:
    """The most that products add to any job."""
    slack = 0.0
    for slot in range(len(f.on)):
        if f.on[slot]:
            slack += max(f.dot_base[slot] + f.dot_norm[slot] * x.dot_norm[slot], f.dot_other[slot])
    return slack


@inner(inline="always")
def _slack_of_codes(p: Program, x: Index, f: Fold, block: int) -> float:
    """The most that loose keys, steps and uneven components add to a job of the block."""
    slack = f.sums[UNEVEN]
    for place in range(len(x.loose)):
        key, codes = x.loose[place], x.block_masks[block, MASKS // 2 + place]
        if x.width[key] <= SUBSET_BITS:
            slack += f.of_subset[key, codes]
        elif x.width[key] <= MASK_BITS:
            most = -np.inf
            for code in range(x.width[key]):
                if (codes >> np.uint64(code)) & np.uint64(1):
                    most = max(most, f.row[key, code])
            slack += most
        else:
            slack += f.best[key] if codes & f.own[key] else f.usual[key]
    for slot in range(len(f.step_gain)):
        gain, place = f.step_gain[slot], MASKS + 2 * (len(x.loose) + p.interval_number[slot])
        if gain != 0:
            least, most_rank = x.block[block, place], x.block[block, place + 1]
            if gain > 0:
                if f.step_low[slot] <= most_rank and least < f.step_high[slot]:
                    slack += gain
            elif f.step_low[slot] <= least and most_rank < f.step_high[slot]:
                slack += gain
    return slack


@inner(inline="always")
def _slack_of_vectors(p: Program, x: Index, f: Fold, block: int, dots: np.ndarray) -> float:
    """The most that products add. `dots` (n_dots,) float32 gets what they add to a job with a vector."""
    slack = 0.0
    for slot in range(len(f.on)):
        if f.on[slot]:
            most = -np.inf
            place = MASKS + 2 * (len(x.loose) + len(p.number_rank)) + 3 * slot
            radius = x.block_single[block, place]
            if radius >= 0:
                start, stop = p.dot_start[slot], p.dot_start[slot + 1]
                near = product(f.pull_single[start:stop], x.block_centre[block, start:stop])
                reach = near * x.block_single[block, place + 1] + f.dot_norm[slot] * radius
                most = f.dot_base[slot] + min(reach, f.dot_norm[slot] * x.dot_norm[slot])
            dots[slot] = most
            slack += most if x.block[block, place + 2] else max(most, f.dot_other[slot])
    return slack


@inner
def add_row(value: np.ndarray, row: np.ndarray, code: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += row[code[i]]


@inner
def _add_coded(value: np.ndarray, row: np.ndarray, code: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += row[np.uint32(code[i])]


@inner
def add_step(value: np.ndarray, rank: np.ndarray, low: int, high: int, gain: float) -> None:
    for i in range(len(value)):
        value[i] += gain if low <= rank[i] and rank[i] < high else np.float32(0.0)


@inner
def add_either(value: np.ndarray, has: np.ndarray, yes: float, no: float) -> None:
    for i in range(len(value)):
        value[i] += yes if has[i] else no


@inner(inline="always")
def _score_loosely(p: Program, x: Index, f: Fold, first: int, dots: np.ndarray, value: np.ndarray) -> None:
    """`value` (float32) gets the most that each job may score beside what its cell shares and uneven parts."""
    n, at = len(value), first * x.n_lanes
    single = x.lanes_single[at : at + n]
    for i in range(n):
        value[i] = single[i]
    at += n
    for key in x.loose:
        if not f.nothing[key]:
            _add_coded(value, f.single[key], x.lanes[at : at + n])
        at += n
    for slot in range(len(f.step_gain)):
        gain = np.float32(f.step_gain[slot])
        if gain != 0:
            start = at + n * p.interval_number[slot]
            add_step(value, x.lanes[start : start + n], f.step_low[slot], f.step_high[slot], gain)
    at += n * len(p.number_rank)
    for slot in range(len(f.on)):
        if f.on[slot]:
            add_either(value, x.lanes[at : at + n], dots[slot], np.float32(f.dot_other[slot]))
        at += n


@bare
def top_k(
    p: Program,
    x: Index,
    limits: Limits,
    f: Fold,
    r: Room,
    users: Int64s,
    places: Int64s,
    seeds: Int32s,
    out_row: Int64s,
    out_score: Singles,
    out_count: Int32s,
    visited: Int64s,
    stop: np.ndarray,
) -> None:
    """Fills per user `out_row` (len(users), k), `out_score` (…, k, 4) and how many there are.

    `places` among the users are gone through, in that order; it is best to have users who look at the same jobs
    follow each other. `seeds` (len(users), k or 0) are positions of k jobs that may be shown together, or -1: the
    lowest of their scores is a bound to begin with. `visited` (2,) counts the jobs that were scored loosely and
    exactly. Between users, `stop[0]` other than 0 ends the work.
    """
    k = out_row.shape[1]
    loosely = exactly = 0
    usual_depth = -1.0  # how far below the best bound the lists of the users so far ended
    for place in places:
        if stop[0] != 0:
            break
        user, size = users[place], np.int64(0)
        fold_user(p, x, user, f)
        mark(r.marks, user, True, limits)
        _bound_cells(x, f.single, r.bound)
        top = _greatest(r.bound, r.lanes)
        coarse, of_vectors = f.sums[COARSE], _most_of_vectors(x, f)
        slack = _most_of_codes(x, f) + of_vectors
        beside = f.sums[CONSTANT] + slack + coarse  # a job of a cell scores at most r.bound[cell] + beside
        cut = -np.inf
        if seeds.shape[1] == k and seeds[place, k - 1] >= 0:
            canonical_scores(p, x, user, seeds[place], k, f.table, r.canonical)
            least = np.float32(np.inf)
            for i in range(k):
                least = min(least, np.float32(r.canonical[i, 0]))
            cut = cut_of(least)
        low, high = LOWEST, np.float32(np.inf)
        if usual_depth > 0:
            low = np.float32(top - FIRST_BAND * usual_depth)
        while True:
            low = max(low, LOWEST, np.float32(cut - beside - coarse))  # (the rounding is less than `coarse`)
            n_found = _collect(r.bound, low, high, r.found)
            _put_in_order(r.bound, r.found, n_found, min(top, high), r.start, r.ordered)
            for i in range(n_found):
                cell = r.ordered[i]
                if r.bound[cell] + beside < cut:
                    continue
                base = f.sums[CONSTANT] + coarse
                for o in range(len(x.ordered)):
                    base += f.row[x.ordered[o], x.cell[cell, 2 + o]]
                for block in range(x.cell[cell, 0], x.cell[cell, 1]):
                    if x.block_single[block, REST] + base + slack < cut:
                        break
                    best = x.block_single[block, BEST] + base
                    if best + slack < cut:
                        continue
                    here = _slack_of_codes(p, x, f, block)
                    if best + here + of_vectors < cut:
                        continue
                    if best + here + _slack_of_vectors(p, x, f, block, r.dots) < cut:
                        continue
                    first, value = x.block[block, FIRST], r.value[: x.block[block, SIZE]]
                    _score_loosely(p, x, f, first, r.dots, value)
                    loosely += len(value)
                    if len(x.uneven):
                        for j in range(len(value)):
                            value[j] += np.float32(uneven_part(p, x, f, user, np.int64(first + j)))
                    for j in range(len(value)):
                        if value[j] + base < cut or r.marks[first + j]:
                            continue
                        job = np.int64(first + j)
                        score = exact_score(p, x, f, r, user, job, base - coarse)
                        exactly += 1
                        size = insert(
                            r.scores, r.turns, r.jobs, size, score, x.turn[job], job, x.company, limits.per_company
                        )
                        if size == k:
                            cut = max(cut, cut_of(r.scores[k - 1]))
            if low <= max(LOWEST, np.float32(cut - beside - coarse)):
                break
            high, low = low, np.float32(top - 2 * (top - low)) if size < k and low < top else LOWEST
        if size == k:
            depth = top - cut + beside
            usual_depth = 0.9 * usual_depth + 0.1 * depth if usual_depth > 0 else depth
        out_count[place] = size
        write_list(p, x, f, r, user, size, out_row[place], out_score[place])
        mark(r.marks, user, False, limits)
    visited[0] += loosely
    visited[1] += exactly
