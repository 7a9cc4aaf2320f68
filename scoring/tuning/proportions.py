"""One weight varied, the others in their proportions."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.errors import ConfigurationError

__all__ = ["flat_along"]


def flat_along(flat: Floats, component: int, t: float) -> Floats:
    """(n_components,) flat weights where one weighs t and the others share 1 − t as they do now.

    Where the others all weigh 0 they share equally. Raises ConfigurationError where there are no others.
    """
    if len(flat) < 2:
        raise ConfigurationError("a model of one component has no weight to vary; it needs two components or more.")
    others = np.array(flat, dtype=np.float64)
    others[component] = 0.0
    if not others.any():
        others[:] = 1.0
        others[component] = 0.0
    result = others / others.sum() * (1.0 - t)
    result[component] = t
    return result
