"""Lists whose order rules change: the best jobs of each part of the order, merged and walked.

Within a part all jobs have equal points, so the order of their totals is their order in a list. Any strategy finds the
best jobs of a part. The walk takes the best job left of all parts, and passes over jobs that would exceed a limit. If a
walk reaches the end of a part's jobs that were found, more of them are found for this user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from scoring.array_types import Bools, Floats, Ints, Longs, Singles
from scoring.backends.numba.jit import compiled
from scoring.backends.protocol import Backend
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranked_lists import Ranking, StrategyChoice
from scoring.errors import pluralize

__all__ = ["USERS_AT_ONCE", "ListWalk", "collect_limits"]

USERS_AT_ONCE: Final = 1024
"""Users whose jobs of all parts are in memory at a time."""
_GROWTH: Final = 4
"""Times by which more jobs of a part are found if a walk reaches the last one."""


def collect_limits(bundle: Bundle) -> tuple[Ints, Longs, Bools]:
    """Return the values (l, m), the maximum numbers (l,), and whether each limit removes pinned jobs, (l,).

    The limit of jobs per company is an eligibility rule, so it removes pinned jobs. Limits of rules do not.
    """
    order, rules = bundle.order, bundle.eligibility
    assert order is not None
    value, most, removes_pinned = order.value, order.most, np.zeros(len(order.most), dtype=bool)
    if rules.per_company:
        value = np.concatenate([value, rules.company[None, :]])
        most, removes_pinned = np.append(most, rules.per_company), np.append(removes_pinned, True)
    return np.ascontiguousarray(value, dtype=np.int32), most.astype(np.int64), removes_pinned


class ListWalk:
    """Ranks the users of a bundle with an order.

    Parameters
    ----------
    bundle: The bundle.
    backends: The backend of each part.
    """

    def __init__(self, bundle: Bundle, backends: Sequence[Backend]) -> None:
        assert bundle.order is not None
        self._backends, self._job_id = backends, bundle.job_id
        self._n_eligible = np.array([part.n_eligible for part in bundle.parts], dtype=np.int64)
        first = np.array([part.eligibility.open_to_all.argmax() for part in bundle.parts], dtype=np.int64)
        self._is_pinned, self._points = bundle.order.pinned[first], bundle.order.points[first]
        self._value, self._most, self._removes_pinned = collect_limits(bundle)
        self._n_codes = int(self._value.max(initial=-1)) + 1
        is_limited = [part.eligibility.per_company > 0 for part in bundle.parts]
        self._width = 2 if len(bundle.order.most) and not any(is_limited) else 1

    def fill(
        self,
        users: Longs,
        out_row: Longs,
        out_scores: Singles,
        out_count: Ints,
        cancelled: Callable[[], bool],
    ) -> tuple[int, StrategyChoice | None]:
        """Fill the lists of these users; return the number of pairs that were scored, and the strategy."""
        k = out_row.shape[1]
        width, left, n_scored, choice = self._width * k, np.arange(len(users)), 0, None
        while len(left) and not cancelled():
            found = [
                backend.top_k(min(width, int(n)), users[left], cancelled=cancelled)
                for backend, n in zip(self._backends, self._n_eligible, strict=True)
            ]
            n_scored += sum(ranking.n_scored for ranking in found)
            choice = choice or found[int(np.argmax(self._n_eligible))].choice
            if cancelled():
                break
            is_complete = self._walk(found, left, out_row, out_scores, out_count)
            left, width = left[~is_complete], width * _GROWTH
        if choice is not None:
            reason = f"{choice.reason}; lists merged from {pluralize(len(self._backends), 'part')} by rules"
            choice = StrategyChoice(choice.strategy, reason)
        return n_scored, choice

    def _walk(
        self, found: Sequence[Ranking], places: Longs, out_row: Longs, out_scores: Singles, out_count: Ints
    ) -> Bools:
        """Write the lists at these places; return (n,) whether enough jobs of all parts were found."""
        job = np.ascontiguousarray(np.concatenate([ranking.job_row for ranking in found], axis=1))
        scores = np.ascontiguousarray(np.concatenate([ranking.scores for ranking in found], axis=1))
        width = [ranking.job_row.shape[1] for ranking in found]
        count = np.stack([ranking.count for ranking in found], axis=1).astype(np.int64)
        is_complete = np.zeros(len(places), dtype=bool)
        walk_lists(
            job,
            scores,
            np.concatenate([[0], np.cumsum(width)]).astype(np.int64),
            count,
            np.array(width, dtype=np.int64) >= self._n_eligible,
            self._is_pinned,
            self._points,
            self._job_id,
            self._value,
            self._most,
            self._removes_pinned,
            np.zeros((len(self._most), self._n_codes), dtype=np.int64),
            places,
            out_row,
            out_scores,
            out_count,
            is_complete,
        )
        return is_complete


@compiled
def walk_lists(
    job: Longs,
    scores: Singles,
    start: Longs,
    count: Longs,
    has_all: Bools,
    is_pinned: Bools,
    points: Floats,
    job_id: Longs,
    value: Ints,
    most: Longs,
    removes_pinned: Bools,
    held: Longs,
    places: Longs,
    out_row: Longs,
    out_scores: Singles,
    out_count: Ints,
    is_complete: Bools,
) -> None:
    """Merge the jobs of each user's parts in descending order, and pass over jobs that would exceed a limit.

    Parameters
    ----------
    job, scores: (n, w) rows and (n, w, 4) scores of the jobs of all parts, part by part, best first.
    start: (p + 1,) first column of each part; `count` (n, p) its number of jobs per user.
    has_all: (p,) whether the columns of a part have room for all its eligible jobs.
    is_pinned, points: (p,) of each part.
    value, most, removes_pinned: Of each limit, see `collect_limits`; `held` (l, codes) is 0.
    places: (n,) rows of the output.
    is_complete: (n,) set to whether the list is final: no part ended that may have further jobs.
    """
    n_parts, n_limits, k = len(is_pinned), len(most), out_row.shape[1]
    cursor = np.zeros(n_parts, np.int64)
    for row in range(len(places)):
        cursor[:] = 0
        place, size, complete = places[row], 0, True
        while size < k:
            best = -1
            best_order = 0.0
            for part in range(n_parts):
                if cursor[part] == count[row, part]:
                    if not has_all[part] and count[row, part] == start[part + 1] - start[part]:
                        complete = False
                        break
                    continue
                column = start[part] + cursor[part]
                order = np.float64(scores[row, column, 0]) + points[part]
                if best >= 0:
                    other = start[best] + cursor[best]
                    if is_pinned[part] != is_pinned[best]:
                        if not is_pinned[part]:
                            continue
                    elif order != best_order:
                        if order < best_order:
                            continue
                    elif scores[row, column, 0] != scores[row, other, 0]:
                        if scores[row, column, 0] < scores[row, other, 0]:
                            continue
                    elif job_id[job[row, column]] > job_id[job[row, other]]:
                        continue
                best, best_order = part, order
            if best < 0 or not complete:
                break
            column = start[best] + cursor[best]
            cursor[best] += 1
            chosen = job[row, column]
            is_allowed = True
            for limit in range(n_limits):
                code = value[limit, chosen]
                if code >= 0 and held[limit, code] >= most[limit] and (removes_pinned[limit] or not is_pinned[best]):
                    is_allowed = False
                    break
            if not is_allowed:
                continue
            for limit in range(n_limits):
                code = value[limit, chosen]
                if code >= 0:
                    held[limit, code] += 1
            out_row[place, size] = chosen
            for s in range(scores.shape[2]):
                out_scores[place, size, s] = scores[row, column, s]
            size += 1
        for i in range(size):
            for limit in range(n_limits):
                code = value[limit, out_row[place, i]]
                if code >= 0:
                    held[limit, code] = 0
        for i in range(size, k):
            out_row[place, i] = -1
            for s in range(scores.shape[2]):
                out_scores[place, i, s] = 0.0
        out_count[place] = size
        is_complete[row] = complete
