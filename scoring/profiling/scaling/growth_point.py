"""Measure one size of a market: time, memory and skipped pairs of its lists, and a check of the lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from scoring.array_types import Longs
from scoring.dataset import Dataset
from scoring.model_catalog import load_model
from scoring.plotting import format_number
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.profiling.line_times import readable_top_k
from scoring.profiling.measurement import measure_times, reset_peak
from scoring.ranking import Prepared, Scorer
from scoring.runs import memory_forecast
from scoring.statistics import Statistics
from scoring.synthetic import make_market

__all__ = ["PATIENCE", "GrowthPoint", "measure_points", "warm_up"]

PATIENCE = 300.0
"""Limit in seconds of one ranking. A size that would take longer is reported but not measured."""


@dataclass(frozen=True)
class GrowthPoint:
    """Cost of the lists of one market. None: not measured, or not recorded."""

    users: int
    jobs: int
    seconds: float | None  # the best of `times`
    guess: float | None = None  # seconds, estimated from a part of the users
    times: Mapping[str, Any] = field(default_factory=dict)  # from `Times.as_dict`
    decision: str = ""  # the chosen path, and the reason
    making_seconds: float | None = None  # for generating and preparing the market
    peak_bytes: int | None = None  # of the process, including generating the market
    ranking_peak_bytes: int | None = None  # of the process during ranking, including the data
    left_out: Mapping[str, int] = field(default_factory=dict)  # rule → jobs that it excludes for all users
    eligible: int | None = None  # jobs that no rule excludes for all users
    cells: int | None = None  # non-empty cells of the index of eligible jobs
    blocks: int | None = None  # of the same index
    n_scored: int | None = None  # pairs that were scored individually; bounds excluded the rest
    checked: int = 0  # users whose lists were compared with the NumPy reference

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Create it from a record, such as those stored by a benchmark. Missing fields get their defaults."""
        names = {known.name for known in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in names})

    @property
    def pairs(self) -> int:
        return self.users * self.jobs

    def __str__(self) -> str:
        size = f"{self.users:,} users × {self.jobs:,} jobs = {self.pairs:,} pairs"
        if self.seconds is None:
            estimate = f"about {self.guess:,.0f} s" if self.guess is not None else "longer than the limit"
            return f"{size}: not measured, the estimated time is {estimate}"
        rate = f"{format_number(self.seconds)} s, {self.pairs / self.seconds / 1e9:,.2f} billion pairs per second"
        return f"{size}: {rate}" + (
            f", {memory_forecast.format_bytes(self.peak_bytes)} peak memory" if self.peak_bytes else ""
        )


def measure_points(
    n_users: int,
    n_jobs: int,
    n_actions: int,
    user_counts: Sequence[int],
    *,
    k: int = 40,
    model: str = "standard",
    workers: int | None = None,
    factors: Path | None = None,
    checked: int = 0,
    repeats: int = 5,
    patience: float = PATIENCE,
    on_progress: Callable[[str], object] = lambda text: None,
) -> list[GrowthPoint]:
    """Measure the ranking of the first users of a synthetic market, for each number of users in `user_counts`.

    All work is done in this process. To measure the memory of this market alone, call this function with
    `run_in_new_process`.

    Parameters
    ----------
    model: A model that `load_model` finds.
    factors: Folder in which trained factors are cached.
    checked: Number of users whose lists are compared with the NumPy reference.
    patience: A ranking that would take more seconds than this is not measured.
    say: Called with progress messages.

    Raises
    ------
    ResultsDifferError: If a list differs from the NumPy reference.
    """
    on_progress(f"generating a market of {n_users:,} users, {n_jobs:,} jobs, {n_actions:,} actions")
    start = time.perf_counter()
    # no reference to the market is kept, so that its memory is freed after encoding
    data = Statistics(Dataset(make_market(n_users, n_jobs, n_actions, seed=0).tables), factor_cache=factors)
    prepared = Prepared.of(data, load_model(model), workers=workers)
    made_seconds = time.perf_counter() - start
    warm_up(prepared)
    before = memory_forecast.measure_peak()
    is_measurable = reset_peak()
    scorer = Scorer(prepared.plan, workers=workers)
    points: list[GrowthPoint] = []
    for users in user_counts:
        point = _measure_ranking(scorer, np.arange(users), n_jobs, k, repeats, patience, on_progress)
        peak = memory_forecast.measure_peak()
        point = replace(
            point,
            making_seconds=made_seconds,
            peak_bytes=max(before, peak),
            ranking_peak_bytes=peak if is_measurable else None,
        )
        points.append(_with_index_counts(point, prepared))
    _require_readable(prepared, np.arange(min([checked, *user_counts])), k)
    return [replace(point, checked=min([checked, *user_counts])) for point in points]


def warm_up(prepared: Prepared) -> None:
    """Compile the kernels or load them from disk, so that measurements do not include it."""
    rows = np.arange(min(2, len(prepared.plan.user_id)))
    for scorer in (Scorer(prepared.plan, path="pruned"), Scorer(prepared.plan, path="dense")):
        scorer.top_k(1, rows)
    prepared.scorer.all_pairs(rows[:1])


def _measure_ranking(
    scorer: Scorer,
    rows: Longs,
    n_jobs: int,
    k: int,
    repeats: int,
    patience: float,
    on_progress: Callable[[str], object],
) -> GrowthPoint:
    """Measure a ranking, or return only the estimate if it exceeds the patience."""
    scorer.top_k(k, rows[:64])  # builds the index of jobs, once
    trial = rows[: max(1, len(rows) // 20)]
    guess = measure_times(lambda: scorer.top_k(k, trial), 1).best * len(rows) / len(trial)
    point = GrowthPoint(len(rows), n_jobs, seconds=None, guess=guess, decision=str(scorer.decision))
    if guess > patience:
        return point
    on_progress(f"ranking {len(rows):,} users × {n_jobs:,} jobs")
    times = measure_times(lambda: scorer.top_k(k, rows), repeats, at_most=20.0)
    n_scored = scorer.latest.n_scored if scorer.latest is not None else None
    return replace(point, seconds=times.best, times=times.as_dict(), decision=str(scorer.decision), n_scored=n_scored)


def _with_index_counts(point: GrowthPoint, prepared: Prepared) -> GrowthPoint:
    """Add the numbers of excluded and eligible jobs, cells and blocks."""
    plan, index = prepared.plan, prepared.plan.search.index
    return replace(
        point,
        left_out=plan.exclusions.counts(),
        eligible=len(index.plan_row),
        cells=int((index.cell[:, 1] > index.cell[:, 0]).sum()),
        blocks=len(index.block),
    )


def _require_readable(prepared: Prepared, rows: Longs, k: int) -> None:
    """Raise ResultsDifferError if the engine's lists of these users differ from the NumPy reference."""
    ranking = prepared.scorer.top_k(k, rows)
    for place in range(len(rows)):  # one user at a time: all pairs of many users would raise the peak
        ids = readable_top_k(prepared, rows[place : place + 1], k)[0]
        if not np.array_equal(ids, ranking.job_id[place, : ranking.count[place]]):
            raise ResultsDifferError(
                f"The engine's list of user {ranking.user_id[place]} differs from that of the NumPy reference. "
                "This is a bug in scoring: do not use the measured times.",
                method="NumPy reference",
                user_id=int(ranking.user_id[place]),
            )
