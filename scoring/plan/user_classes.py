"""Users in classes: to the users of one class, every code of some keys is worth the same.

If a key has few different rows (the value of remote work, say), the best job score of a block can include that key,
once for each class. The part then needs no bound, and half of the cells are never visited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.backends import reference
from scoring.bundle.program import FLAGS, LOOKUP, NONE, Program

__all__ = ["UserClasses"]

MOST_CLASSES = 32
"""The best jobs of all blocks are kept for each: 10,000 floats, worked out when weights change."""


@dataclass(frozen=True, eq=False)
class UserClasses:
    """n users in few classes, by their rows for the `shared` keys."""

    shared: tuple[int, ...]
    of_user: Longs  # (n,)
    member: Longs  # (n_classes,) a user of each

    @classmethod
    def of(cls, program: Program, keys: list[int]) -> Self:
        """By as many of these keys as there are few enough different rows for; those with the fewest first."""
        patterns = {key: of for key in keys if (of := _patterns(program, key)) is not None}
        by_count = sorted((int(of.max(initial=0)), key) for key, of in patterns.items())
        shared: list[int] = []
        of_user, n_classes = np.zeros(program.n_users, dtype=np.int64), 1
        for most, key in by_count:
            if most < MOST_CLASSES:
                joint = of_user * (most + 1) + patterns[key]
                different, finer = np.unique(joint, return_inverse=True)
                if len(different) <= MOST_CLASSES:
                    shared.append(key)
                    of_user, n_classes = finer.astype(np.int64), max(len(different), 1)
        member = np.zeros(n_classes, dtype=np.int64)
        member[of_user] = np.arange(program.n_users)
        return cls(tuple(sorted(shared)), of_user, member)

    def scores(self, program: Program, score: Floats, code: NDArray[np.uint32]) -> NDArray[np.float32]:
        """(n_classes, m): the jobs' own scores (m,) and what the shared keys add; `code` is (n_keys, m)."""
        if not self.shared:
            return score.astype(np.float32)[None]
        rows = [_rows(program, key, self.member) for key in self.shared]
        result = np.empty((len(self.member), len(score)), dtype=np.float32)
        for c in range(len(self.member)):
            result[c] = score + sum(row[c][code[key]] for key, row in zip(self.shared, rows, strict=True))
        return result


def _components(program: Program, key: int) -> dict[int, list[int]]:
    """Components with terms on a key: the slots of these terms."""
    p, wanted = program, LOOKUP if key < len(program.key_code) else FLAGS
    of_slot = p.lookup_key if wanted == LOOKUP else p.flag_set + len(p.key_code)
    found: dict[int, list[int]] = {}
    for c in range(p.n_components):
        for term in range(p.term_start[c], p.term_start[c + 1]):
            if p.term_kind[term] == wanted and of_slot[p.term_slot[term]] == key:
                found.setdefault(c, []).append(int(p.term_slot[term]))
    return found


def _patterns(program: Program, key: int) -> Longs | None:
    """(n,) the same number for users with the same row; None where a row is not one of a table's alone."""
    p, components = program, _components(program, key)
    if any(p.divisor_kind[c] != NONE for c in _touching(program, key)):
        return None
    pattern = np.zeros(p.n_users, dtype=np.int64)
    for slots in components.values():
        for slot in slots:
            if key >= len(p.key_code):
                row = p.flag_row[slot]
            elif p.entry_start[slot, 0] == p.entry_start[slot, -1]:
                row = p.lookup_row[slot]
            else:
                return None
            different, row = np.unique(row, return_inverse=True)
            _, pattern = np.unique(pattern * len(different) + row, return_inverse=True)
    return pattern


def _touching(program: Program, key: int) -> list[int]:
    """Components with a term on the key, or a divisor."""
    p = program
    divided = [
        c
        for c in range(p.n_components)
        if p.divisor_kind[c] == FLAGS and len(p.key_code) + p.flag_set[p.divisor_slot[c]] == key
    ]
    return [*_components(program, key), *divided]


def _rows(program: Program, key: int, users: Longs) -> Floats:
    """(len(users), width): what the key's codes add to a total."""
    p = program
    rows = reference.lookup_rows if key < len(p.key_code) else reference.flag_rows
    return sum(
        (p.flat_weight[c] * rows(p, slot, users) for c, slots in _components(p, key).items() for slot in slots),
        start=np.zeros((len(users), 1)),
    )
