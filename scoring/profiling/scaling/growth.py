"""Time, memory and the share of individually scored pairs, for growing numbers of users and jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from scoring.argument_checks import check_integer, check_list_length, check_positive_integer, check_workers
from scoring.errors import ConfigurationError, DataError
from scoring.plotting.plot_registry import display
from scoring.profiling.measurement import run_in_new_process
from scoring.profiling.scaling.growth_point import PATIENCE, GrowthPoint, measure_points
from scoring.storage.os_errors import wrap_os_errors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Growth", "growth", "read_growth"]

MAX_ACTIONS = 2_500_000
"""Limit of actions per market. Generating ten million took 90 seconds and 2.7 GB before any ranking."""


@dataclass(frozen=True, repr=False)
class Growth:
    """Measurements with growing jobs for the same users, and with growing users for the same jobs."""

    by_jobs: tuple[GrowthPoint, ...]
    by_users: tuple[GrowthPoint, ...]

    @classmethod
    def of(cls, by_jobs: Sequence[Mapping[str, Any]], by_users: Sequence[Mapping[str, Any]]) -> Self:
        """Create it from records, such as those stored by a benchmark."""
        return cls(tuple(map(GrowthPoint.of, by_jobs)), tuple(map(GrowthPoint.of, by_users)))

    def __repr__(self) -> str:
        try:
            return f"Growth({', '.join(self.sentences())})"
        except ConfigurationError:
            return f"Growth({len(self.by_jobs)} sizes by jobs, {len(self.by_users)} by users)"

    def frame(self) -> pd.DataFrame:
        """Return one row per size.

        The columns are series (what grows: jobs or users) · users · jobs · pairs · seconds · pairs_per_second ·
        ms_per_user · making_seconds · peak_bytes · checked. Times are NaN if a size would have taken too long.
        """
        rows = []
        for series, points in (("jobs", self.by_jobs), ("users", self.by_users)):
            for point in points:
                seconds = np.nan if point.seconds is None else point.seconds
                rows.append(
                    {
                        "series": series,
                        "users": point.users,
                        "jobs": point.jobs,
                        "pairs": point.pairs,
                        "seconds": seconds,
                        "pairs_per_second": point.pairs / seconds,
                        "ms_per_user": 1000 * seconds / point.users,
                        "making_seconds": point.making_seconds,
                        "peak_bytes": point.peak_bytes,
                        "checked": point.checked,
                    }
                )
        return pd.DataFrame(rows)

    def skipped(self) -> pd.DataFrame:
        """Return how many pairs were excluded, skipped and scored, one row per size of `by_jobs`.

        The columns are users · jobs · pairs · one column per rule · by_rules · by_bounds · scored · cells · blocks ·
        jobs_per_cell. The pairs of `by_rules`, `by_bounds` and `scored` add up to all pairs:

        - `by_rules`: a rule excludes the job for all users
        - `by_bounds`: the bound of the cell or block shows that none of its jobs can be in the list
        - `scored`: the pair was scored individually

        Cell and block bounds are not counted separately, because counting would slow down the kernel.
        """
        measured = [point for point in self.by_jobs if point.n_scored is not None and point.eligible is not None]
        return pd.DataFrame([_count_pairs(point) for point in measured])

    def ten_times(self, series: str) -> float:
        """Return the factor by which time grows for ten times the jobs (or users).

        It is the least-squares slope of the measured points on logarithmic axes.

        Raises
        ------
        ConfigurationError: If fewer than two sizes were measured, or if `series` is not "jobs" or "users".
        """
        x, y = _collect_measured_times(self._series(series), series)
        if len(set(x.tolist())) < 2:
            raise ConfigurationError(
                f"A slope over {series} needs at least two measured sizes, not {len(set(x.tolist()))}. Measure more "
                "sizes. If sizes were skipped as too slow, give `growth` a larger `patience`, in seconds.",
                key=("patience",),
            )
        return float(10 ** np.polyfit(np.log10(x), np.log10(y), 1)[0])

    def sentences(self) -> list[str]:
        """Return the slopes as sentences."""
        return [f"10 × the {series} take {self.ten_times(series):.1f} × the time" for series in ("jobs", "users")]

    def _series(self, name: str) -> tuple[GrowthPoint, ...]:
        if name not in ("jobs", "users"):
            raise ConfigurationError(f"series is {name!r}. Use 'jobs' or 'users'.", key=("series",))
        return self.by_jobs if name == "jobs" else self.by_users

    def plot(self) -> Figure:
        """Plot seconds over jobs and over users, with a line for time proportional to the work."""
        figure: Figure = display("growth", self)
        return figure

    def plot_rates(self) -> Figure:
        """Plot pairs per second and peak memory over the number of pairs."""
        figure: Figure = display("growth rates", self)
        return figure

    def plot_skipped(self) -> Figure:
        """Plot the shares of excluded, skipped and scored pairs, and the jobs scored per user.

        Raises
        ------
        ConfigurationError: If the counts of pairs were not recorded for any size.
        """
        figure: Figure = display("growth skipped", self)
        return figure


def _count_pairs(point: GrowthPoint) -> dict[str, Any]:
    assert point.n_scored is not None, "only measured points are passed"
    assert point.eligible is not None, "as above"
    rules = {rule: point.users * jobs for rule, jobs in point.left_out.items()}
    open_pairs = point.users * point.eligible
    return {
        "users": point.users,
        "jobs": point.jobs,
        "pairs": point.pairs,
        **rules,
        "by_rules": point.pairs - open_pairs,
        "by_bounds": open_pairs - point.n_scored,
        "scored": point.n_scored,
        "cells": point.cells,
        "blocks": point.blocks,
        "jobs_per_cell": point.eligible / point.cells if point.cells else np.nan,
    }


def _collect_measured_times(points: Sequence[GrowthPoint], series: str) -> tuple[np.ndarray, np.ndarray]:
    measured = [(getattr(point, series), point.seconds) for point in points if point.seconds is not None]
    sizes, seconds = zip(*measured, strict=True) if measured else ((), ())
    return np.array(sizes, dtype=np.float64), np.array(seconds, dtype=np.float64)


def read_growth(path: str | Path) -> tuple[Growth, GrowthPoint]:
    """Return the measurements that `make benchmarks` recorded, and the largest size.

    Raises
    ------
    OutputError: If the file cannot be read.
    DataError: If it is not a result of this benchmark.
    """
    with wrap_os_errors(path, "read"):
        text = Path(path).read_text("utf-8")
    try:
        details = json.loads(text)["details"]
        return Growth.of(details["by_jobs"], details["by_users"]), GrowthPoint.of(details["largest"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is not a result of the benchmark growth. Run `make benchmarks` to record one.", path=str(path)
        ) from error


def growth(
    users: Sequence[int],
    jobs: Sequence[int],
    *,
    actions_per_user: int = 100,
    k: int = 40,
    model: str = "standard",
    workers: int | None = None,
    checked: int = 5,
    repeats: int = 12,
    patience: float = PATIENCE,
) -> Growth:
    """Measure each number of jobs with the most users, and each number of users with the most jobs.

    Each synthetic market is generated, prepared and ranked in a separate process, so its peak memory is measured
    alone. All users of a market are ranked up to `repeats` times.

    Parameters
    ----------
    users, jobs: Numbers of users and of jobs to measure.
    model: A model that `load_model` finds.
    checked: Number of users per market whose lists are compared with the readable path.
    patience: A size whose ranking would take more seconds than this is not measured.

    Raises
    ------
    ConfigurationError: If `users` or `jobs` is empty or contains a number below 1.
    ResultsDifferError: If a list differs from the readable path.
    """
    users = [check_positive_integer("users", number) for number in users]
    jobs = [check_positive_integer("jobs", number) for number in jobs]
    if not users or not jobs:
        raise ConfigurationError(
            f"users is {users} and jobs is {jobs}. Give at least one number in each.", key=("users", "jobs")
        )
    actions_per_user = check_integer("actions_per_user", actions_per_user, 0)
    k, workers, repeats = check_list_length(k), check_workers(workers), check_positive_integer("repeats", repeats)
    user_counts, job_counts = sorted(set(users)), sorted(set(jobs))
    measure = partial(measure_points, k=k, model=model, workers=workers, repeats=repeats, patience=patience)
    measure(64, 500, 1_000, (64,))  # compiles the kernels, so that the first market's time does not include it

    def point(n_users: int, n_jobs: int) -> GrowthPoint:
        actions = min(actions_per_user * n_users, MAX_ACTIONS)
        return run_in_new_process(measure, n_users, n_jobs, actions, (n_users,), checked=checked)[0]

    by_jobs = tuple(point(user_counts[-1], n_jobs) for n_jobs in job_counts)
    by_users = tuple(point(n_users, job_counts[-1]) for n_users in user_counts[:-1])
    return Growth(by_jobs, (*by_users, by_jobs[-1]))
