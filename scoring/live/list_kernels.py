"""Compiled updates of lists: one job against all users, and one user against all jobs.

Scores equal `reference.compute_scores` bit for bit: terms and components are added in the same order in float64. Most
pairs are excluded by an upper bound of their total: the job's own points, the user's greatest points for the job's
codes of two keys, and the user's greatest points for everything else.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Bools, Ints, Longs, Singles, UInt8s
from scoring.backends.numba.jit import compiled, internal
from scoring.backends.numba.linked_value import bound_linked, link_value
from scoring.backends.numba.simd_blocks import lowest_bit
from scoring.bundle.program import DOT, FLAGS, INTERVAL, JOB, LINK_KIND, LOOKUP, NONE, PAIRS, TREES, USER
from scoring.live.leaf_masks import WORD
from scoring.live.pair_arrays import PairArrays

__all__ = ["JobCellArrays", "ListArrays", "Rules", "begin_ranking", "bound_users", "collect_jobs", "end_ranking"]
__all__ += ["find_users", "insert_jobs", "rank_user", "update_lists"]

_USERS_AT_ONCE = 1024
_MARGIN = 1e-3
"""Added to bounds. Sums of float32 of at most `_MAX_SUM` differ from the float64 total by less than 1e-3."""
_MAX_SUM = 1000.0
"""Sum of the absolute terms of a user from which rounding may exceed the margin: no pair is then excluded."""
_VECTOR_MARGIN = 1.000001


class ListArrays(NamedTuple):
    """The lists of N users. A list has room for K jobs, of which the first `valid` are exact."""

    slot: Ints  # (N, K) column of the job
    scores: Singles  # (N, K, 4)
    valid: Ints  # (N,)
    complete: Bools  # (N,) no eligible job is missing, except those that the limit per company excludes
    n_lists: Ints  # (M,) number of lists that contain the job
    threshold: Singles  # (N,) a job with a lower total is not inserted; infinity without a list
    is_changed: Bools  # (N,) the list has changed since readers were given it


class Rules(NamedTuple):
    """Eligibility of N users and M jobs."""

    job_id: Longs  # (M,)
    company: Ints  # (M,) -1 missing
    open_to_all: Bools  # (M,)
    excluded_start: Longs  # (N,)
    excluded_stop: Longs  # (N,)
    excluded: Ints  # columns of jobs
    cooldown_start: Longs  # (N,)
    cooldown_stop: Longs  # (N,)
    cooldown: Ints  # company codes
    limits: UInt8s  # (N,) bits: 1 only required jobs are eligible, 2 only jobs of required companies
    required_start: Longs  # (N,)
    required_stop: Longs  # (N,)
    required: Ints  # columns of jobs
    companies_start: Longs  # (N,)
    companies_stop: Longs  # (N,)
    companies: Ints  # company codes
    per_company: int  # 0: no limit


class JobCellArrays(NamedTuple):
    """Jobs by the two codes that bounds read. C cells."""

    start: Longs  # (C + 1,)
    row: Ints  # (C, 2) rows of PairArrays.bound
    best: Singles  # (C,) greatest job_sum
    job: Ints  # jobs of each cell, in descending order of `points`
    points: Singles  # job_sum when the cells were built
    job_class: Ints  # class when the cells were built
    loose: Ints  # (M,) jobs that a cell does not bound; the first n_loose are used


# --- Scores ----------------------------------------------------------------------------------------------------------


@internal
def _find_value(p: PairArrays, slot: int, user: int, code: int) -> float:
    """Return the value of a lookup term for a code, without the user's entries."""
    return p.lookup_values[p.lookup_first[slot] + code * p.lookup_stride[slot] + p.lookup_row[user, slot]]


@internal
def _sum_trees(p: PairArrays, slot: int, user: int, job: int) -> float:
    """Return the sum of the leaves that user and job have in common."""
    value = 0.0
    for tree in range(p.tree_start[slot], p.tree_start[slot + 1]):
        for word in range(p.tree_word[tree], p.tree_word[tree + 1]):
            common = p.user_leaves[user, word] & p.job_leaves[job, word]
            if common:
                value += p.leaf_value[WORD * word + lowest_bit(np.uint64(common))]
                break
    return value


