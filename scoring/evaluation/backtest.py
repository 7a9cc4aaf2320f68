"""Rolling backtest: the same models on holdouts by time at several cuts, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from scoring.argument_checks import check_positive_integer
from scoring.array_types import Floats, Longs
from scoring.dataset import Dataset
from scoring.dataset.dataset import parse_clock
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.holdout import APPLICATIONS, EmptyHoldoutError
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.list_metrics import POPULATION_FACTS, USER_FACTS
from scoring.evaluation.metrics import DEFAULT_METRICS, Metric
from scoring.evaluation.randomisation import compute_p_values
from scoring.evaluation.significance import Resamples, adjust_holm
from scoring.evaluation.slices import FEWEST_USERS
from scoring.model import ScoringModel
from scoring.threads.pool import limit_blas_threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Backtest", "BacktestCut"]

_POWER: Final = 0.8
_CUT_COLUMNS: Final = (
    "cut", "model", "measure", "n", "mean", "difference", "difference_low", "difference_high", "p",
)  # fmt: skip
_POOLED_COLUMNS: Final = (
    "model", "measure", "n", "users", "mean", "low", "high", "difference", "difference_low", "difference_high", "p",
    "standard_error",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class BacktestCut:
    """The values of every model in one holdout."""

    at: pd.Timestamp
    name: str
    digest: str
    """Digest of the holdout of the evaluated users."""
    n_relevant: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    user_id: Longs  # (n,) ascending
    values: Mapping[str, Mapping[str, Floats]]
    """Model → measure → (n,) per user."""
    populations: Mapping[str, Mapping[str, float]]
    """Model → measure of all lists → value."""

    def __repr__(self) -> str:
        return f"BacktestCut({self.name}: {pluralize(len(self.user_id), 'user')})"

    @classmethod
    def of(cls, evaluator: Evaluator, models: Mapping[str, ScoringModel]) -> Self:
        """Return the values of these models."""
        values, populations = {}, {}
        for name, model in models.items():
            evaluation = evaluator.evaluate(model)
            values[name] = {**evaluation.values, **_user_facts(evaluator, evaluation)}
            facts = evaluator.facts(evaluation)
            populations[name] = {
                fact.name: fact.of(evaluation.ranking, facts).value
                for fact in POPULATION_FACTS
                if fact.k <= evaluator.k
            }
        holdout = evaluator.holdout
        return cls(
            at=holdout.data.as_of,
            name=holdout.name,
            digest=holdout.digest,
            n_relevant=len(holdout.relevance),
            left_out=holdout.left_out,
            notes=holdout.notes,
            user_id=evaluator.user_id,
            values=values,
            populations=populations,
        )


def _user_facts(evaluator: Evaluator, evaluation: Evaluation) -> dict[str, Floats]:
    facts = evaluator.facts(evaluation)
    return {fact.name: fact.of(evaluation.ranking, facts) for fact in USER_FACTS if fact.k <= evaluator.k}


@dataclass(frozen=True, repr=False)
class Backtest:
    """Values of the same models at several cuts, oldest first. The first model is the baseline. Create it with `of`.

    Pooled values are means over all pairs of a user and a cut. A user may appear in several cuts. Therefore the
    bootstrap draws users with all their cuts, and the paired randomisation test exchanges the models of a user in all
    cuts at once. Holm's correction is applied to all pooled tests, and separately to all tests of single cuts.
    """

    cuts: tuple[BacktestCut, ...]
    skipped: Mapping[pd.Timestamp, str]
    """Cut without a relevant job → the reason, as a sentence."""
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    level: float = 0.95
    seed: int = 0

    @classmethod
    def of(
        cls,
        data: Dataset,
        models: Mapping[str, ScoringModel],
        *,
        cuts: int = 6,
        every: float | None = None,
        days: float = 14.0,
        newest: datetime | str | None = None,
        gains: Mapping[str, float] = APPLICATIONS,
        users: NDArray[np.integer] | Sequence[int] | None = None,
        k: int = 40,
        metrics: Sequence[Metric] = DEFAULT_METRICS,
        factor_cache: Path | None = None,
        workers: int | None = None,
        level: float = 0.95,
        seed: int = 0,
        advance: Callable[[int, int], None] = lambda done, total: None,
    ) -> Self:
        """Evaluate the models at each cut. Factors are trained, and statistics computed, as of each cut.

        Data of one cut are in memory at a time.

        Parameters
        ----------
        data: The dataset to split.
        models: Name → model; the first is the baseline.
        cuts: Number of cuts.
        every: Days between two cuts; None: `days`, so that held-out periods do not overlap.
        days: Length of each held-out period.
        newest: The newest cut; None: `days` days before the dataset's clock.
        gains: Kind of action → gain, as in `by_time`.
        users: Ids of the users to evaluate; None: all users. Users without relevant jobs at a cut are left out there.
        k, metrics, factor_cache, workers: As in `Evaluator`.
        level: Level of intervals and tests.
        seed: Seed of all draws.
        advance: Function that is called with (done, total) cuts.

        Raises
        ------
        ConfigurationError: If `models` is empty, a number or the time is invalid, or no cut has a relevant job.
        """
        if not models:
            raise ConfigurationError("models is empty. Give at least one model.")
        cuts, every = check_positive_integer("cuts", cuts), days if every is None else every
        if not every > 0:
            raise ConfigurationError(f"every is {every}. Use a number of days above 0.")
        last = parse_clock(newest, "newest") or data.as_of - pd.Timedelta(days=days)
        options = {"k": k, "metrics": metrics, "factor_cache": factor_cache, "workers": workers}
        done: list[BacktestCut] = []
        skipped: dict[pd.Timestamp, str] = {}
        advance(0, cuts)
        for place in range(cuts):
            at = last - pd.Timedelta(days=every) * (cuts - 1 - place)
            try:
                done.append(cls._evaluate(data, at, models, days, gains, users, options))
            except EmptyHoldoutError as error:
                skipped[at] = str(error)
            advance(place + 1, cuts)
        if not done:
            raise ConfigurationError(
                f"None of {pluralize(cuts, 'cut')} has a relevant job. {list(skipped.values())[-1]}"
            )
        return cls(tuple(done), skipped, tuple(models), tuple(metric.name for metric in metrics), level, seed)

    @staticmethod
    def _evaluate(
        data: Dataset,
        at: pd.Timestamp,
        models: Mapping[str, ScoringModel],
        days: float,
        gains: Mapping[str, float],
        users: NDArray[np.integer] | Sequence[int] | None,
        options: Mapping[str, Any],
    ) -> BacktestCut:
        """Return the values at one cut. The evaluator and the data of the cut are freed."""
        evaluator = Evaluator(by_time(data, at, days=days, gains=gains), users=users, **options)
        return BacktestCut.of(evaluator, models)

    def __repr__(self) -> str:
        return f"Backtest({', '.join(self.models)}; {pluralize(len(self.cuts), 'cut')}, {self.n_users:,} users)"

    def _repr_html_(self) -> str:
        return str(self.pooled().to_html(index=False, float_format=lambda value: f"{value:.4g}"))

    @property
    def baseline(self) -> str:
        """The name of the first model."""
        return self.models[0]

    @cached_property
    def user_id(self) -> Longs:
        """Ids of the users of all cuts, ascending."""
        return np.unique(np.concatenate([cut.user_id for cut in self.cuts]))

    @property
    def n_users(self) -> int:
        """Number of users of all cuts."""
        return len(self.user_id)

    @cached_property
    def _pooled(self) -> pd.DataFrame:
        clusters = _Clusters(Resamples.of(self.user_id, seed=self.seed), self.level)
        rows = []
        for model in self.models:
            for measure in self.cuts[0].values[model]:
                values, base = (
                    [(cut.user_id, cut.values[name][measure]) for cut in self.cuts] for name in (model, self.baseline)
                )
                row = {"model": model, "measure": measure, **clusters.summarize(values)}
                rows.append(row | (clusters.compare(base, values) if model != self.baseline else {}))
            for measure in self.cuts[0].populations[model]:
                mean, reference = (
                    float(np.mean([cut.populations[name][measure] for cut in self.cuts]))
                    for name in (model, self.baseline)
                )
                row = {"model": model, "measure": measure, "mean": mean}
                rows.append(row | ({"difference": mean - reference} if model != self.baseline else {}))
        frame = _mark(pd.DataFrame(rows, columns=list(_POOLED_COLUMNS)), self.level)
        n_tests = max(int(frame["p"].notna().sum()), 1)
        quantiles = ndtri(1 - (1 - self.level) / (2 * n_tests)) + ndtri(_POWER)
        frame["detectable"] = quantiles * frame.pop("standard_error")
        return frame

    def pooled(self) -> pd.DataFrame:
        """Return one row per model and measure, over all cuts.

        Columns: model · measure · n (pairs of a user and a cut) · users · mean · low · high · difference (to the
        baseline) · difference_low · difference_high · p · p_holm · significant · detectable (the smallest true
        difference that is significant with a power of 80 %). Coverage and concentration are means over the cuts,
        without tests.
        """
        return self._pooled.copy()

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows = [row for cut in self.cuts for row in self._rows(cut)]
        return _mark(pd.DataFrame(rows, columns=list(_CUT_COLUMNS)), self.level)

    def frame(self) -> pd.DataFrame:
        """Return one row per cut, model and measure.

        Columns: cut · model · measure · n · mean · difference (to the baseline) · difference_low · difference_high ·
        p · p_holm · significant. Cuts with few users (`slices.FEWEST_USERS`) have no interval and no test.
        """
        return self._frame.copy()

    def _rows(self, cut: BacktestCut) -> Iterator[dict[str, Any]]:
        resamples = Resamples.of(cut.user_id, seed=self.seed)
        base = cut.values[self.baseline]
        for model in self.models:
            values, start = cut.values[model], {"cut": cut.at, "model": model}
            changes = None
            if model != self.baseline:
                a, b = (np.column_stack(list(of.values())) for of in (base, values))
                changes = resamples.differences(a, b, level=self.level, least=FEWEST_USERS)
            for column, (measure, of_users) in enumerate(values.items()):
                known = of_users[~np.isnan(of_users)]
                row = start | {"measure": measure, "n": len(known), "mean": known.mean() if len(known) else np.nan}
                if changes is not None:
                    change = changes.at(0, column)
                    row |= {"difference": change.difference, "difference_low": change.low}
                    row |= {"difference_high": change.high, "p": change.p}
                yield row
            for measure, value in cut.populations[model].items():
                row = start | {"measure": measure, "n": len(cut.user_id), "mean": value}
                if model != self.baseline:
                    row["difference"] = value - cut.populations[self.baseline][measure]
                yield row

    def conclude(self, metric: str | None = None) -> list[str]:
        """Return whether each model is better than the baseline in every cut, one sentence each.

        With more than two models, the last sentence names the winner over all cuts.

        Parameters
        ----------
        metric: The metric; None: the first one.

        Raises
        ------
        ConfigurationError: If the metric does not exist.
        """
        metric = self._choose_metric(metric)
        frame = self._frame[self._frame["measure"] == metric]
        sentences = [
            f"{model} is {_count_cuts(frame[frame['model'] == model], f'than {self.baseline} in {metric}')}."
            for model in self.models[1:]
        ]
        if len(self.models) > 2:
            pooled = self._pooled[self._pooled["measure"] == metric].set_index("model")["mean"]
            winner = str(pooled.idxmax())
            means = frame.pivot(index="cut", columns="model", values="mean")
            lost = means.index[means[winner] < means.max(axis=1)]
            where = f", but not in {_name_cuts(lost)}" if len(lost) else " and in every single cut"
            sentences.append(f"{winner} has the highest {metric} over all cuts{where}.")
        return sentences

    def plot(self, metric: str | None = None) -> Figure:
        """Plot the differences of a metric (None: the first one) to the baseline by cut, with intervals.

        Raises
        ------
        ConfigurationError: If the metric does not exist.
        """
        from scoring.evaluation.backtest_plot import plot_backtest

        metric = self._choose_metric(metric)
        frame, pooled = (frame[frame["measure"] == metric] for frame in (self._frame, self._pooled))
        return plot_backtest(frame, pooled, self.models, self.level)

    def _choose_metric(self, metric: str | None) -> str:
        metric = self.metrics[0] if metric is None else metric
        if metric not in self.metrics:
            raise ConfigurationError(
                f"{metric} is not a metric of this backtest. Use one of: {', '.join(self.metrics)}."
            )
        return metric


def _count_cuts(rows: pd.DataFrame, than: str) -> str:
    """Return in how many cuts a model is better, and in which it is worse or equal, from its rows of `frame`."""
    signs = np.sign(rows["difference"])
    parts = {word: rows[signs == sign] for word, sign in (("better", 1), ("worse", -1), ("equal", 0))}
    most = "worse" if len(parts["worse"]) > len(parts["better"]) else "better"
    n_significant = int(parts[most]["significant"].sum())
    text = f"{most} {than} in {len(parts[most]):,} of {pluralize(len(rows), 'cut')} ({n_significant:,} significant)"
    others = [f"{word} in {_name_cuts(part['cut'])}" for word, part in parts.items() if word != most and len(part)]
    return "; ".join([text, *others])


def _name_cuts(cuts: Iterable[pd.Timestamp]) -> str:
    dates = [f"{cut:%Y-%m-%d}" for cut in cuts]
    return f"the cut{'' if len(dates) == 1 else 's'} of {', '.join(dates)}"


def _mark(frame: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return the frame with Holm's correction over all of its tests."""
    p_holm = adjust_holm(frame["p"].to_numpy(dtype=np.float64))
    return frame.assign(p_holm=p_holm, significant=p_holm <= 1 - level)


