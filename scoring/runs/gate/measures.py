"""The measures of a gate and their rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from scoring.runs.gate.accumulators import ListAccumulator, OverlapAccumulator
from scoring.runs.gate.limits import GateLimits
from scoring.runs.gate.rules import AT_LEAST, AT_MOST, FACTOR, FALL, MOVE, RISE, Rule
from scoring.runs.gate.verdict import Measure, Unit
from scoring.runs.publishers import RunInfo

__all__ = ["ListComparison", "build_measures"]

Values = tuple[float | None, float | None]
"""Of the published and the new run."""

_CHANGED_BY_MODELS: Final = frozenset(
    ("jobs_kept", "rank_biased_overlap", "lists_rewritten", "coverage", "mean_score", "last_score",
     "score_10", "score_50", "score_90")
)  # fmt: skip
"""Measures that a new model is expected to change."""


@dataclass(frozen=True)
class ListComparison:
    """Statistics of the lists of two runs."""

    published: ListAccumulator
    new: ListAccumulator
    overlap: OverlapAccumulator


def build_measures(
    limits: GateLimits,
    runs: tuple[RunInfo, RunInfo],
    comparison: ListComparison,
    n_jobs_dropped: int,
    by_published_model: ListComparison | None = None,
    currency: str = "",
) -> tuple[Measure, ...]:
    """Return the measures in the order of the table.

    `runs` are the published and the new run. `n_jobs_dropped` is the number of jobs in the published lists that the new
    run may not rank. `by_published_model` compares lists of the new data by the published model. The limits of measures
    that a model changes then apply to these lists, and the new lists have no such limits. `currency` is the unit of
    amounts of money.
    """
    measures = _make_measures(limits, runs, comparison, n_jobs_dropped, currency)
    if by_published_model is None:
        return measures
    unlimited = (replace(measure, limit=None) if measure.key in _CHANGED_BY_MODELS else measure for measure in measures)
    limited = (
        replace(measure, key=f"{measure.key}_as_before", by_published_model=True)
        for measure in _make_measures(limits, runs, by_published_model, n_jobs_dropped, currency)
        if measure.key in _CHANGED_BY_MODELS
    )
    return (*unlimited, *limited)


def _make_measures(
    limits: GateLimits,
    runs: tuple[RunInfo, RunInfo],
    comparison: ListComparison,
    n_jobs_dropped: int,
    currency: str,
) -> tuple[Measure, ...]:
    lists, overlap = (comparison.published, comparison.new), comparison.overlap
    k = lists[0].k
    n_listed = len(lists[0].jobs)
    unit = f", {currency}" if currency else ""
    share_dropped = n_jobs_dropped / n_listed if n_listed else None
    n_with_jobs, n_full = ((measure.n_with_jobs for measure in lists), (measure.n_full for measure in lists))
    rows: list[tuple[str, str, Values, Rule, Unit]] = [
        ("users_dropped", "users dropped", (None, overlap.share_dropped), AT_MOST, "share"),
        ("empty_lists", "users without a job", _share_without(runs, *n_with_jobs), RISE, "share"),
        ("short_lists", f"users with fewer than {k:,} jobs", _share_without(runs, *n_full), RISE, "share"),
        ("jobs_kept", "jobs kept, mean of users", (None, overlap.kept), AT_LEAST, "share"),
        ("rank_biased_overlap", "rank-biased overlap, mean", (None, overlap.rbo), AT_LEAST, "number"),
        ("lists_rewritten", "lists rewritten", (None, overlap.share_rewritten), AT_MOST, "share"),
        ("coverage", "distinct jobs listed", (n_listed, len(lists[1].jobs)), FALL, "count"),
        ("jobs_dropped", "listed jobs dropped", (None, share_dropped), AT_MOST, "share"),
        ("jobs_ranked", "jobs ranked", (runs[0].jobs, runs[1].jobs), FALL, "count"),
        ("mean_score", "mean score", (lists[0].mean, lists[1].mean), MOVE, "points"),
        *(
            (f"score_{percent}", f"score, {percent}% quantile",
             (lists[0].quantile(percent), lists[1].quantile(percent)), MOVE, "points")
            for percent in (10, 50, 90)
        ),
        ("last_score", f"mean score at rank {k:,}", (lists[0].last, lists[1].last), MOVE, "points"),
        ("actions", "actions", _get_fact(runs, "actions"), FALL, "count"),
        ("hourly_wage", f"median hourly wage{unit}", _get_fact(runs, "hourly_wage"), FACTOR, "money"),
        ("fee", f"median fee{unit}", _get_fact(runs, "fee"), FACTOR, "money"),
    ]  # fmt: skip
    return tuple(Measure(key, name, *values, _limit(limits, key), rule, unit) for key, name, values, rule, unit in rows)


def _limit(limits: GateLimits, key: str) -> float | None:
    """Return the limit of a measure. All quantiles have the same limit."""
    value: float | None = limits.score_quantiles if key.startswith("score_") else getattr(limits, key)
    return value


def _share_without(runs: tuple[RunInfo, RunInfo], n_published: int, n_new: int) -> Values:
    """Return the share of ranked users outside these counts, for each run; None without users."""
    counts = zip(runs, (n_published, n_new), strict=True)
    published, new = (1 - count / run.users if run.users else None for run, count in counts)
    return published, new


def _get_fact(runs: tuple[RunInfo, RunInfo], name: str) -> Values:
    return runs[0].facts.get(name), runs[1].facts.get(name)
