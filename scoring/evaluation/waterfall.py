"""Why a job moved for a user between two models: the change of its score taken apart, and who overtook it.

why = waterfall(before, after, user_id=1, job_id=2)
why.frame()   # component by component, by weight and by value; adds up to the change of the total
why.plot()
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.engine import Prepared
from scoring.evaluation.movement import require_same_data
from scoring.evaluation.standing import Standing, standing
from scoring.plotting import BLUE, GREY, SMALL, VERMILION, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Change", "Waterfall", "waterfall"]

FEW = 5
"""Jobs that are named where they may be many."""
SMALL_SHARE = 0.02
"""Components that move less than this share of all that moves are drawn as one bar."""


@dataclass(frozen=True)
class Change:
    """One component under both models; in one that does not have it, value and weight are 0."""

    component: str
    group: str
    value_before: float
    value_after: float
    weight_before: float  # flat
    weight_after: float

    @property
    def points_before(self) -> float:
        return self.weight_before * self.value_before

    @property
    def points_after(self) -> float:
        return self.weight_after * self.value_after

    @property
    def change(self) -> float:
        return self.points_after - self.points_before

    @property
    def by_weight(self) -> float:
        """Points that the weight's change makes, the value being the mean of both (Shapley's split of a product)."""
        return (self.weight_after - self.weight_before) * (self.value_before + self.value_after) / 2

    @property
    def by_value(self) -> float:
        """Points that the value's change makes, the weight being the mean of both."""
        return (self.value_after - self.value_before) * (self.weight_before + self.weight_after) / 2


