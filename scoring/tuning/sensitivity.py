"""Effect of each weight: where lists change, and a metric as an exact function of the weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.argument_checks import check_list_length, list_values
from scoring.array_types import Floats, Ints, Longs
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError
from scoring.evaluation.metrics import Metric
from scoring.evaluation.relevance_judgements import Relevance
from scoring.id_index import IdIndex
from scoring.plotting.plot_registry import display
from scoring.ranking import Prepared
from scoring.threads.pool import run_in_threads
from scoring.tuning.step_function import StepCurve, find_constant_interval
from scoring.tuning.sweep_metrics import compute_list_values, find_ranks
from scoring.tuning.weight_sweep import sweep_weight, vary_weight

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Sensitivity", "WeightPath", "sensitivity"]


STEP = 0.05
"""Half width, in weight, of the interval for slopes: a step function has no slope at a point."""


@dataclass(frozen=True, repr=False)
class WeightPath:
    """One component whose weight varies from 0 to 1 while the other weights keep their proportions."""

    component: str
    group: str
    weight: float  # current
    changes: Floats  # ascending distinct weights at which a user's list changes
    n_changes: int  # changes of lists, over all users
    same_from: Floats  # (n_users,) lower end of the interval in which the list does not change
    same_to: Floats  # (n_users,) upper end
    kept: StepCurve  # share of the currently listed jobs that remain listed
    metric: StepCurve | None  # mean over the users with relevant jobs

    def __repr__(self) -> str:
        return f"WeightPath({self.component}, weight {self.weight:.4g}, {self.n_changes:,} list changes)"

    @property
    def constant_interval(self) -> tuple[float, float]:
        """Interval around the current weight in which no user's list changes.

        Both ends are the current weight if a list changes exactly there.
        """
        return float(self.same_from.max(initial=0.0)), float(self.same_to.min(initial=1.0))


@dataclass(frozen=True, repr=False)
class Sensitivity:
    """The effect of each component, varied alone, on lists of k jobs; components in the model's order."""

    paths: Mapping[str, WeightPath]
    user_id: Longs
    k: int
    metric: str | None
    n_measured: int  # users with relevant jobs, over whom the metric is averaged

    def __repr__(self) -> str:
        what = f", {self.metric} of {self.n_measured:,}" if self.metric else ""
        return f"Sensitivity({len(self.paths)} components, {len(self.user_id):,} users{what})"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def curve(self, component: str) -> StepCurve:
        """Return the metric as a function of this weight; without a metric, the share of listed jobs that remain.

        Raises
        ------
        ConfigurationError: If the component was not varied.
        """
        if component not in self.paths:
            raise ConfigurationError(
                f"The weight of a component {component!r} was not varied. Use one of: {', '.join(self.paths)}.",
                key=(component,),
            )
        path = self.paths[component]
        return path.kept if path.metric is None else path.metric

    def frame(self) -> pd.DataFrame:
        """Return one row per component.

        Columns: component · group · weight · same_from, same_to (no list changes between them) · changes (of lists,
        over all users and weights). With a metric also: now · metric_from, metric_to (the metric does not change
        between them) · best (highest value) · best_weight · best_from, best_to (interval of the highest value) ·
        at_zero (the component left out) · slope (of the metric per unit of weight, across ±0.05).
        """
        return pd.DataFrame([_make_row(path) for path in self.paths.values()])

    def plot(self) -> Figure:
        """Plot a curve per component, the current and the best weight, and the interval without changes."""
        figure: Figure = display("sensitivity", self)
        return figure


def _make_row(path: WeightPath) -> dict[str, object]:
    low, high = path.constant_interval
    row: dict[str, object] = {"component": path.component, "group": path.group, "weight": path.weight}
    row |= {"same_from": low, "same_to": high, "changes": path.n_changes}
    curve, weight = path.metric, path.weight
    if curve is None:
        return row
    metric_low, metric_high = find_constant_interval(curve.changes, weight)
    best, best_from, best_to = curve.best(weight)
    left, right = max(weight - STEP, 0.0), min(weight + STEP, 1.0)
    return row | {
        "now": float(curve(weight)),
        "metric_from": metric_low,
        "metric_to": metric_high,
        "best": curve.highest,
        "best_weight": best,
        "best_from": best_from,
        "best_to": best_to,
        "at_zero": float(curve(0.0)),
        "slope": float(curve(right) - curve(left)) / (right - left),
    }


