"""Values of components of `classic`, for methods that use the legacy formulas with any model."""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.caching import EngineCaches
from scoring.dataset import Dataset
from scoring.dataset.frame_validation import make_empty_tables
from scoring.facade.snapshot import Snapshot
from scoring.model import Component, Inputs, JobTerm, Pair, ScoringModel
from scoring.model_catalog import load_model

__all__ = [
    "POINTS_COLUMNS",
    "MatchName",
    "PointsName",
    "compute_match",
    "compute_points",
    "load_classic",
    "load_empty_snapshot",
]

PointsName = Literal["wage", "access"]
POINTS_COLUMNS: Final[dict[PointsName, tuple[str, ...]]] = {
    "wage": ("min_salary", "salary_type"),
    "access": ("station_name", "address"),
}
"""Columns of jobs that points depend on."""
MatchName = Literal["location", "category", "condition"]


@cache
def load_classic() -> ScoringModel:
    """Return the model `classic`."""
    return load_model("classic")


@cache
def load_empty_snapshot() -> Snapshot:
    """Return a snapshot without jobs, users and actions, for values that depend on the row of a job alone."""
    return Snapshot.of(Dataset(make_empty_tables()), None, EngineCaches.off())


def compute_points(inputs: Inputs, name: PointsName) -> NDArray[np.float32]:
    """Return (m,) float32: the legacy points of each job. They are the value of the component × its weight in `base`.

    `wage`: 30, 20, 10 or 5 for h ≥ 1500, ≥ 1200, ≥ 1000, and otherwise. `access`: 5, and 15 more with a station, and 5
    more with an address, at most 20.
    """
    (term,) = _find_component(name).terms(inputs).terms
    assert isinstance(term, JobTerm)
    points = term.values * load_classic().weights.components["base"][name]
    return np.rint(points).astype(np.float32)  # 0.3 · 200/3 is not exactly 20


def compute_match(inputs: Inputs, name: MatchName) -> float:
    """Return the value, 0 to 100, of a component for the first user and the first job of the inputs."""
    return float(_find_component(name).explain(Pair(inputs, 0, 0)).value)


def _find_component(name: str) -> Component:
    return next(part.component for part in load_classic().parts if part.name == name)
