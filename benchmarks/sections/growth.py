"""The cost of ten times the jobs, ten times the users, and both."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

from benchmarks.engine_calls import CPUS, K
from benchmarks.measurement import print_progress, run_in_new_process
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring.profiling.scaling.growth import MAX_ACTIONS
from scoring.profiling.scaling.growth_point import PATIENCE, measure_points

Point = dict[str, Any]


def measure(size: Size, work: Workspace) -> Section:
    few = max(1, size.users // 5)
    jobs = [_points(work, few, n, 100 * few, (few,)) for n in (size.jobs // 10, size.jobs, 10 * size.jobs)]
    by_jobs = [points[0] for points in jobs]
    users = (size.users // 10, size.users, 10 * size.users)
    by_users = _points(work, users[-1], size.jobs, min(100 * users[-1], MAX_ACTIONS), users)
    guess = 10 * size.users * by_jobs[-1]["seconds"] / few if by_jobs[-1]["seconds"] is not None else None
    actions = min(1_000 * size.users, MAX_ACTIONS)
    largest: Point = {"users": 10 * size.users, "jobs": 10 * size.jobs, "seconds": None, "guess": guess}
    if guess is not None and guess <= PATIENCE:
        largest = _points(work, 10 * size.users, 10 * size.jobs, actions, (10 * size.users,))[0]
    return Section(
        name="growth",
        title="Growth",
        size=f"from {users[0]:,} to {users[-1]:,} users and from {size.jobs // 10:,} to {10 * size.jobs:,} jobs",
        figures=[
            *_ratios("jobs", by_jobs, 2.2, f"{few:,} users"),
            *_ratios("users", by_users, 10.5, f"{size.jobs:,} jobs"),
            *_largest(largest, actions),
        ],
        details={"by_jobs": by_jobs, "by_users": by_users, "largest": largest},
    )


def _points(work: Workspace, n_users: int, n_jobs: int, n_actions: int, user_counts: tuple[int, ...]) -> list[Point]:
    """Rank the first users of a market of this size, for each number in `user_counts`, in a new process."""
    found = run_in_new_process(
        measure_points,
        n_users,
        n_jobs,
        n_actions,
        user_counts,
        k=K,
        workers=CPUS,
        factors=work.factors,
        checked=3,
        on_progress=print_progress,
    )
    return [asdict(point) for point in found]


def _ratios(what: str, points: list[Point], bar: float, among: str) -> list[Figure]:
    figures = []
    for fewer, more in pairwise(points):
        name = f"ten times the {what}: {fewer[what]:,} → {more[what]:,}, {among}"
        if fewer["seconds"] is None or more["seconds"] is None:
            figures.append(Figure(name, None, "× the time", at_most(bar), _describe_missing(more)))
        else:
            note = f"{fewer['seconds']:.3g} s → {more['seconds']:.3g} s"
            figures.append(Figure(name, more["seconds"] / fewer["seconds"], "× the time", at_most(bar), note))
    return figures


def _describe_missing(point: Point) -> str:
    if point.get("guess") is None:
        return "not measured: too slow"
    return f"not measured: estimated {point['guess']:,.0f} s, limit {PATIENCE:g} s"


def _largest(point: Point, actions: int) -> list[Figure]:
    name = f"{point['users']:,} users × {point['jobs']:,} jobs = {point['users'] * point['jobs']:,} pairs"
    bars = at_most(12.0), at_most(4.0)
    if point["seconds"] is None:
        return [
            Figure(name, None, "s", bars[0], _describe_missing(point)),
            Figure("peak memory of the process", None, "GB", bars[1]),
        ]
    while_ranking = point["ranking_peak_bytes"]
    note = f"generating this market of {actions:,} actions and preparation took"
    return [
        Figure(name, point["seconds"], "s", bars[0], f"best of {len(point['times']['seconds'])}"),
        Figure(
            "peak memory of the process",
            point["peak_bytes"] / 1e9,
            "GB",
            bars[1],
            f"{note} {point['making_seconds']:.0f} s",
        ),
        Figure("peak memory during ranking", None if while_ranking is None else while_ranking / 1e9, "GB"),
    ]
