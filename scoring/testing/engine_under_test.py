"""The engine that invariants check. A subclass can replace each of its methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scoring.backends.protocol import Backend, BackendFactory
from scoring.backends.reference import ReferenceBackend
from scoring.bundle.ranked_lists import Ranking
from scoring.errors import ConfigurationError
from scoring.model import Inputs, ScoringModel
from scoring.plan import Candidates, Plan
from scoring.ranking import Explanation, Scorer, explain

__all__ = ["SCORER_PATHS", "EngineUnderTest", "ScorerPath"]

ScorerPath = Literal["auto", "pruned", "dense", "reference"]
SCORER_PATHS = ("auto", "pruned", "dense", "reference")


@dataclass(frozen=True)
class EngineUnderTest:
    """The package's own engine, with one scorer path or one backend. Override methods to check another engine.

    Parameters
    ----------
    path: A path of `Scorer`, or "reference", which computes in float64 and sorts.
    backend: A function or class that creates the backend; None: the path decides.

    Raises
    ------
    ConfigurationError: If the path does not exist, or if a path is given together with a backend.
    """

    path: ScorerPath = "auto"
    backend: BackendFactory | None = None

    def __post_init__(self) -> None:
        if self.path not in SCORER_PATHS:
            raise ConfigurationError(
                f"The scorer path is {self.path!r}. Use one of {', '.join(SCORER_PATHS)}.", key=("path",)
            )
        if self.backend is not None and self.path != "auto":
            raise ConfigurationError(f"The scorer path is {self.path!r} and a backend is given. Omit one of them.")

    def __repr__(self) -> str:
        lists = f"path {self.path}" if self.backend is None else getattr(self.backend, "__name__", repr(self.backend))
        return lists if type(self) is EngineUnderTest else f"{type(self).__name__}, {lists}"

    def build(self, model: ScoringModel, inputs: Inputs, candidates: Candidates | None = None) -> Plan:
        """Return a new plan."""
        return Plan.build(model, inputs, candidates)

    def reweight(self, plan: Plan, model: ScoringModel) -> Plan:
        """Return a plan for other weights, made from an existing one."""
        return plan.with_weights(model)

    def scorer(self, plan: Plan, *, workers: int | None = None, before: Ranking | None = None) -> Backend:
        """Return a scorer. `workers` and `before` are those of `Scorer`; scores and rankings do not depend on them."""
        if self.path == "reference":
            return Scorer(plan, workers=workers, seeds=before, backend=ReferenceBackend)
        return Scorer(plan, workers=workers, path=self.path, seeds=before, backend=self.backend)

    def explain(self, plan: Plan, inputs: Inputs, user_row: int, job_row: int) -> Explanation:
        """Return the explanation of the score of a pair."""
        return explain(plan, inputs, user_row, job_row)
