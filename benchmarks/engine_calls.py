"""All calls of the engine that the benchmark measures."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scoring.plan import Plan
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.profiling.scaling.growth_point import warm_up
from scoring.ranking import Ranking, Scorer
from scoring.threads import available_cpus

__all__ = ["CPUS", "PATHS", "K", "Path", "decision", "require_equal", "scorer", "warm_up"]

CPUS = available_cpus()
"""Threads for the engine and for every peer."""

K = 40

Path = Literal["auto", "pruned", "dense"]
PATHS: tuple[Path, ...] = ("auto", "pruned", "dense")
"""The paths that a scorer accepts."""


def scorer(plan: Plan, path: Path = "auto", workers: int = CPUS) -> Scorer:
    """Return a scorer that uses this path."""
    return Scorer(plan, workers=workers, path=path)


def decision(used: Scorer) -> str:
    """Return the path of a scorer's last call, and the reason for it."""
    return str(used.decision)


def require_equal(one: Ranking, other: Ranking, what: str) -> None:
    """Raise ResultsDifferError if ids, any of the four scores, or lengths differ."""
    for name in ("user_id", "job_id", "scores", "count"):
        a: NDArray[np.generic] = getattr(one, name)
        b: NDArray[np.generic] = getattr(other, name)
        if not np.array_equal(a, b):
            raise ResultsDifferError(f"{what}: {name} differ.")
