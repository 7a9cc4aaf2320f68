"""Rank all users against all jobs of a synthetic market in memory, and print the time.

    python scripts/performance_benchmark.py --users 1000 --jobs 100000 --verbose --profile --output figures.json

The scores are those of the `standard` model. Making the market is not timed. With `--requests`, requests for one user
are timed too. The exit code is 1 if the milliseconds of ranking per user exceed the target.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import platform
import pstats
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from scoring.argument_checks import parse_positive_integer
from scoring.dataset import Dataset
from scoring.errors import ScoringError
from scoring.facade import ScoringEngine
from scoring.model_catalog import load_model
from scoring.runs import report, runner
from scoring.runs.memory_forecast import format_bytes
from scoring.runs.publishers import FramePublisher
from scoring.synthetic import make_market
from scoring.telemetry import Stopwatch
from scoring.threads.pool import available_cpus

PROFILED_LINES = 15
REPEATS = 7


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    wanted = _parser().parse_args(arguments)
    try:
        result, profile = _measure(wanted)
        requests = asyncio.run(_measure_requests(wanted)) if wanted.requests else {}
    except ScoringError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    figures = _figures(wanted, result) | {"request_ms": requests}
    _print(figures, wanted.verbose or wanted.profile)
    if profile is not None:
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(PROFILED_LINES)
    if wanted.output:
        wanted.output.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
        print(f"figures written to {wanted.output}")
    return 0 if figures["met"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure ranking on a synthetic market in memory.")
    parser.add_argument("--users", type=parse_positive_integer, default=1000)
    parser.add_argument("--jobs", type=parse_positive_integer, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--top-k", type=parse_positive_integer, default=40)
    parser.add_argument("--workers", type=parse_positive_integer, default=None, help="threads; else one per core")
    parser.add_argument(
        "--target-ms",
        type=float,
        default=report.PERFORMANCE_TARGET_MS_PER_USER,
        help="milliseconds of ranking per user (default: %(default)g)",
    )
    parser.add_argument("--profile", action="store_true", help="show where the time goes, by function")
    parser.add_argument("--requests", action="store_true", help="measure requests for one user, too")
    parser.add_argument("--verbose", action="store_true", help="show every phase and the machine")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser


def _measure(wanted: argparse.Namespace) -> tuple[runner.RunResult, cProfile.Profile | None]:
    market = make_market(wanted.users, wanted.jobs, seed=wanted.seed)
    profile = cProfile.Profile() if wanted.profile else None
    watch = Stopwatch()
    if profile:
        profile.enable()
    with watch.phase("encode"):
        dataset = Dataset(market.tables)
    prepared = runner.prepare(dataset, load_model("standard"), watch=watch, workers=wanted.workers)
    result = runner.run(prepared, k=wanted.top_k, publishers=[FramePublisher()], watch=watch)
    if profile:
        profile.disable()
    return result, profile


async def _measure_requests(wanted: argparse.Namespace) -> dict[str, float]:
    """Return the median milliseconds of each kind of request to a warm engine, each for another user or pair."""
    dataset = Dataset(make_market(wanted.users, wanted.jobs, seed=wanted.seed).tables)
    engine = ScoringEngine(dataset, "standard", max_workers=wanted.workers, keep_factors=False)
    users, jobs = dataset.tables.users, dataset.tables.jobs

    def take(n: int) -> tuple[dict[Any, Any], dict[Any, Any]]:
        return jobs.iloc[n % len(jobs)].to_dict(), users.iloc[n % len(users)].to_dict()

    def rank(n: int, frame: Any) -> Awaitable[object]:
        return engine.process_scoring_batch(users.iloc[[n % len(users)]], frame, top_k=wanted.top_k)

    requests: dict[str, Callable[[int], Awaitable[object]]] = {
        "list from the same frame of jobs": lambda n: rank(n, jobs),
        "list from a new frame of jobs": lambda n: rank(n, jobs.assign(fee=jobs["fee"].fillna(0) + n + 1)),
        "score of a new pair": lambda n: engine.calculate_total_score(*take(n)),
        "explanation of a new pair": lambda n: engine.get_score_explanation(*take(n + REPEATS + 1)),
    }
    found = {}
    for name, request in requests.items():
        seconds = []
        for n in range(REPEATS + 1):  # the first one compiles and plans
            awaited = request(n)
            start = time.perf_counter()
            await awaited
            seconds.append(time.perf_counter() - start)
        found[name] = 1000 * median(seconds[1:])
    return found


def _figures(wanted: argparse.Namespace, result: runner.RunResult) -> dict[str, Any]:
    rate = result.pairs_ranked / result.ranking_seconds if result.ranking_seconds else 0.0
    return {
        "users": wanted.users,
        "users_scored": result.counts.users_scored,
        "jobs": wanted.jobs,
        "jobs_ranked": result.counts.jobs_ranked,
        "seed": wanted.seed,
        "top_k": wanted.top_k,
        "workers": result.metadata.workers,
        "ms_per_user": result.ms_per_user,
        "target_ms": wanted.target_ms,
        "met": result.ms_per_user <= wanted.target_ms,
        "pairs": result.pairs_ranked,
        "pairs_scored": result.pairs_scored,
        "decision": result.strategy,
        "pairs_per_second": rate,
        "seconds": {phase.name: phase.seconds for phase in result.watch.phases},
        "peak_bytes": result.peak_bytes,
        "machine": {
            "cores": available_cpus(),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
        },
    }


def _print(figures: dict[str, Any], verbose: bool) -> None:
    print(f"{figures['users_scored']:,} users × {figures['jobs']:,} jobs, top {figures['top_k']}, standard")
    print(f"ranking      {figures['ms_per_user']:.3f} ms per user, target {figures['target_ms']:g} ms", end=": ")
    print("met" if figures["met"] else "MISSED")
    print(f"pairs        {figures['pairs']:,} at {figures['pairs_per_second'] / 1e6:,.1f} million per second")
    print(f"memory       {format_bytes(figures['peak_bytes'])} at the peak, including generation of the market")
    for name, milliseconds in figures["request_ms"].items():
        verdict = "met" if milliseconds <= figures["target_ms"] else "MISSED"
        print(f"{name:<34} {milliseconds:8.2f} ms, target {figures['target_ms']:g} ms: {verdict}")
    if not verbose:
        return
    for name, seconds in figures["seconds"].items():
        print(f"  {name:<12} {seconds:8.3f} s")
    machine = figures["machine"]
    print(
        f"  {machine['cores']} cores of {machine['processor']}, load {machine['load']:.1f}, Python {machine['python']}"
    )


if __name__ == "__main__":
    sys.exit(main())
