"""Several models on the same users: every measure with its interval, and its difference to the first model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from scoring.array_types import Floats
from scoring.errors import ConfigurationError, counted
from scoring.evaluation.evaluator import Evaluator, Judgement
from scoring.evaluation.jackknife import Jackknife
from scoring.evaluation.list_metrics import POPULATION_FACTS, USER_FACTS
from scoring.evaluation.significance import Resamples, holm, minimum_detectable_difference
from scoring.evaluation.slices import Slicing, slice_differences, slices_of
from scoring.model import ScoringModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Scoreboard"]

_NOTHING: Final = dict.fromkeys(
    ("n", "mean", "low", "high", "difference", "difference_low", "difference_high", "p", "detectable"), np.nan
)
"""The columns of figures, with what stands there where there is none."""


@dataclass(frozen=True, repr=False)
class Scoreboard:
    """Judgements by name, the first of which is the baseline, on the users of one evaluator. Made by `of`.

    Intervals are percentile intervals of a bootstrap over users (of a jackknife over groups of users for coverage and
    concentration, which are of all lists together); p-values are of a paired randomisation test and are corrected
    over all that is tested here (Holm).
    """

    evaluator: Evaluator
    judgements: Mapping[str, Judgement]
    resamples: Resamples
    level: float = 0.95

    @classmethod
    def of(
        cls, evaluator: Evaluator, models: Mapping[str, ScoringModel], *, level: float = 0.95, seed: int = 0
    ) -> Self:
        """Judges the models. Raises ConfigurationError where there is none."""
        if not models:
            raise ConfigurationError("a scoreboard needs a model, and a second one to compare it with.")
        judgements = {name: evaluator.judge(model) for name, model in models.items()}
        return cls(evaluator, judgements, Resamples.of(evaluator.user_id, seed=seed), level)

    def __repr__(self) -> str:
        return f"Scoreboard({', '.join(self.judgements)}; {counted(len(self.evaluator.user_id), 'user')})"

    def _repr_html_(self) -> str:
        return str(self.table().to_html(float_format=lambda value: f"{value:.4g}"))

    @property
    def baseline(self) -> str:
        """The name of the first model."""
        return next(iter(self.judgements))

    @cached_property
    def _values(self) -> dict[str, dict[str, Floats]]:
        """Model → measure → (n,) per user."""
        found = {}
        for name, judgement in self.judgements.items():
            facts = self.evaluator.facts(judgement)
            lists = {fact.name: fact.of(judgement.ranking, facts) for fact in USER_FACTS if fact.k <= self.evaluator.k}
            found[name] = {**judgement.values, **lists}
        return found

    @cached_property
    def _populations(self) -> dict[str, dict[str, Jackknife]]:
        """Model → measure → value of all lists."""
        found = {}
        for name, judgement in self.judgements.items():
            facts = self.evaluator.facts(judgement)
            found[name] = {
                fact.name: fact.of(judgement.ranking, facts) for fact in POPULATION_FACTS if fact.k <= self.evaluator.k
            }
        return found

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows = [row for name in self.judgements for row in self._rows(name)]
        frame = pd.DataFrame(rows)
        frame["p_holm"] = holm(frame["p"].to_numpy(dtype=np.float64))
        significant = frame["p_holm"] <= 1 - self.level
        beyond = frame["p"].isna() & ((frame["difference_low"] > 0) | (frame["difference_high"] < 0))
        frame["significant"] = significant | beyond
        return frame

    def frame(self) -> pd.DataFrame:
        """One row per model and measure.

        model · measure · n · mean · low · high · difference (to the baseline) · difference_low · difference_high · p ·
        detectable (the least true difference that so many users would show in 4 of 5 cases) · p_holm · significant.
        The baseline has no difference; coverage and concentration have no p-value, and are significant where the
        interval of their difference lies off 0.
        """
        return self._frame.copy()

    def _rows(self, name: str) -> list[dict[str, object]]:
        """Of one model, a row per measure."""
        base = None if name == self.baseline else self.baseline
        rows = []
        for measure, values in self._values[name].items():
            told = self._of_users(values, None if base is None else self._values[base][measure])
            rows.append({"model": name, "measure": measure, **_NOTHING, **told})
        for measure, value in self._populations[name].items():
            told = self._of_population(value, None if base is None else self._populations[base][measure])
            rows.append({"model": name, "measure": measure, **_NOTHING, **told})
        return rows

    def _of_users(self, values: Floats, base: Floats | None) -> dict[str, object]:
        """(n,) each: the mean of a measure that every user has, and what it gained."""
        known = ~np.isnan(values)
        told: dict[str, object] = {"n": int(known.sum())}
        if known.any():
            low, high = self.resamples.interval(values, self.level)
            told |= {"mean": float(values[known].mean()), "low": low, "high": high}
        if base is not None and (known & ~np.isnan(base)).sum() >= 2:
            found = self.resamples.paired(base, values, self.level)
            told |= {
                "difference": found.difference,
                "difference_low": found.low,
                "difference_high": found.high,
                "p": found.p,
                "detectable": minimum_detectable_difference(base, values, self.level),
            }
        return told

    def _of_population(self, value: Jackknife, base: Jackknife | None) -> dict[str, object]:
        """A measure of all lists together, and what it gained; users of one group alone give no interval."""
        told: dict[str, object] = {"n": value.n, "mean": value.value}
        enough = len(value.without) >= 2
        if enough:
            told["low"], told["high"] = value.interval(self.level)
        if base is not None:
            change = value.minus(base)
            told["difference"] = change.value
            if enough:
                told["difference_low"], told["difference_high"] = change.interval(self.level)
        return told

    def table(self) -> pd.DataFrame:
        """Measures as rows, models as columns: mean, and for all but the baseline the difference with a mark.

        A difference that is significant at the level is marked by *.
        """
        frame = self._frame
        columns: dict[str, pd.Series] = {}
        for name in self.judgements:
            rows = frame[frame["model"] == name].set_index("measure")
            columns[name] = rows["mean"]
            if name != self.baseline:
                columns[f"{name} − {self.baseline}"] = pd.Series(
                    [_difference(row) for row in rows.to_dict("records")], index=rows.index, dtype="str"
                )
        return pd.DataFrame(columns)

    def slices(self, name: str | None = None, slicings: Sequence[Slicing] | None = None) -> pd.DataFrame:
        """What a model (None: the last) changed against the baseline in every slice, as `slice_differences`.

        `slicings` None: region, age group, tenure, occupation (`slices_of`). Raises ConfigurationError: no such model,
        or the baseline itself; no slicing.
        """
        others = list(self.judgements)[1:]
        if not others or name not in (None, *others):
            raise ConfigurationError(
                f"{name or 'a second model'} is not here to be compared with {self.baseline}; there is "
                f"{', '.join(others) or 'no other'}."
            )
        name = name or others[-1]
        users = self.evaluator.user_id
        given = slices_of(self.evaluator.inputs) if slicings is None else slicings
        chosen = [one.of_users(users) for one in given]
        a, b = (self.judgements[of].values for of in (self.baseline, name))
        return slice_differences(a, b, chosen, self.resamples, level=self.level)

    def plot(self) -> Figure:
        """Metrics of every model, and their differences to the baseline, with intervals."""
        from scoring.evaluation.scoreboard_plot import plot_scoreboard

        return plot_scoreboard(self._frame, list(self.judgements), [m.name for m in self.evaluator.metrics], self.level)


def _difference(row: Mapping[Any, Any]) -> str:
    if np.isnan(row["difference"]):
        return ""
    if np.isnan(row["difference_low"]):
        return f"{row['difference']:+.4g}"
    mark = " *" if row["significant"] else ""
    return f"{row['difference']:+.4g} [{row['difference_low']:+.4g}, {row['difference_high']:+.4g}]{mark}"
