"""The canonical total of a pair, from its component values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["compute_total"]


def compute_total(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the total of values (n_components, …) as float32 (…), equal to the first scores of `Scorer.all_pairs`.

    The products weight × value are added in float64 in the model's order; the sum is then rounded. No kernel is
    compiled, so this is faster than `Scorer.all_pairs` for the jobs of one user in a new process.
    """
    total = np.zeros(values.shape[1:])
    for weight, value in zip(weights, values, strict=True):
        total += weight * value
    return total.astype(np.float32)