@internal
def _bound_trees(p: PairArrays, slot: int, user: int) -> tuple[float, float]:
    """Return bounds of the sum of trees for a user and all jobs. Sums of bounds in the same order are bounds."""
    low = high = 0.0
    for tree in range(p.tree_start[slot], p.tree_start[slot + 1]):
        least, best = np.inf, -np.inf
        for word in range(p.tree_word[tree], p.tree_word[tree + 1]):
            bits = np.uint64(p.user_leaves[user, word])
            while bits:
                value = p.leaf_value[WORD * word + lowest_bit(bits)]
                least, best = min(least, value), max(best, value)
                bits &= bits - np.uint64(1)
        low += least
        high += best
    return low, high


@internal
def _component_of_pair(p: PairArrays, c: int, user: int, job: int) -> float:
    value = 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            value += p.job_value[job, slot]
        elif kind == USER:
            value += p.user_value[user, slot]
        elif kind == LOOKUP:
            code = p.key_code[job, p.lookup_key[slot]]
            found = _find_value(p, slot, user, code)
            for e in range(p.entry_start[user, slot], p.entry_stop[user, slot]):
                if p.entry_code[e] == code:
                    found = p.entry_value[e]
            value += found
        elif kind == INTERVAL:
            number = p.number[job, p.interval_number[slot]]
            if p.interval_low[user, slot] <= number and number < p.interval_high[user, slot]:
                value += p.interval_gain[user, slot]
        elif kind == FLAGS:
            row = p.flag_first[slot] + np.int64(p.flag_row[user, slot]) * p.flag_width[slot]
            value += p.flag_values[row + p.flag_bits[job, p.flag_set[slot]]]
        elif kind == TREES:
            value += _sum_trees(p, slot, user, job)
        elif kind == PAIRS:
            value += p.output[slot, job if p.is_output_by_job[0] else user]
        elif p.dot_user_has[user, slot] and p.dot_job_has[job, slot]:
            product = 0.0
            for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
                product += np.float64(p.user_vector[user, d]) * np.float64(p.job_vector[job, d])
            value += p.dot_scale[slot] * (p.dot_shift[slot] + product)
        else:
            value += p.dot_otherwise[user, slot]
    slot = p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        value /= p.user_value[user, slot]
    elif p.divisor_kind[c] == FLAGS:
        row = p.flag_first[slot] + np.int64(p.flag_row[user, slot]) * p.flag_width[slot]
        value /= p.flag_values[row + p.flag_bits[job, p.flag_set[slot]]]
    return link_value(p, c, value) if p.link[c, LINK_KIND] != NONE else value


@internal
def _score_pair(p: PairArrays, user: int, job: int, out: np.ndarray, sums: np.ndarray) -> None:
    """Set `out` (4,) float32 to total, base, match and personal. `sums` (4,) is scratch."""
    for s in range(4):
        sums[s] = 0.0
    for c in range(len(p.flat_weight)):
        if p.flat_weight[c] == 0.0 and p.group_weight[c] == 0.0:
            continue
        value = _component_of_pair(p, c, user, job)
        sums[0] += p.flat_weight[c] * value
        sums[1 + p.group[c]] += p.group_weight[c] * value
    for s in range(4):
        out[s] = np.float32(sums[s])


# --- Bounds ----------------------------------------------------------------------------------------------------------


@internal
def _count_codes(p: PairArrays, slot: int) -> int:
    end = p.lookup_first[slot + 1] if slot + 1 < len(p.lookup_key) else np.int64(len(p.lookup_values))
    return (end - p.lookup_first[slot]) // p.lookup_stride[slot]


@internal
def _bound_lookup(p: PairArrays, slot: int, user: int) -> tuple[float, float]:
    """Return the greatest value and the greatest absolute value of a lookup term for a user."""
    high, size = -np.inf, 0.0
    for code in range(_count_codes(p, slot)):
        value = _find_value(p, slot, user, code)
        high, size = max(high, value), max(size, abs(value))
    for e in range(p.entry_start[user, slot], p.entry_stop[user, slot]):
        value = p.entry_value[e]
        high, size = max(high, value), max(size, abs(value))
    return high, size


