"""Flat weights with one weight varied and the others in constant proportions."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.errors import ConfigurationError

__all__ = ["flat_along"]


def flat_along(flat: Floats, component: int, t: float) -> Floats:
    """Return flat weights, (n_components,), in which one component has weight t and the others share 1 − t.

    The others keep their proportions. If they all have weight 0, they get equal weights.

    Raises
    ------
    ConfigurationError: If there is only one component.
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
