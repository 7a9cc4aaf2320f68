"""Why a job moved for a user between two models: the change of its score taken apart, and who overtook it.

why = waterfall(before, after, user_id=1, job_id=2)
why.summary()   # in sentences: what made the change, and which jobs passed which way
why.frame()     # component by component, by weight and by value; adds up to the change of the total
why.plot()
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.evaluation.full_rank import Standing, standing
from scoring.evaluation.rank_changes import require_same_data
from scoring.id_index import IdIndex
from scoring.plotting.displays import display
from scoring.ranking import Prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Change", "Waterfall", "waterfall"]

FEW = 5
"""Jobs that are named where they may be many."""


@dataclass(frozen=True)
class Change:
    """One component under both models. A model that does not have it gives it the weight 0 and the value None."""

    component: str
    group: str
    value_before: float | None
    value_after: float | None
    weight_before: float  # flat
    weight_after: float

    @property
    def points_before(self) -> float:
        return self.weight_before * (self.value_before or 0.0)

    @property
    def points_after(self) -> float:
        return self.weight_after * (self.value_after or 0.0)

    @property
    def change(self) -> float:
        return self.points_after - self.points_before

    @property
    def by_weight(self) -> float:
        """Points that the change of weight makes, at the mean of both values; all of them where one model alone has
        the component.

        The Shapley value of the two factors of a product (Shapley, A Value for n-Person Games, 1953): the mean over
        which of them changes first.
        """
        if self.value_before is None or self.value_after is None:
            return self.change
        return (self.weight_after - self.weight_before) * (self.value_before + self.value_after) / 2

    @property
    def by_value(self) -> float:
        """Points that the change of value makes, at the mean of both weights."""
        if self.value_before is None or self.value_after is None:
            return 0.0
        return (self.value_after - self.value_before) * (self.weight_before + self.weight_after) / 2


@dataclass(frozen=True, repr=False)
class Waterfall:
    """A pair under two models. The changes add up to the difference of the totals before rounding."""

    user_id: int
    job_id: int
    changes: tuple[Change, ...]  # in the order of the model after, then what only the one before has
    before: Standing
    after: Standing
    names: tuple[str, str] = ("before", "after")

    @property
    def total_before(self) -> float:
        """The total, not rounded to float32; `before.score` is."""
        return math.fsum(change.points_before for change in self.changes)

    @property
    def total_after(self) -> float:
        return math.fsum(change.points_after for change in self.changes)

    @property
    def change(self) -> float:
        """Points after less points before, rounded once."""
        both = ((one.points_after, -one.points_before) for one in self.changes)
        return math.fsum(points for pair in both for points in pair)

    @property
    def by_weight(self) -> float:
        """What changes of weight make of `change`; the rest is `by_value`."""
        return math.fsum(one.by_weight for one in self.changes)

    @property
    def by_value(self) -> float:
        return math.fsum(one.by_value for one in self.changes)

    @property
    def overtook_it(self) -> Longs:
        """Ids of jobs that were ranked below it and are above it now, best first."""
        rose = _without(self.after.ahead, np.sort(self.before.ahead))
        return _among(rose, self.before.sorted_order)

    @property
    def overtaken(self) -> Longs:
        """Ids of jobs that were ranked above it and are below it now, the then best first."""
        fell = _without(self.before.ahead, np.sort(self.after.ahead))
        return _among(fell, self.after.sorted_order)

    @property
    def came(self) -> Longs:
        """Ids of jobs above it now that were not ranked before, best first: another rule lets them in."""
        return _without(self.after.ahead, self.before.sorted_order)

    @property
    def left(self) -> Longs:
        """Ids of jobs above it before that are not ranked now, the then best first."""
        return _without(self.before.ahead, self.after.sorted_order)

    def __repr__(self) -> str:
        return f"Waterfall(user {self.user_id}, job {self.job_id}: {self._headline()})"

    def _headline(self) -> str:
        return f"{self.total_before:.2f} → {self.total_after:.2f} points, rank {self.before} → {self.after}"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """One row per component: component · group · value, weight and points before and after · change, which is
        by_weight + by_value. The value is NaN, and points are 0, in a model that does not have the component."""
        columns = (
            "component", "group", "value_before", "value_after", "weight_before", "weight_after", "points_before",
            "points_after", "change", "by_weight", "by_value",
        )  # fmt: skip
        rows = [{name: getattr(change, name) for name in columns} for change in self.changes]
        return pd.DataFrame(rows).astype({name: "str" if name in columns[:2] else "float64" for name in columns})

    def summary(self) -> str:
        """In sentences: the score, the rank, what made most of the change, and which jobs passed which way."""
        sentences = [f"Job {self.job_id} for user {self.user_id}: {self._headline()}."]
        for when, place in (("before", self.before), ("after", self.after)):
            if place.not_ranked:
                sentences.append(f"It is not ranked {when}: {'; '.join(place.not_ranked)}.")
        moved = sorted((one for one in self.changes if one.change), key=lambda one: -abs(one.change))
        if moved:
            most = ", ".join(f"{one.component} {one.change:+.2f}" for one in moved[:3])
            split = f"weights {self.by_weight:+.2f}, values {self.by_value:+.2f}"
            sentences.append(f"The score changes by {self.change:+.2f} ({split}), most by {most}.")
        passed = (
            ("overtook it", self.overtook_it),
            ("it overtook", self.overtaken),
            ("newly ranked above it", self.came),
            ("above it before and not ranked now", self.left),
        )
        for what, ids in passed:
            if len(ids):
                few = ", ".join(str(job) for job in ids[:FEW])
                more = f" and {len(ids) - FEW:,} more" if len(ids) > FEW else ""
                sentences.append(f"{what[0].upper()}{what[1:]}: {few}{more}.")
        return " ".join(sentences)

    def plot(self) -> Figure:
        """From the total before, component by component, the largest change first, to the total after."""
        figure: Figure = display("waterfall", self)
        return figure


def waterfall(before: Prepared, after: Prepared, user_id: int, job_id: int) -> Waterfall:
    """Of one pair under two models, which may differ in weights, parameters, components and rules.

    A component is the same in both where its name is. Raises UnknownIdError; ConfigurationError where the models
    stand on different data.
    """
    require_same_data(before, after)
    was, now = (_components(prepared, user_id, job_id) for prepared in (before, after))
    changes = []
    for name in [*now, *(name for name in was if name not in now)]:
        old, new = was.get(name), now.get(name)
        changes.append(
            Change(
                component=name,
                group=(now.get(name) or was[name])[0],
                value_before=None if old is None else old[1],
                value_after=None if new is None else new[1],
                weight_before=0.0 if old is None else old[2],
                weight_after=0.0 if new is None else new[2],
            )
        )
    names = before.model.name, after.model.name
    return Waterfall(
        user_id=int(user_id),
        job_id=int(job_id),
        changes=tuple(changes),
        before=standing(before, user_id, job_id),
        after=standing(after, user_id, job_id),
        names=names if names[0] != names[1] else ("before", "after"),
    )


def _without(ids: Longs, others: Longs) -> Longs:
    """Those of `ids` that are not among the sorted others."""
    return ids[~IdIndex(others).contains(ids)]


def _among(ids: Longs, others: Longs) -> Longs:
    return ids[IdIndex(others).contains(ids)]


def _components(prepared: Prepared, user_id: int, job_id: int) -> dict[str, tuple[str, float, float]]:
    """Component → (group, value, flat weight), in the model's order."""
    model = prepared.model
    values = prepared.scorer.components(prepared.user_rows([user_id]), prepared.job_rows([job_id]))[:, 0, 0]
    return {
        part.name: (part.group, float(value), float(weight))
        for part, value, weight in zip(model.parts, values, model.flat_weights, strict=True)
    }