@internal
def _add_lookup(p: PairArrays, slot: int, user: int, weight: float, first: int, sums: np.ndarray) -> float:
    """Add a term to the sums by code, which begin at row `first`; return its greatest absolute value."""
    size = 0.0
    for code in range(_count_codes(p, slot)):
        value = _find_value(p, slot, user, code)
        sums[first + code] += weight * value
        size = max(size, abs(value))
    for e in range(p.entry_start[user, slot], p.entry_stop[user, slot]):
        value, code = p.entry_value[e], p.entry_code[e]
        sums[first + code] += weight * (value - _find_value(p, slot, user, code))
        size = max(size, abs(value))
    return size


@internal
def _bound_flags(p: PairArrays, slot: int, user: int, job_class: int) -> tuple[float, float]:
    """Return the least and the greatest value of a flag term for a user and the jobs of a class."""
    begin = p.flag_first[slot] + np.int64(p.flag_row[user, slot]) * p.flag_width[slot]
    shift = p.class_flag_shift[p.flag_set[slot]]
    if shift >= 0:
        value = p.flag_values[begin + ((job_class >> shift) & (p.flag_width[slot] - 1))]
        return value, value
    low, high = np.inf, -np.inf
    for bits in range(p.flag_width[slot]):
        low, high = min(low, p.flag_values[begin + bits]), max(high, p.flag_values[begin + bits])
    return low, high


@internal
def _bound_product(p: PairArrays, slot: int, user: int, job_class: int) -> float:
    """Return an upper bound of a dot term for the jobs of a class."""
    shift = p.class_dot_shift[slot]
    if not p.dot_user_has[user, slot] or (shift >= 0 and not (job_class >> shift) & 1):
        return p.dot_otherwise[user, slot]
    length = 0.0
    for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
        length += np.float64(p.user_vector[user, d]) ** 2
    reach = abs(p.dot_scale[slot]) * np.sqrt(length) * p.dot_reach[slot] * _VECTOR_MARGIN
    bound = p.dot_scale[slot] * p.dot_shift[slot] + reach
    return bound if shift >= 0 else max(bound, p.dot_otherwise[user, slot])


@internal
def _is_of_key(p: PairArrays, c: int, slot: int) -> bool:
    """Return whether the rows of codes bound a lookup term."""
    key = p.lookup_key[slot]
    return (
        p.divisor_kind[c] == NONE and p.link[c, LINK_KIND] == NONE and (key == p.bound_key[0] or key == p.bound_key[1])
    )


@internal
def _bound_component(p: PairArrays, c: int, user: int, job_class: int) -> tuple[float, float]:
    """Return a bound of a component without the terms that rows of codes bound, and the sum of absolute terms."""
    divided, linked, high, size = p.divisor_kind[c] != NONE, p.link[c, LINK_KIND] != NONE, 0.0, 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot, value = p.term_kind[t], p.term_slot[t], 0.0
        if kind == JOB:
            value = p.job_value_max[slot] if divided or linked else 0.0
        elif kind == USER:
            value = p.user_value[user, slot]
        elif kind == LOOKUP:
            if not _is_of_key(p, c, slot):
                value, largest = _bound_lookup(p, slot, user)
                size += largest
        elif kind == INTERVAL:
            if p.interval_low[user, slot] < p.interval_high[user, slot]:
                value = max(p.interval_gain[user, slot], 0.0)
        elif kind == FLAGS:
            lowest, value = _bound_flags(p, slot, user, job_class)
            size += abs(lowest)
        elif kind == TREES:
            lowest, value = _bound_trees(p, slot, user)
            size += abs(lowest)
        elif kind == PAIRS:  # the link bounds it
            high = np.inf
            continue
        else:
            value = _bound_product(p, slot, user, job_class)
        high += value
        size += abs(value)
    if not divided:
        return bound_linked(p, c, high) if linked else high, size
    slot = p.divisor_slot[c]
    low_divisor = p.user_value[user, slot] if p.divisor_kind[c] == USER else 0.0
    high_divisor = low_divisor
    if p.divisor_kind[c] == FLAGS:
        low_divisor, high_divisor = _bound_flags(p, slot, user, job_class)
    if low_divisor <= 0.0:
        return np.inf, size
    high /= low_divisor if high > 0.0 else high_divisor
    return bound_linked(p, c, high) if linked else high, size


@internal
def _depends_on_class(p: PairArrays, c: int) -> bool:
    depends = p.divisor_kind[c] == FLAGS
    for t in range(p.term_start[c], p.term_start[c + 1]):
        depends |= p.term_kind[t] == FLAGS or p.term_kind[t] == DOT
    return depends


