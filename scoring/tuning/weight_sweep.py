"""The k best jobs along one weight: every weight at which a list changes, by exact arithmetic.

Let one component have weight t and all other components share 1 − t in their current proportions. A job's total is then
the line (1 − t)·a + t·y over t in [0, 1]: `a` is the weighted mean of the other values, `y` the component's value. A
list changes only where lines cross. (The algorithm follows the k-level of an arrangement of lines with a kinetic sorted
list: Basch, Guibas, Hershberger 1999.)

Both ends of each line are rounded to 2⁻²⁴ of a point, 1/64 of the engine's float32 resolution at 32 points. All further
arithmetic uses integers: crossings are fractions, ties are exact, and rounding never changes an order. Of equal totals
the smaller job id comes first, as in the engine. At a crossing the list may be that of the left, that of the right, or
(where three lines meet) a third one.
"""

from __future__ import annotations

import numba
import numpy as np

from scoring.array_types import Floats, Ints, Longs
from scoring.errors import ConfigurationError

__all__ = ["compiled", "sweep_weight", "vary_weight"]

GRID = 2.0**24
"""Grid steps per point. Products of two differences of 102 points fit in 63 bits."""
LOWEST, HIGHEST = -1.0, 101.0
"""Accepted range of values: 0 to 100, with a tolerance for the rounding of vector lengths."""
BUCKETS = 1024
FIRST_EVENTS = 256


compiled = numba.njit(nogil=True, cache=True, error_model="numpy")
# helpers of this kernel are in this file only: Numba's disk cache does not notice changes in other files


def vary_weight(flat: Floats, component: int, t: float) -> Floats:
    """Return flat weights, (n_components,), in which one component has weight t and the other components share 1 − t.

    The other weights keep their proportions. If they all have weight 0, they get equal weights.

    Raises
    ------
    ConfigurationError: If there is only one component.
    """
    if len(flat) < 2:
        raise ConfigurationError(
            "A model with one component has no weight to vary. Use at least two components.", key=("flat",)
        )
    base = np.array(flat, dtype=np.float64)
    base[component] = 0.0
    if not base.any():
        base[:] = 1.0
        base[component] = 0.0
    result = base / base.sum() * (1.0 - t)
    result[component] = t
    return result


def sweep_weight(values: Floats, flat: Floats, component: int, k: int) -> tuple[Floats, Ints, Ints]:
    """Return every list along one weight, for e weights at which the list changes.

    The lists are equal to sorting all jobs at that weight by (total descending, column).

    Parameters
    ----------
    values: (n_components, m) component values of m jobs in the order of their ids.
    flat: (n_components,) current flat weights.

    Returns
    -------
    times: (e + 2,) float64: 0, the e weights at which the list changes, and 1.
    at: (e + 2, k) int32: the list exactly at each of these weights.
    within: (e + 1, k) int32: the list between each two of them.

    Lists contain columns of `values`, best first. With fewer than k jobs, k is m.

    Raises
    ------
    ConfigurationError: If a value is not between 0 and 100.
    """
    if values.size and not (values.min() >= LOWEST and values.max() <= HIGHEST):
        row = int(np.argmax(~((values >= LOWEST) & (values <= HIGHEST)).all(axis=1)))
        worst = values[row][~((values[row] >= LOWEST) & (values[row] <= HIGHEST))][0]
        raise ConfigurationError(
            f"The values of component {row} (counted from 0, in the model's order) contain {worst}. Values must be "
            "from 0 to 100.",
            key=("values",),
        )
    base = vary_weight(flat, component, 0.0)
    a, y = _compute_ends(np.ascontiguousarray(values, dtype=np.float64), base, component)
    times, at, within = _walk(a, y, min(k, values.shape[1]))
    return times, at, within


@compiled
def _compute_ends(values: Floats, base: Floats, component: int) -> tuple[Longs, Longs]:
    """Return both ends of every line in grid steps. One point is added so that none is negative."""
    n_components, m = values.shape
    a, y = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
    for j in range(m):
        mean = 0.0
        for c in range(n_components):
            mean += base[c] * values[c, j]
        a[j] = np.int64(np.rint((mean + 1.0) * GRID))
        y[j] = np.int64(np.rint((values[component, j] + 1.0) * GRID))
    return a, y


