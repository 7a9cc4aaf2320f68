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

from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, Table, at_most
from benchmarks.workspace import Size, Workspace

__all__ = ["ROOT", "child_environment", "measure"]

ROOT = Path(__file__).parents[2]

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
    database = work.database(size.users, size.jobs, size.actions)
    with tempfile.TemporaryDirectory(dir=work.folder) as folder:
        at = Path(folder)
        print_progress("scoring run, once to compile")
        _run(database, at / "compile", at / "other factors")
        kept, trained = [], []
        for attempt in range(1 if size.quick else 3):
            print_progress(f"scoring run {attempt + 1}: factors trained, then cached")
            factors = at / f"factors {attempt}"
            trained.append(_run(database, at / f"trained {attempt}", factors))
            kept.append(_run(database, at / f"kept {attempt}", factors))
    assert all("trained" in one.factors for one in trained), "a fresh folder has no factors"
    assert all("cache hit" in one.factors for one in kept), "the folder has the factors of the run before"
    fast, slow = (min(runs, key=lambda one: one.wall) for runs in (kept, trained))
    peak = max(one.peak_bytes for one in (*kept, *trained))
    phases = [[name, f"{fast.phases[name]:.2f}", f"{slow.phases.get(name, 0):.2f}"] for name in fast.phases]
    best = f"best of {len(kept)}, whole process"
    return Section(
        name="run",
        title="`scoring run`, from SQLite to results in the database and in Parquet",
        size=f"{size.text}, {size.actions:,} actions, code compiled",
        figures=[
            Figure("factors cached", fast.wall, "s", at_most(8), best),
            Figure("factors trained", slow.wall, "s", at_most(20), best),
            Figure("peak memory", peak / 1e9, "GB", at_most(1.5), "largest of all runs, from the report"),
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
