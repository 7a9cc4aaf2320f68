"""All component values of users × jobs, as a frame."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError
from scoring.ranking import Prepared
from scoring.ranking.total_score import compute_total
from scoring.runs import memory_forecast

__all__ = ["component_values", "compute_component_values", "estimate_bytes"]

IDS = ("user_id", "job_id")
TOTAL = "total"
BLOCK_BYTES = 64_000_000
"""Bytes of values that are computed per block; the values of a single user may exceed them."""
AT_WORK = 4
"""Additional arrays, for a term and its parts, in memory while values are computed."""


def compute_component_values(
    prepared: Prepared,
    users: IdList | None = None,
    jobs: IdList | None = None,
) -> pd.DataFrame:
    """Return a frame of the unweighted component values of n users × m jobs, eligible or not, with n · m rows.

    Columns: user_id · job_id · one float64 column per component, 0 to 100 · total (float32, canonical). Rows are
    grouped by user; users and jobs keep the given order. The values equal those of `Prepared.explain`.

    Parameters
    ----------
    users: User ids; the active users if None.
    jobs: Job ids; all jobs if None.

    Raises
    ------
    UnknownIdError: If a user or a job does not exist.
    ConfigurationError: If a component has the name of another column.
    NotEnoughMemoryError: If the frame does not fit in memory; raised before any work, with the bytes needed.
    """
    names = [part.name for part in prepared.model.parts]
    taken = {*IDS, TOTAL} & set(names)
    if taken:
        raise ConfigurationError(
            f"A component is named {min(taken)}, but the frame already has such a column. Rename the component.",
            key=(min(taken),),
        )
    user_rows = prepared.active_users if users is None else prepared.user_rows(users)
    plan = prepared.plan
    job_rows = np.arange(len(plan.job_id)) if jobs is None else prepared.job_rows(jobs)
    n, m = len(user_rows), len(job_rows)
    memory_forecast.require(
        estimate_bytes(n, m, len(names)),
        f"A DataFrame of {len(names)} components of {n:,} × {m:,} = {n * m:,} pairs",
        ["use fewer users or jobs per call", "component_distributions and correlations draw a sample of pairs"],
    )
    values, total = np.empty((len(names), n, m)), np.empty((n, m), dtype=np.float32)
    at_once = _count_users_at_once(m, len(names))
    for first in range(0, n, at_once):
        block = slice(first, min(first + at_once, n))
        block_values = prepared.scorer.components(user_rows[block], job_rows)
        values[:, block] = block_values
        total[block] = compute_total(prepared.model.flat_weights, block_values)
    columns: dict[str, NDArray[Any]] = {
        "user_id": np.repeat(plan.user_id[user_rows], m),
        "job_id": np.tile(plan.job_id[job_rows], n),
    }
    columns |= {name: value.ravel() for name, value in zip(names, values, strict=True)}
    return pd.DataFrame(columns | {TOTAL: total.ravel()}, copy=False)


def component_values(
    prepared: Prepared,
    users: NDArray[np.integer] | Sequence[int] | None = None,
    jobs: NDArray[np.integer] | Sequence[int] | None = None,
) -> pd.DataFrame:
    """Return `compute_component_values(…)`. Deprecated since 0.2: use `compute_component_values`."""
    warnings.warn("component_values was renamed. Use compute_component_values.", DeprecationWarning, stacklevel=2)
    return compute_component_values(prepared, users, jobs)


def estimate_bytes(n_users: int, n_jobs: int, n_components: int) -> int:
    """Return the bytes of a frame of all these pairs, including temporary arrays while it is built."""
    frame = n_users * n_jobs * (8 * len(IDS) + 8 * n_components + 4)
    at_once = min(_count_users_at_once(n_jobs, n_components), n_users)
    return frame + 8 * at_once * n_jobs * (n_components + AT_WORK)


def _count_users_at_once(n_jobs: int, n_components: int) -> int:
    return max(BLOCK_BYTES // (8 * max(n_jobs, 1) * (n_components + AT_WORK)), 1)