@internal
def _bound_user(p: PairArrays, user: int, sums: np.ndarray) -> None:
    """Set the bounds of one user. `sums`: scratch, one value per row of `PairArrays.bound`."""
    first_class, size = np.int64(p.bound_first[2]), 0.0
    for row in range(len(sums)):
        sums[row] = _MARGIN if row >= first_class else 0.0
    for c in range(len(p.flat_weight)):
        weight = p.flat_weight[c]
        if weight == 0.0 or p.is_in_sum[c]:
            continue
        for t in range(p.term_start[c], p.term_start[c + 1]):
            slot = p.term_slot[t]
            if p.term_kind[t] == LOOKUP and _is_of_key(p, c, slot):
                first = p.bound_first[0] if p.lookup_key[slot] == p.bound_key[0] else p.bound_first[1]
                size += weight * _add_lookup(p, slot, user, weight, first, sums)
        depends, high, largest = _depends_on_class(p, c), 0.0, 0.0
        for row in range(first_class, len(sums)):
            if depends or row == first_class:
                high, of_class = _bound_component(p, c, user, row - first_class)
                largest = max(largest, of_class)
            sums[row] += weight * high
        size += weight * largest
    best = -np.inf
    for row in range(len(sums)):
        if row >= first_class:
            if size > _MAX_SUM:
                sums[row] = np.inf
            best = max(best, sums[row])
        p.bound[row, user] = np.float32(sums[row])
    p.class_bound[user] = np.float32(best)


@compiled
def bound_users(p: PairArrays, first: int, stop: int) -> None:
    """Set the bounds of users first…stop - 1."""
    sums = np.empty(len(p.bound))
    for user in range(first, stop):
        _bound_user(p, user, sums)


# --- Lists -----------------------------------------------------------------------------------------------------------


@internal
def _contains(values: Ints, start: int, stop: int, wanted: int) -> bool:
    for i in range(start, stop):  # noqa: SIM110 - compiled
        if values[i] == wanted:
            return True
    return False


@internal
def _is_excluded(rules: Rules, user: int, job: int) -> bool:
    """Return whether a rule about this user excludes the job."""
    if _contains(rules.excluded, rules.excluded_start[user], rules.excluded_stop[user], job):
        return True
    company = rules.company[job]
    if company >= 0 and _contains(rules.cooldown, rules.cooldown_start[user], rules.cooldown_stop[user], company):
        return True
    limits = rules.limits[user]
    if limits & np.uint8(1) and not _contains(
        rules.required, rules.required_start[user], rules.required_stop[user], job
    ):
        return True
    if limits & np.uint8(2):
        first, stop = rules.companies_start[user], rules.companies_stop[user]
        return company < 0 or not _contains(rules.companies, first, stop, company)
    return False


@internal
def _remove(lists: ListArrays, user: int, place: int) -> None:
    """Remove the job at a place and move later jobs up."""
    last = lists.valid[user] - 1
    lists.n_lists[lists.slot[user, place]] -= 1
    for i in range(place, last):
        lists.slot[user, i] = lists.slot[user, i + 1]
        for s in range(4):
            lists.scores[user, i, s] = lists.scores[user, i + 1, s]
    lists.valid[user] = last


@internal
def _truncate(lists: ListArrays, user: int, size: int) -> None:
    """Keep the first `size` places. Later places may no longer be exact."""
    for i in range(size, lists.valid[user]):
        lists.n_lists[lists.slot[user, i]] -= 1
    lists.valid[user] = size
    lists.complete[user] = False


@internal
def _end_change(lists: ListArrays, user: int) -> None:
    """Set the threshold of a changed list."""
    size = lists.valid[user]
    lists.is_changed[user] = True
    if lists.complete[user]:
        lists.threshold[user] = -np.inf
    else:
        lists.threshold[user] = lists.scores[user, size - 1, 0] if size else np.inf


@internal
def _find_place(lists: ListArrays, rules: Rules, user: int, total: float, job: int) -> int:
    """Return how many jobs of the list are better."""
    low, high = 0, int(lists.valid[user])
    while low < high:
        middle = (low + high) // 2
        other = lists.scores[user, middle, 0]
        is_better = other > total or (other == total and rules.job_id[lists.slot[user, middle]] < rules.job_id[job])
        if is_better:
            low = middle + 1
        else:
            high = middle
    return low


