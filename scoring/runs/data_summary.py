"""Figures of a run's data, which the gate of the next run compares. Lists alone do not show every data error.

For example, wages in another unit do not change the order of jobs if a model uses only ratios.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.ranking.prepared import Prepared

__all__ = ["summarize_data"]


def summarize_data(prepared: Prepared) -> dict[str, float | None]:
    """Return the figures of a run's data by name.

    `actions` is the number of distinct actions up to the clock. `hourly_wage` and `fee` are medians over the
    jobs that may be ranked and have a value; None: no job has a value.
    """
    jobs, ranked = prepared.inputs.jobs, prepared.plan.exclusions.open_to_all
    return {
        "actions": float(len(prepared.dataset.actions.user)),
        "hourly_wage": _compute_median(jobs.hourly[ranked]),
        "fee": _compute_median(jobs.fee[ranked]),
    }


def _compute_median(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else None
