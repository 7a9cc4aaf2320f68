"""Classes of users: users of one class have the same row for every shared key.

Some keys have few different rows, for example the value of remote work. The best job score of a block can include such
a key, once per class. Kernels then need no bound for the key and skip half of the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.bundle.program import NONE, Program
from scoring.bundle.terms import KINDS, KeyedKind
from scoring.plan.cell_key_choice import compute_key_widths

__all__ = ["UserClasses"]

MOST_CLASSES = 32
"""Maximum number of classes. Each stores the best score of every block: 10,000 floats, updated when weights change."""


@dataclass(frozen=True, eq=False)
class UserClasses:
    """Assignment of n users to a few classes, by their rows for the `shared` keys."""

    shared: tuple[int, ...]
    of_user: Longs  # (n,)
    member: Longs  # (n_classes,) one user of each class

    @classmethod
    def of(cls, program: Program, keys: list[int]) -> Self:
        """Return classes by as many of these keys as `MOST_CLASSES` allows; keys with the fewest rows come first."""
        patterns = {key: of for key in keys if (of := _number_patterns(program, key)) is not None}
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
        """Return (n_classes, m): job scores (m,) plus the values of the shared keys; `code` is (n_keys, m)."""
        if not self.shared:
            return score.astype(np.float32)[None]
        rows = [_compute_rows(program, key, self.member) for key in self.shared]
        result = np.empty((len(self.member), len(score)), dtype=np.float32)
        for c in range(len(self.member)):
            result[c] = score + sum(row[c][code[key]] for key, row in zip(self.shared, rows, strict=True))
        return result


def _find_terms_on(program: Program, key: int) -> list[tuple[int, KeyedKind, int]]:
    """Return the component, kind and slot of each term on a key. Components with a link are not sums of terms."""
    found = []
    for c in np.flatnonzero(program.link_kind == NONE).tolist():
        for term in range(program.term_start[c], program.term_start[c + 1]):
            kind, slot = KINDS[program.term_kind[term]], int(program.term_slot[term])
            if isinstance(kind, KeyedKind) and kind.key(program, slot) == key:
                found.append((c, kind, slot))
    return found


def _number_patterns(program: Program, key: int) -> Longs | None:
    """Return (n,) numbers that are equal for users with the same row; None if divisors or exceptions change rows."""
    terms = _find_terms_on(program, key)
    if any(program.divisor_kind[c] != NONE for c, _, _ in terms) or _is_divisor(program, key):
        return None
    pattern = np.zeros(program.n_users, dtype=np.int64)
    for _, kind, slot in terms:
        row = kind.row_numbers(program, slot)
        if row is None:
            return None
        different, place = np.unique(row, return_inverse=True)
        _, pattern = np.unique(pattern * len(different) + place, return_inverse=True)
    return pattern


def _is_divisor(program: Program, key: int) -> bool:
    """Return whether a component is divided by a term on the key."""
    for code, slot in zip(program.divisor_kind.tolist(), program.divisor_slot.tolist(), strict=True):
        kind = KINDS.get(code)
        if isinstance(kind, KeyedKind) and kind.key(program, slot) == key:
            return True
    return False


def _compute_rows(program: Program, key: int, users: Longs) -> Floats:
    """Return (len(users), width) points that each code of the key adds to a total."""
    return sum(
        (program.flat_weight[c] * kind.rows(program, slot, users) for c, kind, slot in _find_terms_on(program, key)),
        start=np.zeros((len(users), compute_key_widths(program)[key])),
    )
