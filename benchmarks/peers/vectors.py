"""Scores as inner products, where possible: one-hot keys, flag patterns, the job's points, factors.

Three facts are omitted because no short vector can represent them: whether a job pays the user's floor, whether it
pays about the user's usual wage, and whether it is in the user's own city. `linear` makes a model and data without
them, so that the engine can compute exactly the same lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scoring import Dataset, Prepared, ScoringModel, Statistics
from scoring.array_types import Floats, Singles
from scoring.profiling.compared_method_inputs import PeerInputs

__all__ = ["Vectors", "prepare_linear"]


@dataclass(frozen=True)
class Vectors:
    """(n, d) and (m, d) float32 whose inner products are the totals."""

    users: Singles
    items: Singles

    @classmethod
    def of(cls, peer_inputs: PeerInputs) -> Vectors:
        """Return the vectors of a `linear` model's facts, without dimensions that are zero for all users or jobs."""
        users, jobs, w = peer_inputs.users, peer_inputs.jobs, peer_inputs.weights
        n, m = len(users), len(jobs)
        lately = users.applied.astype(np.float64)[:, None]
        by_prefecture = w.location * users.location + w.history * lately * users.table(
            users.applied_prefectures, peer_inputs.n_prefectures, 20.0
        )
        by_occupation = (
            w.category * users.category
            + w.history * lately * users.table(users.applied_occupations, peer_inputs.n_occupations, 30.0)
            + w.clicks * users.table(users.clicked_occupations, peer_inputs.n_occupations, 20.0)
        )
        has = users.has_vector.astype(np.float64)[:, None]
        always = w.history * np.where(users.applied, 25.0, 50.0) + w.clicks * 40.0 + w.collaborative * 45.0
        sides: list[tuple[Floats, Floats]] = [
            (np.ones((n, 1)), jobs.base[:, None]),
            (always[:, None], np.ones((m, 1))),
            (by_prefecture, np.eye(peer_inputs.n_prefectures)[jobs.prefecture]),
            (by_occupation, np.eye(peer_inputs.n_occupations)[jobs.occupation]),
            (w.conditions * users.conditions()[:, 0, :], np.eye(4)[jobs.offers]),
            (w.clicks * users.feature_points(), np.eye(8)[jobs.features]),
            # 50 · (1 + cosine) if both have a vector, else 45
            (w.collaborative * 5.0 * has, jobs.has_vector.astype(np.float64)[:, None]),
            (w.collaborative * 50.0 * has * users.vector, jobs.has_vector[:, None] * jobs.vector),
        ]
        of_users = np.concatenate([side[0] for side in sides], axis=1).astype(np.float32)
        of_jobs = np.concatenate([side[1].astype(np.float32) for side in sides], axis=1)
        used = of_users.any(axis=0) & of_jobs.any(axis=0)
        return cls(np.ascontiguousarray(of_users[:, used]), np.ascontiguousarray(of_jobs[:, used]))

    @property
    def dimensions(self) -> int:
        return self.items.shape[1]

    @property
    def tolerance(self) -> float:
        """Bound on the error of a float32 inner product: dimensions × its rounding × the largest sum."""
        return float(self.dimensions * np.finfo(np.float32).eps * 150.0)


def prepare_linear(data: Dataset, model: ScoringModel, factor_cache: Path | None) -> Prepared:
    """Prepare the model (of `standard`'s components) without rules per user and parts that are not inner products."""
    users = data.tables.users.assign(preferred_salary_min=np.nan)
    plain = Dataset(data.tables.with_tables(users=users), as_of=data.as_of)
    model = model.with_parameters("location", same_city=model_value(model, "location", "same_prefecture"))
    model = model.with_parameters("history", wage=0)
    model = model.with_eligibility(not_applied=False, company_cooldown_days=None)
    return Prepared.of(Statistics(plain, factor_cache=factor_cache), model)


def model_value(model: ScoringModel, component: str, parameter: str) -> float:
    """Return a parameter of a component of the model."""
    part = next(part for part in model.parts if part.name == component)
    return float(getattr(part.component, parameter))
