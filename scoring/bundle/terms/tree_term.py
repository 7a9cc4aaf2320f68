"""Terms that are sums over trees: per tree, a table of user states and job states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, UInt16s
from scoring.bundle.program import TABLE, TREES, WIDTH, Program
from scoring.bundle.terms.term_kind import KnownColumns, Packer, ReusableArrays, TermCheck, TermKind, concatenate

__all__ = ["MAX_JOB_STATES", "TreeKind", "TreeTerm"]

MAX_JOB_STATES = 2**16
"""Job states are stored in 16 bits."""


@dataclass(frozen=True, eq=False)
class TreeTerm:
    """`Σ tables[t][user_state[u, t], job_state[j, t]]`, added in order from 0 in float64.

    Example
    -------
    >>> table = np.array([[0.0, 10.0], [20.0, 30.0]])
    >>> term = TreeTerm((table,), user_state=np.array([[1]]), job_state=np.array([[0], [1]], dtype=np.uint16))
    >>> term.tables[0][term.user_state[0, 0], term.job_state[:, 0]].tolist()  # values of user 0
    [20.0, 30.0]
    """

    tables: tuple[Floats, ...]  # per tree, (user states, job states)
    user_state: Ints  # (n, trees)
    job_state: UInt16s  # (m, trees)


class _Trees:
    """Packs tree terms: concatenated tables; the trees of all terms are the columns of the states."""

    def __init__(self, n_users: int, n_jobs: int) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.terms: list[TreeTerm] = []

    def add(self, term: TreeTerm) -> int:
        self.terms.append(term)
        return len(self.terms) - 1

    def arrays(self) -> dict[str, NDArray]:
        tables = [np.ascontiguousarray(table, np.float64) for term in self.terms for table in term.tables]
        parts = [
            *(table.ravel() for table in tables),
            *(table.min(axis=1, initial=np.inf) for table in tables),
            *(table.max(axis=1, initial=-np.inf) for table in tables),
        ]
        sizes = np.array([len(part) for part in parts], dtype=np.int64)
        start, low, high = (np.cumsum(sizes) - sizes).reshape(3, len(tables))
        tree = np.stack([start, np.array([table.shape[1] for table in tables], dtype=np.int64), low, high], axis=1)
        return {
            "tree_start": np.cumsum([0, *(len(term.tables) for term in self.terms)]).astype(np.int32),
            "tree": np.ascontiguousarray(tree),
            "tree_values": concatenate(parts, np.float64),
            "tree_user_state": _join([term.user_state for term in self.terms], np.int32, self.n_users),
            "tree_job_state": _join([term.job_state for term in self.terms], np.uint16, self.n_jobs),
        }


def _join(states: list[NDArray], dtype: type, length: int) -> NDArray:
    """Return the columns of all arrays; the array itself if there is one."""
    if len(states) == 1:
        return np.ascontiguousarray(states[0], dtype=dtype)
    return np.concatenate([np.empty((length, 0), dtype=dtype), *states], axis=1).astype(dtype, copy=False)


class TreeKind(TermKind[TreeTerm]):
    """See `TreeTerm`."""

    code, term = TREES, TreeTerm

    def check(self, term: TreeTerm, check: TermCheck) -> None:
        n_trees = len(term.tables)
        check.require_shape("user_state", term.user_state, (check.n_users, n_trees))
        check.require_shape("job_state", term.job_state, (check.n_jobs, n_trees))
        for number, table in enumerate(term.tables):
            field = f"tables[{number}]"
            check.require_shape(field, table, (len(table), *table.shape[1:2]))
            check.require_finite(field, table)
            check.require_range("user_state", term.user_state[:, number], 0, len(table))
            if id(term.job_state) not in check.checked:
                check.require_range("job_state", term.job_state[:, number], 0, min(table.shape[1], MAX_JOB_STATES))

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[TreeTerm]:
        return _Trees(n_users, n_jobs)

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        result = np.zeros((len(users), len(jobs)))
        for tree in range(program.tree_start[slot], program.tree_start[slot + 1]):
            row = program.tree_user_state[users, tree].astype(np.int64) * program.tree[tree, WIDTH]
            place = program.tree[tree, TABLE] + row[:, None] + program.tree_job_state[jobs, tree]
            result += program.tree_values[place]
        return result

    def value_of_pair(self, term: TreeTerm) -> float:
        value = 0.0
        users, jobs = term.user_state[0].tolist(), term.job_state[0].tolist()
        for table, user, job in zip(term.tables, users, jobs, strict=True):
            value += float(table[user, job])
        return value

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        low, high = np.zeros(program.n_jobs), np.zeros(program.n_jobs)
        for tree in range(program.tree_start[slot], program.tree_start[slot + 1]):
            table = program.tree_values[program.tree[tree, TABLE] :]
            n_rows = int(program.tree_user_state[:, tree].max()) + 1
            table = table[: n_rows * program.tree[tree, WIDTH]].reshape(n_rows, -1)
            states = program.tree_job_state[:, tree]
            # rounding does not decrease: sums of bounds in the same order bound the sums
            low, high = low + table.min(axis=0)[states], high + table.max(axis=0)[states]
        return low, high

    def record_columns(self, term: TreeTerm, program: Program, slot: int, known: KnownColumns) -> None:
        known.sources.append(term.job_state)
        known.checked.add(id(term.job_state))
