"""The whole command: from SQLite to published results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, Table, at_most
from benchmarks.workspace import Size, Workspace

__all__ = ["ROOT", "child_environment", "measure", "measure_large"]

ROOT = Path(__file__).parents[2]
COMPILED: Final = (300, 3_000, 30_000)
"""Users, jobs and actions of the market of a first run, which compiles the kernels."""

_UNITS = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@dataclass(frozen=True)
class RunMeasurement:
    """The figures of the command's report, and the wall-clock time."""

    wall: float
    seconds: float
    phases: dict[str, float]
    peak_bytes: float
    factors: str


def child_environment() -> dict[str, str]:
    """Return the environment of a child: it finds this package from every folder and prints 120 columns."""
    before = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *([before] if before else [])]), "COLUMNS": "120"}


def measure(size: Size, work: Workspace) -> Section:
    """Measure the main market."""
    kept, trained = _measure_runs(size, work, 1 if size.quick else 3)
    return _make_section("run", size, kept, trained, Bars(cached=3, trained=20, peak=1.5))


def measure_large(size: Size, work: Workspace) -> Section:
    """Measure ten times the users, jobs and actions, once: the first run compiles, and trains the factors."""
    large = Size(users=10 * size.users, jobs=10 * size.jobs, quick=size.quick)
    kept, trained = _measure_runs(large, work, 1)
    return _make_section("large_run", large, kept, trained, Bars(cached=24, trained=55, peak=3.3))


@dataclass(frozen=True)
class Bars:
    """Seconds with cached and with trained factors, and GB of memory."""

    cached: float
    trained: float
    peak: float


def _measure_runs(size: Size, work: Workspace, repeats: int) -> tuple[list[RunMeasurement], list[RunMeasurement]]:
    """Return the runs with cached factors, and those that train them."""
    database = work.database(size.users, size.jobs, size.actions)
    compiled = work.database(*COMPILED)
    with tempfile.TemporaryDirectory(dir=work.folder) as folder:
        at = Path(folder)
        print_progress("scoring run, once to compile")
        _run(compiled, at / "compile", at / "other factors")
        kept, trained = [], []
        for attempt in range(repeats):
            print_progress(f"scoring run {attempt + 1} of {size.text}: factors trained, then cached")
            factors = at / f"factors {attempt}"
            trained.append(_run(database, at / f"trained {attempt}", factors))
            kept.append(_run(database, at / f"kept {attempt}", factors))
    assert all("trained" in one.factors for one in trained), "a fresh folder has no factors"
    assert all("cache hit" in one.factors for one in kept), "the folder has the factors of the run before"
    return kept, trained


def _make_section(
    name: str, size: Size, kept: list[RunMeasurement], trained: list[RunMeasurement], bars: Bars
) -> Section:
    fast, slow = (min(runs, key=lambda one: one.wall) for runs in (kept, trained))
    peak = max(one.peak_bytes for one in (*kept, *trained))
    phases = [[name, f"{fast.phases[name]:.2f}", f"{slow.phases.get(name, 0):.2f}"] for name in fast.phases]
    rests = {
        "between the phases: checks and warnings": [one.seconds - sum(one.phases.values()) for one in (fast, slow)],
        "outside the report: start of Python, options, exit": [one.wall - one.seconds for one in (fast, slow)],
        "whole process": [one.wall for one in (fast, slow)],
    }
    phases += [[what, *(f"{seconds:.2f}" for seconds in both)] for what, both in rests.items()]
    best = f"best of {len(kept)}, whole process"
    return Section(
        name=name,
        title="`scoring run`, from SQLite to results in the database and in Parquet",
        size=f"{size.text}, {size.actions:,} actions, code compiled",
        figures=[
            Figure("factors cached", fast.wall, "s", at_most(bars.cached), best),
            Figure("factors trained", slow.wall, "s", at_most(bars.trained), best),
            Figure("peak memory", peak / 1e9, "GB", at_most(bars.peak), "largest of all runs, from the report"),
        ],
        tables=[Table("Seconds by phase, from the report of the command", ("phase", "cached", "trained"), phases)],
        details={"kept": [vars(one) for one in kept], "trained": [vars(one) for one in trained]},
    )


def _run(database: Path, folder: Path, factors: Path) -> RunMeasurement:
    """Run on a copy of the database, so that results of one run do not affect the next."""
    folder.mkdir()
    copy = folder / "market.db"
    shutil.copyfile(database, copy)
    arguments = ["run", "--db", str(copy), "--out", str(folder / "runs"), "--factor-cache", str(factors)]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "scoring.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"scoring run failed:\n{done.stdout}\n{done.stderr}")
    shutil.rmtree(folder)
    return _read(done.stdout, wall)


def _read(report: str, wall: float) -> RunMeasurement:
    found = re.findall(r"^ *(\w[\w ]*?) +(\d+\.\d\d) s\b", report, re.MULTILINE)
    phases = {name: float(seconds) for name, seconds in found}
    memory = re.search(r"memory +peak ([\d,.]+) (\w+)", report)
    factors = re.search(r"factors +([a-z].*)", report)
    if not phases or memory is None or factors is None:
        raise RuntimeError(f"the report of scoring run has another format:\n{report}")
    peak = float(memory[1].replace(",", "")) * _UNITS[memory[2]]
    return RunMeasurement(wall, phases.pop("total"), phases, peak, factors[1].strip())
