"""What is asked when an engine is checked: the package's own ways to a score, each of which may be exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.backends import reference
from scoring.errors import ConfigurationError
from scoring.model import Inputs, ScoringModel
from scoring.plan import Candidates, Plan
from scoring.ranking import Explanation, Ranking, Scorer, explain

__all__ = ["BACKEND_PATHS", "Backend", "PairScorer", "ReferenceScorer"]

BackendPath = Literal["auto", "pruned", "dense", "reference"]
BACKEND_PATHS = ("auto", "pruned", "dense", "reference")


class PairScorer(Protocol):
    """What scores with one plan; several threads may share it. `scoring.ranking.Scorer` is one."""

    def top_k(self, k: int = 40, users: NDArray[np.integer] | None = None) -> Ranking:
        """The k best jobs of the users at these rows (None: all), in that order."""

    def all_pairs(self, users: NDArray[np.integer] | None = None) -> NDArray[np.float32]:
        """(4, n, m) scores of the users at these rows (None: all) and all jobs."""

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> NDArray[np.float32]:
        """(4, p) scores of the p pairs of rows."""


class ReferenceScorer:
    """The specification as a scorer: every pair in float64, then sorted. For small data."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def top_k(self, k: int = 40, users: NDArray[np.integer] | None = None) -> Ranking:
        """See `PairScorer`."""
        plan, rows = self.plan, self._rows(users)
        scores, who = self.all_pairs(rows), plan.exclusions
        cap = who.rules.max_per_company or 0
        lists = reference.top_k(scores[0], plan.job_id, who.matrix(rows), who.company, k, cap)
        n, width = len(rows), max((len(jobs) for jobs in lists), default=0)
        job_row, found = np.full((n, width), -1, dtype=np.int64), np.zeros((n, width, 4), dtype=np.float32)
        for row, jobs in enumerate(lists):
            job_row[row, : len(jobs)] = jobs
            found[row, : len(jobs)] = scores[:, row, jobs].T
        job_id = np.append(plan.job_id, -1)[job_row]  # the last one answers -1
        count = np.array([len(jobs) for jobs in lists], dtype=np.int32)
        return Ranking(plan.user_id[rows], job_id, job_row, found, count)

    def all_pairs(self, users: NDArray[np.integer] | None = None) -> NDArray[np.float32]:
        """See `PairScorer`."""
        return reference.scores(self.plan.program, self._rows(users), np.arange(len(self.plan.job_id)))

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> NDArray[np.float32]:
        """See `PairScorer`."""
        pairs = [
            reference.scores(self.plan.program, np.array([u]), np.array([j]))[:, 0, 0]
            for u, j in zip(users, jobs, strict=True)
        ]
        return np.array(pairs, dtype=np.float32).reshape(-1, 4).T

    def _rows(self, users: NDArray[np.integer] | None) -> NDArray[np.int64]:
        rows = np.arange(len(self.plan.user_id)) if users is None else np.asarray(users)
        return rows.astype(np.int64)


@dataclass(frozen=True)
class Backend:
    """The package's own answers, lists by one path. Override a method to check an engine of one's own.

    `path` is a `Scorer`'s path, or "reference": float64 and a sort. Raises ConfigurationError: no such path.
    """

    path: BackendPath = "auto"

    def __post_init__(self) -> None:
        if self.path not in BACKEND_PATHS:
            raise ConfigurationError(f"scorer_path is {self.path!r}; it may be {', '.join(BACKEND_PATHS)}.")

    def __repr__(self) -> str:
        return f"path {self.path}" if type(self) is Backend else f"{type(self).__name__}, path {self.path}"

    def build(self, model: ScoringModel, inputs: Inputs, candidates: Candidates | None = None) -> Plan:
        """A plan, made from nothing."""
        return Plan.build(model, inputs, candidates)

    def reweighted(self, plan: Plan, model: ScoringModel) -> Plan:
        """A plan for other weights, made from one that is there."""
        return plan.with_weights(model)

    def scorer(self, plan: Plan, *, workers: int | None = None, before: Ranking | None = None) -> PairScorer:
        """`workers` and `before` as a `Scorer` takes them: answers depend on neither."""
        if self.path == "reference":
            return ReferenceScorer(plan)
        return Scorer(plan, workers=workers, path=self.path, before=before)

    def explain(self, plan: Plan, inputs: Inputs, user_row: int, job_row: int) -> Explanation:
        """Why a pair has its score."""
        return explain(plan, inputs, user_row, job_row)
