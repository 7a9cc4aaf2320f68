"""The specification in NumPy, float64 throughout: every other backend is tested against this one.

Nothing here is written for speed. Arrays are (users, jobs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length, check_row_numbers
from scoring.array_types import Floats, Longs, Singles
from scoring.bundle.bundle import Bundle
from scoring.bundle.list_order import ListOrder
from scoring.bundle.program import LINK_ORIGIN, LINK_TOKEN, Program
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.bundle.terms import KINDS
from scoring.bundle.terms.flag_term import flag_rows
from scoring.bundle.terms.lookup_term import lookup_rows
from scoring.bundle.value_links import apply_link
from scoring.errors import ConfigurationError

__all__ = [
    "ReferenceBackend",
    "compute_component_values",
    "compute_scores",
    "compute_term_values",
    "flag_rows",
    "lookup_rows",
    "make_scores_array",
    "top_k",
    "walk",
]

_BATCH_USERS = 16
"""Users per batch. Cancellation is checked between batches."""


def compute_term_values(program: Program, kind: int, slot: int, users: Longs, jobs: Longs) -> Floats:
    """Return (len(users), len(jobs)) float64 values of one term."""
    if kind not in KINDS:
        raise ValueError(f"unknown term kind {kind}")
    return KINDS[kind].values(program, slot, users, jobs)


def compute_component_values(
    program: Program, users: Longs, jobs: Longs, components: Sequence[int] | None = None
) -> Floats:
    """Return (n_components, len(users), len(jobs)) float64: components by the formula of their terms; None: all."""
    components = range(program.n_components) if components is None else components
    values = np.zeros((len(components), len(users), len(jobs)))
    for row, c in enumerate(components):
        for t in range(program.term_start[c], program.term_start[c + 1]):
            values[row] += compute_term_values(program, program.term_kind[t], program.term_slot[t], users, jobs)
        if program.divisor_kind[c]:
            values[row] /= compute_term_values(program, program.divisor_kind[c], program.divisor_slot[c], users, jobs)
        if program.link_kind[c]:
            values[row] = apply_link(program.link_kind[c], program.link[c, LINK_ORIGIN:LINK_TOKEN], values[row])
    return values


def compute_scores(program: Program, users: Longs, jobs: Longs) -> Singles:
    """Return (4, len(users), len(jobs)) float32: the canonical total, then the base, match and personal scores."""
    values = compute_component_values(program, users, jobs)
    result = np.zeros((4, len(users), len(jobs)))
    for c in range(program.n_components):
        result[0] += program.flat_weight[c] * values[c]
        result[1 + program.group[c]] += program.group_weight[c] * values[c]
    return result.astype(np.float32)


def top_k(
    totals: Singles, job_id: Longs, eligible: NDArray[np.bool_], company: NDArray[np.int32], k: int, per_company: int
) -> list[Longs]:
    """Per user, the columns of the k best eligible jobs by (total descending, job_id ascending).

    `totals` and `eligible` are (n, m); at most `per_company` (0: no bound) of a known company (code >= 0), as a
    greedy walk down the full ranking takes them.
    """
    lists = []
    for row in range(len(totals)):
        order = np.lexsort((job_id, -totals[row].astype(np.float64)))
        chosen: list[int] = []
        of_company: dict[int, int] = {}
        for job in order[eligible[row, order]]:
            code = int(company[job])
            if len(chosen) == k:
                break
            if per_company and code >= 0 and of_company.get(code, 0) >= per_company:
                continue
            of_company[code] = of_company.get(code, 0) + 1
            chosen.append(int(job))
        lists.append(np.array(chosen, dtype=np.int64))
    return lists


def walk(
    totals: Singles,
    job_id: Longs,
    eligible: NDArray[np.bool_],
    company: NDArray[np.int32],
    k: int,
    per_company: int,
    order: ListOrder,
) -> list[Longs]:
    """Per user, the columns of the k best eligible jobs in an order that rules change, as `top_k` without rules.

    Pinned jobs come first. Jobs descend by total + points in float64, then by total, then ascend by id. A job is passed
    over if its list has as many jobs of its value as a limit permits. Pinned jobs count for the limits of rules, but
    only the limit per company removes them.
    """
    lists = []
    for row in range(len(totals)):
        total = totals[row].astype(np.float64)
        by_order = np.lexsort((job_id, -total, -(total + order.points), ~order.pinned))
        chosen: list[int] = []
        for job in by_order[eligible[row, by_order]]:
            if len(chosen) == k:
                break
            if per_company and company[job] >= 0 and (company[chosen] == company[job]).sum() >= per_company:
                continue
            is_full = [
                value[job] >= 0 and (value[chosen] == value[job]).sum() >= most
                for value, most in zip(order.value, order.most, strict=True)
            ]
            if order.pinned[job] or not any(is_full):
                chosen.append(int(job))
        lists.append(np.array(chosen, dtype=np.int64))
    return lists


class ReferenceBackend:
    """The specification as a backend: every pair in float64, then a sort. For small data."""

    def __init__(self, bundle: Bundle, *, workers: int | None = None) -> None:
        """`workers` is accepted as by every backend; one thread does all the work."""
        self.bundle = bundle

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
        bundle, rules = self.bundle, self.bundle.eligibility
        k, rows = check_list_length(k), check_row_numbers(users, bundle.program.n_users, "users")
        n, width = len(rows), min(k, bundle.n_eligible)
        job_row, count = np.full((n, width), -1, dtype=np.int64), np.zeros(n, dtype=np.int32)
        found = np.zeros((n, width, len(SCORES)), dtype=np.float32)
        for first in range(0, n, _BATCH_USERS):
            if cancelled():
                break
            users_of_batch = rows[first : first + _BATCH_USERS]
            values = compute_scores(bundle.program, users_of_batch, np.arange(bundle.program.n_jobs))
            given = values[0], bundle.job_id, rules.matrix(users_of_batch), rules.company, k, rules.per_company
            lists = top_k(*given) if bundle.order is None else walk(*given, bundle.order)
            for row, jobs in enumerate(lists):
                job_row[first + row, : len(jobs)] = jobs
                found[first + row, : len(jobs)] = values[:, row, jobs].T
                count[first + row] = len(jobs)
            progress(len(users_of_batch))
        job_id = np.append(bundle.job_id, -1)[job_row]  # the last one answers -1
        return Ranking(bundle.user_id[rows], job_id, job_row, found, count)

    def all_pairs(self, users: NDArray[np.integer] | None = None, *, out: Singles | None = None) -> Singles:
        """See `Backend`."""
        program = self.bundle.program
        rows = check_row_numbers(users, program.n_users, "users")
        out = make_scores_array(out, len(rows), program.n_jobs)
        out[:] = compute_scores(program, rows, np.arange(program.n_jobs))
        return out

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Singles:
        """See `Backend`."""
        program = self.bundle.program
        users, jobs = (
            check_row_numbers(users, program.n_users, "users"),
            check_row_numbers(jobs, program.n_jobs, "jobs"),
        )
        pairs = [compute_scores(program, users[i : i + 1], jobs[i : i + 1])[:, 0, 0] for i in range(len(users))]
        return np.array(pairs, dtype=np.float32).reshape(-1, len(SCORES)).T

    def components(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """See `Backend`."""
        return compute_component_values(self.bundle.program, np.asarray(users), np.asarray(jobs))


def make_scores_array(out: Singles | None, n_users: int, n_jobs: int) -> Singles:
    """Return an array for the scores of all pairs: a new one, or `out`.

    Raises
    ------
    ConfigurationError: If `out` has another shape or dtype.
    """
    shape = (len(SCORES), n_users, n_jobs)
    if out is None:
        return np.empty(shape, dtype=np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        order = "" if out.flags.c_contiguous else " and is not C-contiguous"
        raise ConfigurationError(
            f"out has dtype {out.dtype} and shape {out.shape}{order}; it must be C-contiguous with dtype float32 and "
            f"shape {shape}. Use numpy.empty({shape}, dtype=numpy.float32), or omit out.",
            key=("out",),
        )
    return out