@internal
def _count_company(lists: ListArrays, company: Ints, user: int, code: int) -> tuple[int, int]:
    """Return how many jobs of a company the list contains, and the place of the last one."""
    n, last = 0, -1
    for i in range(lists.valid[user]):
        if company[lists.slot[user, i]] == code:
            n += 1
            last = i
    return n, last


@internal
def _insert(lists: ListArrays, rules: Rules, user: int, job: int, scores: np.ndarray) -> bool:
    """Insert a job that the list does not contain; return whether it belongs to the exact places."""
    place = _find_place(lists, rules, user, scores[0], job)
    size = np.int64(lists.valid[user])
    if place == size and not lists.complete[user]:
        return False
    code = rules.company[job]
    if rules.per_company > 0 and code >= 0:
        n, last = _count_company(lists, rules.company, user, code)
        if n >= rules.per_company:
            if place > last:
                return False
            _remove(lists, user, last)
            size -= 1
    if size == lists.slot.shape[1]:
        lists.complete[user] = False
        if place == size:
            return False
        lists.n_lists[lists.slot[user, size - 1]] -= 1
        size -= 1
    for i in range(size, place, -1):
        lists.slot[user, i] = lists.slot[user, i - 1]
        for s in range(4):
            lists.scores[user, i, s] = lists.scores[user, i - 1, s]
    lists.slot[user, place] = job
    for s in range(4):
        lists.scores[user, place, s] = scores[s]
    lists.n_lists[job] += 1
    lists.valid[user] = size + 1
    return True


@internal
def _take_out(lists: ListArrays, rules: Rules, user: int, place: int, old_company: int, may_follow: bool) -> None:
    """Remove a job. With `may_follow`, other jobs of its company that the limit excluded may now belong to the list.

    They are worse than the last job of the company in the list, so the places up to that job remain exact.
    """
    if may_follow and rules.per_company > 0 and old_company >= 0:
        n, last = 0, -1
        for i in range(lists.valid[user]):
            code = old_company if i == place else rules.company[lists.slot[user, i]]
            if code == old_company:
                n += 1
                last = i
        if n >= rules.per_company:
            _truncate(lists, user, last + 1)
    _remove(lists, user, place)


@internal
def _find_job(lists: ListArrays, user: int, job: int) -> int:
    """Return the place of a job in a list; -1 if the list does not contain it."""
    slots, wanted, is_stored = lists.slot[user], np.int32(job), False
    for i in range(len(slots)):  # without a branch, also over places that are not valid
        is_stored |= slots[i] == wanted
    if is_stored:
        for i in range(lists.valid[user]):
            if slots[i] == wanted:
                return i
    return -1


@internal
def _update_list(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    user: int,
    job: int,
    old_company: int,
    place: int,
    may: bool,
    scores: np.ndarray,
    sums: np.ndarray,
) -> bool:
    """Insert, move or remove a job; return whether the list changed. `place`: the job's place, -1 without one."""
    is_listed = place >= 0
    if may:
        _score_pair(p, user, job, scores, sums)
        if not is_listed and scores[0] < lists.threshold[user]:
            return False
        may = not _is_excluded(rules, user, job)
    is_exact_here = False
    if is_listed:
        stays_or_rises = may and scores[0] >= lists.scores[user, place, 0] and old_company == rules.company[job]
        is_exact_here = stays_or_rises and not lists.complete[user]
        _take_out(lists, rules, user, place, old_company, not stays_or_rises)
    is_changed = is_listed
    if may:
        if is_exact_here:  # the new place is not below the old one, which was exact
            lists.complete[user] = True
        is_changed |= _insert(lists, rules, user, job, scores)
        if is_exact_here:
            lists.complete[user] = False
    if is_changed:
        _end_change(lists, user)
    return is_changed


@internal
def _find_reached(
    p: PairArrays,
    lists: ListArrays,
    points: float,
    first_row: int,
    second_row: int,
    third_row: int,
    start: int,
    n: int,
    reaches: Bools,
) -> None:
    """Add to `reaches` the users start…start + n - 1 whose last place the bound of a job reaches."""
    stop = start + n
    threshold, own = lists.threshold[start:stop], np.float32(points)
    a, b, c = p.bound[first_row, start:stop], p.bound[second_row, start:stop], p.bound[third_row, start:stop]
    for i in range(n):
        reaches[i] |= own + a[i] + b[i] + c[i] >= threshold[i]


