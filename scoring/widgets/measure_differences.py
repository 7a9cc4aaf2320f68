"""Measures over all users, compared with the baseline: metrics and list properties, with intervals.

The values equal those of `evaluation.Scoreboard` for two models. The scoreboard computes one measure at a time. This
module computes all of them with one matrix product, in a tenth of the time, because a slider waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scoring.array_types import Floats
from scoring.evaluation import POPULATION_FACTS, USER_FACTS, Evaluation, Evaluator
from scoring.evaluation.jackknife import Jackknife
from scoring.evaluation.significance import Resamples, adjust_holm, compute_detectable_difference

__all__ = ["MeasureValues", "compute_differences", "compute_intervals", "compute_measures"]

COLUMNS = ("measure", "n", "baseline", "mean", "difference", "low", "high", "detectable", "p_holm", "significant")


@dataclass(frozen=True, repr=False)
class MeasureValues:
    """Measures of one model: values per user, and values of all lists together."""

    per_user: dict[str, Floats]  # measure → (n,), NaN if a user has no value
    together: dict[str, Jackknife]


def compute_measures(evaluator: Evaluator, evaluation: Evaluation) -> MeasureValues:
    """Return the metrics, and the list properties whose k does not exceed the length of the lists."""
    facts = evaluator.facts(evaluation)
    lists = {fact.name: fact.of(evaluation.ranking, facts) for fact in USER_FACTS if fact.k <= evaluator.k}
    together = {fact.name: fact.of(evaluation.ranking, facts) for fact in POPULATION_FACTS if fact.k <= evaluator.k}
    return MeasureValues({**evaluation.values, **lists}, together)


def compute_differences(
    baseline: MeasureValues, now: MeasureValues, resamples: Resamples, level: float = 0.95
) -> pd.DataFrame:
    """Return a frame with one row per measure.

    Columns: measure · n · baseline · mean · difference · low · high · detectable · p_holm · significant. n is the
    number of users with both values. `low` and `high` are the interval of the difference, by a bootstrap over users.

    Values of all lists together have a jackknife interval, without a p-value and a detectable difference. They are
    significant if the interval excludes 0.
    """
    before, after = (np.column_stack(list(one.per_user.values())) for one in (baseline, now))
    found = resamples.differences(before, after, level=level)
    rows: list[dict[str, object]] = []
    for place, measure in enumerate(now.per_user):
        one = found.at(0, place)
        rows.append(
            {
                "measure": measure,
                "n": one.n,
                "baseline": _mean(before[:, place]),
                "mean": _mean(after[:, place]),
                "difference": one.difference,
                "low": one.low,
                "high": one.high,
                "p": one.p,
                "detectable": compute_detectable_difference(before[:, place], after[:, place], level)
                if one.n >= 2
                else np.nan,
            }
        )
    for measure, value in now.together.items():
        change = value.subtract(baseline.together[measure])
        low, high = change.interval(level) if len(change.without) >= 2 else (np.nan, np.nan)
        rows.append(
            {
                "measure": measure,
                "n": value.n,
                "baseline": baseline.together[measure].value,
                "mean": value.value,
                "difference": change.value,
                "low": low,
                "high": high,
                "p": np.nan,
                "detectable": np.nan,
            }
        )
    frame = pd.DataFrame(rows)
    frame["p_holm"] = adjust_holm(frame["p"].to_numpy(dtype=np.float64))
    excludes_zero = frame["p"].isna() & ((frame["low"] > 0) | (frame["high"] < 0))
    frame["significant"] = (frame["p_holm"] <= 1 - level) | excludes_zero
    return frame[list(COLUMNS)]


def compute_intervals(now: MeasureValues, resamples: Resamples, level: float = 0.95) -> dict[str, dict[str, float]]:
    """Return measure → value, low, high and n of the means of one model, in the format of a registry."""
    found: dict[str, dict[str, float]] = {}
    for measure, values in now.per_user.items():
        n = int((~np.isnan(values)).sum())
        if n:
            low, high = resamples.interval(values, level)
            found[measure] = {"value": _mean(values), "low": low, "high": high, "n": n}
    for measure, value in now.together.items():
        found[measure] = {"value": value.value, "n": value.n}
        if len(value.without) >= 2:
            found[measure] |= dict(zip(("low", "high"), value.interval(level), strict=True))
    return {measure: summary for measure, summary in found.items() if np.isfinite(summary["value"])}


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
