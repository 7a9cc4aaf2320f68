"""Paired randomisation test: the probability that chance gives a mean difference as large as the observed one.

Under the null hypothesis the two rankings are equally good, so the two values of a user can be exchanged. An exchange
flips the sign of the user's difference. Smucker, Allan & Carterette, A comparison of statistical significance tests
for information retrieval evaluation, CIKM 2007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats

__all__ = ["Signs", "compute_p_values", "draw_signs"]

Signs = NDArray[np.uint8]

_AT_ONCE = 1 << 16
"""Signs to unpack at a time: half a megabyte as floats, which fits into the CPU cache."""


def draw_signs(n: int, draws: int, rng: np.random.Generator) -> Signs:
    """Return (draws, n / 8) bytes, one bit per user: 1 exchanges the user's two values."""
    return rng.integers(0, 256, (draws, (n + 7) // 8), dtype=np.uint8)


def compute_p_values(delta: Floats, signs: Signs) -> Floats:
    """Return (c,) two-sided p-values of (n, c) differences. Users outside a comparison may be given as 0.

    Columns with so few non-zero differences that all sign combinations are at most the draws are computed exactly.
    """
    n_moved = np.count_nonzero(delta, axis=0)
    exact = n_moved < len(signs).bit_length()  # 2^n_moved ≤ draws
    p = np.empty(delta.shape[1])
    p[exact] = [_compute_exact_share(column[column != 0]) for column in delta[:, exact].T]
    if not exact.all():
        p[~exact] = _estimate_p_values(np.ascontiguousarray(delta[:, ~exact]), signs)
    return p


def _estimate_p_values(delta: Floats, signs: Signs) -> Floats:
    """Return (c,) p-values (as extreme + 1) / (draws + 1), which count the observed data as one of the draws.

    Phipson & Smyth, Permutation p-values should never be zero, SAGMB 9(1), 2010.
    """
    total, least = delta.sum(axis=0), _compute_least_extreme(delta)
    extreme = np.zeros(delta.shape[1], dtype=np.int64)
    step = max(_AT_ONCE // len(delta), 1)
    for first in range(0, len(signs), step):
        bits = np.unpackbits(signs[first : first + step], axis=1, count=len(delta))
        # Σ ±d = Σ d - 2 Σ of the exchanged differences
        sums = total - 2 * (bits.astype(np.float64) @ delta)
        extreme += (np.abs(sums) >= least).sum(axis=0)
    return (extreme + 1) / (len(signs) + 1)


def _compute_exact_share(delta: Floats) -> float:
    """Return the share of all 2^n sign combinations of (n,) non-zero differences that are as extreme."""
    signs = (np.arange(2 ** len(delta))[:, None] >> np.arange(len(delta)) & 1) * 2.0 - 1
    return float((np.abs(signs @ delta) >= _compute_least_extreme(delta[:, None])[0]).mean())


def _compute_least_extreme(delta: Floats) -> Floats:
    """Return (c,) the smallest absolute sums that count as extreme, with a tolerance for the order of summation."""
    return np.abs(delta.sum(axis=0)) - 1e-12 * np.abs(delta).sum(axis=0)
