"""The measures of a gate and their rules, in one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from scoring.runs.gate.accumulators import ListAccumulator, OverlapAccumulator
from scoring.runs.gate.limits import GateLimits
from scoring.runs.gate.rules import AT_LEAST, AT_MOST, FACTOR, FALL, MOVE, RISE, Rule
from scoring.runs.gate.verdict import Measure, Unit
from scoring.runs.publishers import RunInfo

__all__ = ["Compared", "build_measures"]

Two = tuple[float | None, float | None]

_OF_THE_MODEL: Final = frozenset(
    ("jobs_kept", "rank_biased_overlap", "lists_rewritten", "coverage", "mean_score", "last_score",
     "score_10", "score_50", "score_90")
)  # fmt: skip
"""Measures that a new model is expected to change."""


@dataclass(frozen=True)
class Compared:
    """Statistics of the lists of two runs."""

    before: ListAccumulator
    after: ListAccumulator
    pairs: OverlapAccumulator


def build_measures(
    limits: GateLimits,
    nights: tuple[RunInfo, RunInfo],
    compared: Compared,
    jobs_gone: int,
    as_before: Compared | None = None,
) -> tuple[Measure, ...]:
    """Return the measures in the order of the table.

    `jobs_gone` is the number of jobs in the previous lists that the new run may not rank. `as_before` compares lists
    of the new data by the previous model. The limits of measures that a model changes then apply to these lists, and
    the new lists have no such limits.
    """
    measures = _measures(limits, nights, compared, jobs_gone)
    if as_before is None:
        return measures
    own = (replace(one, limit=None) if one.key in _OF_THE_MODEL else one for one in measures)
    held = (one for one in _measures(limits, nights, as_before, jobs_gone) if one.key in _OF_THE_MODEL)
    return (*own, *(replace(one, key=f"{one.key}_as_before", as_before=True) for one in held))


def _measures(
    limits: GateLimits, nights: tuple[RunInfo, RunInfo], compared: Compared, jobs_gone: int
) -> tuple[Measure, ...]:
    lists, pairs = (compared.before, compared.after), compared.pairs
    k = lists[0].k
    listed = len(lists[0].jobs)
    gone = jobs_gone / listed if listed else None
    with_a_job, full = ((one.with_a_job for one in lists), (one.full for one in lists))
    rows: list[tuple[str, str, Two, Rule, Unit]] = [
        ("users_dropped", "users dropped", (None, pairs.share_dropped), AT_MOST, "share"),
        ("empty_lists", "users without a job", _lacking(nights, *with_a_job), RISE, "share"),
        ("short_lists", f"users with fewer than {k:,} jobs", _lacking(nights, *full), RISE, "share"),
        ("jobs_kept", "jobs kept, mean of users", (None, pairs.kept), AT_LEAST, "share"),
        ("rank_biased_overlap", "rank-biased overlap, mean", (None, pairs.rbo), AT_LEAST, "number"),
        ("lists_rewritten", "users keeping under half", (None, pairs.share_rewritten), AT_MOST, "share"),
        ("coverage", "different jobs listed", (listed, len(lists[1].jobs)), FALL, "count"),
        ("jobs_dropped", "listed jobs gone or left out", (None, gone), AT_MOST, "share"),
        ("jobs_ranked", "jobs ranked", (nights[0].jobs, nights[1].jobs), FALL, "count"),
        ("mean_score", "mean score", (lists[0].mean, lists[1].mean), MOVE, "points"),
        *(
            (f"score_{percent}", f"score, {percent} % quantile",
             (lists[0].quantile(percent), lists[1].quantile(percent)), MOVE, "points")
            for percent in (10, 50, 90)
        ),
        ("last_score", f"mean score of job {k:,}", (lists[0].last, lists[1].last), MOVE, "points"),
        ("actions", "actions", _fact(nights, "actions"), FALL, "count"),
        ("hourly_wage", "median hourly wage, yen", _fact(nights, "hourly_wage"), FACTOR, "yen"),
        ("fee", "median fee, yen", _fact(nights, "fee"), FACTOR, "yen"),
    ]  # fmt: skip
    return tuple(Measure(key, name, *values, _limit(limits, key), rule, unit) for key, name, values, rule, unit in rows)


def _limit(limits: GateLimits, key: str) -> float | None:
    """Return the limit of a measure. All quantiles have the same limit."""
    value: float | None = limits.score_quantiles if key.startswith("score_") else getattr(limits, key)
    return value


def _lacking(nights: tuple[RunInfo, RunInfo], before: int, after: int) -> Two:
    """Return the share of ranked users outside the counts `before` and `after`, for each run; None without users."""
    counted = zip(nights, (before, after), strict=True)
    first, second = (1 - count / night.users if night.users else None for night, count in counted)
    return first, second


def _fact(nights: tuple[RunInfo, RunInfo], name: str) -> Two:
    return nights[0].facts.get(name), nights[1].facts.get(name)
