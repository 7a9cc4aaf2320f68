"""Measures over all users of the panel, compared with the baseline.

The values equal those of `evaluation.Scoreboard` for two models without declared goals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from scoring.evaluation.measure_values import MeasureValues
from scoring.evaluation.significance import Resamples
from scoring.evaluation.significance_marks import mark_tests

__all__ = ["compute_differences", "compute_intervals"]


def compute_differences(
    baseline: MeasureValues, now: MeasureValues, resamples: Resamples, level: float = 0.95
) -> pd.DataFrame:
    """Return a frame with one row per measure.

    Columns: measure · n · baseline · mean · difference · low · high · relative · detectable · p_holm · n_tests ·
    significant. n is the number of users with a value. `low` and `high` are the interval of the difference. The marks
    are exploratory: p-values are corrected over all measures, see `Scoreboard.frame`.
    """
    before, after = _compute_means(baseline), _compute_means(now)
    changes = dict(now.compare(baseline, resamples, level))
    marks = mark_tests([change.test for change in changes.values()], level)
    rows = [
        {
            "measure": measure,
            "n": after[measure][0],
            "baseline": before[measure][1],
            "mean": after[measure][1],
            "difference": change.difference,
            "low": change.low,
            "high": change.high,
            "relative": change.relative,
            "detectable": mark.detectable,
            "p_holm": mark.p_holm,
            "n_tests": mark.n_tests,
            "significant": mark.is_significant,
        }
        for (measure, change), mark in zip(changes.items(), marks, strict=True)
    ]
    return pd.DataFrame(rows)


def compute_intervals(now: MeasureValues, resamples: Resamples, level: float = 0.95) -> dict[str, dict[str, float]]:
    """Return measure → value, low, high and n of the means of one model, in the format of a registry."""
    found: dict[str, dict[str, float]] = {}
    for measure, mean in now.means(resamples, level):
        if np.isfinite(mean.mean):
            found[measure] = {"value": mean.mean, "n": mean.n}
            if np.isfinite(mean.low):
                found[measure] |= {"low": mean.low, "high": mean.high}
    return found


def _compute_means(values: MeasureValues) -> dict[str, tuple[int, float]]:
    """Return measure → number of users with a value, and their mean, without the interval."""
    known = {measure: of_users[~np.isnan(of_users)] for measure, of_users in values.per_user.items()}
    means = {measure: (len(some), float(some.mean()) if len(some) else np.nan) for measure, some in known.items()}
    return means | {measure: (value.n, value.value) for measure, value in values.together.items()}