@compiled
def _replace_smallest(heap: Longs, value: int) -> None:
    """Replace the smallest value of a min-heap, which is at its top."""
    n, place = len(heap), 0
    while True:
        child = 2 * place + 1
        if child >= n:
            break
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = value


@compiled
def _find_best(score: Longs, k: int) -> Ints:
    """Return the columns of the k highest scores, (k,), ties by column."""
    m = len(score)
    heap = np.full(k, -1, dtype=np.int64)
    for j in range(m):
        key = score[j] * m + (m - 1 - j)
        if k and key > heap[0]:
            _replace_smallest(heap, key)
    heap.sort()
    result = np.empty(k, dtype=np.int32)
    for place in range(k):
        result[place] = m - 1 - heap[k - 1 - place] % m
    return result


@compiled
def _find_roughly_best(a: Longs, y: Longs, k: int) -> Longs:
    """Return the columns for which fewer than k jobs have at least the same y and an `a` in a higher bucket."""
    m = len(a)
    low = a.min()
    span = a.max() - low + 1
    start = np.zeros(BUCKETS + 1, dtype=np.int64)
    bucket = np.empty(m, dtype=np.int64)
    for j in range(m):
        bucket[j] = BUCKETS - 1 - (a[j] - low) * BUCKETS // span  # bucket 0 has the highest a
        start[bucket[j] + 1] += 1
    start = np.cumsum(start)
    order, next_of = np.empty(m, dtype=np.int64), start.copy()
    for j in range(m):
        order[next_of[bucket[j]]] = j
        next_of[bucket[j]] += 1
    heap = np.full(k, -1, dtype=np.int64)  # the k best y of higher buckets
    n_left = 0
    for b in range(BUCKETS):
        first = n_left
        for place in range(start[b], start[b + 1]):
            if y[order[place]] > heap[0]:
                order[n_left] = order[place]  # n_left <= place: no unread entry is overwritten
                n_left += 1
        for place in range(first, n_left):
            if y[order[place]] > heap[0]:
                _replace_smallest(heap, y[order[place]])
    left = order[:n_left]
    left.sort()
    return left


@compiled
def _find_skyband(a: Longs, y: Longs, k: int) -> Longs:
    """Return the columns that may be among the k best at some t inside (0, 1), in their order just above 0.

    A line that is at least as high as another at both ends is ahead of it for all t inside: it is higher, or the lines
    are equal and it has the smaller column. Lines with k lines ahead of them are left out.
    """
    left = _find_roughly_best(a, y, k)
    key = np.empty(len(left), dtype=np.int64)
    for place in range(len(left)):
        key[place] = -((a[left[place]] << 31) + y[left[place]])
    left = left[np.argsort(key, kind="mergesort")]  # stable: equal lines keep the order of their columns
    heap = np.full(k, -1, dtype=np.int64)
    n_left = 0
    for place in range(len(left)):
        j = left[place]
        if y[j] > heap[0]:
            _replace_smallest(heap, y[j])
            left[n_left] = j
            n_left += 1
    return left[:n_left]


@compiled
def _find_next_crossing(a: Longs, y: Longs, lines: Longs, k: int) -> tuple[int, int, bool]:
    """Return (p, q, from_outside): the next change of the list is at t = p / (p + q); q = 0 means there is none.

    `from_outside` is whether a line outside the list crosses the last line of the list there. The first k entries of
    `lines` are the list in order, followed by all other lines. Lines are ordered as just above the current t. There,
    the lower of two lines crosses the upper one later if and only if it ends higher; it then also began lower, so p
    and q are positive.
    """
    p, q, is_from_outside = 1, 0, False
    for rank in range(k - 1):
        over, under = lines[rank], lines[rank + 1]
        rise = y[under] - y[over]
        if rise > 0:
            drop = a[over] - a[under]
            if drop * q < p * rise:
                p, q = drop, rise
    last_a, last_y = a[lines[k - 1]], y[lines[k - 1]]
    for place in range(k, len(lines)):
        rise = y[lines[place]] - last_y
        if rise > 0:
            drop = last_a - a[lines[place]]
            later = drop * q - p * rise
            if later < 0:
                p, q = drop, rise
            if later <= 0:
                is_from_outside = True
    return p, q, is_from_outside


