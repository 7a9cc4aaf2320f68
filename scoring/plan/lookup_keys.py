"""Keys and components of a program as an index uses them: codes, widths, and how well keys separate jobs."""

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
"""Maximum number of cells, unless `JOBS_PER_CELL` allows more. Bounding them takes a few microseconds per user."""
JOBS_PER_CELL = 32
"""Minimum average number of jobs per cell, if there are more than `MOST_CELLS` cells."""
SAMPLED_USERS = 64


def key_codes(program: Program, rows: Longs) -> NDArray[np.uint32]:
    """Return (n_keys, len(rows)) codes of the jobs at these rows: lookup keys, then sets of flags."""
    return np.concatenate([program.key_code[:, rows], program.flag_bits[:, rows]]).astype(np.uint32)


def key_widths(program: Program) -> Ints:
    """Return (n_keys,) number of columns of each key's rows."""
    width = np.zeros(len(program.key_code) + len(program.flag_bits), dtype=np.int32)
    width[program.lookup_key] = program.lookup_width
    width[len(program.key_code) + program.flag_set] = program.flag_width
    return width


def job_scores(program: Program) -> Floats:
    """Return (m,) weighted sums of the foldable components' terms that depend on the job alone."""
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
    """Return (c,) whether a user's fold can split the component into its terms.

    It cannot if a divisor by user would scale job values, which differs per user. It cannot if a divisor by flags
    would divide anything but user values and terms on the same set of flags.
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
    """Return (n_lookups,) whether all users share one row and one weight: no divisor applies to the lookup."""
    p = program
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    lone = end - p.lookup_table == p.lookup_width
    for c in np.flatnonzero(p.divisor_kind != NONE):
        for t in range(p.term_start[c], p.term_start[c + 1]):
            if p.term_kind[t] == LOOKUP:
                lone[p.term_slot[t]] = False
    return lone


def largest_of_lookups(program: Program) -> Floats:
    """Return (n_lookups,) the largest absolute value in the lookup's rows and exceptions."""
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
    """Return the keys of the cells: those with the largest spread of scores, up to the maximum number of cells.

    The spread of a key is the value of its best code minus the mean over jobs, averaged over a sample of users.
    `code` is (n_keys, m).
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
    return tuple(sorted(chosen, key=lambda key: len(np.unique(code[key]))))  # kernels process long groups faster


def key_spreads(program: Program, code: NDArray[np.uint32]) -> Floats:
    """Return (n_keys,) spread of each key under the program's weights; see `choose_keys`."""
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
    """Return (n,) a sort key of users: their best code of each key, the first key most significant.

    It serves cache locality only. Measured: it reduces the time of 10,000 lists by a third (148 µs to 103 µs per user).
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
    """Return (m,) cell numbers: equal for jobs that share the codes of these keys, ascending by the first key first."""
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
