"""Weights that put a job among the k best, found by trying: a bound for the exact search, and better than nothing."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.tuning.milp import Room

__all__ = ["guess"]


ROUNDS, TRIES = 24, 250
SHRINK = 0.8
"""Of the reach of a try, from one round to the next."""
SEED = 1


def guess(lead: Floats, room: Room, allowed: int, margin: float, start: Floats | None = None) -> Floats | None:
    """(n_components,) weights under which at most `allowed` of the others are not behind by the margin, or None.

    `lead` (n_components, n) are the values of the job less those of the others. Begins with `start` (None: the weights
    of now). Weights are drawn about the best so far, and on the way back to those of now; the better has fewer others
    ahead, then the smaller change.
    The same every time.
    """
    random, singles = np.random.default_rng(SEED), lead.T.astype(np.float32)
    free = ~room.locked
    share = 1.0 - room.flat[room.locked].sum()
    if free.sum() < 2 or share <= 0:
        return None
    best, best_cost, reach = room.flat if start is None else start, (np.inf, 0.0), 1.0
    for _ in range(ROUNDS):
        tried = _about(best[free] / share, room.flat[free] / share, reach, random)
        tried = np.vstack([best[None, free] / share, tried])
        weights = np.repeat(room.flat[None, :], len(tried), axis=0)
        weights[:, free] = tried * share
        # twice the margin: singles are sure of the order to a fraction of it
        ahead = (singles @ weights.T.astype(np.float32) < 2 * margin).sum(axis=0)
        cost = np.maximum(ahead - allowed, 0), abs(weights - room.flat).sum(axis=1)
        first = np.lexsort(cost[::-1])[0]
        if (float(cost[0][first]), float(cost[1][first])) < best_cost:
            best, best_cost = weights[first], (float(cost[0][first]), float(cost[1][first]))
        reach *= SHRINK
    return best if best_cost[0] == 0 else None


def _about(best: Floats, now: Floats, reach: float, random: np.random.Generator) -> Floats:
    """(TRIES, n) on the simplex: a third far off, a third with weight moved between two components, a third between
    the best and the weights of now."""
    n, third = len(best), TRIES // 3
    far = (1 - reach) * best + reach * random.dirichlet(np.full(n, 0.5), third)
    moved = np.repeat(best[None, :], third, axis=0)
    rows, give, take = np.arange(third), random.integers(n, size=third), random.integers(n, size=third)
    amount = moved[rows, give] * reach * random.random(third)
    moved[rows, give] -= amount
    moved[rows, take] += amount
    back = random.random(TRIES - 2 * third)[:, None] * reach
    return np.concatenate([far, moved, (1 - back) * best + back * now])
