"""One size of a market: what its lists cost, what was skipped for them, and that they are right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from scoring.array_types import Longs
from scoring.catalog import load_model
from scoring.dataset import Dataset
from scoring.plotting import number
from scoring.profiling.line_times import readable_top_k
from scoring.profiling.lists import AnswersDifferError
from scoring.profiling.measure import reset_peak, timed
from scoring.ranking import Prepared, Scorer
from scoring.runs import memory_budget
from scoring.statistics import Statistics
from scoring.synthetic import make_market

__all__ = ["PATIENCE", "GrowthPoint", "measure_points", "warm"]

PATIENCE = 300.0
"""Seconds that one ranking may take; what would take longer is said, not done."""


@dataclass(frozen=True)
class GrowthPoint:
    """What the lists of so many users cost on a market of so many jobs. None: not measured, or not recorded."""

    users: int
    jobs: int
    seconds: float | None  # the best of `times`
    guess: float | None = None  # seconds, by a part of the users
    times: Mapping[str, Any] = field(default_factory=dict)  # as `Times.as_dict` gives them
    decision: str = ""  # which way was taken, and why
    making_seconds: float | None = None  # of making the market and preparing it
    peak_bytes: int | None = None  # of the process, from making the market on
    ranking_peak_bytes: int | None = None  # of the process while it ranked, the data included
    left_out: Mapping[str, int] = field(default_factory=dict)  # rule → jobs that it leaves out for everybody
    eligible: int | None = None  # jobs that no rule leaves out for everybody
    cells: int | None = None  # of the eligible jobs as they are laid out; empty ones are not counted
    blocks: int | None = None
    looked_at: int | None = None  # pairs that were scored on their own; bounds kept the others out
    checked: int = 0  # users whose lists are those of the readable path

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Out of a record, such as a benchmark keeps; what it does not hold was not recorded."""
        names = {own.name for own in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in names})

    @property
    def pairs(self) -> int:
        return self.users * self.jobs

    def __str__(self) -> str:
        size = f"{self.users:,} users × {self.jobs:,} jobs = {self.pairs:,} pairs"
        if self.seconds is None:
            guess = f"about {self.guess:,.0f} s" if self.guess is not None else "longer than there was patience"
            return f"{size}: not done, it would take {guess}"
        rate = f"{number(self.seconds)} s, {self.pairs / self.seconds / 1e9:,.2f} billion pairs decided a second"
        return f"{size}: {rate}" + (
            f", {memory_budget.readable(self.peak_bytes)} at the peak" if self.peak_bytes else ""
        )


def measure_points(
    n_users: int,
    n_jobs: int,
    n_actions: int,
    asked: Sequence[int],
    *,
    k: int = 40,
    model: str = "standard",
    workers: int | None = None,
    factors: Path | None = None,
    checked: int = 0,
    repeats: int = 5,
    patience: float = PATIENCE,
    say: Callable[[str], object] = lambda text: None,
) -> list[GrowthPoint]:
    """Ranking the first so many users of a synthetic market, for each number asked; in this process.

    For memory to be that of this market alone, call it by `apart`. `model` is one that `load_model` finds. `factors`
    is a folder that keeps trained factors. `checked` users' lists are compared with the readable path's.

    Raises AnswersDifferError.
    """
    say(f"a market of {n_users:,} users, {n_jobs:,} jobs, {n_actions:,} actions")
    begun = time.perf_counter()
    # the market is let go of as soon as it is encoded
    data = Statistics(Dataset(make_market(n_users, n_jobs, n_actions, seed=0).tables), factor_cache=factors)
    prepared = Prepared.of(data, load_model(model), workers=workers)
    made = time.perf_counter() - begun
    warm(prepared)
    before = memory_budget.peak()
    can_tell = reset_peak()
    scorer = Scorer(prepared.plan, workers=workers)
    points: list[GrowthPoint] = []
    for users in asked:
        point = _ranked(scorer, np.arange(users), n_jobs, k, repeats, patience, say)
        peak = memory_budget.peak()
        point = replace(
            point,
            making_seconds=made,
            peak_bytes=max(before, peak),
            ranking_peak_bytes=peak if can_tell else None,
        )
        points.append(_laid_out(point, prepared))
    _require_readable(prepared, np.arange(min([checked, *asked])), k)
    return [replace(point, checked=min([checked, *asked])) for point in points]


def warm(prepared: Prepared) -> None:
    """Compiles the kernels, or reads them from disk, so that no figure holds that."""
    rows = np.arange(min(2, len(prepared.plan.user_id)))
    for scorer in (Scorer(prepared.plan, path="pruned"), Scorer(prepared.plan, path="dense")):
        scorer.top_k(1, rows)
    prepared.scorer.all_pairs(rows[:1])


def _ranked(
    scorer: Scorer, rows: Longs, n_jobs: int, k: int, repeats: int, patience: float, say: Callable[[str], object]
) -> GrowthPoint:
    """Seconds and pairs looked at, or a guess that says why there are none."""
    scorer.top_k(k, rows[:64])  # lays out the jobs, once
    trial = rows[: max(1, len(rows) // 20)]
    guess = timed(lambda: scorer.top_k(k, trial), 1).best * len(rows) / len(trial)
    point = GrowthPoint(len(rows), n_jobs, seconds=None, guess=guess, decision=str(scorer.decision))
    if guess > patience:
        return point
    say(f"ranking {len(rows):,} users × {n_jobs:,} jobs")
    times = timed(lambda: scorer.top_k(k, rows), repeats, at_most=20.0)
    looked_at = scorer.latest.looked_at if scorer.latest is not None else None
    return replace(point, seconds=times.best, times=times.as_dict(), decision=str(scorer.decision), looked_at=looked_at)


def _laid_out(point: GrowthPoint, prepared: Prepared) -> GrowthPoint:
    """With what rules leave out, and how the other jobs are laid out."""
    plan, index = prepared.plan, prepared.plan.search.index
    return replace(
        point,
        left_out=plan.exclusions.ledger(),
        eligible=len(index.plan_row),
        cells=int((index.cell[:, 1] > index.cell[:, 0]).sum()),
        blocks=len(index.block),
    )


def _require_readable(prepared: Prepared, rows: Longs, k: int) -> None:
    """Raises AnswersDifferError where the engine's lists of these users are not those of the readable path."""
    ours = prepared.scorer.top_k(k, rows)
    for place in range(len(rows)):  # one at a time: all pairs of many users would be the peak
        ids = readable_top_k(prepared, rows[place : place + 1], k)[0]
        if not np.array_equal(ids, ours.job_id[place, : ours.count[place]]):
            raise AnswersDifferError(f"the list of user {ours.user_id[place]} is not that of the readable path.")
