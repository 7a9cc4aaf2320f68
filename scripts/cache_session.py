"""Replay a session of mixed requests on a synthetic market, and print what each cache did.

    python scripts/cache_session.py --users 1000 --jobs 10000 --requests 5000 --plot caches.png

The session is replayed twice, each time on a separate database: with the caches, and with all of them off. Every answer
is compared bit for bit. The script prints whether each target was met. The exit code is 1 only if an answer differs.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scoring.argument_checks import parse_positive_integer
from scoring.caching import EngineCaches
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.facade import ScoringEngine
from scoring.profiling.sessions import (
    SESSION_HOURS,
    TARGETS,
    Session,
    SessionClock,
    SessionReport,
    make_session,
    plot_hit_rates,
    replay,
)
from scoring.synthetic import make_market


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay, print, and return the exit code."""
    wanted = _parser().parse_args(arguments)
    tables = make_market(wanted.users, wanted.jobs, seed=wanted.seed).tables
    session = make_session(Dataset(tables), wanted.requests, wanted.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Database.open(folder / "cached.db") as database:
            save_tables(database, tables)
        shutil.copy(folder / "cached.db", folder / "off.db")
        cached = asyncio.run(_replay(folder, "cached.db", session, off=False))
        off = None if wanted.no_comparison else asyncio.run(_replay(folder, "off.db", session, off=True))
    print(
        f"{wanted.users:,} users × {wanted.jobs:,} jobs, standard; {wanted.requests:,} requests in "
        f"{SESSION_HOURS:g} hours of the session's clock, "
        f"{(cached.requests['kind'] == 'new actions').sum()} of them new actions"
    )
    _print(cached, off)
    if wanted.plot:
        plot_hit_rates(cached).savefig(wanted.plot, dpi=120)
        print(f"plot written to {wanted.plot}")
    return int(off is not None and len(cached.different_from(off)) > 0)


async def _replay(folder: Path, name: str, session: Session, *, off: bool) -> SessionReport:
    clock = SessionClock()
    caches = EngineCaches.off(company_hours=1, clock=clock) if off else EngineCaches(clock=clock)
    # both replays share trained factors: no cache affects training, which would be half of the second replay
    settings = {"caches": caches, "clock": clock, "keep_factors": folder / "factors"}
    with Database.open(folder / name) as database, ScoringEngine(folder / name, "standard", **settings) as engine:
        await engine.warmup_caches()  # compiles the kernels, which is not measured
        engine.clear_caches()
        return await replay(engine, session, database, clock)


def _print(cached: SessionReport, off: SessionReport | None) -> None:
    table = cached.caches.copy()
    table["hit_rate"] = (100 * table["hit_rate"]).map("{:.1f} %".format).where(table["requests"] > 0, "")
    table["bytes"] = (table["bytes"] / 2**20).map("{:.1f} MB".format)
    table["age"] = table["age"].map("{:.0f} s".format)
    print(f"\n{table.rename(columns={'hit_rate': 'hit rate'}).to_string(index_names=False)}\n")
    for name, target in TARGETS.items():
        rate = cached.hit_rates[name]
        print(f"{name:<12} {100 * rate:5.1f} %, target above {100 * target:.0f} %: ", end="")
        print("met" if rate > target else "MISSED")
    answers = cached.caches.loc[["plans", "scores", "explanations"], ["hits", "requests"]].sum()
    print(f"{'results':<12} {100 * answers['hits'] / answers['requests']:5.1f} % (plans, scores and explanations only)")
    times = cached.times(off)
    times = times[times["cold_ms"].notna() | times["warm_ms"].gt(0)]
    names = {"cold_ms": "cold, ms", "warm_ms": "warm, ms", "off_ms": "caches off, ms"}
    shown = times.rename(columns=names).to_string(index_names=False, float_format="{:.2f}".format, na_rep="")
    print(f"\nMedian time of a request\n{shown}\n")
    if off is not None:
        different = cached.different_from(off)
        total = [report.requests["seconds"].sum() for report in (cached, off)]
        print(f"results      {len(different):,} of {len(cached.requests):,} differ from those with all caches off")
        print(f"all requests {total[0]:.1f} s, with all caches off {total[1]:.1f} s")
        if len(different):
            print(different[["kind", "at"]].head(10).to_string(), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Replay a session and print the hit rate of each cache.")
    parser.add_argument("--users", type=parse_positive_integer, default=1000)
    parser.add_argument("--jobs", type=parse_positive_integer, default=10_000)
    parser.add_argument("--requests", type=parse_positive_integer, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-comparison", action="store_true", help="omit the replay with all caches off")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the hit rates as a figure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
