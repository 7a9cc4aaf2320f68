"""Findings about what the data can decide and what a run needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from scoring.data_check.finding import Finding
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation import Evaluator, by_time, split_users
from scoring.evaluation.significance import compute_detectable_difference
from scoring.model import ScoringModel, WeightProfile
from scoring.ranking import Prepared
from scoring.runs import memory_forecast
from scoring.runs.runner import DEFAULT_CHUNK_SIZE

__all__ = ["find_detectable_difference", "find_need_of_a_run"]

DAYS: Final = 14
FEW_USERS: Final = 120
"""Below this number of users, intervals of differences are too narrow."""
METRIC: Final = "NDCG@10"
TIMED_USERS: Final = 256


def find_detectable_difference(prepared: Prepared) -> Iterator[Finding]:
    """Return the number of test users of the default holdout, and the difference of NDCG@10 that they can show.

    The model is compared with the same components in equal weights. The difference depends on how much two lists
    differ, so it is an estimate for other pairs of models.
    """
    model = prepared.model
    try:
        holdout = by_time(prepared.dataset, days=DAYS)
        test = split_users(holdout.user_id).test
    except ConfigurationError as error:
        yield Finding(
            "holdout",
            "warning",
            f"models cannot be compared on the last {DAYS} days: {str(error).rstrip('.')}",
            "Import more actions, or choose another holdout in `evaluate` and `tune`.",
        )
        return
    evaluator = Evaluator(holdout, users=test, workers=prepared.workers)
    own, equal = (evaluator.evaluate(each).values[METRIC] for each in (model, _with_equal_weights(model)))
    difference = compute_detectable_difference(own, equal)
    text = f"a holdout of {DAYS} days has {pluralize(len(holdout.user_id), 'user')}, {len(test):,} of them for tests"
    if np.isfinite(difference) and difference > 0:
        text += f". Between {model.name} and equal weights, they show a difference of NDCG@10 from {difference:.3f}"
    if len(test) < FEW_USERS:
        yield Finding(
            "holdout",
            "warning",
            text,
            f"With fewer than {FEW_USERS} test users, intervals are too narrow. Use more days, or --holdout last.",
        )
    else:
        yield Finding("holdout", "info", text)


def _with_equal_weights(model: ScoringModel) -> ScoringModel:
    """Return the model with equal weights in each group."""
    components = {
        group: {name: float(model.weights.groups[group] > 0) for name in weights}
        for group, weights in model.weights.components.items()
    }
    return replace(model, weights=WeightProfile.normalised(model.weights.groups, components))


def find_need_of_a_run(prepared: Prepared, *, k: int = 40) -> Iterator[Finding]:
    """Return the memory and the time of ranking all active users, and a warning if the memory is not available."""
    users = prepared.active_users
    if not len(users) or not prepared.plan.exclusions.open_to_all.any():
        return
    scorer, timed = prepared.scorer, users[:: max(1, len(users) // TIMED_USERS)][:TIMED_USERS]
    scorer.top_k(k, timed)  # compiles or loads the kernels, and builds the layout
    start = time.perf_counter()
    scorer.top_k(k, timed)
    seconds = (time.perf_counter() - start) * len(users) / len(timed)
    data = prepared.dataset
    needed = memory_forecast.predict_data(len(data.users), len(data.jobs), len(data.actions))
    needed += memory_forecast.predict_run(
        program_bytes=prepared.plan.program.nbytes,
        search_bytes=prepared.plan.search_bytes,
        n_users=len(users),
        k=k,
        chunk_size=DEFAULT_CHUNK_SIZE,
        workers=scorer.workers,
    )
    available = memory_forecast.measure_available()
    pairs = len(users) * int(prepared.plan.exclusions.open_to_all.sum())
    text = (
        f"a run ranks {pairs:,} pairs in about {seconds:.1f} s and needs up to "
        f"{memory_forecast.format_bytes(needed)} of memory; {memory_forecast.format_bytes(available)} are available"
    )
    if needed > available:
        yield Finding("run", "warning", text, "Give the process more memory, or keep fewer old jobs and actions.")
    else:
        yield Finding("run", "info", text)
