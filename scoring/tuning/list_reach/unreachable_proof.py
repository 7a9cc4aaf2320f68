"""Proof that no weights list a job: k disjoint groups of competitors, each with at least one competitor ahead.

Let x be the component values of the job and v those of a competitor. A linear program maximises, over all allowed
weights w, the minimum of w·(x − v) over some competitors. Let t be this maximum.

If t is below the margin, the dual gives multipliers λ, of which at most n_components + 1 are above 0. The mean
Σ λ (x − v) is below the margin under all weights. So under any weights, at least one competitor with λ > 0 is not
behind the job by the margin: these competitors are one group (Farkas' lemma).

The next group is searched among the other competitors. The search ends when the groups would fill the list, or when
weights are found under which all competitors outside the groups are behind. The packing is greedy, so fewer than k
groups prove nothing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from scoring.array_types import Floats, Longs
from scoring.tuning.list_reach.nearest_weights import WeightRegion

__all__ = ["Packing", "pack_groups"]


FIRST, MORE = 300, 100
"""Competitors in the first linear program, and competitors added per round if some are still ahead."""
SURE = 1e-9
"""Points by which a proof must hold: far more than the float64 rounding error of a sum of some hundred points."""
NOTHING = 1e-9
"""Multipliers up to this value count as 0 (solver tolerance)."""


@dataclass(frozen=True)
class Packing:
    """Disjoint groups of competitors (columns), and weights under which all other competitors are behind the job.

    `weights` is None if the requested number of groups was found, or the solver failed.
    """

    groups: tuple[Longs, ...]
    weights: Floats | None

    @property
    def members(self) -> Longs:
        """Columns of all groups."""
        return np.concatenate([*self.groups, np.empty(0, np.int64)]).astype(np.int64)


def pack_groups(lead: Floats, region: WeightRegion, limit: int, margin: float, deadline: float = math.inf) -> Packing:
    """Return at most `limit` groups of competitors.

    Parameters
    ----------
    lead: (n_components, n) values of the job minus those of n competitors.
    region: Allowed weights; the radius must not restrict them.
    margin: Points by which a competitor has to be behind.
    deadline: Value of `time.perf_counter` at which the packing ends with the groups found so far.
    """
    left = np.ones(lead.shape[1], dtype=bool)
    working = np.argsort(region.flat @ lead, kind="stable")[:FIRST]
    groups: list[Longs] = []
    while len(groups) < limit and time.perf_counter() < deadline:
        working = working[left[working]]
        if not len(working):
            ahead_now = np.where(left, region.flat @ lead, np.inf)
            working = np.argsort(ahead_now, kind="stable")[: min(FIRST, int(left.sum()))]
        if not len(working):  # no competitor is left
            return Packing(tuple(groups), region.flat)
        weights, least, shares = _maximise_lead(lead[:, working], region)
        if weights is None:
            break
        if least < margin:
            group = working[shares > NOTHING]
            mean = lead[:, group] @ (shares[shares > NOTHING] / shares[shares > NOTHING].sum())
            if not region.maximum(mean[:, None])[0] < margin - SURE:
                break  # too close to the margin for a proof
            groups.append(group)
            left[group] = False
            continue
        ahead = np.where(left, weights @ lead, np.inf)
        ahead[working] = np.inf
        if not (ahead < margin).any():
            return Packing(tuple(groups), weights)
        working = np.union1d(working, np.argsort(ahead, kind="stable")[:MORE])
    return Packing(tuple(groups), None)


def _maximise_lead(lead: Floats, region: WeightRegion) -> tuple[Floats | None, float, Floats]:
    """Return the weights that maximise the minimum of w·lead, this minimum, and the dual multipliers (n,)."""
    from scipy.optimize import linprog

    n, m = lead.shape
    fixed = np.where(region.locked, region.flat, 0.0)
    solution = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.hstack([-lead.T, np.ones((m, 1))]),
        b_ub=np.zeros(m),
        A_eq=np.append(np.ones(n), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[
            *((low, low if is_locked else None) for low, is_locked in zip(fixed, region.locked, strict=True)),
            (None, None),
        ],
    )
    if solution.x is None:
        return None, 0.0, np.empty(0)
    return solution.x[:n], float(solution.x[n]), -solution.ineqlin.marginals
