"""The memory that a run needs at other sizes of the data, compared with the memory that is available."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from scoring.argument_checks import check_integer, check_list_length, check_positive_integer
from scoring.plotting import BLUE, VERMILION, create_figure, draw_bars
from scoring.ranking import Prepared
from scoring.runs import memory_forecast
from scoring.runs.memory_forecast import format_bytes
from scoring.runs.runner import DEFAULT_CHUNK_SIZE
from scoring.threads.pool import available_cpus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_memory", "predict_memory"]


def predict_memory(
    prepared: Prepared, sizes: Iterable[tuple[int, int, int]], *, k: int = 40, available: int | None = None
) -> pd.DataFrame:
    """Return the memory of a run that writes Parquet files, for each size: users, jobs and actions.

    The columns are users · jobs · actions · needed_bytes · available_bytes · fits. Bytes are those above the memory of
    Python and its libraries. The encoded model is scaled from `prepared`, so its components count. Clusters of vectors
    count for models in which a product has most of the weight.

    Parameters
    ----------
    available: The available bytes; None: those of this machine and its limits.

    Raises
    ------
    ConfigurationError: If a number of users or jobs is not an integer of 1 or more, or of actions of 0 or more.

    Example
    -------
    >>> predict_memory(ready, [(1_000, 10_000, 100_000)], available=10**9)["fits"].tolist()
    [True]
    """
    free = memory_forecast.measure_available() if available is None else check_integer("available", available, 0)
    k, workers = check_list_length(k), available_cpus()
    per_row = prepared.plan.program.nbytes / max(len(prepared.plan.user_id) + len(prepared.plan.job_id), 1)
    rows = []
    for size in sizes:
        users, jobs = (check_positive_integer("sizes", number) for number in size[:2])
        actions = check_integer("sizes", size[2], 0)
        needed = memory_forecast.predict_data(users, jobs, actions) + memory_forecast.predict_run(
            program_bytes=round(per_row * (users + jobs)),
            n_users=users,
            k=min(k, jobs),
            chunk_size=DEFAULT_CHUNK_SIZE,
            workers=workers,
            search_bytes=prepared.plan.scale_search_bytes(users, jobs),
        )
        rows.append((users, jobs, actions, needed, free, needed <= free))
    return pd.DataFrame(rows, columns=["users", "jobs", "actions", "needed_bytes", "available_bytes", "fits"])


def plot_memory(frame: pd.DataFrame) -> Figure:
    """Plot one bar per row of `predict_memory`. Red bars need more than the available memory, the dashed line.

    Example
    -------
    >>> figure = plot_memory(predict_memory(ready, [(1_000, 10_000, 100_000)], available=10**9))
    >>> len(figure.axes[0].patches)
    1
    """
    figure, (axes,) = create_figure(8, 0.5 * len(frame) + 1.5)
    free = int(frame["available_bytes"].max())
    names = [f"{users:,} users × {jobs:,} jobs" for users, jobs in zip(frame["users"], frame["jobs"], strict=True)]
    answers = [
        f"{format_bytes(needed)}: {'fits' if fits else 'does not fit'}"
        for needed, fits in zip(frame["needed_bytes"], frame["fits"], strict=True)
    ]
    gigabytes = (frame["needed_bytes"] / 1e9).tolist()
    draw_bars(axes, names, gigabytes, answers, [BLUE if fits else VERMILION for fits in frame["fits"]])
    axes.axvline(free / 1e9, color="black", linestyle="--", label=f"available: {format_bytes(free)}")
    axes.set_xlim(0, 1.25 * max(*gigabytes, free / 1e9))
    axes.set_xlabel("memory above Python and its libraries, GB")
    axes.set_title("Memory of a run, predicted", loc="left", fontsize=10)
    figure.legend(loc="outside lower center", fontsize=8.5, frameon=False)
    return figure
