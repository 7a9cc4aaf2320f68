"""The nearest weights under which a limited number of competitors is ahead of a job: a mixed-integer linear program.

Weights w are at least 0 and sum to 1. Let x be the component values of the job and v those of a competitor. The job is
ahead by the margin if w·(x − v) ≥ margin. A binary z per competitor relaxes this constraint (z = 1: the competitor may
be ahead). The sum of z is limited by the free places of the list. The objective is the sum of absolute changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats

__all__ = ["Competitors", "NearestWeights", "WeightRegion", "find_nearest_weights"]


NOTHING = 1e-9
"""Weights below this value count as 0 (solver tolerance)."""


@dataclass(frozen=True)
class Competitors:
    """n competitors of a job.

    A competitor in `ties` is below the job in no component and has a larger id. It is behind the job only if every
    component in which it is above the job has weight 0.
    """

    lead: Floats  # (n_components, n) values of the job minus those of the competitors
    ties: Bools  # (n,)

    def __len__(self) -> int:
        return len(self.ties)

    def select(self, chosen: NDArray[np.int64]) -> Competitors:
        return Competitors(self.lead[:, chosen], self.ties[chosen])


@dataclass(frozen=True)
class WeightRegion:
    """The allowed weights: at most `radius` (sum of absolute changes) from `flat`; locked weights do not change.

    A radius of 2 allows all weights.
    """

    flat: Floats  # (n_components,)
    locked: Bools  # (n_components,)
    radius: float

    def maximum(self, worth: Floats) -> Floats:
        """Return the maximum of w·worth over the allowed weights, (n,), for `worth` (n_components, n).

        At the maximum, weight of half the radius moves from the components of lowest worth to that of highest worth.
        """
        current = self.flat @ worth
        if self.locked.all():
            return current
        free, flat = worth[~self.locked], self.flat[~self.locked]
        order = np.argsort(free, axis=0)
        ordered, available = np.take_along_axis(free, order, axis=0), flat[order]
        taken = np.clip(self.radius / 2 - (np.cumsum(available, axis=0) - available), 0.0, available)
        return current + (taken * (ordered[-1] - ordered)).sum(axis=0)

    @property
    def upper(self) -> Floats:
        """Maximum increase of each weight, then maximum decrease, (2 · n_components,)."""
        free = np.where(self.locked, 0.0, 1.0)
        return np.concatenate([free * (1.0 - self.flat), free * self.flat])


@dataclass(frozen=True)
class NearestWeights:
    """The result of `find_nearest_weights`.

    `weights` is None if no such weights exist (`is_finished`) or none were found in time (not `is_finished`). If not
    `is_finished`, nearer weights may exist.
    """

    weights: Floats | None
    is_finished: bool


def find_nearest_weights(
    competitors: Competitors, region: WeightRegion, allowed: int, margin: float, seconds: float
) -> NearestWeights:
    """Return the nearest weights in the region under which at most `allowed` competitors are ahead of the job.

    The distance is minimal to a relative tolerance of 1e-4. The solver stops after `seconds`.
    """
    from scipy.optimize import LinearConstraint, milp

    n_components, n = len(region.flat), len(competitors)
    rows, lows = _make_rows(competitors, region, margin)
    changes, balance, budget = np.zeros((3, 2 * n_components + n))
    changes[: 2 * n_components] = 1.0
    balance[:n_components], balance[n_components : 2 * n_components] = 1.0, -1.0
    budget[2 * n_components :] = 1.0
    solution = milp(
        changes,
        integrality=budget,
        bounds=(np.zeros(len(changes)), np.concatenate([region.upper, np.ones(n)])),
        constraints=[
            LinearConstraint(rows, lows, np.inf),
            LinearConstraint(budget[None, :], -np.inf, allowed),
            LinearConstraint(balance[None, :], 0.0, 0.0),
            LinearConstraint(changes[None, :], -np.inf, region.radius),
        ],
        options={"time_limit": max(seconds, 0.01)},
    )
    if solution.x is None:
        return NearestWeights(None, solution.status == 2)
    change = solution.x[: 2 * n_components]
    behind = competitors.select(np.flatnonzero(solution.x[2 * n_components :] < 0.5))
    exact = _solve_without_binaries(behind, region, margin)
    change = change if exact is None else exact
    return NearestWeights(_compute_weights(region, change), solution.status == 0)


def _make_rows(competitors: Competitors, region: WeightRegion, margin: float) -> tuple[Floats, Floats]:
    """Return the left-hand sides over (more, less, z) and their lower bounds, with w = flat + more − less.

    For a tie, z ≥ w for each component in which the competitor is above the job. This is exact without a big-M
    constant.
    """
    flat, untied = region.flat, np.flatnonzero(~competitors.ties)
    lead = competitors.lead[:, untied].T
    large = np.maximum(margin + region.maximum(-lead.T), 0.0)
    z = np.zeros((len(untied), len(competitors)))
    z[np.arange(len(untied)), untied] = large
    rows, lows = [np.hstack([lead, -lead, z])], [margin - lead @ flat]
    for tie in np.flatnonzero(competitors.ties):
        for component in np.flatnonzero(competitors.lead[:, tie] < 0):
            row = np.zeros(2 * len(flat) + len(competitors))
            row[component], row[len(flat) + component], row[2 * len(flat) + tie] = -1.0, 1.0, 1.0
            rows.append(row[None, :])
            lows.append(flat[component : component + 1])
    return np.vstack(rows), np.concatenate(lows)


def _solve_without_binaries(behind: Competitors, region: WeightRegion, margin: float) -> Floats | None:
    """Solve for the changes as a linear program in which all competitors of `behind` stay behind; None if infeasible.

    The mixed-integer solver accepts binaries that differ from 0 by 1e-6, which could use up the margin.
    """
    from scipy.optimize import linprog

    n, flat = len(region.flat), region.flat
    lead, low, upper = behind.lead[:, ~behind.ties].T, np.zeros(2 * n), region.upper
    above = (behind.lead[:, behind.ties] < 0).any(axis=1) & ~region.locked
    low[n:][above], upper[:n][above] = flat[above], 0.0  # these weights become 0
    solution = linprog(
        np.ones(2 * n),
        A_ub=np.hstack([-lead, lead]) if len(lead) else None,
        b_ub=lead @ flat - margin if len(lead) else None,
        A_eq=np.concatenate([np.ones(n), -np.ones(n)])[None, :],
        b_eq=[0.0],
        bounds=np.column_stack([low, upper]),
    )
    return None if solution.x is None else np.asarray(solution.x)


def _compute_weights(region: WeightRegion, change: Floats) -> Floats:
    """Return the weights, scaled to sum to 1; locked weights do not change."""
    n, flat, locked = len(region.flat), region.flat, region.locked
    weights = np.where(locked, flat, flat + change[:n] - change[n:])
    weights[~locked & (weights < NOTHING)] = 0.0
    movable = weights[~locked].sum()
    if movable > 0:
        weights[~locked] *= (1.0 - flat[locked].sum()) / movable
    return weights
