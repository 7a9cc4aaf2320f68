"""The paired randomisation test: how often chance alone gives a mean difference as large as the one that was seen.

If two rankings serve everybody alike, each user's two values might as well change places, which turns the sign of the
difference. Smucker, Allan & Carterette, A comparison of statistical significance tests for information retrieval
evaluation, CIKM 2007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats

__all__ = ["Signs", "draw_signs", "p_values"]

Signs = NDArray[np.uint8]

_AT_ONCE = 1 << 16
"""Signs that are unpacked at a time: half a megabyte as floats, which caches hold."""


def draw_signs(n: int, draws: int, rng: np.random.Generator) -> Signs:
    """(draws, n / 8) a bit for each of n users: whose two values change places."""
    return rng.integers(0, 256, (draws, (n + 7) // 8), dtype=np.uint8)


def p_values(delta: Floats, signs: Signs) -> Floats:
    """(c,) two-sided p-values of (n, c) differences; 0 for users who are not of a comparison changes nothing.

    Columns in which so few differ that all their signs are fewer than the draws are enumerated, exactly.
    """
    n_moved = np.count_nonzero(delta, axis=0)
    exact = n_moved < len(signs).bit_length()  # 2^n_moved ≤ draws
    p = np.empty(delta.shape[1])
    p[exact] = [_exact(column[column != 0]) for column in delta[:, exact].T]
    if not exact.all():
        p[~exact] = _drawn(np.ascontiguousarray(delta[:, ~exact]), signs)
    return p


def _drawn(delta: Floats, signs: Signs) -> Floats:
    """(c,) (as extreme + 1) / (draws + 1): the data as they are, are one of the draws.

    Phipson & Smyth, Permutation p-values should never be zero, SAGMB 9(1), 2010.
    """
    total, least = delta.sum(axis=0), _least(delta)
    extreme = np.zeros(delta.shape[1], dtype=np.int64)
    step = max(_AT_ONCE // len(delta), 1)
    for first in range(0, len(signs), step):
        bits = np.unpackbits(signs[first : first + step], axis=1, count=len(delta))
        # Σ ±d = Σ d - 2 Σ of those that change places
        sums = total - 2 * (bits.astype(np.float64) @ delta)
        extreme += (np.abs(sums) >= least).sum(axis=0)
    return (extreme + 1) / (len(signs) + 1)


def _exact(delta: Floats) -> float:
    """The share of all 2^n signs of (n,) differences, none of them 0, that are as extreme."""
    signs = (np.arange(2 ** len(delta))[:, None] >> np.arange(len(delta)) & 1) * 2.0 - 1
    return float((np.abs(signs @ delta) >= _least(delta[:, None])[0]).mean())


def _least(delta: Floats) -> Floats:
    """(c,) sums from here on are as far from 0 as the one seen: the same sum in another order may differ in its end."""
    return np.abs(delta.sum(axis=0)) - 1e-12 * np.abs(delta).sum(axis=0)
