"""A change of weights on a prepared dataset: the waiting time of a slider or a search."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.engine_calls import K, decision, scorer, warm_up
from benchmarks.measurement import Times, print_progress
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring import Prepared, ScoringModel, load_model
from scoring.model import Inputs

_CHANGES = 50


def measure(size: Size, work: Workspace) -> Section:
    users = min(500, size.users)
    changes = 8 if size.quick else _CHANGES
    model = load_model("standard")
    inputs = Inputs.of(work.statistics(size)).take_users(np.arange(users))
    prepared = Prepared.of(inputs, model)
    warm_up(prepared)
    random = np.random.default_rng(0)
    print_progress(f"{changes} changes of weights near the shipped ones, {changes} anywhere")
    near, near_ways = _changes(prepared, [_near_weights(random, model) for _ in range(changes)])
    anywhere, ways = _changes(prepared, [_random_weights(random, model) for _ in range(changes)])
    of = f"of {changes} changes"
    return Section(
        name="reweight",
        title="A change of weights",
        size=f"{users:,} users × {size.jobs:,} jobs, prepared; from new weights to new lists (no metrics)",
        figures=[
            Figure("near the shipped weights, median", 1000 * near.median, "ms", at_most(150), of),
            Figure("near the shipped weights, worst", 1000 * near.worst, "ms", at_most(150), of),
            Figure("anywhere, median", 1000 * anywhere.median, "ms", at_most(400), of),
            Figure("anywhere, worst", 1000 * anywhere.worst, "ms", at_most(400), of),
        ],
        details={
            "near": near.as_dict(),
            "anywhere": anywhere.as_dict(),
            "decisions_near": near_ways,
            "decisions_anywhere": ways,
            "meaning": "near: each flat weight × a lognormal factor of sigma 0.25; anywhere: Dirichlet(1) over all",
        },
    )


def _changes(prepared: Prepared, models: list[ScoringModel]) -> tuple[Times, list[str]]:
    seconds, ways = [], []
    for model in models:
        start = time.perf_counter()
        used = scorer(prepared.with_model(model).plan)
        used.top_k(K)
        seconds.append(time.perf_counter() - start)
        ways.append(decision(used))
    return Times(tuple(seconds)), ways


def _near_weights(random: np.random.Generator, model: ScoringModel) -> ScoringModel:
    factors = random.lognormal(0.0, 0.25, len(model.parts))
    return _with_flat_weights(model, model.flat_weights * factors)


def _random_weights(random: np.random.Generator, model: ScoringModel) -> ScoringModel:
    return _with_flat_weights(model, random.dirichlet(np.ones(len(model.parts))))


def _with_flat_weights(model: ScoringModel, flat: np.ndarray) -> ScoringModel:
    return model.with_weights({part.name: float(weight) for part, weight in zip(model.parts, flat, strict=True)})
