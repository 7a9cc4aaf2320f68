"""Keys and components of a program as an index uses them: codes, widths, and how well keys separate jobs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.backends import reference
from scoring.bundle.program import FLAGS, JOB, LOOKUP, NONE, PAIRS, TREES, USER, Program
from scoring.bundle.terms import KINDS, KeyedKind

__all__ = [
    "choose_keys",
    "compute_job_scores",
    "compute_key_codes",
    "compute_key_widths",
    "find_foldable_components",
    "find_largest_of_lookups",
    "find_shared_row_lookups",
    "measure_key_spreads",
    "measure_user_locality",
    "number_cells",
]

MOST_CELLS = 8_192
"""Maximum number of cells, unless `JOBS_PER_CELL` allows more. Bounding them takes a few microseconds per user."""
JOBS_PER_CELL = 32
"""Minimum average number of jobs per cell, if there are more than `MOST_CELLS` cells."""
SAMPLED_USERS = 64


def compute_key_codes(program: Program, rows: Longs) -> NDArray[np.uint32]:
    """Return (n_keys, len(rows)) codes of the jobs at these rows: lookup keys, then sets of flags."""
    return np.concatenate([program.key_code[:, rows], program.flag_bits[:, rows]]).astype(np.uint32)


def compute_key_widths(program: Program) -> Ints:
    """Return (n_keys,) number of columns of each key's rows."""
    width = np.zeros(len(program.key_code) + len(program.flag_bits), dtype=np.int32)
    width[program.lookup_key] = program.lookup_width
    width[len(program.key_code) + program.flag_set] = program.flag_width
    return width


def compute_job_scores(program: Program) -> Floats:
    """Return (m,) weighted sums of the foldable components' terms that depend on the job alone."""
    score = program.folded_total.copy()
    foldable = find_foldable_components(program)
    for c in range(program.n_folded, program.n_components):
        if foldable[c] and program.flat_weight[c]:
            for term in range(program.term_start[c], program.term_start[c + 1]):
                if program.term_kind[term] == JOB:
                    score += program.flat_weight[c] * program.job_value[program.term_slot[term]]
    return score


def find_foldable_components(program: Program) -> Bools:
    """Return (c,) whether a user's fold can split the component into its terms.

    It cannot if a divisor by user would scale job values, which differs per user. It cannot if a divisor by flags
    would divide anything but user values and terms on the same set of flags. It cannot if the component has a link
    or trees.
    """
    foldable = program.link_kind == NONE
    for c in range(program.n_components):
        terms = range(program.term_start[c], program.term_start[c + 1])
        if not foldable[c] or any(program.term_kind[t] in (TREES, PAIRS) for t in terms):
            foldable[c] = False
            continue
        if program.divisor_kind[c] == USER:
            foldable[c] = all(program.term_kind[t] != JOB for t in terms)
        elif program.divisor_kind[c] == FLAGS:
            flag_set = program.flag_set[program.divisor_slot[c]]
            foldable[c] = all(
                program.term_kind[t] == USER
                or (program.term_kind[t] == FLAGS and program.flag_set[program.term_slot[t]] == flag_set)
                for t in terms
            )
    return foldable


def find_shared_row_lookups(program: Program) -> Bools:
    """Return (n_lookups,) whether all users share one row and one weight: no divisor applies to the lookup."""
    end = np.append(program.lookup_table, len(program.lookup_values))[1:]
    shared = end - program.lookup_table == program.lookup_width
    for c in np.flatnonzero(program.divisor_kind != NONE):
        for t in range(program.term_start[c], program.term_start[c + 1]):
            if program.term_kind[t] == LOOKUP:
                shared[program.term_slot[t]] = False
    return shared


def find_largest_of_lookups(program: Program) -> Floats:
    """Return (n_lookups,) the largest absolute value in the lookup's rows and exceptions."""
    end = np.append(program.lookup_table, len(program.lookup_values))[1:]
    return np.array(
        [
            max(
                np.abs(program.lookup_values[program.lookup_table[slot] : end[slot]]).max(initial=0.0),
                np.abs(program.entry_value[program.entry_start[slot, 0] : program.entry_start[slot, -1]]).max(
                    initial=0.0
                ),
            )
            for slot in range(len(end))
        ],
        dtype=np.float64,
    )


