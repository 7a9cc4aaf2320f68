"""Compiled updates of lists: one job against all users, and one user against all jobs.

Scores equal `reference.compute_scores` bit for bit: terms and components are added in the same order in float64. Every
loop over users or jobs is elementwise, so the compiler uses vector instructions without changing results.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Bools, Ints, Longs, Singles, UInt8s
from scoring.backends.numba.jit import compiled, internal
from scoring.bundle.program import FLAGS, INTERVAL, JOB, LOOKUP, USER
from scoring.live.pair_arrays import PairArrays

__all__ = ["CHANGED", "REFILL", "ListArrays", "Rules", "rank_user", "score_job", "update_lists"]

CHANGED, REFILL = 1, 2
"""Bits of the result of `update_lists`: the list changed; it has fewer exact places than a reader needs."""

_USERS_AT_ONCE = 1024
_JOBS_AT_ONCE = 512
_MARGIN = 1e-4
"""Added to upper bounds. The difference between a float64 total and its float32 is below 4e-6 of 100."""


class ListArrays(NamedTuple):
    """The lists of N users. A list has room for K jobs, of which the first `valid` are exact."""

    slot: Ints  # (N, K) column of the job
    scores: Singles  # (N, K, 4)
    valid: Ints  # (N,)
    complete: Bools  # (N,) no eligible job is missing, except those that the limit per company excludes
    n_lists: Ints  # (M,) number of lists that contain the job
    threshold: Singles  # (N,) a job with a lower total is not inserted; infinity without a list


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


# --- Scores ----------------------------------------------------------------------------------------------------------


@internal
def _component_of_pair(p: PairArrays, c: int, user: int, job: int) -> float:
    value = 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            value += p.job_value[slot, job]
        elif kind == USER:
            value += p.user_value[slot, user]
        elif kind == LOOKUP:
            code = p.key_code[p.lookup_key[slot], job]
            found = p.lookup_values[p.lookup_first[slot] + code * p.lookup_stride[slot] + p.lookup_row[slot, user]]
            for e in range(p.entry_start[slot, user], p.entry_stop[slot, user]):
                if p.entry_code[e] == code:
                    found = p.entry_value[e]
            value += found
        elif kind == INTERVAL:
            number = p.number[p.interval_number[slot], job]
            if p.interval_low[slot, user] <= number and number < p.interval_high[slot, user]:
                value += p.interval_gain[slot, user]
        elif kind == FLAGS:
            row = p.flag_first[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            value += p.flag_values[row + p.flag_bits[p.flag_set[slot], job]]
        elif p.dot_user_has[slot, user] and p.dot_job_has[slot, job]:
            product = 0.0
            for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
                product += np.float64(p.user_vector[d, user]) * np.float64(p.job_vector[job, d])
            value += p.dot_scale[slot] * (p.dot_shift[slot] + product)
        else:
            value += p.dot_otherwise[slot, user]
    slot = p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        value /= p.user_value[slot, user]
    elif p.divisor_kind[c] == FLAGS:
        row = p.flag_first[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
        value /= p.flag_values[row + p.flag_bits[p.flag_set[slot], job]]
    return value


@internal
def _score_pair(p: PairArrays, user: int, job: int, out: np.ndarray, sums: np.ndarray) -> None:
    """Set `out` (4,) float32 to total, base, match and personal. `sums` (4,) is scratch."""
    for s in range(4):
        sums[s] = 0.0
    for c in range(len(p.flat_weight)):
        value = _component_of_pair(p, c, user, job)
        sums[0] += p.flat_weight[c] * value
        sums[1 + p.group[c]] += p.group_weight[c] * value
    for s in range(4):
        out[s] = np.float32(sums[s])


@internal
def _add_user_products(p: PairArrays, slot: int, job: int, first: int, n: int, product: np.ndarray) -> None:
    for i in range(n):
        product[i] = 0.0
    for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
        by = np.float64(p.job_vector[job, d])
        vector = p.user_vector[d, first : first + n]
        for i in range(n):
            product[i] += np.float64(vector[i]) * by


@internal
def _fill_for_users(p: PairArrays, c: int, job: int, first: int, n: int, value: np.ndarray, spare: np.ndarray) -> None:
    """Fill value[:n] with component c of one job for users first…first + n - 1."""
    last = first + n
    for i in range(n):
        value[i] = 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            constant = p.job_value[slot, job]
            for i in range(n):
                value[i] += constant
        elif kind == USER:
            column = p.user_value[slot, first:last]
            for i in range(n):
                value[i] += column[i]
        elif kind == LOOKUP:
            code = p.key_code[p.lookup_key[slot], job]
            begin = p.lookup_first[slot] + code * p.lookup_stride[slot]
            table = p.lookup_values[begin : begin + p.lookup_stride[slot]]
            rows = p.lookup_row[slot, first:last]
            mask, bit = p.entry_mask[slot, first:last], np.uint64(1) << np.uint64(code & 63)
            for i in range(n):
                found = table[np.uint32(rows[i])]
                if mask[i] & bit:
                    for e in range(p.entry_start[slot, first + i], p.entry_stop[slot, first + i]):
                        if p.entry_code[e] == code:
                            found = p.entry_value[e]
                value[i] += found
        elif kind == INTERVAL:
            number = p.number[p.interval_number[slot], job]
            low, high = p.interval_low[slot, first:last], p.interval_high[slot, first:last]
            gain = p.interval_gain[slot, first:last]
            for i in range(n):
                value[i] += gain[i] if low[i] <= number and number < high[i] else 0.0
        elif kind == FLAGS:
            bits, width, begin = p.flag_bits[p.flag_set[slot], job], p.flag_width[slot], p.flag_first[slot]
            flag_rows = p.flag_row[slot, first:last]
            for i in range(n):
                value[i] += p.flag_values[begin + np.int64(flag_rows[i]) * width + bits]
        elif p.dot_job_has[slot, job]:
            _add_user_products(p, slot, job, first, n, spare)
            has, otherwise = p.dot_user_has[slot, first:last], p.dot_otherwise[slot, first:last]
            scale, shift = p.dot_scale[slot], p.dot_shift[slot]
            for i in range(n):
                value[i] += scale * (shift + spare[i]) if has[i] else otherwise[i]
        else:
            column = p.dot_otherwise[slot, first:last]
            for i in range(n):
                value[i] += column[i]
    slot = p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        column = p.user_value[slot, first:last]
        for i in range(n):
            value[i] /= column[i]
    elif p.divisor_kind[c] == FLAGS:
        bits, width, begin = p.flag_bits[p.flag_set[slot], job], p.flag_width[slot], p.flag_first[slot]
        flag_rows = p.flag_row[slot, first:last]
        for i in range(n):
            value[i] /= p.flag_values[begin + np.int64(flag_rows[i]) * width + bits]


@compiled
def score_job(p: PairArrays, job: int, n_users: int, totals: Singles) -> None:
    """Set totals[:n_users] to the canonical totals of one job for all users."""
    total, value, spare = np.empty(_USERS_AT_ONCE), np.empty(_USERS_AT_ONCE), np.empty(_USERS_AT_ONCE)
    for first in range(0, n_users, _USERS_AT_ONCE):
        n = min(_USERS_AT_ONCE, n_users - first)
        for i in range(n):
            total[i] = 0.0
        for c in range(len(p.flat_weight)):
            weight = p.flat_weight[c]
            if weight == 0.0:
                continue
            if p.is_job_only[c]:
                added = weight * _component_of_pair(p, c, 0, job)
                for i in range(n):
                    total[i] += added
                continue
            _fill_for_users(p, c, job, first, n, value, spare)
            for i in range(n):
                total[i] += weight * value[i]
        for i in range(n):
            totals[first + i] = np.float32(total[i])


@internal
def _bound_product(p: PairArrays, slot: int, user: int) -> float:
    """Return an upper bound of a dot term. Vectors of the basis have length 1, up to rounding."""
    reach, middle = abs(p.dot_scale[slot]) * 1.000001, p.dot_scale[slot] * p.dot_shift[slot]
    return max(middle + reach, p.dot_otherwise[slot, user])


@internal
def _fill_for_jobs(
    p: PairArrays,
    c: int,
    user: int,
    first: int,
    n: int,
    rows: np.ndarray,
    row_start: np.ndarray,
    value: np.ndarray,
) -> None:
    """Fill value[:n] with upper bounds of component c of one user for jobs first…first + n - 1.

    They are the values, except for products of vectors. `rows`: the user's lookup rows. Divisors are positive.
    """
    last = first + n
    for i in range(n):
        value[i] = 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            column = p.job_value[slot, first:last]
            for i in range(n):
                value[i] += column[i]
        elif kind == USER:
            constant = p.user_value[slot, user]
            for i in range(n):
                value[i] += constant
        elif kind == LOOKUP:
            table, codes = rows[row_start[slot] : row_start[slot + 1]], p.key_code[p.lookup_key[slot], first:last]
            for i in range(n):
                value[i] += table[np.uint32(codes[i])]
        elif kind == INTERVAL:
            number = p.number[p.interval_number[slot], first:last]
            low, high, gain = p.interval_low[slot, user], p.interval_high[slot, user], p.interval_gain[slot, user]
            for i in range(n):
                value[i] += gain if low <= number[i] and number[i] < high else 0.0
        elif kind == FLAGS:
            begin = p.flag_first[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            table, bits = p.flag_values[begin : begin + p.flag_width[slot]], p.flag_bits[p.flag_set[slot], first:last]
            for i in range(n):
                value[i] += table[np.uint32(bits[i])]
        elif p.dot_user_has[slot, user]:
            has, bound = p.dot_job_has[slot, first:last], _bound_product(p, slot, user)
            otherwise = p.dot_otherwise[slot, user]
            for i in range(n):
                value[i] += bound if has[i] else otherwise
        else:
            constant = p.dot_otherwise[slot, user]
            for i in range(n):
                value[i] += constant
    slot = p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        constant = p.user_value[slot, user]
        for i in range(n):
            value[i] /= constant
    elif p.divisor_kind[c] == FLAGS:
        begin = p.flag_first[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
        table, bits = p.flag_values[begin : begin + p.flag_width[slot]], p.flag_bits[p.flag_set[slot], first:last]
        for i in range(n):
            value[i] /= table[np.uint32(bits[i])]


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
def _set_threshold(lists: ListArrays, user: int) -> None:
    size = lists.valid[user]
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


@compiled
def update_lists(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    job: int,
    old_company: int,
    allowed: Bools,
    totals: Singles,
    n_users: int,
    k: int,
    result: np.ndarray,
) -> int:
    """Update all lists after a change of one job; return the number of lists that changed.

    Parameters
    ----------
    job: The column of the job.
    old_company: Code of its company before the change.
    allowed: (N,) whether the user has a list, and rules that compare columns allow the job. `rules.open_to_all` and
        the rules about the user are checked here.
    totals: (N,) totals of the job, as `score_job` returns them. They are not read if the job is not open to all.
    k: The length of a list that readers see.
    result: (N,) uint8 that receives the bits of `CHANGED` and `REFILL`.
    """
    scores, sums, n_changed = np.empty(4, dtype=np.float32), np.empty(4), 0
    is_listed, is_open = lists.n_lists[job] > 0, rules.open_to_all[job]
    for user in range(n_users):
        result[user] = 0
        place = _find_job(lists, user, job) if is_listed else -1
        may = is_open and allowed[user]
        if place < 0:
            if not may or totals[user] < lists.threshold[user] or _is_excluded(rules, user, job):
                continue
            _score_pair(p, user, job, scores, sums)
            if _insert(lists, rules, user, job, scores):
                _set_threshold(lists, user)
                result[user] = CHANGED
                n_changed += 1
            continue
        may = may and not _is_excluded(rules, user, job)
        before = lists.scores[user, place, 0]
        stays_or_rises = may and totals[user] >= before and old_company == rules.company[job]
        was_complete = lists.complete[user]
        _take_out(lists, rules, user, place, old_company, not stays_or_rises)
        if may:
            _score_pair(p, user, job, scores, sums)
            if stays_or_rises and not was_complete:
                # its place is not below the old one, which was exact
                lists.complete[user] = True
                _insert(lists, rules, user, job, scores)
                lists.complete[user] = False
            else:
                _insert(lists, rules, user, job, scores)
        _set_threshold(lists, user)
        result[user] = CHANGED
        n_changed += 1
        if lists.valid[user] < k and not lists.complete[user]:
            result[user] |= REFILL
    return n_changed


@internal
def _fill_rows(p: PairArrays, user: int, rows: np.ndarray, row_start: np.ndarray) -> None:
    """Fill `rows` with the user's tables, one after another, including the user's entries."""
    for slot in range(len(p.lookup_key)):
        begin = p.lookup_first[slot] + p.lookup_row[slot, user]
        for row in range(row_start[slot], row_start[slot + 1]):
            rows[row] = p.lookup_values[begin + (row - row_start[slot]) * p.lookup_stride[slot]]
        for e in range(p.entry_start[slot, user], p.entry_stop[slot, user]):
            rows[row_start[slot] + p.entry_code[e]] = p.entry_value[e]


@compiled
def rank_user(
    p: PairArrays,
    lists: ListArrays,
    rules: Rules,
    user: int,
    allowed: Bools,
    has_list: bool,
    n_jobs: int,
    seen: Longs,
    turn: int,
) -> None:
    """Compute the list of one user from all jobs.

    The jobs of the previous list come first, because their scores exclude most other jobs. A job is scored if an upper
    bound of its total reaches the last place.

    Parameters
    ----------
    allowed: (M,) whether rules that compare columns allow each job; (0,): no such rule.
    has_list: Whether the user has a list at all.
    seen: (M,) scratch: jobs that were scored in turn `turn`, which differs in each call.
    """
    before = lists.slot[user, : lists.valid[user]].astype(np.int64)
    _truncate(lists, user, 0)
    lists.complete[user] = True
    if not has_list:
        lists.threshold[user] = np.inf
        return
    row_start = np.zeros(len(p.lookup_key) + 1, dtype=np.int64)
    for slot in range(len(p.lookup_key)):
        end = p.lookup_first[slot + 1] if slot + 1 < len(p.lookup_key) else len(p.lookup_values)
        row_start[slot + 1] = row_start[slot] + (end - p.lookup_first[slot]) // p.lookup_stride[slot]
    rows = np.empty(row_start[-1])
    _fill_rows(p, user, rows, row_start)
    bound, value = np.empty(_JOBS_AT_ONCE), np.empty(_JOBS_AT_ONCE)
    scores, sums = np.zeros(4, dtype=np.float32), np.empty(4)
    room = lists.slot.shape[1]
    for i in range(len(before)):
        known = before[i]
        seen[known] = turn
        if rules.open_to_all[known] and (len(allowed) == 0 or allowed[known]) and not _is_excluded(rules, user, known):
            _score_pair(p, user, known, scores, sums)
            lists.complete[user] = True  # during the search, the list is exact for the jobs so far
            _insert(lists, rules, user, known, scores)
    for first in range(0, n_jobs, _JOBS_AT_ONCE):
        n = min(_JOBS_AT_ONCE, n_jobs - first)
        for i in range(n):
            bound[i] = p.job_sum[first + i] + _MARGIN
        for c in range(len(p.flat_weight)):
            weight = p.flat_weight[c]
            if weight != 0.0 and not p.is_job_only[c]:
                _fill_for_jobs(p, c, user, first, n, rows, row_start, value)
                for i in range(n):
                    bound[i] += weight * value[i]
        for i in range(n):
            job = first + i
            if lists.valid[user] == room and bound[i] < lists.scores[user, room - 1, 0]:
                continue
            if not rules.open_to_all[job] or (len(allowed) > 0 and not allowed[job]):
                continue
            if seen[job] == turn or _is_excluded(rules, user, job):
                continue
            _score_pair(p, user, job, scores, sums)
            lists.complete[user] = True
            _insert(lists, rules, user, job, scores)
    lists.complete[user] = lists.valid[user] < room
    _set_threshold(lists, user)
