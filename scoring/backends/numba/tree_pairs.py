"""The outputs of gradient-boosted trees for pairs, with the bits of `TreeEnsemble.predict`.

Inputs of users and jobs are classified once for all rows. For a pair, only the inputs of pairs are computed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.backends.numba.jit import compiled, internal
from scoring.backends.numba.pair_inputs import fill_formulas
from scoring.backends.numba.simd_blocks import lowest_bit
from scoring.bundle.pair_formulas import JOB_SIDE, PAIR_SIDE, USER_SIDE, PairColumns
from scoring.bundle.tree_masks import LEAVES_PER_WORD, THRESHOLDS, UNUSED, ZERO, TreeMasks

__all__ = ["TreePairs"]

_ROWS_AT_ONCE: Final = 2048
_TOGETHER: Final = 4
"""Sums at a time: one sum waits four cycles for each addition."""


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

    def _classify(self, features: Longs, values: Floats) -> Ints:
        """Return (n, used features) the rows of values in the table."""
        used = [place for place, feature in enumerate(features) if self.masks.n_categories[feature] != UNUSED]
        classes = [self.masks.classify(int(features[place]), values[:, place]) for place in used]
        return np.stack(classes, axis=1) if classes else np.empty((len(values), 0), dtype=np.int32)

    def predict(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """Return (p,) outputs for pairs of rows."""
        masks, outputs = self.masks, np.empty(len(users))
        values = np.empty((min(_ROWS_AT_ONCE, len(users)), len(self.at_pair)))
        for first in range(0, len(users), _ROWS_AT_ONCE):
            part = slice(first, min(first + _ROWS_AT_ONCE, len(users)))
            of_part = values[: part.stop - first]
            fill_formulas(self.columns, users[part], jobs[part], of_part)
            _predict(masks, self.of_users, self.of_jobs, self.at_pair, users[part], jobs[part], of_part, outputs[part])
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
    while low < high:
        middle = (low + high) >> 1
        if masks.thresholds[middle] < value:
            low = middle + 1
        else:
            high = middle
    return first + low - start


@compiled
def _predict(
    masks: TreeMasks,
    of_users: Ints,
    of_jobs: Ints,
    at_pair: Longs,
    users: Longs,
    jobs: Longs,
    values: Floats,
    out: Floats,
) -> None:
    n_words, n = len(masks.every_leaf), len(users)
    of_user = masks.every_leaf.copy()
    left = np.empty((_TOGETHER, n_words), dtype=np.uint32)
    user = np.int64(-1)
    for begin in range(0, n, _TOGETHER):
        for lane in range(_TOGETHER):
            p = min(begin + lane, n - 1)
            if users[p] != user:
                user = users[p]
                of_user[:] = masks.every_leaf
                for row in of_users[user]:
                    _keep(of_user, masks.table[row])
            leaves = left[lane]
            for word in range(n_words):
                leaves[word] = of_user[word]
            for row in of_jobs[jobs[p]]:
                _keep(leaves, masks.table[row])
            for column in range(len(at_pair)):
                if masks.n_categories[at_pair[column]] != UNUSED:
                    _keep(leaves, masks.table[_find_class(masks, at_pair[column], values[p, column])])
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
def _keep(leaves: np.ndarray, row: np.ndarray) -> None:
    for word in range(len(leaves)):
        leaves[word] &= row[word]
