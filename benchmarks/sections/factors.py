"""Training of factors on one core and on all cores."""

from __future__ import annotations

from benchmarks.measurement import measure_alternately, print_progress
from benchmarks.results import Figure, Section, at_least
from benchmarks.workspace import Size, Workspace
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.statistics import Factors
from scoring.threads import available_cpus


def measure(size: Size, work: Workspace) -> Section:
    """Measure and compare the factors.

    Raises
    ------
    ResultsDifferError: If a factor depends on the number of threads.
    """
    data, cores = work.dataset(size), available_cpus()
    print_progress(f"training on one core and on {cores}")
    one, several = Factors.of(data, workers=1), Factors.of(data)
    if one.users.tobytes() != several.users.tobytes() or one.jobs.tobytes() != several.jobs.tobytes():
        raise ResultsDifferError(f"Factors trained on one core and on {cores} differ.")
    slow, fast = measure_alternately(
        lambda: Factors.of(data, workers=1), lambda: Factors.of(data), size.repeats, at_most=60.0
    )
    best = f"best of {len(fast.seconds)}"
    faster = slow.best / fast.best if cores > 1 else None
    return Section(
        name="factors",
        title="Training of factors",
        size=f"{size.text}, {size.actions:,} actions, {several.dimensions} dimensions",
        figures=[
            Figure("one core", slow.best, "s", note=best),
            Figure("all cores", fast.best, "s", note=f"{best}; the same bits"),
            Figure("faster on all cores", faster, "×", at_least(1.6), f"{cores} cores" if faster else "one core only"),
        ],
        details={"one core": slow.as_dict(), "all cores": fast.as_dict(), "cores": cores},
    )