def choose_keys(program: Program, code: NDArray[np.uint32]) -> tuple[int, ...]:
    """Return the keys of the cells: those with the largest spread of scores, up to the maximum number of cells.

    The spread of a key is the value of its best code minus the mean over jobs, averaged over a sample of users.
    `code` is (n_keys, m).
    """
    spread, limit = measure_key_spreads(program, code), max(MOST_CELLS, code.shape[1] // JOBS_PER_CELL)
    chosen: list[int] = []
    cells = 1
    for key in np.argsort(-spread, kind="stable"):
        if spread[key] > 0:
            count = len(np.unique(number_cells(program, code, (*chosen, key))))
            if cells < count <= limit:
                chosen.append(int(key))
                cells = count
    return tuple(sorted(chosen, key=lambda key: len(np.unique(code[key]))))  # kernels process long groups faster


def measure_key_spreads(program: Program, code: NDArray[np.uint32]) -> Floats:
    """Return (n_keys,) spread of each key under the program's weights; see `choose_keys`."""
    width = compute_key_widths(program)
    users = (
        np.unique(np.linspace(0, program.n_users - 1, SAMPLED_USERS).astype(np.int64))
        if program.n_users
        else np.zeros(0, int)
    )
    rows = [np.zeros((len(users), w)) for w in width]
    for c in np.flatnonzero(program.link_kind == NONE):
        for t in range(program.term_start[c], program.term_start[c + 1]):
            kind, slot = KINDS[program.term_kind[t]], program.term_slot[t]
            weight = np.broadcast_to(program.flat_weight[c], len(users))
            if program.divisor_kind[c] == USER:
                weight = weight / program.user_value[program.divisor_slot[c], users]
            elif program.divisor_kind[c] == FLAGS:
                weight = weight / np.abs(reference.flag_rows(program, program.divisor_slot[c], users)).mean(axis=1)
            if isinstance(kind, KeyedKind):
                rows[kind.key(program, slot)] += weight[:, None] * kind.rows(program, slot, users)
    spread = np.zeros(len(width))
    for key, row in enumerate(rows):
        count = np.bincount(code[key], minlength=width[key])
        occurs = count > 0
        if len(users) and occurs.sum() > 1:
            mean = row[:, occurs] @ (count[occurs] / count.sum())
            spread[key] = (row[:, occurs].max(axis=1) - mean).mean()
    return spread


def measure_user_locality(program: Program, keys: tuple[int, ...]) -> Longs:
    """Return (n,) a sort key of users: their best code of each key, the first key most significant.

    It serves cache locality only. Measured: it reduces the time of 10,000 lists by a third (148 µs to 103 µs per user).
    """
    order = np.zeros(program.n_users, dtype=np.int64)
    end = np.append(program.lookup_table, len(program.lookup_values))[1:]
    for key in keys:
        slots = np.flatnonzero(program.lookup_key == key)
        if len(slots):
            slot = max(slots, key=lambda slot: end[slot] - program.lookup_table[slot])
            rows = program.lookup_values[program.lookup_table[slot] : end[slot]].reshape(-1, program.lookup_width[slot])
            order = order * program.lookup_width[slot] + rows.argmax(axis=1)[program.lookup_row[slot]]
    return order


def number_cells(program: Program, code: NDArray[np.uint32], keys: tuple[int, ...]) -> Longs:
    """Return (m,) cell numbers: equal for jobs that share the codes of these keys, ascending by the first key first."""
    cell = np.zeros(code.shape[1], dtype=np.int64)
    width = compute_key_widths(program)
    largest = 1
    for key in keys:
        if largest > 2**62 // max(int(width[key]), 1):  # renumber before the product overflows
            different, cell = np.unique(cell, return_inverse=True)
            largest = len(different)
        cell = cell * width[key] + code[key]
        largest *= int(width[key])
    return cell
