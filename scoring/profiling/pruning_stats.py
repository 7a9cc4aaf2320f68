"""How many jobs are scored individually per user. Bounds of cells and blocks exclude all other jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.errors import pluralize
from scoring.plotting import BLACK, BLUE, SMALL, create_figure, format_number
from scoring.ranking import Prepared, Scorer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_visits", "visits"]


def visits(prepared: Prepared, users: NDArray[np.int64] | None = None, k: int = 40) -> pd.DataFrame:
    """Return one row per user: user_id · jobs (scored individually) · share.

    `share` is relative to the jobs that no rule excludes for all users. Each user is ranked alone with pruning, even
    if a complete run would use another path. A run scores a few percent fewer jobs, because similar users follow each
    other.

    Parameters
    ----------
    users: Rows of the plan; None: all active users.

    Example
    -------
    >>> list(visits(ready, k=5).columns)
    ['user_id', 'jobs', 'share']
    """
    rows = prepared.active_users if users is None else users
    scorer = Scorer(prepared.plan, workers=1, path="pruned")
    n_scored = np.array([scorer.top_k(k, rows[place : place + 1]).n_scored for place in range(len(rows))], np.int64)
    return pd.DataFrame(
        {
            "user_id": prepared.plan.user_id[rows],
            "jobs": n_scored,
            "share": n_scored / max(scorer.n_eligible, 1),
        }
    )


def plot_visits(frame: pd.DataFrame) -> Figure:
    """Plot the distribution of `share` over the users of a `visits` frame, with median and mean.

    Example
    -------
    >>> figure = plot_visits(visits(ready, k=5))
    >>> len(figure.axes)
    1
    """
    figure, (axes,) = create_figure(7, 3)
    share = 100 * frame["share"]
    axes.hist(share, bins=min(40, max(10, len(frame) // 8)), color=BLUE)
    mean, median = float(share.mean()), float(share.median())
    axes.axvline(median, color=BLACK, linestyle="--", label=f"median {format_number(median)}%")
    axes.axvline(mean, color=BLACK, linestyle=":", label=f"mean {format_number(mean)}%")
    axes.set_xlim(left=0)
    axes.set_xlabel("jobs scored per user, % of the eligible jobs")
    axes.set_ylabel("users")
    axes.set_title(f"Jobs scored per user, {pluralize(len(frame), 'user')}", loc="left", fontsize=10)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure
