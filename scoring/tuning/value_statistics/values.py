"""Every component of any users × jobs as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.errors import ConfigurationError
from scoring.ranking import Prepared
from scoring.runs import memory_budget

__all__ = ["bytes_needed", "canonical_total", "component_values"]

IDS = ("user_id", "job_id")
TOTAL = "total"
BLOCK_BYTES = 64_000_000
"""Of values that are made at once; a single user's may be more."""
AT_WORK = 4
"""Arrays of a term and its parts that stand beside the values while they are made."""


def component_values(
    prepared: Prepared,
    users: NDArray[np.integer] | Sequence[int] | None = None,
    jobs: NDArray[np.integer] | Sequence[int] | None = None,
) -> pd.DataFrame:
    """(n · m) rows user_id · job_id · a float64 column per component, 0 to 100, unweighted · total (float32).

    Of these users (None: the active ones) and jobs (None: all), by user, each in the order given; eligible or not.
    Values are those that `Prepared.explain` gives, and total is the canonical one.

    Raises
    ------
    UnknownIdError: a user or a job that is not there.
    ConfigurationError: a component is called like another column.
    NotEnoughMemoryError: before any work, with the bytes needed.
    """
    names = [part.name for part in prepared.model.parts]
    taken = {*IDS, TOTAL} & set(names)
    if taken:
        raise ConfigurationError(f"a component is called {min(taken)}, as another column is; give it another name.")
    user_rows = prepared.active_users if users is None else prepared.user_rows(users)
    plan = prepared.plan
    job_rows = np.arange(len(plan.job_id)) if jobs is None else prepared.job_rows(jobs)
    n, m = len(user_rows), len(job_rows)
    memory_budget.require(
        bytes_needed(n, m, len(names)),
        f"A DataFrame of {len(names)} components of {n:,} × {m:,} = {n * m:,} pairs",
        ["ask for fewer users or jobs at a time", "component_distributions and correlations draw a sample of pairs"],
    )
    values, total = np.empty((len(names), n, m)), np.empty((n, m), dtype=np.float32)
    at_once = _users_at_once(m, len(names))
    for first in range(0, n, at_once):
        block = slice(first, min(first + at_once, n))
        here = prepared.scorer.components(user_rows[block], job_rows)
        values[:, block] = here
        total[block] = canonical_total(prepared.model.flat_weights, here)
    columns: dict[str, NDArray[Any]] = {
        "user_id": np.repeat(plan.user_id[user_rows], m),
        "job_id": np.tile(plan.job_id[job_rows], n),
    }
    columns |= {name: value.ravel() for name, value in zip(names, values, strict=True)}
    return pd.DataFrame(columns | {TOTAL: total.ravel()}, copy=False)


def bytes_needed(n_users: int, n_jobs: int, n_components: int) -> int:
    """Of a frame of all these pairs, and of what is at work while it is made."""
    frame = n_users * n_jobs * (8 * len(IDS) + 8 * n_components + 4)
    at_once = min(_users_at_once(n_jobs, n_components), n_users)
    return frame + 8 * at_once * n_jobs * (n_components + AT_WORK)


def _users_at_once(n_jobs: int, n_components: int) -> int:
    return max(BLOCK_BYTES // (8 * max(n_jobs, 1) * (n_components + AT_WORK)), 1)


def canonical_total(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """(…) float32 of (n_components, …) values: weight × value added in the model's order, then rounded. Compare
    `scoring.backends.reference.scores`."""
    total = np.zeros(values.shape[1:])
    for weight, value in zip(weights, values, strict=True):
        total += weight * value
    return total.astype(np.float32)