def sensitivity(
    prepared: Prepared,
    user_ids: IdList,
    relevance: Relevance | None = None,
    *,
    metric: Metric | None = None,
    k: int = 40,
    components: Sequence[str] | None = None,
) -> Sensitivity:
    """Return the effect of each component's weight, varied from 0 to 1; other weights keep their proportions.

    The result is exact for totals rounded to 2⁻²⁴ of a point; see `scoring.tuning.weight_sweep`. The engine's totals
    are float32, so its lists can differ where totals are within 1e-5 of each other.

    Parameters
    ----------
    relevance, metric: Both or neither. The metric is averaged over the users who have a relevant job, open or not.
    components: Names of the components to vary; all if None.

    Raises
    ------
    ConfigurationError: If there are no users, the model has `max_per_company`, only one of relevance and metric is
        given, the metric needs more than k jobs, no user has a relevant job, a component is unknown, or k is below 1.
    UnknownIdError: If a user does not exist.

    Example
    -------
    >>> curves = sensitivity(ready, [1, 2], k=5, components=["wage"])
    >>> list(curves.paths)
    ['wage']
    """
    k, users = check_list_length(k), prepared.user_rows(user_ids)
    chosen = _choose_components(prepared, users, components)
    relevant = _find_relevant(prepared, users, relevance, metric, k)
    user_paths: list[list[_UserPath]] = [[] for _ in users]

    def work(part: slice) -> int:
        for place in range(part.start, part.stop):
            user_paths[place] = _sweep_user(prepared, int(users[place]), chosen, k, relevant.get(place), metric)
        return part.stop - part.start

    run_in_threads(work, len(users), prepared.scorer.workers)
    parts = prepared.model.parts
    paths = {
        parts[c].name: _combine(parts[c].name, parts[c].group, weight, [paths[place] for paths in user_paths])
        for place, (c, weight) in enumerate(chosen)
    }
    return Sensitivity(paths, prepared.plan.user_id[users], k, metric.name if metric else None, len(relevant))


@dataclass(frozen=True)
class _UserPath:
    """The curves of one user for one component."""

    changes: Floats
    same: tuple[float, float]
    kept: StepCurve  # number of currently listed jobs that remain listed
    metric: StepCurve | None


def _choose_components(prepared: Prepared, users: Longs, components: Sequence[str] | None) -> list[tuple[int, float]]:
    """Return the index and the current weight of each component to vary."""
    model = prepared.model
    if model.eligibility.max_per_company is not None:
        raise ConfigurationError(
            "sensitivity does not support max_per_company, because lists then depend on more than totals. "
            "Use model.with_eligibility(max_per_company=None).",
            key=("max_per_company",),
        )
    if not len(users):
        raise ConfigurationError("There are no users. Give at least one user.", key=("users",))
    names = [part.name for part in model.parts]
    if components is not None:
        components = list_values("components", components, str, "names of components")
    unknown = [name for name in components or () if name not in names]
    if unknown:
        raise ConfigurationError(
            f"Model {model.name} has no component {unknown[0]!r}. Use one of: {', '.join(names)}.", key=(unknown[0],)
        )
    flat = model.flat_weights
    vary_weight(flat, 0, 0.0)  # rejects a model of one component
    return [
        (place, float(flat[place] / flat.sum()))
        for place, name in enumerate(names)
        if components is None or name in components
    ]


_Jobs = tuple[Longs, Floats]
"""A user's relevant jobs: rows in the plan (-1 if the plan does not contain the job) and gains."""


