"""The cost of a start: the import, and the first compilation on a machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measurement import Times, print_progress
from benchmarks.results import Figure, Section, at_most
from benchmarks.sections.run import child_environment
from benchmarks.workspace import Size, Workspace

__all__ = ["compile_kernels", "measure"]

_PROGRAMS = {
    "import scoring": "import scoring",
    "the interpreter alone": "pass",
    "everything public, imported": "import scoring; [getattr(scoring, name) for name in scoring.__all__]",
}


def measure(size: Size, work: Workspace) -> Section:
    repeats = 3 if size.quick else 9
    print_progress("imports in new processes")
    seconds: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for _ in range(repeats):  # in turn, so that other load on the machine affects all of them
        for name, program in _PROGRAMS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=child_environment())
            seconds[name].append(time.perf_counter() - start)
    times = {name: Times(tuple(found)) for name, found in seconds.items()}
    print_progress("compiling all kernels of a run")
    work.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work.folder) as cache:
        compiled, read = _compile(Path(cache)), _compile(Path(cache))
    own = times["import scoring"].median - times["the interpreter alone"].median
    of = f"median of {repeats} processes"
    return Section(
        name="import",
        title="Start",
        size="new processes",
        figures=[
            Figure("import scoring", times["import scoring"].median, "s", at_most(0.7), f"{of}, interpreter included"),
            Figure("the same without the interpreter", own, "s"),
            Figure("import of all public names", times["everything public, imported"].median, "s", note=of),
            Figure("first compilation", compiled, "s", at_most(20), "all kernels of a run, once per machine"),
            Figure("the same kernels, loaded from disk", read, "s", note="in each later process"),
        ],
        details={name: found.as_dict() for name, found in times.items()},
    )


def _compile(cache: Path) -> float:
    """Return the seconds until the kernels of a run are ready, with this folder of machine code."""
    program = "from benchmarks.sections.startup import compile_kernels; compile_kernels()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=child_environment() | {"NUMBA_CACHE_DIR": os.fspath(cache)},
    )
    return float(json.loads(done.stdout)["seconds"])


def compile_kernels() -> None:
    """Do on a small market what a run does before it ranks; print the seconds as JSON."""
    from scoring import Dataset, load_model, make_market
    from scoring.runs import runner
    from scoring.telemetry import Stopwatch

    watch = Stopwatch()
    runner.prepare(Dataset(make_market(50, 500, 500).tables), load_model("standard"), watch=watch)
    print(json.dumps({"seconds": watch.seconds("kernels")}))
