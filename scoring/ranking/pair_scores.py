"""Scores of the pairs of a few users and jobs, without a plan."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Singles
from scoring.backends.numba import pair_blocks
from scoring.bundle.ranked_lists import SCORES
from scoring.model import Inputs, ScoringModel
from scoring.plan.plan import build_program

__all__ = ["score_all_pairs"]


def score_all_pairs(model: ScoringModel, inputs: Inputs) -> Singles:
    """Return (4, n, m) the scores of all pairs of the inputs, in the order of SCORES, as `Scorer.all_pairs` does.

    Raises
    ------
    ModelError: If a component's terms do not fit the data.
    """
    n_users, n_jobs = len(inputs.users), len(inputs.jobs)
    scores = np.empty((len(SCORES), n_users, n_jobs), dtype=np.float32)
    pair_blocks.all_pairs(build_program(model, inputs), np.arange(n_users), scores, 0, 0, n_jobs)
    return scores
