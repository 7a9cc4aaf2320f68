"""Waterfall: why a job's rank for a user changed between two models, by component of its score.

why = waterfall(before, after, user_id=1, job_id=2)
why.summary()   # text: the largest contributions, and the jobs that overtook it or were overtaken
why.frame()     # per component, by weight and by value; adds up to the change of the total
why.plot()
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.dataset.row_lookup import NO_EXTERNAL_IDS, ExternalIds
from scoring.evaluation.job_rank import FullRank, FullRanking
from scoring.evaluation.ranking_comparison import require_same_data
from scoring.id_index import IdIndex
from scoring.plotting.plot_registry import display
from scoring.ranking import Prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Change", "Waterfall", "waterfall"]

FEW = 5
"""Maximum number of job ids in a sentence of `Waterfall.summary`."""


@dataclass(frozen=True)
class Change:
    """One component under both models. If a model lacks the component, its weight is 0 and its value None."""

    component: str
    group: str
    value_before: float | None
    value_after: float | None
    weight_before: float  # flat weight: points per unit of value
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
        """Points due to the change of weight, at the mean of both values.

        If only one model has the component, this is the whole change.

        It is the Shapley value of a factor of a product: the mean over which factor changes first (Shapley, A Value
        for n-Person Games, 1953).
        """
        if self.value_before is None or self.value_after is None:
            return self.change
        return (self.weight_after - self.weight_before) * (self.value_before + self.value_after) / 2

    @property
    def by_value(self) -> float:
        """Points due to the change of value, at the mean of both weights."""
        if self.value_before is None or self.value_after is None:
            return 0.0
        return (self.value_after - self.value_before) * (self.weight_before + self.weight_after) / 2


@dataclass(frozen=True, repr=False)
class Waterfall:
    """A pair of user and job under two models. The changes add up to the difference of the unrounded totals."""

    user_id: int
    job_id: int
    changes: tuple[Change, ...]  # components of the model after, then those that only the model before has
    before: FullRank
    after: FullRank
    names: tuple[str, str] = ("before", "after")
    external_ids: ExternalIds = NO_EXTERNAL_IDS

    @property
    def user(self) -> str:
        """The external id of the user, or the number as text."""
        return self.external_ids.name_user(self.user_id)

    @property
    def job(self) -> str:
        """The external id of the job, or the number as text."""
        return self.external_ids.name_job(self.job_id)

    @property
    def total_before(self) -> float:
        """Total points before, not rounded to float32, unlike `before.score`."""
        return math.fsum(change.points_before for change in self.changes)

    @property
    def total_after(self) -> float:
        return math.fsum(change.points_after for change in self.changes)

    @property
    def change(self) -> float:
        """Points after minus points before, rounded once."""
        signed_points = ((change.points_after, -change.points_before) for change in self.changes)
        return math.fsum(points for pair in signed_points for points in pair)

    @property
    def by_weight(self) -> float:
        """Part of `change` that is due to weights. The rest is `by_value`."""
        return math.fsum(change.by_weight for change in self.changes)

    @property
    def by_value(self) -> float:
        return math.fsum(change.by_value for change in self.changes)

    @property
    def risen_above(self) -> Longs:
        """Ids of jobs that were ranked below this job and are above it now, best first."""
        rose = _subtract(self.after.ahead, np.sort(self.before.ahead))
        return _intersect(rose, self.before.sorted_order)

    @property
    def fallen_below(self) -> Longs:
        """Ids of jobs that were ranked above this job and are below it now, in their order before."""
        fell = _subtract(self.before.ahead, np.sort(self.after.ahead))
        return _intersect(fell, self.after.sorted_order)

    @property
    def added_above(self) -> Longs:
        """Ids of jobs above this job now that were not ranked before, best first: the rules changed."""
        return _subtract(self.after.ahead, self.before.sorted_order)

    @property
    def removed_above(self) -> Longs:
        """Ids of jobs above this job before that are not ranked now, in their order before."""
        return _subtract(self.before.ahead, self.after.sorted_order)

    def __repr__(self) -> str:
        return f"Waterfall(user {self.user}, job {self.job}: {self._headline()})"

    def _headline(self) -> str:
        return f"{self.total_before:.2f} → {self.total_after:.2f} points, rank {self.before} → {self.after}"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """Return one row per component.

        Columns: component · group · value, weight and points before and after · change · by_weight · by_value. change
        is by_weight + by_value. If a model lacks the component, its value is NaN and its points are 0.
        """
        columns = (
            "component", "group", "value_before", "value_after", "weight_before", "weight_after", "points_before",
            "points_after", "change", "by_weight", "by_value",
        )  # fmt: skip
        rows = [{name: getattr(change, name) for name in columns} for change in self.changes]
        return pd.DataFrame(rows).astype({name: "str" if name in columns[:2] else "float64" for name in columns})

    def summary(self) -> str:
        """Return a text: scores, ranks, the largest changes, and the jobs that changed places with this job."""
        moved = [
            f"{text}: {', '.join(jobs)}{f' and {more:,} more' if more else ''}."
            for text, jobs, more in self.list_moved_jobs()
        ]
        return " ".join([self.describe_change(), *moved])

    def describe_change(self) -> str:
        """Return a text: scores, ranks and the largest changes."""
        sentences = [f"Job {self.job} for user {self.user}: {self._headline()}."]
        for when, place in (("before", self.before), ("after", self.after)):
            if place.not_ranked:
                sentences.append(f"It is not ranked {when}: {'; '.join(place.not_ranked)}.")
        moved = sorted((change for change in self.changes if change.change), key=lambda change: -abs(change.change))
        if moved:
            most = ", ".join(f"{change.component} {change.change:+.2f}" for change in moved[:3])
            split = f"weights {self.by_weight:+.2f}, values {self.by_value:+.2f}"
            sentences.append(f"The score changes by {self.change:+.2f} ({split}), most by {most}.")
        return " ".join(sentences)

    def list_moved_jobs(self) -> list[tuple[str, list[str], int]]:
        """Return relation, ids and number of further jobs, for each group of jobs that changed places with this job."""
        moved_jobs = (
            ("Now ranked above it", self.risen_above),
            ("Now ranked below it", self.fallen_below),
            ("Newly ranked and above it", self.added_above),
            ("Above it before, no longer ranked", self.removed_above),
        )
        name = self.external_ids.name_job
        return [
            (relation, [name(job) for job in ids[:FEW].tolist()], max(len(ids) - FEW, 0))
            for relation, ids in moved_jobs
            if len(ids)
        ]

    def plot(self) -> Figure:
        """Plot the change from the total before to the total after, by component, the largest change first."""
        figure: Figure = display("waterfall", self)
        return figure


def waterfall(
    before: Prepared,
    after: Prepared,
    user_id: int | str,
    job_id: int | str,
    rankings: tuple[FullRanking, FullRanking] | None = None,
) -> Waterfall:
    """Return the waterfall of one user and job, by number or external id, under two models.

    The models may differ in weights, parameters, components and rules. Components are matched by name. `rankings` are
    the user's full rankings under both models; None computes them.

    Raises
    ------
    UnknownIdError: If the user or the job is not in the data.
    ConfigurationError: If the models were prepared on different data.

    Example
    -------
    >>> bolder = model.with_weights({"location": 0.5, "category": 0.3, "wage": 0.2})
    >>> change = waterfall(ready, ready.with_model(bolder), user_id=1, job_id=2)
    >>> len(change.frame()) >= len(model.parts)
    True
    """
    require_same_data(before, after)
    old_values, new_values = (_collect_components(prepared, user_id, job_id) for prepared in (before, after))
    changes = []
    for name in [*new_values, *(name for name in old_values if name not in new_values)]:
        old, new = old_values.get(name), new_values.get(name)
        changes.append(
            Change(
                component=name,
                group=(new or old_values[name])[0],
                value_before=None if old is None else old[1],
                value_after=None if new is None else new[1],
                weight_before=0.0 if old is None else old[2],
                weight_after=0.0 if new is None else new[2],
            )
        )
    if rankings is None:
        first = FullRanking(before, user_id)
        rankings = first, FullRanking(after, user_id, [first])
    names = before.model.name, after.model.name
    return Waterfall(
        user_id=int(before.plan.user_id[before.user_rows(user_id)[0]]),
        job_id=int(before.plan.job_id[before.job_rows(job_id)[0]]),
        changes=tuple(changes),
        before=rankings[0].rank(job_id),
        after=rankings[1].rank(job_id),
        names=names if names[0] != names[1] else ("before", "after"),
        external_ids=before.inputs.external_ids,
    )


def _subtract(ids: Longs, sorted_ids: Longs) -> Longs:
    """Return the ids that are not among `sorted_ids`."""
    return ids[~IdIndex(sorted_ids).contains(ids)]


def _intersect(ids: Longs, sorted_ids: Longs) -> Longs:
    return ids[IdIndex(sorted_ids).contains(ids)]


def _collect_components(
    prepared: Prepared, user_id: int | str, job_id: int | str
) -> dict[str, tuple[str, float, float]]:
    """Return component → (group, value, flat weight), in the model's order."""
    model = prepared.model
    values = prepared.scorer.components(prepared.user_rows([user_id]), prepared.job_rows([job_id]))[:, 0, 0]
    return {
        part.name: (part.group, float(value), float(weight))
        for part, value, weight in zip(model.parts, values, model.flat_weights, strict=True)
    }