@internal
def _find_bound_row(p: PairArrays, job: int, place: int) -> int:
    key = p.bound_key[place]
    return p.bound_first[place] + (p.key_code[job, key] if key >= 0 else 0)


@internal
def _update_reached_lists(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    job: int,
    old_points: float,
    old_first: int,
    old_second: int,
    old_third: int,
    old_company: int,
    allowed: Bools,
    n_users: int,
    k: int,
    refills: Ints,
    scores: np.ndarray,
    sums: np.ndarray,
    reaches: Bools,
) -> int:
    n_refills, is_listed, is_open = 0, lists.n_lists[job] > 0, rules.open_to_all[job]
    first_row, second_row = _find_bound_row(p, job, 0), _find_bound_row(p, job, 1)
    third_row = np.int64(p.bound_first[2] + p.job_class[job])
    for start in range(0, n_users, _USERS_AT_ONCE):
        n = min(_USERS_AT_ONCE, n_users - start)
        for i in range(n):
            reaches[i] = False
        if is_open:
            _find_reached(p, lists, p.job_sum[job], first_row, second_row, third_row, start, n, reaches)
        if is_listed:
            _find_reached(p, lists, old_points, old_first, old_second, old_third, start, n, reaches)
        for i in range(n):
            if not reaches[i]:
                continue
            user = start + i
            place = _find_job(lists, user, job) if is_listed else -1
            may = is_open and allowed[user]
            is_changed = (place >= 0 or may) and _update_list(
                p, lists, rules, user, job, old_company, place, may, scores, sums
            )
            if is_changed and lists.valid[user] < k and not lists.complete[user]:
                refills[n_refills] = user
                n_refills += 1
    return n_refills


@compiled
def update_lists(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    job: int,
    old_points: float,
    old_first: int,
    old_second: int,
    old_third: int,
    old_company: int,
    allowed: Bools,
    n_users: int,
    k: int,
    refills: Ints,
) -> int:
    """Update all lists after a change of one job.

    A list can contain the job only if the bound of its total before or after the change reaches the last place.

    Parameters
    ----------
    job: The row of the job.
    old_points, old_first, old_second, old_third: `PairLayout.find_bound` before the change.
    old_company: The code of its company before the change.
    allowed: (N,) whether the user has a list, and rules that compare columns allow the job. `rules.open_to_all` and
        the rules about the user are checked here.
    k: The length of a list that readers see.
    refills: (N,) receives the users whose lists have fewer exact places than a reader needs. Their number is returned.
    """
    scores, sums, reaches = np.zeros(4, dtype=np.float32), np.empty(4), np.empty(_USERS_AT_ONCE, dtype=np.bool_)
    return _update_reached_lists(
        p, lists, rules, job, old_points, old_first, old_second, old_third, old_company, allowed, n_users, k, refills,
        scores, sums, reaches,
    )  # fmt: skip


@compiled
def find_users(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    job: int,
    old_points: float,
    old_first: int,
    old_second: int,
    old_third: int,
    allowed: Bools,
    n_users: int,
    users: Longs,
) -> int:
    """Fill `users` with those for whom `update_lists` needs the score of a job; return their number.

    All outputs are infinite, so scores are upper bounds. A user whose bound is below the last place needs no output.
    """
    scores, sums, reaches = np.zeros(4, dtype=np.float32), np.empty(4), np.empty(_USERS_AT_ONCE, dtype=np.bool_)
    count, is_listed = 0, lists.n_lists[job] > 0
    if not rules.open_to_all[job]:
        return 0
    first_row, second_row = _find_bound_row(p, job, 0), _find_bound_row(p, job, 1)
    third_row = np.int64(p.bound_first[2] + p.job_class[job])
    for start in range(0, n_users, _USERS_AT_ONCE):
        n = min(_USERS_AT_ONCE, n_users - start)
        for i in range(n):
            reaches[i] = False
        _find_reached(p, lists, p.job_sum[job], first_row, second_row, third_row, start, n, reaches)
        if is_listed:
            _find_reached(p, lists, old_points, old_first, old_second, old_third, start, n, reaches)
        for i in range(n):
            user = start + i
            if not reaches[i] or not allowed[user]:
                continue
            _score_pair(p, user, job, scores, sums)
            is_needed = scores[0] >= lists.threshold[user] or (is_listed and _find_job(lists, user, job) >= 0)
            if is_needed and not _is_excluded(rules, user, job):
                users[count] = user
                count += 1
    return count