_Values = Sequence[tuple[Longs, Floats]]
"""Per cut: (n,) user ids and (n,) values."""


@dataclass(frozen=True)
class _Clusters:
    """Inference for means over pairs of a user and a cut. All pairs of a user are one cluster.

    The mean is Σ s_u / Σ n_u, with s_u the sum and n_u the number of the user's values. Davison & Hinkley, Bootstrap
    methods and their application, 1997, chapter 3.8: clusters are drawn, not their members.
    """

    resamples: Resamples
    level: float

    def summarize(self, values: _Values) -> dict[str, float]:
        """Return n, users, mean, low and high."""
        total, n = self._add(values)
        low, high = self._interval(total, n)
        mean = total.sum() / n.sum() if n.any() else np.nan
        return {"n": int(n.sum()), "users": int(np.count_nonzero(n)), "mean": mean, "low": low, "high": high}

    def compare(self, base: _Values, values: _Values) -> dict[str, float]:
        """Return the difference to `base` over the pairs with both values, its interval, p and standard error."""
        changes = [(ids, after - before) for (ids, before), (_, after) in zip(base, values, strict=True)]
        total, n = self._add(changes)
        acting = np.count_nonzero(n)
        if acting < 2:
            return {}
        difference = float(total.sum() / n.sum())
        low, high = self._interval(total, n)
        with limit_blas_threads():
            p = compute_p_values(total[:, None], self.resamples.signs)[0]
        spread = ((total - difference * n) ** 2).sum() * acting / (acting - 1)
        return {
            "difference": difference,
            "difference_low": low,
            "difference_high": high,
            "p": float(p),
            "standard_error": float(np.sqrt(spread) / n.sum()),
        }

    def _add(self, values: _Values) -> tuple[Floats, Floats]:
        """Return (users,) the sum and the number of each user's values that are not NaN; users ascending."""
        ids = np.concatenate([of_cut for of_cut, _ in values])
        numbers = np.concatenate([of_cut for _, of_cut in values])
        known = ~np.isnan(numbers)
        row = np.searchsorted(self.resamples.user_id, ids[known])
        size = self.resamples.n
        total = np.bincount(row, numbers[known], size).astype(np.float64)
        return total, np.bincount(row, minlength=size).astype(np.float64)

    def _interval(self, total: Floats, n: Floats) -> tuple[float, float]:
        if not n.any():
            return np.nan, np.nan
        with limit_blas_threads(), np.errstate(invalid="ignore"):
            means = (self.resamples.counts @ total) / (self.resamples.counts @ n)
        low, high = np.nanquantile(means, ((1 - self.level) / 2, (1 + self.level) / 2))
        return float(low), float(high)
