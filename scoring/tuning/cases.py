"""One problem of `reach`: a user, a job and its competitors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Longs
from scoring.model import ScoringModel
from scoring.ranking import Prepared
from scoring.tuning.milp import Competitors, Room
from scoring.tuning.reached import Reach

__all__ = ["EVERYWHERE", "Case", "Ranked"]


EVERYWHERE = 2.0
"""The largest possible distance (sum of absolute weight changes) between two profiles."""


@dataclass(frozen=True)
class Ranked:
    """The rank of the job among the m eligible jobs, by canonical totals."""

    order: Longs  # (m,) columns, best first
    rank: int  # of the job, from 1
    totals: NDArray[np.float32]  # (m,)


@dataclass(frozen=True)
class Case:
    """A user, a job, and the m jobs that are eligible for the user (columns)."""

    prepared: Prepared
    user: Longs  # (1,)
    name: int  # the job's id
    eligible: Longs  # (m,) rows of the plan
    column: int  # of the job; -1 if it is not eligible
    k: int
    locked: Bools
    values: Floats = field(repr=False)  # (n_components,) of the job
    others: Competitors = field(repr=False)  # m competitors, including the job itself
    always: Bools = field(repr=False)  # (m,) ahead of the job under all weights
    never: Bools = field(repr=False)  # (m,) behind the job under all allowed weights, or the job itself

    @classmethod
    def of(cls, prepared: Prepared, user_id: int, job_id: int, k: int, locked: Bools, margin: float) -> Case:
        user, job = prepared.user_rows([user_id]), prepared.job_rows([job_id])
        plan = prepared.plan
        eligible = np.flatnonzero(plan.exclusions.matrix(user)[0])
        values = prepared.scorer.components(user, job)[:, 0]
        lead = values - prepared.scorer.components(user, eligible)[:, 0]
        ids = plan.job_id[eligible]
        same, after = eligible == job[0], ids > job_id
        nowhere_below = (lead <= 0).all(axis=0)
        ties = nowhere_below & after & (lead == 0).any(axis=0)
        # a competitor that is below in no component has no smaller total: rounding is monotonic, and ids break ties
        always = nowhere_below & ~after & ~same
        never = (
            same
            | ((lead == 0).all(axis=0) & after)
            | (Room(plan.model.flat_weights, locked, EVERYWHERE).most(-lead) < 0)
        )
        column = int(np.flatnonzero(same)[0]) if same.any() else -1
        return cls(
            prepared,
            user,
            int(plan.job_id[job[0]]),
            eligible,
            column,
            k,
            locked,
            values[:, 0],
            Competitors(lead, ties),
            always,
            never,
        )

    def ranked(self, model: ScoringModel) -> Ranked:
        totals = self.prepared.with_model(model).scorer.all_pairs(self.user)[0, 0, self.eligible]
        order = np.lexsort((self.prepared.plan.job_id[self.eligible], -totals))
        return Ranked(order, int(np.flatnonzero(order == self.column)[0]) + 1, totals)

    def model_of(self, weights: Floats) -> ScoringModel:
        names = [part.name for part in self.prepared.model.parts]
        return self.prepared.model.with_weights(dict(zip(names, weights.tolist(), strict=True)))

    def answer(
        self,
        *,
        possible: bool | None,
        proven: bool,
        reasons: tuple[str, ...] = (),
        model: ScoringModel | None = None,
        before: Ranked | None = None,
        after: Ranked | None = None,
        competitors: Longs | None = None,
        margin: float = 0.0,
        nearer: float = 0.0,
    ) -> Reach:
        """Return the result. `competitors` are columns; if `after` is given, the jobs just behind replace them."""
        plan = self.prepared.plan
        if after is not None:
            gap = after.totals[self.column] - after.totals[after.order[after.rank :]].astype(np.float64)
            competitors = after.order[after.rank :][gap <= 2 * margin]
        ids = np.empty(0, np.int64) if competitors is None else plan.job_id[self.eligible[competitors]]
        return Reach(
            user_id=int(plan.user_id[self.user[0]]),
            job_id=self.name,
            k=self.k,
            possible=possible,
            proven=proven,
            reasons=reasons,
            before=self.prepared.model,
            model=model,
            values=self.values,
            rank_before=before.rank if before else None,
            rank_after=after.rank if after else None,
            competitors=ids,
            n_always=int(self.always.sum()),
            nearer=nearer,
            locks=tuple(part.name for part, kept in zip(plan.model.parts, self.locked, strict=True) if kept),
        )
