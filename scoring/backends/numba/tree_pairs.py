"""The outputs of gradient-boosted trees for pairs, with the bits of `TreeEnsemble.predict`.

Inputs of users and jobs are classified once for all rows. For a pair, only the inputs of pairs are computed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, UInt32s
from scoring.backends.numba.jit import internal, nogil_no_refcount
from scoring.backends.numba.pair_inputs import fill_formulas
from scoring.backends.numba.simd_blocks import lowest_bit
from scoring.bundle.pair_formulas import JOB_SIDE, PAIR_SIDE, USER_SIDE, PairColumns
from scoring.bundle.tree_masks import LEAVES_PER_WORD, THRESHOLDS, UNUSED, ZERO, TreeMasks

__all__ = ["TreePairs"]

_ROWS_AT_ONCE: Final = 2048
_TOGETHER: Final = 4
"""Sums at a time: one sum waits four cycles for each addition."""
_COUNTED: Final = 64
"""Up to this number of thresholds, counting those below a value takes a third of the time of a binary search."""


class TreePairs:
    """Trees on the inputs of all users and jobs. Several threads may use it.

    Parameters
    ----------
    masks: The trees.
    columns: The inputs.
    """

    def __init__(self, masks: TreeMasks, columns: PairColumns) -> None:
        self.masks, self.columns = masks, columns
        at_job, at_user, self.at_pair = (
            np.flatnonzero(columns.sides == side).astype(np.int64) for side in (JOB_SIDE, USER_SIDE, PAIR_SIDE)
        )
        self.of_jobs = self._classify(at_job, columns.job_columns)
        self.of_users = self._classify(at_user, columns.user_columns)
        self.used = np.flatnonzero(masks.n_categories[self.at_pair] != UNUSED).astype(np.int64)

    def _classify(self, features: Longs, values: Floats) -> Ints:
        """Return (n, used features) the rows of values in the table."""
        used = [place for place, feature in enumerate(features) if self.masks.n_categories[feature] != UNUSED]
        classes = [self.masks.classify(int(features[place]), values[:, place]) for place in used]
        return np.stack(classes, axis=1) if classes else np.empty((len(values), 0), dtype=np.int32)

    def predict(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """Return (p,) outputs for pairs of rows."""
        masks, outputs = self.masks, np.empty(len(users))
        n_rows, n_words = min(_ROWS_AT_ONCE, len(users)), len(masks.every_leaf)
        values, of_pairs = np.empty((n_rows, len(self.at_pair))), np.empty((n_rows, len(self.used)), dtype=np.int32)
        leaves = np.empty((1 + _TOGETHER, n_words), dtype=np.uint32)
        for first in range(0, len(users), _ROWS_AT_ONCE):
            some = slice(first, min(first + _ROWS_AT_ONCE, len(users)))
            n = some.stop - first
            fill_formulas(self.columns, users[some], jobs[some], values[:n])
            _find_classes(masks, self.at_pair, self.used, values[:n], of_pairs)
            _predict(masks, self.of_users, self.of_jobs, of_pairs, users[some], jobs[some], leaves, outputs[some])
        return outputs


@internal
def _find_class(masks: TreeMasks, feature: int, value: float) -> int:
    """Return the row in the table of a value of a feature, as `TreeMasks.classify`."""
    first, n_categories = masks.table_start[feature], masks.n_categories[feature]
    if n_categories != THRESHOLDS:
        return first + (np.int64(value) if -1.0 < value < n_categories else n_categories)
    low, high = masks.threshold_start[feature], masks.threshold_start[feature + 1]
    if value != value:
        return first + high - low + 1
    if -ZERO <= value <= ZERO:
        value = 0.0
    start = low
    while high - low > _COUNTED:
        middle = (low + high) >> 1
        if masks.thresholds[middle] < value:
            low = middle + 1
        else:
            high = middle
    part, smaller = masks.thresholds[low:high], 0
    for place in range(len(part)):
        smaller += part[place] < value
    return first + low - start + smaller


@nogil_no_refcount
def _find_classes(masks: TreeMasks, at_pair: Longs, used: Longs, values: Floats, out: Ints) -> None:
    """Fill `out` (p, used) with the rows in the table of the values of pairs (p, inputs of pairs)."""
    for place in range(len(used)):
        column = used[place]
        for p in range(len(values)):
            out[p, place] = _find_class(masks, at_pair[column], values[p, column])


@nogil_no_refcount
def _predict(
    masks: TreeMasks,
    of_users: Ints,
    of_jobs: Ints,
    of_pairs: Ints,
    users: Longs,
    jobs: Longs,
    left: UInt32s,
    out: Floats,
) -> None:
    """Fill `out` with outputs. `left` (1 + _TOGETHER, words) is scratch memory."""
    n_words, n = len(masks.every_leaf), len(users)
    of_user = left[_TOGETHER]
    user = np.int64(-1)
    for begin in range(0, n, _TOGETHER):
        for lane in range(_TOGETHER):
            p = min(begin + lane, n - 1)
            if users[p] != user:
                user = users[p]
                for word in range(n_words):
                    of_user[word] = masks.every_leaf[word]
                _keep(of_user, masks.table, of_users[user])
            leaves = left[lane]
            for word in range(n_words):
                leaves[word] = of_user[word]
            _keep(leaves, masks.table, of_jobs[jobs[p]])
            _keep(leaves, masks.table, of_pairs[p])
        a = b = c = d = 0.0
        for word in range(n_words):
            first = LEAVES_PER_WORD * word
            if left[0, word] != 0:
                a += masks.leaf_value[first + lowest_bit(np.uint64(left[0, word]))]
            if left[1, word] != 0:
                b += masks.leaf_value[first + lowest_bit(np.uint64(left[1, word]))]
            if left[2, word] != 0:
                c += masks.leaf_value[first + lowest_bit(np.uint64(left[2, word]))]
            if left[3, word] != 0:
                d += masks.leaf_value[first + lowest_bit(np.uint64(left[3, word]))]
        for lane, value in ((0, a), (1, b), (2, c), (3, d)):
            if begin + lane < n:
                out[begin + lane] = value


@internal
def _keep(leaves: np.ndarray, table: np.ndarray, rows: np.ndarray) -> None:
    """Keep the leaves of all these rows of the table. Four rows at a time take less time than one after another."""
    last = len(rows) - 1
    for place in range(0, len(rows), 4):
        # after the last row, the last one is read again
        a, b = table[rows[place]], table[rows[min(place + 1, last)]]
        c, d = table[rows[min(place + 2, last)]], table[rows[min(place + 3, last)]]
        for word in range(len(leaves)):
            leaves[word] &= a[word] & b[word] & c[word] & d[word]
