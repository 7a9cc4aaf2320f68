"""What a run notes of its data, for the next one to be held against: lists alone do not show every slip.

Wages that come in another unit, say, move no job past another where a model looks at ratios.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.ranking.prepared import Prepared

__all__ = ["facts_of"]


def facts_of(prepared: Prepared) -> dict[str, float | None]:
    """actions: up to the clock, each once · hourly_wage, fee: medians, in yen, of the jobs that may be ranked and have
    one (None: no job has)."""
    jobs, ranked = prepared.inputs.jobs, prepared.plan.exclusions.open_to_all
    return {
        "actions": float(len(prepared.dataset.actions.user)),
        "hourly_wage": _median(jobs.hourly[ranked]),
        "fee": _median(jobs.fee[ranked]),
    }


def _median(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None
