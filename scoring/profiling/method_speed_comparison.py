"""Compare four methods that return the same lists, from the legacy loop to the exact top K."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.argument_checks import check_list_length, check_positive_integer
from scoring.array_types import Longs, Singles
from scoring.backends import reference
from scoring.errors import ConfigurationError
from scoring.model_catalog import load_model
from scoring.plotting import BLUE, GREY, ORANGE, VERMILION, create_figure, draw_bars, format_number
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList, require_equal_lists, select_best
from scoring.profiling.legacy_pair_loop import PairLoop
from scoring.profiling.measurement import measure_times
from scoring.ranking import SCORES, Prepared, Ranking, Scorer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ladder", "plot_ladder"]


@dataclass(frozen=True)
class _Rung:
    """A method that ranks users (rows of the plan), and the number of users it is timed on."""

    name: str
    rank: Callable[[Longs], list[JobList]]
    users: int


def ladder(
    prepared: Prepared,
    *,
    k: int = 40,
    loop_users: int = 5,
    numpy_users: int = 50,
    pairs_users: int = 500,
    repeats: int = 3,
) -> pd.DataFrame:
    """Time each method on the first active users in one thread. Slow methods rank fewer users.

    The index contains the methods. The columns are users · ms_per_user (the best of `repeats`) · pairs_per_second
    (users × jobs, including excluded pairs) · times_faster (than the loop). Every list must equal that of the exact
    top K in ids, order and float32 totals. Values per user or per job are computed in advance and not timed.

    Raises
    ------
    ConfigurationError: If the model is not the shipped `standard`, which the loop implements.
    ResultsDifferError: If a method returns other lists than the exact top K.

    Example
    -------
    >>> steps = ladder(ready, k=5, loop_users=1, numpy_users=1, pairs_users=2, repeats=1)
    >>> list(steps.columns)
    ['users', 'ms_per_user', 'pairs_per_second', 'times_faster']
    """
    k, repeats = check_list_length(k), check_positive_integer("repeats", repeats)
    loop_users = check_positive_integer("loop_users", loop_users)
    numpy_users = check_positive_integer("numpy_users", numpy_users)
    pairs_users = check_positive_integer("pairs_users", pairs_users)
    if prepared.model.digest != load_model("standard").digest:
        name = prepared.model.name
        raise ConfigurationError(
            f"The loop over pairs implements the shipped model `standard` only, and the model {name} differs from it. "
            "Pass Prepared.of(data, load_model('standard')).",
            key=("model",),
        )
    users = prepared.active_users
    scorer = Scorer(prepared.plan, workers=1)
    lists = scorer.top_k(k, users)
    loop, dense = (
        PairLoop(PeerInputs.of(prepared, users[:loop_users])),
        _DenseSelection(prepared, users[:pairs_users], k),
    )
    rungs = (
        _Rung("loop over pairs (legacy)", lambda users: loop.rank(np.arange(len(users)), k), loop_users),
        _Rung("NumPy, vectorised (reference)", dense.by_numpy, min(numpy_users, pairs_users)),
        _Rung("all pairs, compiled", dense.by_all_pairs, pairs_users),
        _Rung("exact top K, most pairs skipped", lambda users: _convert_ranking(scorer.top_k(k, users)), len(users)),
    )
    rows = [_measure(rung, users[: rung.users], lists, repeats) for rung in rungs]
    frame = pd.DataFrame(rows, columns=["method", "users", "ms_per_user"]).set_index("method")
    frame["pairs_per_second"] = 1000 * len(prepared.plan.job_id) / frame["ms_per_user"]
    frame["times_faster"] = frame["ms_per_user"].iloc[0] / frame["ms_per_user"]
    return frame


def _measure(rung: _Rung, users: Longs, expected: Ranking, repeats: int) -> tuple[str, int, float]:
    # the first call checks the lists and compiles the kernels
    require_equal_lists(rung.name, rung.rank(users), expected)
    return rung.name, len(users), 1000 * measure_times(lambda: rung.rank(users), repeats).best / len(users)


class _DenseSelection:
    """Lists selected from the scores of all pairs, for a batch of users at a time."""

    BATCH_USERS = 16
    """Users per batch: one tile of the kernel. For NumPy, a batch of this size fits into the CPU caches."""

    def __init__(self, prepared: Prepared, users: Longs, k: int) -> None:
        self.plan, self.k = prepared.plan, k
        self.scorer = Scorer(self.plan, workers=1)
        open_to_all, rules = self.plan.exclusions.open_to_all, self.plan.exclusions
        self.closed = np.flatnonzero(~open_to_all)
        self.hidden = {
            int(user): np.flatnonzero(open_to_all & ~rules.matrix(users[place : place + 1])[0])
            for place, user in enumerate(users)
        }
        self.buffer = np.empty((len(SCORES), self.BATCH_USERS, len(self.plan.job_id)), dtype=np.float32)

    def by_numpy(self, users: Longs) -> list[JobList]:
        every_job = np.arange(len(self.plan.job_id))
        return self._select(users, lambda batch: reference.compute_scores(self.plan.program, batch, every_job)[0])

    def by_all_pairs(self, users: Longs) -> list[JobList]:
        def totals(batch: Longs) -> Singles:
            # full batches reuse the same memory
            out = self.buffer if len(batch) == self.BATCH_USERS else None
            return self.scorer.all_pairs(batch, out=out)[0]

        return self._select(users, totals)

    def _select(self, users: Longs, totals_of: Callable[[Longs], Singles]) -> list[JobList]:
        lists = []
        for first in range(0, len(users), self.BATCH_USERS):
            batch = users[first : first + self.BATCH_USERS]
            totals = totals_of(batch)
            totals[:, self.closed] = -np.inf
            for user, of_user in zip(batch.tolist(), totals, strict=True):
                of_user[self.hidden[user]] = -np.inf
                lists.append(select_best(of_user, self.plan.job_id, self.k))
        return lists


def _convert_ranking(ranking: Ranking) -> list[JobList]:
    """Convert a ranking to lists. The time of this is negligible."""
    return [
        JobList(ids[:count], totals[:count])
        for ids, totals, count in zip(ranking.job_id, ranking.scores[:, :, 0], ranking.count, strict=True)
    ]


def plot_ladder(frame: pd.DataFrame) -> Figure:
    """Plot the milliseconds per user of a `ladder` on a logarithmic axis.

    Example
    -------
    >>> steps = pd.DataFrame({"users": [1, 100], "ms_per_user": [50.0, 0.5], "times_faster": [1.0, 100.0]})
    >>> figure = plot_ladder(steps.set_index(pd.Index(["loop", "exact top K"])))
    >>> len(figure.axes[0].patches)
    2
    """
    figure, (axes,) = create_figure(8, 0.5 * len(frame) + 1.2)
    steps = zip(frame["ms_per_user"], frame["times_faster"], strict=True)
    texts = [f"{format_number(ms)} ms, {times:,.0f} ×" for ms, times in steps]
    colours = [GREY, ORANGE, BLUE, VERMILION][: len(frame)]
    draw_bars(axes, frame.index.tolist(), frame["ms_per_user"].tolist(), texts, colours)
    axes.set_xscale("log")
    axes.set_xlim(frame["ms_per_user"].min() / 4, frame["ms_per_user"].max() * 25)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel("milliseconds per user, one thread (log scale); × faster than the loop")
    axes.set_title("Time of methods that return the same lists", loc="left", fontsize=10)
    return figure
