"""A model's terms and weights as arrays, the input of kernels.

n users, m jobs, c components. Component i is the sum of terms `term_start[i]:term_start[i + 1]`, in order,
divided by its divisor, and then changed by its link. A term is a kind and a slot: its row in the arrays of that kind.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Int8s, Ints, Longs, Singles, UInt16s

__all__ = [
    "DOT",
    "FLAGS",
    "INTERVAL",
    "JOB",
    "JOB_ARRAYS",
    "JOB_ROWS",
    "LINK_FACTOR",
    "LINK_KIND",
    "LINK_MISSING",
    "LINK_ORIGIN",
    "LINK_TOKEN",
    "LOOKUP",
    "NONE",
    "PAIRS",
    "ROW_HIGH",
    "ROW_LOW",
    "TABLE",
    "TREES",
    "USER",
    "WIDTH",
    "Program",
]

NONE, JOB, USER, LOOKUP, INTERVAL, FLAGS, DOT, TREES, PAIRS = range(9)

LINK_KIND, LINK_ORIGIN, LINK_FACTOR, LINK_MISSING, LINK_TOKEN = range(5)
"""Columns of `Program.link`: NONE or a code of `value_links`; see `apply_link`; the token of a function of pairs.

Links have one field, and so do trees: each field of a program adds 1 % to the time of compiling all kernels.
"""
TABLE, WIDTH, ROW_LOW, ROW_HIGH = range(4)
"""Columns of `Program.tree`: start of the table in `tree_values`, its number of columns, and where in `tree_values` the
minimum and the maximum of each row start."""


class Program(NamedTuple):
    """The scores of all pairs. In shapes, `.` is the number of slots of the kind; n users, m jobs, d dimensions."""

    # components
    flat_weight: Floats  # (c,) weight in the total score
    group_weight: Floats  # (c,) weight in the score of the group
    group: Ints  # (c,) 0 base, 1 match, 2 personal
    term_start: Ints  # (c + 1,)
    divisor_kind: Int8s  # (c,) NONE, USER or FLAGS
    divisor_slot: Ints  # (c,)
    link: Floats  # (c, 5) see `LINK_KIND`
    # terms
    term_kind: Int8s  # (t,)
    term_slot: Ints  # (t,)
    # sums of the leading components that depend on the job alone
    n_folded: int
    folded_total: Floats  # (m,)
    folded_group: Floats  # (3, m)
    # job terms and user terms
    job_value: Floats  # (., m)
    user_value: Floats  # (., n)
    # lookups: table row by user, column by the job's code (the last column is missing)
    key_code: Ints  # (n_keys, m)
    lookup_key: Ints  # (.,)
    lookup_width: Ints  # (.,)
    lookup_table: Longs  # (.,) start of its rows in lookup_values
    lookup_row: Ints  # (., n)
    lookup_values: Floats
    entry_start: Longs  # (., n + 1) start of each user's exceptions in entry_code and entry_value
    entry_code: Ints
    entry_value: Floats
    # intervals of ranks: number_rank is the rank of a job's number among the distinct numbers, -1 if missing
    number_rank: Ints  # (n_numbers, m)
    interval_number: Ints  # (.,)
    interval_low: Ints  # (., n)
    interval_high: Ints  # (., n)
    interval_gain: Floats  # (., n)
    # flags: table row by user, column by the job's bits
    flag_bits: UInt16s  # (n_flag_sets, m)
    flag_set: Ints  # (.,)
    flag_width: Ints  # (.,) number of columns
    flag_table: Longs  # (.,) start of its rows in flag_values
    flag_row: Ints  # (., n)
    flag_values: Floats
    # dot products: the dimensions of all slots are concatenated
    dot_start: Ints  # (. + 1,)
    dot_scale: Floats  # (.,)
    dot_shift: Floats  # (.,)
    dot_otherwise: Floats  # (., n)
    dot_user_has: NDArray[np.bool_]  # (., n)
    dot_job_has: NDArray[np.bool_]  # (., m)
    user_vector: Singles  # (n, d)
    job_vector: Singles  # (d, m): values of one dimension are contiguous
    # trees: table row by the user's state, column by the job's; the trees of all slots are concatenated
    tree_start: Ints  # (. + 1,)
    tree: Longs  # (trees, 4) see `TABLE`
    tree_values: Floats
    tree_user_state: Ints  # (n, trees)
    tree_job_state: UInt16s  # (m, trees): states of one job are contiguous
    # functions of pairs, which kernels cannot compute
    pair_job: Ints  # (0 or 1, m) rows of the jobs for the functions

    @property
    def link_kind(self) -> Floats:
        """(c,) NONE or a code of `value_links`."""
        return self.link[:, LINK_KIND]

    @property
    def n_users(self) -> int:
        return self.lookup_row.shape[1]

    @property
    def n_jobs(self) -> int:
        return self.key_code.shape[1]

    @property
    def n_components(self) -> int:
        return len(self.flat_weight)

    @property
    def nbytes(self) -> int:
        """Number of bytes of all arrays."""
        return sum(part.nbytes for part in self if isinstance(part, np.ndarray))

    def take_jobs(self, jobs: Longs) -> Program:
        """Return the program of these jobs, in that order. Codes and ranks do not change."""
        by_job: dict[str, Any] = {name: np.ascontiguousarray(getattr(self, name)[..., jobs]) for name in JOB_ARRAYS}
        by_job |= {name: np.ascontiguousarray(getattr(self, name)[jobs]) for name in JOB_ROWS}
        return self._replace(**by_job)


JOB_ARRAYS = (
    "folded_total",
    "folded_group",
    "job_value",
    "key_code",
    "number_rank",
    "flag_bits",
    "dot_job_has",
    "job_vector",
    "pair_job",
)
"""Fields whose last axis is the jobs."""
JOB_ROWS = ("tree_job_state",)
"""Fields whose first axis is the jobs."""
