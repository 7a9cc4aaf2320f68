"""Effect of each component on a metric: the metric with the component left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from scoring.argument_checks import check_level, check_seed, list_values
from scoring.array_types import Floats, Longs
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.metrics import NDCG, Metric
from scoring.evaluation.significance import Resamples, adjust_holm
from scoring.model_catalog import AnyModel, load_model
from scoring.plotting import BLACK, BLUE, GREY, SMALL, create_figure
from scoring.tuning.weight_sweep import vary_weight

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Ablation", "ablation"]


@dataclass(frozen=True, repr=False)
class Ablation:
    """A metric per user with the current model, and with each component left out."""

    metric: str
    user_id: Longs  # (n,)
    baseline: Floats  # (n,)
    without: Mapping[str, Floats]  # component → (n,) values for the same users
    weights: Mapping[str, float]  # component → current flat weight
    level: float = 0.95
    seed: int = 0

    def __repr__(self) -> str:
        return f"Ablation({self.metric}: {len(self.without)} components, {len(self.baseline):,} users)"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def differences(self, component: str) -> Floats:
        """Return each user's loss without a component, (n,); positive where the component helps.

        Raises
        ------
        ConfigurationError: If the component was not left out.
        """
        if component not in self.without:
            raise ConfigurationError(
                f"This ablation did not leave out a component {component!r}. Use one of: {', '.join(self.without)}.",
                key=(component,),
            )
        return self.baseline - self.without[component]

    def frame(self) -> pd.DataFrame:
        """Return one row per component, the largest loss first.

        Columns: component · weight · with_it · without_it (means of the metric) · loss · low, high (bootstrap interval
        of the loss over users) · p_holm (paired randomisation test, corrected over the components) · significant ·
        users (number of users whose value differs).
        """
        return self._frame.copy()

    @cached_property
    def _frame(self) -> pd.DataFrame:
        resamples, rows = Resamples.of(self.user_id, seed=self.seed), []
        for name, values in self.without.items():
            difference = resamples.compare(values, self.baseline, self.level)
            rows.append(
                {
                    "component": name,
                    "weight": self.weights[name],
                    "with_it": difference.mean_b,
                    "without_it": difference.mean_a,
                    "loss": difference.difference,
                    "low": difference.low,
                    "high": difference.high,
                    "p_holm": difference.p,
                    "users": int((values != self.baseline).sum()),
                }
            )
        frame = pd.DataFrame(rows).sort_values("loss", ascending=False, kind="stable", ignore_index=True)
        frame["p_holm"] = adjust_holm(frame["p_holm"].to_numpy())
        frame.insert(8, "significant", frame["p_holm"] <= 1 - self.level)
        return frame

    def plot(self) -> Figure:
        """Plot the loss without each component and its interval; grey if the loss is not significant."""
        frame = self._frame[::-1].reset_index(drop=True)
        figure, (axes,) = create_figure(7.0, 0.32 * len(frame) + 1.2)
        for place, row in enumerate(frame.to_dict("records")):
            colour = BLUE if row["significant"] else GREY
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot(row["loss"], place, "o", color=colour, markersize=6)
        axes.axvline(0, color=BLACK, linewidth=0.8)
        axes.set_yticks(
            range(len(frame)),
            [f"{name} ({weight:.3g})" for name, weight in zip(frame["component"], frame["weight"], strict=True)],
            fontsize=SMALL + 0.5,
        )
        axes.set_ylim(-0.7, len(frame) - 0.3)
        axes.grid(axis="x", color="#E5E5E5")
        axes.set_axisbelow(True)
        axes.set_xlabel(
            f"loss of {self.metric} without the component ({self.level:.0%} interval; grey: not significant)"
        )
        axes.set_ylabel("component (weight)")
        axes.set_title(f"Loss without each component, {len(self.baseline):,} users", loc="left", fontsize=10)
        return figure


def ablation(
    evaluator: Evaluator, model: AnyModel, metric: Metric | None = None, *, level: float = 0.95, seed: int = 0
) -> Ablation:
    """Return the metric of the model for the evaluator's users, with and without each component.

    Leaving a component out sets its weight to 0; the other weights keep their proportions. A component whose weight
    is already 0 is not evaluated again.

    Parameters
    ----------
    metric: NDCG@10 if None.
    level: Confidence level of the intervals.
    seed: Seed of the bootstrap and the randomisation test.

    Raises
    ------
    ConfigurationError: If the model has only one component.

    Example
    -------
    >>> len(ablation(evaluator, model).frame()) >= len(model.parts)
    True
    """
    (metric,) = list_values("metric", metric or NDCG(10), Metric, "a metric such as NDCG(10)")
    level, seed = check_level(level), check_seed(seed)
    model = load_model(model)
    flat, names = model.flat_weights, [part.name for part in model.parts]
    vary_weight(flat, 0, 0.0)  # rejects a model of one component
    baseline = metric.of(evaluator.evaluate(model).relevance)
    without = {}
    for place, name in enumerate(names):
        if flat[place] == 0:
            without[name] = baseline
            continue
        weights = dict(zip(names, vary_weight(flat, place, 0.0).tolist(), strict=True))
        without[name] = metric.of(evaluator.evaluate(model.with_weights(weights)).relevance)
    current = dict(zip(names, flat.tolist(), strict=True))
    return Ablation(metric.name, evaluator.user_id, baseline, without, current, level, seed)
