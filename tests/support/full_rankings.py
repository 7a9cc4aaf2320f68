"""Small random markets and models, and full rankings sorted in plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np

from scoring.dataset import Dataset, Tables
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from tests.support.random_markets import random_market
from tests.support.small_datasets import small_dataset

__all__ = ["full_ranking", "random_model", "random_prepared"]


def random_model(random: np.random.Generator) -> ScoringModel:
    """Return a shipped model with random weights, typical or extreme, and random eligibility rules."""
    model = load_model(str(random.choice(["standard", "classic"])))
    names, kind = [part.name for part in model.parts], random.integers(4)
    if kind == 0:  # one component has all the weight: most totals tie
        model = model.with_weights({str(random.choice(names)): 1.0})
    elif kind == 1:
        model = model.with_weights(dict(zip(names, random.dirichlet(np.full(len(names), 0.3)), strict=True)))
    elif kind == 2:
        tiny = dict.fromkeys(names, 1e-9) | {str(random.choice(names)): 1.0}
        model = model.with_weights(tiny)
    return model.with_eligibility(
        max_per_company=[None, 1, 2, 3][random.integers(4)],
        min_fee=[None, 0.0, 1_000.0][random.integers(3)],
        company_cooldown_days=[None, 14.0, 400.0][random.integers(3)],
        not_applied=bool(random.integers(2)),
        open=bool(random.integers(3)),
    )


def random_dataset(seed: int) -> Dataset:
    """Return data with missing values and users without actions. Every third seed gives mostly ties."""
    if seed % 3 == 0:
        return Dataset(Tables(**random_market(seed, ties=True, factors=True).frames()))
    return small_dataset(seed, n_users=8, n_jobs=40)


def random_prepared(seed: int) -> Prepared:
    return Prepared.of(random_dataset(seed), random_model(np.random.default_rng(seed)), workers=1)


def full_ranking(ready: Prepared, user_id: int) -> list[tuple[int, float]]:
    """Return (job id, score) of every ranked job, best first: jobs are sorted, then capped per company."""
    row = ready.user_rows([user_id])
    scores, eligible = ready.scorer.all_pairs(row)[0, 0], ready.plan.exclusions.matrix(row)[0]
    company, most = ready.plan.exclusions.company, ready.model.eligibility.max_per_company
    order = sorted(np.flatnonzero(eligible), key=lambda job: (-scores[job], ready.plan.job_id[job]))
    taken: list[tuple[int, float]] = []
    of_company: Counter[int] = Counter()
    for job in order:
        code = int(company[job])
        if most is not None and code >= 0 and of_company[code] == most:
            continue
        of_company[code] += 1
        taken.append((int(ready.plan.job_id[job]), float(scores[job])))
    return taken
