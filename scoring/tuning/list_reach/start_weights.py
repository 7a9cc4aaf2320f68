"""Random search for weights that put a job among the k best.

The result limits the distance for the exact search, and is returned if the exact search does not finish in time.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.tuning.list_reach.nearest_weights import WeightRegion

__all__ = ["sample_start"]


ROUNDS, TRIES = 24, 250
SHRINK = 0.8
"""Factor of the sampling distance from one round to the next."""
SEED = 1


def sample_start(
    lead: Floats, region: WeightRegion, allowed: int, margin: float, start: Floats | None = None
) -> Floats | None:
    """Return weights, (n_components,), under which at most `allowed` competitors are not behind by the margin.

    Each round draws weights around the best so far, and between the best and the current weights. Better weights have
    fewer competitors ahead, then a smaller change. The seed is fixed, so the result is reproducible. Return None if
    no such weights are found.

    Parameters
    ----------
    lead: (n_components, n) values of the job minus those of n competitors.
    start: First weights; the current weights if None.
    """
    random, singles = np.random.default_rng(SEED), lead.T.astype(np.float32)
    free = ~region.locked
    share = 1.0 - region.flat[region.locked].sum()
    if free.sum() < 2 or share <= 0:
        return None
    best, best_cost, reach = region.flat if start is None else start, (np.inf, 0.0), 1.0
    for _ in range(ROUNDS):
        samples = _sample_around(best[free] / share, region.flat[free] / share, reach, random)
        samples = np.vstack([best[None, free] / share, samples])
        weights = np.repeat(region.flat[None, :], len(samples), axis=0)
        weights[:, free] = samples * share
        # twice the margin: the float32 error is a fraction of the margin
        ahead = (singles @ weights.T.astype(np.float32) < 2 * margin).sum(axis=0)
        cost = np.maximum(ahead - allowed, 0), abs(weights - region.flat).sum(axis=1)
        first = np.lexsort(cost[::-1])[0]
        if (float(cost[0][first]), float(cost[1][first])) < best_cost:
            best, best_cost = weights[first], (float(cost[0][first]), float(cost[1][first]))
        reach *= SHRINK
    return best if best_cost[0] == 0 else None


def _sample_around(best: Floats, current: Floats, reach: float, random: np.random.Generator) -> Floats:
    """Return weights on the simplex, (TRIES, n).

    One third mixes the best with random weights, one third moves weight between two components, and one third lies
    between the best and the current weights.
    """
    n, third = len(best), TRIES // 3
    far = (1 - reach) * best + reach * random.dirichlet(np.full(n, 0.5), third)
    moved = np.repeat(best[None, :], third, axis=0)
    rows, give, take = np.arange(third), random.integers(n, size=third), random.integers(n, size=third)
    amount = moved[rows, give] * reach * random.random(third)
    moved[rows, give] -= amount
    moved[rows, take] += amount
    back = random.random(TRIES - 2 * third)[:, None] * reach
    return np.concatenate([far, moved, (1 - back) * best + back * current])
