"""All pairs with their group scores: computed, and streamed to Parquet."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine_calls import CPUS, scorer, warm_up
from benchmarks.measurement import Times, measure_times, print_progress, reset_peak, run_in_new_process
from benchmarks.results import Figure, Section, at_least, at_most
from benchmarks.workspace import Size, Workspace
from scoring import Dataset, Prepared, ScoringEngine, load_model
from scoring.runs import memory_forecast

_BYTES_PER_ROW = 21
_PLAIN = "default settings"
_PIECE = 2_000_000
"""Rows of a file: as many as the engine writes into one."""


def measure(size: Size, work: Workspace) -> Section:
    few = max(1, size.users // 50)
    rows = np.arange(min(size.users, max(1, 20_000_000 // size.jobs)))
    computed = run_in_new_process(_compute, work, size, rows)
    rate = len(rows) * size.jobs / computed.best / 1e6
    streamed = [run_in_new_process(_stream, work, size, users) for users in (few, 4 * few)]
    plain = run_in_new_process(_plain, work, few, size.jobs)
    best = max(one["rows"] / one["seconds"] for one in streamed)
    fastest = max(plain, key=lambda name: plain[name])
    peaks = streamed[1]["peak_bytes"] / streamed[0]["peak_bytes"]
    unit, way = "million rows per second", f"{CPUS} threads, files of {_PIECE:,} rows, each flushed to disk"
    return Section(
        name="pairs",
        title="All pairs with group scores",
        size=f"{size.jobs:,} jobs; {len(rows):,} users computed, {few:,} and {4 * few:,} users streamed",
        figures=[
            Figure("computed", rate, "million pairs per second", at_least(100), f"best of {len(computed.seconds)}"),
            Figure("streamed to Parquet, scoring included", best / 1e6, unit),
            *(Figure(f"pyarrow, {name}", value / 1e6, unit, note=way) for name, value in plain.items()),
            Figure(
                "rows per second, relative to pyarrow with default settings", best / plain[_PLAIN], "×", at_least(1.0)
            ),
            Figure(
                "rows per second, relative to the fastest settings of pyarrow", best / plain[fastest], "×", note=fastest
            ),
            Figure("memory for four times the users", peaks, "× the peak", at_most(1.1), _peaks(streamed)),
        ],
        details={"computed": computed.as_dict(), "streamed": streamed, "plain_rows_per_second": plain},
    )


def _compute(work: Workspace, size: Size, rows: np.ndarray) -> Times:
    prepared = Prepared.of(work.statistics(size), load_model("standard"))
    warm_up(prepared)
    used = scorer(prepared.plan)
    print_progress(f"all pairs of {len(rows):,} users")
    out = used.all_pairs(rows)
    return measure_times(lambda: used.all_pairs(rows, out=out), size.repeats)


def _peaks(streamed: list[dict[str, Any]]) -> str:
    return " → ".join(f"{one['users']:,} users {memory_forecast.format_bytes(one['peak_bytes'])}" for one in streamed)


def _stream(work: Workspace, size: Size, users: int) -> dict[str, Any]:
    """Stream through the facade, as users do: `out=` a folder."""
    print_progress(f"streaming the pairs of {users:,} users to disk")
    dataset = Dataset.from_database(work.database(size.users, size.jobs, size.actions))
    with _folder(work, users * size.jobs) as folder, ScoringEngine(dataset, "standard", keep_factors=work.factors) as e:
        asyncio.run(e.warmup_caches())
        asyncio.run(e.calculate_scores_for_all_users(user_limit=1, top_k=None, out=folder / "warm"))
        reset_peak()
        start = time.perf_counter()
        pairs = asyncio.run(e.calculate_scores_for_all_users(user_limit=users, top_k=None, out=folder / "pairs"))
        seconds = time.perf_counter() - start
        return {"users": users, "rows": len(pairs), "seconds": seconds, "peak_bytes": memory_forecast.measure_peak()}


def _plain(work: Workspace, users: int, n_jobs: int) -> dict[str, float]:
    """Rows per second of pyarrow alone, by settings: same columns from memory, as many threads, and fsync."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    print_progress("pyarrow writing the same columns")
    random = np.random.default_rng(0)
    per_piece = max(1, _PIECE // n_jobs)
    n = per_piece * n_jobs
    names = ("total_score", "base_score", "seo_score", "personal_score")
    table = pa.table(
        {"user_id": np.repeat(np.arange(per_piece), n_jobs), "job_id": np.tile(np.arange(n_jobs), per_piece)}
        | {name: random.uniform(0, 100, n).astype(np.float32) for name in names}
        | {"eligible": random.random(n) < 0.7}
    )
    settings: dict[str, dict[str, Any]] = {
        _PLAIN: {},
        "no compression": {"compression": "NONE"},
        "no compression, no dictionary, no statistics": {
            "compression": "NONE",
            "use_dictionary": False,
            "write_statistics": False,
        },
    }
    pieces = max(CPUS, users // per_piece)

    def write(path: Path, chosen: dict[str, Any]) -> None:
        with open(path, "xb") as file:
            pq.write_table(table, file, **chosen)
            file.flush()
            os.fsync(file.fileno())

    rates = {}
    for name, chosen in settings.items():
        with _folder(work, pieces * n) as folder, ThreadPoolExecutor(CPUS) as pool:
            start = time.perf_counter()
            list(pool.map(lambda i, at=folder, how=chosen: write(at / f"{i}.parquet", how), range(pieces)))
            rates[name] = pieces * n / (time.perf_counter() - start)
    return rates


@contextmanager
def _folder(work: Workspace, rows: int) -> Iterator[Path]:
    """Yield a new folder on a disk with room for this number of rows; delete it afterwards."""
    free, needed = shutil.disk_usage(work.folder).free, _BYTES_PER_ROW * rows
    if needed > 0.9 * free:
        raise OSError(f"streaming {rows:,} pairs needs {needed:,} bytes of disk, and {free:,} are free.")
    with tempfile.TemporaryDirectory(dir=work.folder) as folder:
        yield Path(folder)