@compiled
def _compute_level(a: Longs, y: Longs, line: int, p: int, q: int) -> int:
    """Return the height of a line at p / (p + q), in grid steps × (p + q)."""
    return q * a[line] + p * y[line]


@compiled
def _find_joining(a: Longs, y: Longs, lines: Longs, k: int, p: int, q: int, places: Longs) -> int:
    """Fill `places` with the outside lines that are as high as the list's last line at p / (p + q); return how many.

    They need not cross the last line: a line equal to it may cross a third line together with it.
    """
    n, last = 0, _compute_level(a, y, lines[k - 1], p, q)
    for place in range(k, len(lines)):
        if _compute_level(a, y, lines[place], p, q) == last:
            places[n] = place
            n += 1
    return n


@compiled
def _sort(pool: Longs, n: int, score: Longs, second: Longs, name: Longs) -> None:
    """Sort the first n by (score descending, second descending, name). Insertion sort, as they are nearly sorted."""
    for i in range(1, n):
        line = pool[i]
        place = i
        while place > 0:
            other = pool[place - 1]
            if score[other] > score[line]:
                break
            if score[other] == score[line]:
                if second[other] > second[line]:
                    break
                if second[other] == second[line] and name[other] < name[line]:
                    break
            pool[place] = other
            place -= 1
        pool[place] = line


@compiled
def _lengthen(lists: Ints) -> Ints:
    longer = np.empty((2 * lists.shape[0], lists.shape[1]), dtype=np.int32)
    longer[: lists.shape[0]] = lists
    return longer


@compiled
def _advance_crossing(a: Longs, y: Longs, name: Longs, lines: Longs, at: Ints, within: Ints, scratch: Longs) -> float:
    """Advance to the next change of the list and return its weight; -1 if there is none.

    `lines` are reordered as just above the change. `at` receives the list exactly there, `within` the list just above.
    `scratch` is reused for all changes, (4, n).
    """
    joining, pool, score, level = scratch[0], scratch[1], scratch[2], scratch[3]
    k = len(at)
    p, q, is_from_outside = _find_next_crossing(a, y, lines, k)
    if q == 0:
        return -1.0
    n_joining = 0
    if is_from_outside or (
        k > 1 and _compute_level(a, y, lines[k - 2], p, q) == _compute_level(a, y, lines[k - 1], p, q)
    ):
        n_joining = _find_joining(a, y, lines, k, p, q, joining)
    n_pool = k + n_joining
    pool[:k] = lines[:k]
    for place in range(n_joining):
        pool[k + place] = lines[joining[place]]
    for place in range(n_pool):
        score[pool[place]] = _compute_level(a, y, pool[place], p, q)
    _sort(pool, n_pool, score, y, name)  # just above: of lines that meet, the one that ends higher comes first
    lines[:k] = pool[:k]
    for place in range(n_joining):
        lines[joining[place]] = pool[k + place]
    within[:] = name[pool[:k]]
    _sort(pool, n_pool, score, level, name)  # exactly at the change: ties by id
    at[:] = name[pool[:k]]
    return float(p / (p + q))


@compiled
def _walk(all_a: Longs, all_y: Longs, k: int) -> tuple[Floats, Ints, Ints]:
    """Return the result of `walk` for lines from `all_a` to `all_y`; k is at most the number of jobs."""
    times = np.zeros(FIRST_EVENTS, dtype=np.float64)
    at, within = np.empty((FIRST_EVENTS, k), dtype=np.int32), np.empty((FIRST_EVENTS, k), dtype=np.int32)
    n = 0  # changes
    if k > 0:
        name = _find_skyband(all_a, all_y, k)
        a, y, lines = all_a[name], all_y[name], np.arange(len(name))
        scratch = np.zeros((4, len(name)), dtype=np.int64)
        within[0] = name[:k]
        while True:
            if n + 2 >= len(times):
                times, at, within = np.append(times, np.zeros(len(times))), _lengthen(at), _lengthen(within)
            t = _advance_crossing(a, y, name, lines, at[n + 1], within[n + 1], scratch)
            if t < 0:
                break
            n += 1
            times[n] = t
        at[0], at[n + 1] = _find_best(all_a, k), _find_best(all_y, k)
    times[n + 1] = 1.0
    return times[: n + 2].copy(), at[: n + 2].copy(), within[: n + 1].copy()
