"""How many jobs are looked at for a user; the bounds of their blocks keep the others out of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.plotting import BLACK, BLUE, SMALL, new_figure, number
from scoring.ranking import Prepared, Scorer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_visits", "visits"]


def visits(prepared: Prepared, users: NDArray[np.int64] | None = None, k: int = 40) -> pd.DataFrame:
    """One row per user (rows of the plan; None: the active ones): user_id · jobs (scored on their own) · share.

    `share` is of the jobs that no rule leaves out for everybody. Users are ranked one at a time by pruning, whatever
    way a whole run takes; in a run, where those who are alike follow each other, it is some per cent fewer.
    """
    rows = prepared.active_users if users is None else users
    scorer = Scorer(prepared.plan, workers=1, path="pruned")
    looked_at = np.array([scorer.top_k(k, rows[place : place + 1]).looked_at for place in range(len(rows))], np.int64)
    return pd.DataFrame(
        {
            "user_id": prepared.plan.user_id[rows],
            "jobs": looked_at,
            "share": looked_at / max(scorer.n_eligible, 1),
        }
    )


def plot_visits(frame: pd.DataFrame) -> Figure:
    """How the users of a `visits` are spread, with the median and the mean."""
    figure, (axes,) = new_figure(7, 3)
    share = 100 * frame["share"]
    axes.hist(share, bins=min(40, max(10, len(frame) // 8)), color=BLUE)
    mean, median = float(share.mean()), float(share.median())
    axes.axvline(median, color=BLACK, linestyle="--", label=f"median {number(median)} %")
    axes.axvline(mean, color=BLACK, linestyle=":", label=f"mean {number(mean)} %")
    axes.set_xlim(left=0)
    axes.set_xlabel("jobs looked at for a user, % of the jobs that can be shown")
    axes.set_ylabel("users")
    axes.set_title(f"Jobs looked at, {len(frame):,} users", loc="left", fontsize=10)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure
