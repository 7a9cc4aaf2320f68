"""Comparison of several models on the same users: every measure with its interval and its difference to a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from scoring.array_types import Floats
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.external_lists import ExternalLists
from scoring.evaluation.jackknife import Jackknife
from scoring.evaluation.list_metrics import POPULATION_FACTS, USER_FACTS
from scoring.evaluation.significance import Resamples, adjust_holm, compute_detectable_difference
from scoring.evaluation.slices import Slicing, compare_slices, slices_of
from scoring.model import ScoringModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Scoreboard"]

_NO_VALUES: Final = dict.fromkeys(
    ("n", "mean", "low", "high", "difference", "difference_low", "difference_high", "p", "detectable"), np.nan
)
"""Default values of the numeric columns."""


@dataclass(frozen=True, repr=False)
class Scoreboard:
    """Evaluations by model name on the users of one evaluator. The first is the baseline. Create it with `of`.

    Intervals are percentile intervals of a bootstrap over users. Coverage and concentration are values of all lists
    together; their intervals come from a jackknife over groups of users. p-values come from a paired randomisation
    test, with Holm's correction over all tests of the scoreboard.
    """

    evaluator: Evaluator
    evaluations: Mapping[str, Evaluation]
    resamples: Resamples
    level: float = 0.95

    @classmethod
    def of(
        cls,
        evaluator: Evaluator,
        models: Mapping[str, ScoringModel | ExternalLists],
        *,
        level: float = 0.95,
        seed: int = 0,
    ) -> Self:
        """Return the scoreboard of these models, and of lists of other systems.

        Lists are checked with the rules of the first model.

        Raises
        ------
        ConfigurationError: If `models` is empty.
        """
        if not models:
            raise ConfigurationError("models is empty. Give at least one model.")
        rules = next((model.eligibility for model in models.values() if isinstance(model, ScoringModel)), None)
        evaluations = {
            name: evaluator.evaluate_lists(model, rules)
            if isinstance(model, ExternalLists)
            else evaluator.evaluate(model)
            for name, model in models.items()
        }
        return cls(evaluator, evaluations, Resamples.of(evaluator.user_id, seed=seed), level)

    def __repr__(self) -> str:
        return f"Scoreboard({', '.join(self.evaluations)}; {pluralize(len(self.evaluator.user_id), 'user')})"

    def _repr_html_(self) -> str:
        return str(self.table().to_html(float_format=lambda value: f"{value:.4g}"))

    @property
    def baseline(self) -> str:
        """The name of the first model."""
        return next(iter(self.evaluations))

    @cached_property
    def _values(self) -> dict[str, dict[str, Floats]]:
        """Model → measure → (n,) per user."""
        result = {}
        for name, evaluation in self.evaluations.items():
            facts = self.evaluator.facts(evaluation)
            lists = {fact.name: fact.of(evaluation.ranking, facts) for fact in USER_FACTS if fact.k <= self.evaluator.k}
            result[name] = {**evaluation.values, **lists}
        return result

    @cached_property
    def _populations(self) -> dict[str, dict[str, Jackknife]]:
        """Model → measure → value of all lists."""
        result = {}
        for name, evaluation in self.evaluations.items():
            facts = self.evaluator.facts(evaluation)
            result[name] = {
                fact.name: fact.of(evaluation.ranking, facts) for fact in POPULATION_FACTS if fact.k <= self.evaluator.k
            }
        return result

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows = [row for name in self.evaluations for row in self._rows(name)]
        frame = pd.DataFrame(rows)
        frame["p_holm"] = adjust_holm(frame["p"].to_numpy(dtype=np.float64))
        significant = frame["p_holm"] <= 1 - self.level
        excludes_0 = frame["p"].isna() & ((frame["difference_low"] > 0) | (frame["difference_high"] < 0))
        frame["significant"] = significant | excludes_0
        return frame

    def frame(self) -> pd.DataFrame:
        """Return one row per model and measure.

        Columns: model · measure · n · mean · low · high · difference (to the baseline) · difference_low ·
        difference_high · p · detectable (the smallest true difference detected with a power of 80 %) · p_holm ·
        significant.

        The baseline has no difference. Coverage and concentration have no p-value; they are significant if the
        interval of their difference excludes 0.
        """
        return self._frame.copy()

    def _rows(self, name: str) -> list[dict[str, object]]:
        """Return the rows of one model, one per measure."""
        base = None if name == self.baseline else self.baseline
        rows = []
        for measure, values in self._values[name].items():
            row = self._summarize_users(values, None if base is None else self._values[base][measure])
            rows.append({"model": name, "measure": measure, **_NO_VALUES, **row})
        for measure, value in self._populations[name].items():
            row = self._summarize_population(value, None if base is None else self._populations[base][measure])
            rows.append({"model": name, "measure": measure, **_NO_VALUES, **row})
        return rows

    def _summarize_users(self, values: Floats, base: Floats | None) -> dict[str, object]:
        """Return the columns of a measure with one value per user, (n,) each: its mean, and its change from `base`."""
        known = ~np.isnan(values)
        row: dict[str, object] = {"n": int(known.sum())}
        if known.any():
            low, high = self.resamples.interval(values, self.level)
            row |= {"mean": float(values[known].mean()), "low": low, "high": high}
        if base is not None and (known & ~np.isnan(base)).sum() >= 2:
            change = self.resamples.compare(base, values, self.level)
            row |= {
                "difference": change.difference,
                "difference_low": change.low,
                "difference_high": change.high,
                "p": change.p,
                "detectable": compute_detectable_difference(base, values, self.level),
            }
        return row

    def _summarize_population(self, value: Jackknife, base: Jackknife | None) -> dict[str, object]:
        """Return the columns of a measure of all lists. There is no interval if all users are in one group."""
        row: dict[str, object] = {"n": value.n, "mean": value.value}
        has_interval = len(value.without) >= 2
        if has_interval:
            row["low"], row["high"] = value.interval(self.level)
        if base is not None:
            change = value.subtract(base)
            row["difference"] = change.value
            if has_interval:
                row["difference_low"], row["difference_high"] = change.interval(self.level)
        return row

    def table(self) -> pd.DataFrame:
        """Return measures as rows and models as columns: means, and differences to the baseline.

        An asterisk marks a difference that is significant at the level.
        """
        frame = self._frame
        columns: dict[str, pd.Series] = {}
        for name in self.evaluations:
            rows = frame[frame["model"] == name].set_index("measure")
            columns[name] = rows["mean"]
            if name != self.baseline:
                columns[f"{name} − {self.baseline}"] = pd.Series(
                    [_difference(row) for row in rows.to_dict("records")], index=rows.index, dtype="str"
                )
        return pd.DataFrame(columns)

    def slices(self, name: str | None = None, slicings: Sequence[Slicing] | None = None) -> pd.DataFrame:
        """Return `compare_slices` between the baseline and a model.

        Parameters
        ----------
        name: The model; None: the last one.
        slicings: Slicings to compare in; None: those of `slices_of`.

        Raises
        ------
        ConfigurationError: If the model does not exist or is the baseline, or `slicings` is empty.
        """
        other_models = list(self.evaluations)[1:]
        if not other_models:
            raise ConfigurationError(f"The scoreboard has only the model {self.baseline}. Slices need a second model.")
        if name not in (None, *other_models):
            raise ConfigurationError(
                f"{name} is not a model to compare with {self.baseline}. Use one of: {', '.join(other_models)}."
            )
        name = name or other_models[-1]
        users = self.evaluator.user_id
        all_slicings = slices_of(self.evaluator.inputs) if slicings is None else slicings
        chosen = [slicing.of_users(users) for slicing in all_slicings]
        a, b = (self.evaluations[model].values for model in (self.baseline, name))
        return compare_slices(a, b, chosen, self.resamples, level=self.level)

    def plot(self) -> Figure:
        """Plot the metrics of every model and their differences to the baseline, with intervals."""
        from scoring.evaluation.scoreboard_plot import plot_scoreboard

        return plot_scoreboard(
            self._frame, list(self.evaluations), [m.name for m in self.evaluator.metrics], self.level
        )


def _difference(row: Mapping[Any, Any]) -> str:
    if np.isnan(row["difference"]):
        return ""
    if np.isnan(row["difference_low"]):
        return f"{row['difference']:+.4g}"
    mark = " *" if row["significant"] else ""
    return f"{row['difference']:+.4g} [{row['difference_low']:+.4g}, {row['difference_high']:+.4g}]{mark}"
