"""What a program's keys and components are to an index: codes, widths, and which keys tell jobs apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.backends import reference
from scoring.bundle.program import FLAGS, JOB, LOOKUP, NONE, USER, Program
from scoring.bundle.terms import KINDS, KeyedKind

__all__ = [
    "cell_numbers",
    "choose_keys",
    "foldable_components",
    "job_scores",
    "key_codes",
    "key_spreads",
    "key_widths",
    "largest_of_lookups",
    "lone_lookups",
    "user_locality",
]

MOST_CELLS = 8_192
"""So many cells are bounded in a few microseconds per user; more only where jobs are many more."""
JOBS_PER_CELL = 32
"""Where there are more cells than that, they hold at least so many jobs on average."""
SAMPLED_USERS = 64


def key_codes(program: Program, rows: Longs) -> NDArray[np.uint32]:
    """(n_keys, len(rows)): lookup keys, then sets of flags."""
    return np.concatenate([program.key_code[:, rows], program.flag_bits[:, rows]]).astype(np.uint32)


def key_widths(program: Program) -> Ints:
    """(n_keys,) columns of a key's rows."""
    width = np.zeros(len(program.key_code) + len(program.flag_bits), dtype=np.int32)
    width[program.lookup_key] = program.lookup_width
    width[len(program.key_code) + program.flag_set] = program.flag_width
    return width


def job_scores(program: Program) -> Floats:
    """(m,) the weighted sum of all that depends on the job alone, in components that fold."""
    p = program
    score = p.folded_total.copy()
    even = foldable_components(p)
    for c in range(p.n_folded, p.n_components):
        if even[c] and p.flat_weight[c]:
            for term in range(p.term_start[c], p.term_start[c + 1]):
                if p.term_kind[term] == JOB:
                    score += p.flat_weight[c] * p.job_value[p.term_slot[term]]
    return score


def foldable_components(program: Program) -> Bools:
    """(c,) which components are sums that a user's fold can take apart.

    Not so where a divisor by user would scale a job's own value for each user anew, or a divisor by flags
    anything but constants and the same flags.
    """
    p = program
    even = np.ones(p.n_components, dtype=np.bool_)
    for c in range(p.n_components):
        terms = range(p.term_start[c], p.term_start[c + 1])
        if p.divisor_kind[c] == USER:
            even[c] = all(p.term_kind[t] != JOB for t in terms)
        elif p.divisor_kind[c] == FLAGS:
            of = p.flag_set[p.divisor_slot[c]]
            even[c] = all(
                p.term_kind[t] == USER or (p.term_kind[t] == FLAGS and p.flag_set[p.term_slot[t]] == of) for t in terms
            )
    return even


def lone_lookups(program: Program) -> Bools:
    """(n_lookups,) whether the row is one for everybody, times a weight that is, too."""
    p = program
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    lone = end - p.lookup_table == p.lookup_width
    for c in np.flatnonzero(p.divisor_kind != NONE):
        for t in range(p.term_start[c], p.term_start[c + 1]):
            if p.term_kind[t] == LOOKUP:
                lone[p.term_slot[t]] = False
    return lone


def largest_of_lookups(program: Program) -> Floats:
    """(n_lookups,) the largest absolute value of any row or entry."""
    p = program
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    return np.array(
        [
            max(
                np.abs(p.lookup_values[p.lookup_table[slot] : end[slot]]).max(initial=0.0),
                np.abs(p.entry_value[p.entry_start[slot, 0] : p.entry_start[slot, -1]]).max(initial=0.0),
            )
            for slot in range(len(end))
        ],
        dtype=np.float64,
    )


def choose_keys(program: Program, code: NDArray[np.uint32]) -> tuple[int, ...]:
    """The keys that make the cells: those by which scores differ most, while there are not too many cells.

    A key counts by how far the best of its codes lies above the usual one (the mean over jobs), on average over
    some users. `code` is (n_keys, m).
    """
    spread, limit = key_spreads(program, code), max(MOST_CELLS, code.shape[1] // JOBS_PER_CELL)
    chosen: list[int] = []
    cells = 1
    for key in np.argsort(-spread, kind="stable"):
        if spread[key] > 0:
            count = len(np.unique(cell_numbers(program, code, (*chosen, key))))
            if cells < count <= limit:
                chosen.append(int(key))
                cells = count
    return tuple(sorted(chosen, key=lambda key: len(np.unique(code[key]))))  # long groups go by faster


def key_spreads(program: Program, code: NDArray[np.uint32]) -> Floats:
    """(n_keys,) how much a key tells jobs apart under the program's weights."""
    p, width = program, key_widths(program)
    users = np.unique(np.linspace(0, p.n_users - 1, SAMPLED_USERS).astype(np.int64)) if p.n_users else np.zeros(0, int)
    rows = [np.zeros((len(users), w)) for w in width]
    for c in range(p.n_components):
        for t in range(p.term_start[c], p.term_start[c + 1]):
            kind, slot = KINDS[p.term_kind[t]], p.term_slot[t]
            weight = np.broadcast_to(p.flat_weight[c], len(users))
            if p.divisor_kind[c] == USER:
                weight = weight / p.user_value[p.divisor_slot[c], users]
            elif p.divisor_kind[c] == FLAGS:
                weight = weight / np.abs(reference.flag_rows(p, p.divisor_slot[c], users)).mean(axis=1)
            if isinstance(kind, KeyedKind):
                rows[kind.key(p, slot)] += weight[:, None] * kind.rows(p, slot, users)
    spread = np.zeros(len(width))
    for key, row in enumerate(rows):
        count = np.bincount(code[key], minlength=width[key])
        there = count > 0
        if len(users) and there.sum() > 1:
            usual = row[:, there] @ (count[there] / count.sum())
            spread[key] = (row[:, there].max(axis=1) - usual).mean()
    return spread


def user_locality(program: Program, keys: tuple[int, ...]) -> Longs:
    """(n,) a number by the code that each of the ordered keys' tables values most for the user, the first key first.

    It only serves the memory's caches: a third of the time of 10,000 lists (148 µs to 103 µs a user, measured).
    """
    p = program
    turn = np.zeros(p.n_users, dtype=np.int64)
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    for key in keys:
        slots = np.flatnonzero(p.lookup_key == key)
        if len(slots):
            slot = max(slots, key=lambda slot: end[slot] - p.lookup_table[slot])
            rows = p.lookup_values[p.lookup_table[slot] : end[slot]].reshape(-1, p.lookup_width[slot])
            turn = turn * p.lookup_width[slot] + rows.argmax(axis=1)[p.lookup_row[slot]]
    return turn


def cell_numbers(program: Program, code: NDArray[np.uint32], keys: tuple[int, ...]) -> Longs:
    """(m,) the same number for jobs that share the codes of these keys, ascending by the first, then the next."""
    cell = np.zeros(code.shape[1], dtype=np.int64)
    width = key_widths(program)
    largest = 1
    for key in keys:
        if largest > 2**62 // max(int(width[key]), 1):  # renumber before the product overflows
            different, cell = np.unique(cell, return_inverse=True)
            largest = len(different)
        cell = cell * width[key] + code[key]
        largest *= int(width[key])
    return cell
