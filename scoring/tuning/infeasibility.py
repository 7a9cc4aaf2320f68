"""Groups of competitors of whom at least one is always ahead of a job: k of them prove that no weights list it.

Let t be the most, over all weights w that are allowed, of the least w·(x − v) over some competitors (x the job's
values, v theirs): a linear program. Where t is below the margin, its dual gives multipliers λ, at most one more than
there are components, such that the mean Σ λ (x − v) is below the margin under all weights: of those few competitors at
least one is never behind. They are one group; without them the next is looked for, until there are as many groups,
which share nobody, as would fill the list, or until weights are found under which everybody else is behind.

Farkas' lemma; the packing is greedy, so that fewer groups than k prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.array_types import Floats, Longs
from scoring.tuning.milp import Room

__all__ = ["Packed", "pack"]


FIRST, MORE = 300, 100
"""Competitors in a program to begin with, and how many of those that turn out to be ahead join it at a time."""
SURE = 1e-9
"""Points by which a proof must hold: far more than float64 loses in a sum of some hundred points."""
NOTHING = 1e-9
"""Multipliers below are the solver's zeros."""


@dataclass(frozen=True)
class Packed:
    """`groups` are columns. `weights` (None: there are as many groups as were asked for, or the solver gave up) leave
    everybody outside of the groups behind the job."""

    groups: tuple[Longs, ...]
    weights: Floats | None

    @property
    def members(self) -> Longs:
        """Of all groups."""
        return np.concatenate([*self.groups, np.empty(0, np.int64)]).astype(np.int64)


def pack(lead: Floats, room: Room, most: int, margin: float) -> Packed:
    """At most `most` groups, by `lead` (n_components, n), the values of the job less those of n competitors, for the
    weights of a room that is not bounded by its radius."""
    left = np.ones(lead.shape[1], dtype=bool)
    working = np.argsort(room.flat @ lead, kind="stable")[:FIRST]
    groups: list[Longs] = []
    while len(groups) < most:
        working = working[left[working]]
        if not len(working):
            now = np.where(left, room.flat @ lead, np.inf)
            working = np.argsort(now, kind="stable")[: min(FIRST, int(left.sum()))]
        if not len(working):  # nobody is left
            return Packed(tuple(groups), room.flat)
        weights, least, shares = _best_weights(lead[:, working], room)
        if weights is None:
            break
        if least < margin:
            group = working[shares > NOTHING]
            mean = lead[:, group] @ (shares[shares > NOTHING] / shares[shares > NOTHING].sum())
            if not room.most(mean[:, None])[0] < margin - SURE:
                break  # too near to tell
            groups.append(group)
            left[group] = False
            continue
        ahead = np.where(left, weights @ lead, np.inf)
        ahead[working] = np.inf
        if not (ahead < margin).any():
            return Packed(tuple(groups), weights)
        working = np.union1d(working, np.argsort(ahead, kind="stable")[:MORE])
    return Packed(tuple(groups), None)


def _best_weights(lead: Floats, room: Room) -> tuple[Floats | None, float, Floats]:
    """Weights under which the least w·lead is most, that value, and the (n,) dual multipliers."""
    from scipy.optimize import linprog

    n, m = lead.shape
    fixed = np.where(room.locked, room.flat, 0.0)
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.hstack([-lead.T, np.ones((m, 1))]),
        b_ub=np.zeros(m),
        A_eq=np.append(np.ones(n), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[*((low, low if kept else None) for low, kept in zip(fixed, room.locked, strict=True)), (None, None)],
    )
    if found.x is None:
        return None, 0.0, np.empty(0)
    return found.x[:n], float(found.x[n]), -found.ineqlin.marginals
