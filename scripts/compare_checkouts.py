"""Compare the runs that two checkouts publish: python scripts/compare_checkouts.py OLD_CHECKOUT [--users N] [--jobs M].

The new checkout is the one that contains this script. The old one makes a market. Then each checkout ranks a copy of it
in a separate process, with factors from one cache, into Parquet files and into SQLite. Part files are compared byte by
byte, result rows value by value, and manifests by all keys but those that name the run, its time and its code.
The exit code is 1 if anything differs.

With `--time N`, N pairs of whole `scoring run` processes follow, in alternating order: kernels are compiled (for both
checkouts into new folders, so that their caches are alike), factors are kept, and a published run exists. Only the
command line of each checkout is used.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEW = Path(__file__).resolve().parents[1]
RUN = ("run", "--db", "market.db", "--out", "runs", "--factor-cache", "../factors")
NOT_COMPARED = {"run_id", "created_at", "key", "code_version"}
COLUMNS = "user_id, rank, job_id, total_score, base_score, match_score, personal_score"


@dataclass(frozen=True)
class Checkout:
    """One version of the code, and the folder that it works in."""

    name: str
    code: Path
    folder: Path
    own_kernels: bool

    def call(self, *command: str, folder: Path | None = None) -> tuple[float, float]:
        """Run Python with this code; return wall and CPU seconds. Exit with its message if it fails."""
        environment = os.environ | {"PYTHONPATH": str(self.code)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if self.own_kernels:
            environment["NUMBA_CACHE_DIR"] = str(self.folder.with_name(f"{self.name}-kernels"))
        cpu, wall = _cpu_of_children(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, *command], cwd=folder or self.folder, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        times = time.perf_counter() - wall, _cpu_of_children() - cpu
        if done.returncode:
            sys.exit(f"{self.name}: {' '.join(command)} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
        return times

    def scoring(self, *arguments: str, folder: Path | None = None) -> tuple[float, float]:
        """Run the `scoring` command of this code."""
        return self.call("-m", "scoring.cli", *arguments, folder=folder)

    def check(self) -> None:
        """Exit if another `scoring` than this checkout's is imported."""
        path = str(self.code / "scoring" / "__init__.py")
        self.call("-c", f"import scoring, sys; sys.exit(scoring.__file__ if scoring.__file__ != {path!r} else 0)")

    def rows(self) -> sqlite3.Cursor:
        """Return the published rows of the database, in order."""
        connection = sqlite3.connect(self.folder / "market.db")
        where = "run_id = (SELECT run_id FROM current_runs)"
        return connection.execute(f"SELECT {COLUMNS} FROM results WHERE {where} ORDER BY user_id, rank")  # noqa: S608


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def differences(old: Checkout, new: Checkout) -> list[str]:
    """Return a sentence for everything in which two published runs differ."""
    folders = [checkout.folder / "runs" / "latest" for checkout in (old, new)]
    parts = [{path.name: path.read_bytes() for path in folder.glob("*.parquet")} for folder in folders]
    found = [f"part file {name} differs or exists in only one run." for name in _different_keys(*parts)]
    manifests = [json.loads((folder / "_manifest.json").read_text(encoding="utf-8")) for folder in folders]
    found += [f"manifest key {key} differs." for key in _different_keys(*manifests) if key not in NOT_COMPARED]
    rows = 0
    for rows, (a, b) in enumerate(itertools.zip_longest(old.rows(), new.rows()), 1):
        if a != b:
            found.append(f"database row {rows}: {a} and {b}.")
            break
    size = sum(map(len, parts[0].values()))
    print(f"compared: {len(parts[0]):,} part files of {size:,} bytes, {rows:,} database rows")
    if not rows or not parts[0]:
        found.append("No run was published.")
    return found


def _different_keys(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    return sorted(key for key in a.keys() | b.keys() if key not in a or key not in b or a[key] != b[key])


def measure(checkouts: tuple[Checkout, Checkout], pairs: int) -> None:
    """Time whole runs in pairs and print what they took."""
    times: dict[str, list[tuple[float, float]]] = {checkout.name: [] for checkout in checkouts}
    for number in range(pairs):
        for checkout in checkouts if number % 2 == 0 else checkouts[::-1]:
            copy = checkout.folder.with_name(f"{checkout.name}-timed")
            shutil.copytree(checkout.folder, copy, symlinks=True)
            times[checkout.name].append(checkout.scoring(*RUN, folder=copy))
            shutil.rmtree(copy)
    for place, kind in enumerate(("wall", "CPU")):
        for name, taken in times.items():
            seconds = [one[place] for one in taken]
            print(f"{kind} {name}: min {min(seconds):.3f} s, median {statistics.median(seconds):.3f} s")
        old, new = (times[checkout.name] for checkout in checkouts)
        ratio = statistics.median(b[place] / a[place] for a, b in zip(old, new, strict=True))
        print(f"{kind} new / old: median of {pairs} pair ratios {ratio:.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the runs that two checkouts publish.")
    parser.add_argument("old", type=Path, metavar="OLD_CHECKOUT", help="the checkout to compare with")
    parser.add_argument("--users", type=int, default=500, help="users of the market (default 500)")
    parser.add_argument("--jobs", type=int, default=5_000, help="jobs of the market (default 5000)")
    parser.add_argument("--time", type=int, default=0, metavar="N", help="time N pairs of whole runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="compare-runs-") as scratch:
        old = Checkout("old", options.old.resolve(), Path(scratch, "old"), options.time > 0)
        new = Checkout("new", NEW, Path(scratch, "new"), options.time > 0)
        old.folder.mkdir()
        old.scoring("init", "--db", "market.db", "--users", str(options.users), "--jobs", str(options.jobs))
        shutil.copytree(old.folder, new.folder)
        for checkout in (old, new):
            checkout.check()
            checkout.scoring(*RUN)
        found = differences(old, new)
        print("\n".join(found) or "no difference")
        if options.time:
            measure((old, new), options.time)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