@internal
def _try_job(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    user: int,
    job: int,
    allowed: Bools,
    seen: Longs,
    turn: int,
    scores: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Insert a job into a list that is exact for the jobs so far, if the job is eligible and was not tried before."""
    if not rules.open_to_all[job] or seen[job] == turn or (len(allowed) > 0 and not allowed[job]):
        return
    seen[job] = turn
    if _is_excluded(rules, user, job):
        return
    _score_pair(p, user, job, scores, sums)
    lists.complete[user] = True
    _insert(lists, rules, user, job, scores)


@internal
def _try_loose_jobs(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    cells: JobCellArrays,
    n_loose: int,
    user: int,
    allowed: Bools,
    before: Longs,
    bound: Singles,
    seen: Longs,
    turn: int,
    scores: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Try the jobs of the previous list, then the loose jobs whose bound reaches the last place."""
    room, n_before = lists.slot.shape[1], len(before)
    for i in range(n_before + n_loose):
        job = before[i] if i < n_before else np.int64(cells.loose[i - n_before])
        if i >= n_before and lists.valid[user] == room:
            reach = np.float32(p.job_sum[job]) + bound[p.bound_first[2] + p.job_class[job]]
            reach += bound[_find_bound_row(p, job, 0)] + bound[_find_bound_row(p, job, 1)]
            if reach < lists.scores[user, room - 1, 0]:
                continue
        _try_job(p, lists, rules, user, job, allowed, seen, turn, scores, sums)


@internal
def _bound_cells(cells: JobCellArrays, bound: Singles, reaches: Singles) -> None:
    """Set the sum of a user's bounds for the codes of each cell."""
    for cell in range(len(cells.best)):
        reaches[cell] = bound[cells.row[cell, 0]] + bound[cells.row[cell, 1]]


@internal
def _try_cells(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    cells: JobCellArrays,
    user: int,
    allowed: Bools,
    classes: Singles,
    reaches: Singles,
    order: Longs,
    seen: Longs,
    turn: int,
    scores: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Try the jobs of cells, in this order, while their bound reaches the last place."""
    room, most = lists.slot.shape[1], p.class_bound[user]
    for number in range(len(cells.best)):
        cell = order[number] if len(order) else number
        for i in range(cells.start[cell], cells.start[cell + 1]):
            if lists.valid[user] == room:
                last = lists.scores[user, room - 1, 0]
                if cells.points[i] + reaches[cell] + most < last:
                    break
                if cells.points[i] + reaches[cell] + classes[cells.job_class[i]] < last:
                    continue
            _try_job(p, lists, rules, user, np.int64(cells.job[i]), allowed, seen, turn, scores, sums)


@compiled
def rank_user(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    cells: JobCellArrays,
    n_loose: int,
    user: int,
    allowed: Bools,
    has_list: bool,
    seen: Longs,
    turn: int,
) -> None:
    """Compute the list of one user from all jobs.

    The jobs of the previous list come first, because their scores exclude most other jobs. Then come the loose jobs,
    and the cells whose bound reaches the last place.

    Parameters
    ----------
    allowed: (M,) whether rules that compare columns allow each job; (0,): no such rule.
    has_list: Whether the user has a list at all.
    seen: (M,) scratch: jobs that were tried in turn `turn`, which differs in each call.
    """
    before = lists.slot[user, : lists.valid[user]].astype(np.int64)
    _truncate(lists, user, 0)
    lists.complete[user] = True
    if not has_list:
        lists.threshold[user], lists.is_changed[user] = np.inf, True
        return
    scores, sums, room = np.zeros(4, dtype=np.float32), np.empty(4), lists.slot.shape[1]
    bound, order = p.bound[:, user].copy(), np.empty(0, dtype=np.int64)
    _try_loose_jobs(p, lists, rules, cells, n_loose, user, allowed, before, bound, seen, turn, scores, sums)
    reaches = np.empty(len(cells.best), dtype=np.float32)
    _bound_cells(cells, bound, reaches)
    if lists.valid[user] < room:  # without scores to begin with, the best cells come first
        order = np.argsort(-(cells.best + reaches))
    _try_cells(
        p, lists, rules, cells, user, allowed, bound[p.bound_first[2] :], reaches, order, seen, turn, scores, sums
    )
    lists.complete[user] = lists.valid[user] < room
    _end_change(lists, user)


# --- One user, with outputs of trained models -------------------------------------------------------------------------


@compiled
def begin_ranking(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    user: int,
    allowed: Bools,
    before: Longs,
    seen: Longs,
    turn: int,
) -> None:
    """Compute a list from the jobs of the previous list `before`, whose outputs are known.

    Parameters are those of `rank_user`.
    """
    scores, sums = np.zeros(4, dtype=np.float32), np.empty(4)
    _truncate(lists, user, 0)
    lists.complete[user] = True
    for i in range(len(before)):
        _try_job(p, lists, rules, user, before[i], allowed, seen, turn, scores, sums)


@internal
def _add_candidate(
    p: PairArrays,
    rules: Rules,
    user: int,
    job: int,
    last: float,
    allowed: Bools,
    seen: Longs,
    turn: int,
    scores: np.ndarray,
    sums: np.ndarray,
    jobs: Longs,
    bounds: Singles,
    count: int,
) -> int:
    if not rules.open_to_all[job] or seen[job] == turn or (len(allowed) > 0 and not allowed[job]):
        return count
    seen[job] = turn
    _score_pair(p, user, job, scores, sums)
    if scores[0] < last or _is_excluded(rules, user, job):
        return count
    jobs[count], bounds[count] = job, scores[0]
    return count + 1


@compiled
def collect_jobs(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    cells: JobCellArrays,
    n_loose: int,
    user: int,
    allowed: Bools,
    seen: Longs,
    turn: int,
    jobs: Longs,
    bounds: Singles,
) -> int:
    """Fill `jobs` with the eligible jobs that may belong to the list, and `bounds` with their totals.

    The outputs of these jobs are infinite, so totals are upper bounds. Returns the number of jobs. The jobs that
    `begin_ranking` has tried are left out.
    """
    scores, sums, room, count = np.zeros(4, dtype=np.float32), np.empty(4), lists.slot.shape[1], 0
    last = lists.scores[user, room - 1, 0] if lists.valid[user] == room else np.float32(-np.inf)
    bound, most = p.bound[:, user].copy(), p.class_bound[user]
    first_class = np.int64(p.bound_first[2])
    for i in range(n_loose):
        job = np.int64(cells.loose[i])
        reach = np.float32(p.job_sum[job]) + bound[first_class + p.job_class[job]]
        reach += bound[_find_bound_row(p, job, 0)] + bound[_find_bound_row(p, job, 1)]
        if reach >= last:
            count = _add_candidate(p, rules, user, job, last, allowed, seen, turn, scores, sums, jobs, bounds, count)
    for cell in range(len(cells.best)):
        reach = bound[cells.row[cell, 0]] + bound[cells.row[cell, 1]]
        for i in range(cells.start[cell], cells.start[cell + 1]):
            if cells.points[i] + reach + most < last:
                break
            if cells.points[i] + reach + bound[first_class + cells.job_class[i]] < last:
                continue
            job = np.int64(cells.job[i])
            count = _add_candidate(p, rules, user, job, last, allowed, seen, turn, scores, sums, jobs, bounds, count)
    return count


@compiled
def insert_jobs(p: PairArrays, lists: ListArrays, rules: Rules, user: int, jobs: Longs) -> np.float32:
    """Insert eligible jobs whose outputs are known; return the total of the last place, -infinity if one is free."""
    scores, sums, room = np.zeros(4, dtype=np.float32), np.empty(4), lists.slot.shape[1]
    for i in range(len(jobs)):
        _score_pair(p, user, jobs[i], scores, sums)
        lists.complete[user] = True
        _insert(lists, rules, user, jobs[i], scores)
    return lists.scores[user, room - 1, 0] if lists.valid[user] == room else np.float32(-np.inf)


@compiled
def end_ranking(lists: ListArrays, user: int) -> None:
    """Note that a list is exact."""
    lists.complete[user] = lists.valid[user] < lists.slot.shape[1]
    _end_change(lists, user)