@dataclass(frozen=True, repr=False)
class Waterfall:
    """A pair under two models. The changes add up to the difference of the totals before rounding."""

    user_id: int
    job_id: int
    changes: tuple[Change, ...]  # in the order of the model after, then what only the one before has
    before: Standing
    after: Standing

    @property
    def total_before(self) -> float:
        """The total, not rounded to float32; `before.score` is."""
        return math.fsum(change.points_before for change in self.changes)

    @property
    def total_after(self) -> float:
        return math.fsum(change.points_after for change in self.changes)

    @property
    def overtook_it(self) -> np.ndarray:
        """Ids of the jobs that are ranked above it now and were not before, best first."""
        return self.after.ahead[~np.isin(self.after.ahead, self.before.ahead)]

    @property
    def overtaken(self) -> np.ndarray:
        """Ids of the jobs that were ranked above it and are not now, the then best first."""
        return self.before.ahead[~np.isin(self.before.ahead, self.after.ahead)]

    def __repr__(self) -> str:
        return f"Waterfall(user {self.user_id}, job {self.job_id}: {self._headline()})"

    def _headline(self) -> str:
        return f"{self.total_before:.2f} → {self.total_after:.2f} points, rank {self.before} → {self.after}"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """One row per component: component, group, value, weight and points before and after, change, by_weight,
        by_value."""
        columns = (
            "component", "group", "value_before", "value_after", "weight_before", "weight_after", "points_before",
            "points_after", "change", "by_weight", "by_value",
        )  # fmt: skip
        return pd.DataFrame([{name: getattr(change, name) for name in columns} for change in self.changes])

    def summary(self) -> str:
        """In sentences: the score, the rank, who overtook the job and whom it overtook."""
        sentences = [f"Job {self.job_id} for user {self.user_id}: {self._headline()}."]
        for when, place in (("before", self.before), ("after", self.after)):
            if place.not_ranked:
                sentences.append(f"It is not ranked {when}: {'; '.join(place.not_ranked)}.")
        for what, ids in (("were overtaken by it or left", self.overtaken), ("overtook it or came", self.overtook_it)):
            if len(ids):
                few = ", ".join(str(job) for job in ids[:FEW])
                sentences.append(f"{len(ids):,} jobs {what}{': ' if len(ids) <= FEW else ', such as '}{few}.")
        return " ".join(sentences)

    def plot(self) -> Figure:
        """From the total before, component by component, the largest change first, to the total after."""
        steps = _steps(self.changes)
        figure, (axes,) = new_figure(8.5, 0.42 * (len(steps) + 2) + 1.3)
        ends = np.cumsum([self.total_before, *(change for _, change, _ in steps)])
        lows, highs = min(ends.min(), self.total_after), max(ends.max(), self.total_after)
        margin = max(0.35 * (highs - lows), 0.5)
        left = max(0.0, lows - margin)
        last = len(steps) + 1
        for place, total in ((0, self.total_before), (last, self.total_after)):
            axes.barh(place, total - left, left=left, color=GREY, height=0.62)
            axes.annotate(f"{total:.2f}", (total, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
        for place, (_, change, text) in enumerate(steps, 1):
            colour = BLUE if change > 0 else VERMILION
            axes.barh(place, change, left=ends[place - 1], color=colour, height=0.62)
            furthest = max(ends[place - 1], ends[place])
            axes.annotate(text, (furthest, place), (4, 0), textcoords="offset points", va="center", fontsize=SMALL)
        for place in range(last):  # each bar begins where the one above it ended
            axes.plot([ends[place]] * 2, [place - 0.31, place + 1.31], color=GREY, linewidth=0.8)
        names = ["total before", *(name for name, _, _ in steps), "total after"]
        axes.set_yticks(range(last + 1), names, fontsize=SMALL)
        axes.set_ylim(last + 0.6, -0.6)
        axes.set_xlim(left, highs + margin + 0.25 * (highs - left))
        axes.set_xlabel("points of the total" + ("" if left == 0 else " (the axis does not begin at 0)"))
        axes.set_title(f"User {self.user_id}, job {self.job_id}: {self._headline()}", loc="left", fontsize=10)
        return figure


def _steps(changes: tuple[Change, ...]) -> list[tuple[str, float, str]]:
    """(name, points, text) of what moved, the largest first; what moved little together at the end."""
    moved = sorted((one for one in changes if one.change), key=lambda one: -abs(one.change))
    least = SMALL_SHARE * sum(abs(one.change) for one in moved)
    small = [one for one in moved if abs(one.change) < least]
    small = small if len(small) > 1 else []  # one alone is drawn under its name
    steps = [(one.component, one.change, _text(one)) for one in moved if one not in small]
    if small:
        rest = math.fsum(one.change for one in small)
        steps.append((f"{len(small)} others", rest, f"{rest:+.2f}"))
    return steps


def _text(change: Change) -> str:
    """The change, and what of it weight and value made where both did."""
    if change.by_weight and change.by_value:
        return f"{change.change:+.2f} (weight {change.by_weight:+.2f}, value {change.by_value:+.2f})"
    return f"{change.change:+.2f}"


def waterfall(before: Prepared, after: Prepared, user_id: int, job_id: int) -> Waterfall:
    """Of one pair. Raises UnknownIdError; ConfigurationError where the models stand on different data."""
    require_same_data(before, after)
    was, now = (_components(prepared, user_id, job_id) for prepared in (before, after))
    nothing = {name: (group, 0.0, 0.0) for name, (group, _, _) in (was | now).items()}
    changes = []
    for name in [*now, *(name for name in was if name not in now)]:
        (_, value_before, weight_before), (group, value_after, weight_after) = (
            side.get(name, nothing[name]) for side in (was, now)
        )
        changes.append(Change(name, group, value_before, value_after, weight_before, weight_after))
    return Waterfall(
        user_id=int(user_id),
        job_id=int(job_id),
        changes=tuple(changes),
        before=standing(before, user_id, job_id),
        after=standing(after, user_id, job_id),
    )


def _components(prepared: Prepared, user_id: int, job_id: int) -> dict[str, tuple[str, float, float]]:
    """Component → (group, value, flat weight), in the model's order."""
    model = prepared.model
    values = prepared.scorer.components(prepared.user_rows([user_id]), prepared.job_rows([job_id]))[:, 0, 0]
    return {
        part.name: (part.group, float(value), float(weight))
        for part, value, weight in zip(model.parts, values, model.flat_weights, strict=True)
    }