def _find_relevant(
    prepared: Prepared, users: Longs, relevance: Relevance | None, metric: Metric | None, k: int
) -> dict[int, _Jobs]:
    """Return the relevant jobs by position in `users`, for users who have any."""
    if relevance is None and metric is None:
        return {}
    if relevance is None or metric is None:
        raise ConfigurationError(
            "relevance and metric depend on each other. Give both, or omit both.", key=("relevance", "metric")
        )
    if metric.k > k:
        raise ConfigurationError(
            f"{metric.name} needs lists of {metric.k} jobs, but k is {k}. Use k={metric.k}.", key=("metric",)
        )
    plan = prepared.plan
    rows, _ = IdIndex(plan.job_id).find(relevance.job_id)
    result = {}
    for at, user in enumerate(plan.user_id[users]):
        of_user = relevance.user_id == user
        if of_user.any():
            result[at] = rows[of_user], np.asarray(relevance.gain[of_user], dtype=np.float64)
    if not result:
        raise ConfigurationError(
            f"None of the {len(users):,} users has a relevant job, so {metric.name} has no value. Use users from "
            "relevance.users.",
            key=("relevance",),
        )
    return result


def _sweep_user(
    prepared: Prepared,
    user: int,
    chosen: Sequence[tuple[int, float]],
    k: int,
    jobs: _Jobs | None,
    metric: Metric | None,
) -> list[_UserPath]:
    plan, row = prepared.plan, np.array([user])
    eligible = np.flatnonzero(plan.exclusions.matrix(row)[0])
    eligible = eligible[np.argsort(plan.job_id[eligible], kind="stable")]  # ordered by id, which breaks ties
    values = np.ascontiguousarray(prepared.scorer.components(row, eligible)[:, 0])
    column = np.full(len(plan.job_id) + 1, -1, dtype=np.int32)  # the last entry is for row -1: the job does not exist
    column[eligible] = np.arange(len(eligible))
    flat, result = plan.model.flat_weights, []
    for component, weight in chosen:
        times, at, within = sweep_weight(values, flat, component, k)
        curve = None
        if jobs is not None and metric is not None:
            curve = _compute_metric_curve(metric, times, at, within, column[jobs[0]], jobs[1], len(eligible))
        changes = times[1:-1]
        if not np.array_equal(at[0], within[0]):
            changes = np.append(0.0, changes)
        if not np.array_equal(at[-1], within[-1]):
            changes = np.append(changes, 1.0)
        result.append(
            _UserPath(
                changes,
                find_constant_interval(changes, weight),
                _count_kept(times, at, within, weight, len(eligible)),
                curve,
            )
        )
    return result


def _count_kept(times: Floats, at: Ints, within: Ints, weight: float, n_columns: int) -> StepCurve:
    """Return the number of currently listed jobs in each list."""
    place = int(np.searchsorted(times, weight))
    listed = at[place] if times[place] == weight else within[place - 1]
    here, between = (
        (find_ranks(lists, listed, n_columns) > 0).sum(axis=1).astype(np.float64) for lists in (at, within)
    )
    return StepCurve.simplify(times, here, between)


def _compute_metric_curve(
    metric: Metric,
    times: Floats,
    at: Ints,
    within: Ints,
    relevant_columns: Ints,
    gains: Floats,
    n_columns: int,
) -> StepCurve:
    """Return the metric as a curve; it changes only where a relevant job changes its rank."""
    at_points = compute_list_values(metric, find_ranks(at, relevant_columns, n_columns), gains)
    between = compute_list_values(metric, find_ranks(within, relevant_columns, n_columns), gains)
    return StepCurve.simplify(times, at_points, between)


def _combine(name: str, group: str, weight: float, paths: Sequence[_UserPath]) -> WeightPath:
    curves = [path.metric for path in paths if path.metric is not None]
    same = np.array([path.same for path in paths])
    kept = StepCurve.sum([path.kept for path in paths])
    listed = float(kept(weight))
    if not listed:
        raise ConfigurationError(
            "None of these users has an eligible job, so all lists are empty. Use other users, or relax the model's "
            "eligibility rules."
        )
    return WeightPath(
        component=name,
        group=group,
        weight=weight,
        changes=np.unique(np.concatenate([path.changes for path in paths])),
        n_changes=sum(len(path.changes) for path in paths),
        same_from=same[:, 0],
        same_to=same[:, 1],
        kept=StepCurve(kept.t, kept.at / listed, kept.within / listed),
        metric=StepCurve.mean(curves) if curves else None,
    )
