"""The result of `reach`."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.model import ScoringModel, WeightProfile
from scoring.plotting import BLUE, GREY, SMALL, new_figure, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reach"]

NOTHING = 1e-9
SHOWN = 5


@dataclass(frozen=True, repr=False)
class Reach:
    """Whether weights exist that put a job into a user's list of k jobs, and the nearest such weights."""

    user_id: int
    job_id: int
    k: int
    possible: bool | None  # None: undecided when the time ran out
    proven: bool  # whether no weights (impossible) or no nearer weights (possible) exist
    reasons: tuple[str, ...]  # rules that exclude the job for the user under all weights
    before: ScoringModel
    model: ScoringModel | None  # the model with the nearest weights found
    values: NDArray[np.float64] = field(repr=False)  # (n_components,) of the job for the user
    rank_before: int | None
    rank_after: int | None
    competitors: NDArray[np.int64] = field(repr=False)
    """Job ids. Possible: the jobs just behind the job. Impossible: under any weights, k of these are ahead of it."""
    n_always: int  # jobs that are below it in no component and ahead of it under all weights
    nearer: float  # proven: no weights within this distance list the job
    locks: tuple[str, ...]

    def __repr__(self) -> str:
        word = {True: f"possible, distance {self.distance}", False: "impossible", None: "undecided"}[self.possible]
        return f"Reach(job {self.job_id} for user {self.user_id}, top {self.k}: {word})"

    def _repr_html_(self) -> str:
        table = "" if self.model is None or not self.distance else self.changed()._repr_html_()  # type: ignore[operator]
        return f"<p>{html.escape(self.summary())}</p>{table}"

    @property
    def weights(self) -> WeightProfile | None:
        return None if self.model is None else self.model.weights

    @property
    def flat(self) -> Mapping[str, float] | None:
        """Component → flat weight found; None if no weights were found."""
        if self.model is None:
            return None
        names = [part.name for part in self.model.parts]
        return dict(zip(names, self.model.flat_weights.tolist(), strict=True))

    @property
    def distance(self) -> float | None:
        """Sum of absolute changes of flat weights, 0 to 2: twice the weight that moves."""
        return None if self.model is None else float(abs(self.model.flat_weights - self.before.flat_weights).sum())

    def frame(self) -> pd.DataFrame:
        """Return one row per component: component · group · value (of the job for the user) · before · after · change.

        `after` and `change` are NaN if no weights were found.
        """
        after = np.full(len(self.values), np.nan) if self.model is None else self.model.flat_weights
        parts, before = self.before.parts, self.before.flat_weights
        return pd.DataFrame(
            {
                "component": [part.name for part in parts],
                "group": [part.group for part in parts],
                "value": self.values,
                "before": before,
                "after": after,
                "change": after - before,
            }
        )

    def changed(self) -> pd.DataFrame:
        """Return the rows of `frame` whose weight changes, the largest change first."""
        frame = self.frame()
        frame = frame[frame["change"].abs() > NOTHING]
        return frame.sort_values("change", key=abs, ascending=False, ignore_index=True)

    def summary(self) -> str:
        """Return the result in one to three sentences."""
        what = f"Job {self.job_id} for user {self.user_id}"
        if self.reasons:
            return (
                f"{what}: no weights can put it into the list, because it may not be shown: {'; '.join(self.reasons)}."
            )
        if self.possible and not self.distance:
            return f"{what}: it is in the top {self.k} already, at rank {self.rank_before:,}."
        kept = f" with {', '.join(self.locks)} kept" if self.locks else ""
        begin = f"{what} is at rank {self.rank_before:,}. "
        if self.possible:
            return begin + self._what_it_takes(kept)
        if self.possible is None:
            near = f" Moving {number(50 * self.nearer)} % of the weight or less does not do it." if self.nearer else ""
            return begin + f"The time ran out before weights for the top {self.k}{kept} were found or ruled out.{near}"
        return begin + self._why_not(kept)

    def _what_it_takes(self, kept: str) -> str:
        rows = self.changed()[["component", "before", "after"]].to_numpy()
        moves = ", ".join(f"{name} {before:.4f} → {after:.4f}" for name, before, after in rows)
        share = number(50 * (self.distance or 0.0))
        nearest = "No smaller change does"
        if not self.proven:
            nearest = f"A smaller change may do, but none below {number(50 * self.nearer)} %"
        return (
            f"Moving {share} % of the weight{kept} puts it at rank {self.rank_after:,} of {self.k}: {moves}. {nearest}."
        )

    def _why_not(self, kept: str) -> str:
        some = ", ".join(str(job) for job in self.competitors[:SHOWN])
        some += " …" if len(self.competitors) > SHOWN else ""
        if self.n_always >= self.k:
            how = f"{self.n_always:,} jobs are at least as good in every component"
        else:
            how = f"under any of them at least {self.k} of {len(self.competitors):,} jobs are before it"
            how += f", {self.n_always:,} of which are at least as good in every component" if self.n_always else ""
        return f"No weights{kept} put it into the top {self.k}: {how} ({some})."

    def plot(self) -> Figure:
        """Plot each weight before and after; only the current weights if no weights were found."""
        frame = self.frame()
        figure, (axes,) = new_figure(7.5, 0.32 * len(frame) + 1.5)
        places = np.arange(len(frame))
        moved = (frame["change"].abs() > NOTHING).to_numpy()
        axes.hlines(places[moved], frame["before"][moved], frame["after"][moved], color=BLUE, linewidth=2)
        axes.plot(frame["before"], places, "o", color=GREY, markersize=7, label="now")
        if moved.any():
            axes.plot(frame["after"][moved], places[moved], "D", color=BLUE, markersize=7, label="what it takes")
        right = np.fmax(frame["before"], frame["after"])
        for place in places[moved]:
            text = f"{frame['change'][place]:+.3f}"
            spot = (right[place], place)
            axes.annotate(text, spot, (8, 0), textcoords="offset points", va="center", fontsize=SMALL)
        axes.set_yticks(places, frame["component"], fontsize=SMALL)
        axes.set_ylim(len(frame) - 0.4, -0.6)
        axes.set_xlim(-0.01, 1.15 * float(right.max()) + 0.01)
        axes.set_xlabel("flat weight (all sum to 1)")
        axes.set_title(self._title(), loc="left", fontsize=10)
        axes.legend(fontsize=SMALL, loc="lower right")
        return figure

    def _title(self) -> str:
        what = f"Job {self.job_id} for user {self.user_id}"
        if self.possible:
            return f"{what}: rank {self.rank_before:,} → {self.rank_after:,}"
        return f"{what}: " + ("undecided" if self.possible is None else f"no weights put it into the top {self.k}")
