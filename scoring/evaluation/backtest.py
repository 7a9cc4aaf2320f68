"""Rolling backtest: the same models on holdouts by time at several cuts, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from scipy.special import ndtri

from scoring.argument_checks import (
    MAX_DAYS,
    MIN_INTERVAL,
    check_days,
    check_interval,
    check_level,
    check_list_length,
    check_positive_integer,
    check_seed,
    check_workers,
    list_values,
)
from scoring.array_types import Floats, Longs
from scoring.columns.id_arguments import list_ids
from scoring.dataset import Dataset
from scoring.dataset.dataset import parse_clock, require_dataset
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.beyond_accuracy_metrics import POPULATION_FACTS, USER_FACTS
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout import APPLICATIONS, EmptyHoldoutError
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.measure_info import PRICE_SHARE, compute_relative_change, find_good_sign
from scoring.evaluation.measure_values import Measure, MeasureDifference, MeasureMean, MeasureValues
from scoring.evaluation.metrics import DEFAULT_METRICS, Metric
from scoring.evaluation.note_text import format_notes, format_notes_html
from scoring.evaluation.randomisation_p_values import compute_p_values
from scoring.evaluation.scoreboard import count_permutations, parse_candidate, select_prices
from scoring.evaluation.significance import Resamples
from scoring.evaluation.significance_marks import DifferenceTest, mark_tests
from scoring.evaluation.slices import FEWEST_USERS
from scoring.model import ScoringModel
from scoring.model_catalog import AnyModel, load_models
from scoring.threads.pool import limit_blas_threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Backtest", "BacktestCut"]

_POWER: Final = 0.8


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
    pair_user: Longs  # (p,) users of the relevant pairs
    pair_job: Longs  # (p,) their jobs
    values: Mapping[str, MeasureValues]
    """Values of each model."""

    def __repr__(self) -> str:
        return f"BacktestCut({self.name}: {pluralize(len(self.user_id), 'user')})"

    @classmethod
    def of(cls, evaluator: Evaluator, models: Mapping[str, ScoringModel], goals: Sequence[Measure] = ()) -> Self:
        """Return the values of these models, also of the goals."""
        values = {name: MeasureValues.of(evaluator, evaluator.evaluate(model), goals) for name, model in models.items()}
        holdout = evaluator.holdout
        return cls(
            at=holdout.data.as_of,
            name=holdout.name,
            digest=holdout.digest,
            n_relevant=len(holdout.relevance),
            left_out=holdout.left_out,
            notes=holdout.notes,
            user_id=evaluator.user_id,
            pair_user=holdout.relevance.user_id,
            pair_job=holdout.relevance.job_id,
            values=values,
        )


@dataclass(frozen=True, repr=False)
class Backtest:
    """Values of the same models at several cuts, oldest first. The first model is the baseline. Create it with `of`.

    Pooled values are means over all pairs of a user and a cut. A user may appear in several cuts. Therefore the
    bootstrap draws users with all their cuts, and the paired randomisation test exchanges the models of a user in all
    cuts at once.

    A pooled test of a goal on the candidate was declared before the evaluation. It is not corrected, as in
    `Scoreboard`. Holm's correction is applied to all other pooled tests, and separately to all tests of single cuts.

    Example
    -------
    >>> from scoring.evaluation import NDCG
    >>> backtest = Backtest.of(data, {"standard": "standard"}, cuts=2, every=7, days=7, k=10, metrics=[NDCG(10)])
    >>> len(backtest.cuts) + len(backtest.skipped)
    2
    """

    cuts: tuple[BacktestCut, ...]
    skipped: Mapping[pd.Timestamp, str]
    """Cut without a relevant job → the reason, as a sentence."""
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    level: float = 0.95
    seed: int = 0
    goals: tuple[Measure, ...] = ()
    candidate: str | None = None
    """The model of the declared tests; None without goals."""
    currency: str = ""
    """The unit of amounts of money; empty if it is not known."""

    @classmethod
    def of(
        cls,
        data: Dataset,
        models: Mapping[str, AnyModel],
        *,
        cuts: int = 6,
        every: float | timedelta | None = None,
        days: int | timedelta = 14,
        newest: datetime | str | None = None,
        gains: Mapping[str, float] = APPLICATIONS,
        users: IdList | None = None,
        k: int = 40,
        metrics: Sequence[Metric] = DEFAULT_METRICS,
        factor_cache: Path | None = None,
        workers: int | None = None,
        level: float = 0.95,
        seed: int = 0,
        goals: Sequence[str | Measure] = (),
        candidate: str | None = None,
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
        days: Length of each held-out period, in whole days.
        newest: The newest cut; None: `days` days before the dataset's clock.
        gains: Kind of action → gain, as in `by_time`.
        users: Ids of the users to evaluate; None: all users. Users without relevant jobs at a cut are left out there.
        k, metrics, factor_cache, workers: As in `Evaluator`.
        level: Level of intervals and tests.
        seed: Seed of all draws.
        goals: Measures that the candidate was meant to improve over all cuts, declared before this evaluation. Names
            of metrics and of means over users, or such measures.
        candidate: The model that the goals are declared for; None: the last one.
        advance: Function that is called with (done, total) cuts.

        Raises
        ------
        ConfigurationError: If `models` is empty, a number or the time is invalid, a goal has no test over several cuts
            or needs longer lists, the candidate is the baseline or does not exist, or no cut has a relevant job.
        """
        require_dataset(data)
        sides = load_models(models)
        cuts, days = check_positive_integer("cuts", cuts), check_days("days", days, 1)
        every = days if every is None else check_interval("every", every, MIN_INTERVAL, MAX_DAYS)
        level, seed, k, workers = check_level(level), check_seed(seed), check_list_length(k), check_workers(workers)
        users = None if users is None else list_ids(users)  # read at each cut
        metrics = list_values("metrics", metrics, Metric, "metrics such as NDCG(10)")
        goals = list_values("goals", goals, str | Measure, "names of measures, or measures such as NDCG(20)")
        declared = tuple(_check_goal(goal, metrics, k) for goal in goals)
        chosen = parse_candidate(list(sides), candidate) if declared else None
        last = parse_clock(newest, "newest") or data.as_of - pd.Timedelta(days=days)
        options = {"k": k, "metrics": metrics, "factor_cache": factor_cache, "workers": workers}
        done: list[BacktestCut] = []
        skipped: dict[pd.Timestamp, str] = {}
        advance(0, cuts)
        for place in range(cuts):
            at = last - pd.Timedelta(days=every) * (cuts - 1 - place)
            try:
                done.append(cls._evaluate(data, at, sides, days, gains, users, declared, options))
            except EmptyHoldoutError as error:
                skipped[at] = str(error)
            advance(place + 1, cuts)
        if not done:
            raise ConfigurationError(
                f"None of {pluralize(cuts, 'cut')} has a relevant job. {list(skipped.values())[-1]}", key=("cuts",)
            )
        names = tuple(metric.name for metric in metrics)
        currency = data.board.currency
        return cls(tuple(done), skipped, tuple(sides), names, level, seed, declared, chosen, currency)

    @staticmethod
    def _evaluate(
        data: Dataset,
        at: pd.Timestamp,
        models: Mapping[str, ScoringModel],
        days: int,
        gains: Mapping[str, float],
        users: IdList | None,
        goals: Sequence[Measure],
        options: Mapping[str, Any],
    ) -> BacktestCut:
        """Return the values at one cut. The evaluator and the data of the cut are freed."""
        evaluator = Evaluator(by_time(data, at, days=days, gains=gains), users=users, **options)
        return BacktestCut.of(evaluator, models, goals)

    def __repr__(self) -> str:
        summary = f"Backtest({', '.join(self.models)}; {pluralize(len(self.cuts), 'cut')}, {self.n_users:,} users)"
        return summary + format_notes(self.notes)

    def _repr_html_(self) -> str:
        table = str(self.pooled().to_html(index=False, float_format=lambda value: f"{value:.4g}"))
        return table + format_notes_html(self.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the holdouts. A caveat that does not apply to all cuts starts with its cut."""
        notes = dict.fromkeys(note for cut in self.cuts for note in cut.notes)
        shared = [note for note in notes if all(note in cut.notes for cut in self.cuts)]
        single = [f"{cut.at:%Y-%m-%d}: {note}" for cut in self.cuts for note in cut.notes if note not in shared]
        return (*shared, *single)

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

    def _draw(self, user_id: Longs, n_cuts: int) -> Resamples:
        """Return the draws of users, for one family of the tests of `n_cuts` cuts."""
        of_model = self.cuts[0].values[self.baseline]
        n_tests = n_cuts * (len(self.models) - 1) * (len(of_model.per_user) + len(of_model.together))
        return Resamples.of(user_id, n_permutations=count_permutations(n_tests, self.level), seed=self.seed)

    @cached_property
    def _pooled(self) -> pd.DataFrame:
        clusters = _Clusters(self._draw(self.user_id, 1), self.level)
        rows, tests = list[dict[str, Any]](), list[DifferenceTest]()
        declared = {goal.name for goal in self.goals}
        for model in self.models:
            for measure in self.cuts[0].values[model].per_user:
                values, base = (
                    [(cut.user_id, cut.values[name].per_user[measure]) for cut in self.cuts]
                    for name in (model, self.baseline)
                )
                change = clusters.compare(base, values) if model != self.baseline else MeasureDifference()
                is_declared = model == self.candidate and measure in declared
                change = replace(change, test=replace(change.test, is_declared=is_declared))
                mean, users = clusters.summarize(values)
                rows.append({"model": model, "measure": measure, "users": users, **_fill_row(mean, change)})
                tests.append(change.test)
            for measure in self.cuts[0].values[model].together:
                value, start = (
                    float(np.mean([cut.values[name].together[measure].value for cut in self.cuts]))
                    for name in (model, self.baseline)
                )
                change = MeasureDifference()
                if model != self.baseline:
                    change = MeasureDifference(value - start, relative=compute_relative_change(value - start, start))
                n = sum(len(cut.user_id) for cut in self.cuts)
                row = {"model": model, "measure": measure, "users": self.n_users}
                rows.append(row | _fill_row(MeasureMean(n, value), change))
                tests.append(change.test)
        return _mark(rows, tests, self.level)

    def pooled(self) -> pd.DataFrame:
        """Return one row per model and measure, over all cuts.

        Columns are those of `Scoreboard.frame`, and users. `n` counts pairs of a user and a cut. Coverage and
        concentration are means over the cuts. They have no interval and no test: the jackknife compares random halves
        of the users, and the users of the cuts overlap in part.
        """
        return self._pooled.copy()

    def prices(self, model: str | None = None, share: float = PRICE_SHARE) -> pd.DataFrame:
        """Return the rows of `pooled` in which a measure became worse, as `Scoreboard.prices`.

        Parameters
        ----------
        model: The model; None: the last one.
        share: Smallest change to report, as a share of the baseline's mean.
        """
        name = self.models[-1] if model is None else model
        return select_prices(self._pooled[self._pooled["model"] == name], share)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows, tests = list[dict[str, Any]](), list[DifferenceTest]()
        for cut in self.cuts:
            resamples = self._draw(cut.user_id, len(self.cuts))
            base, is_small = cut.values[self.baseline], len(cut.user_id) < FEWEST_USERS
            for model, values in cut.values.items():
                changes = {} if model == self.baseline else dict(values.compare(base, resamples, self.level))
                for measure, mean in values.means(resamples, self.level):
                    change = changes.get(measure, MeasureDifference())
                    if is_small:
                        mean = MeasureMean(mean.n, mean.mean)
                        change = MeasureDifference(change.difference, relative=change.relative)
                    rows.append({"cut": cut.at, "model": model, "measure": measure, **_fill_row(mean, change)})
                    tests.append(change.test)
        return _mark(rows, tests, self.level)

    def frame(self) -> pd.DataFrame:
        """Return one row per cut, model and measure. Columns are those of `Scoreboard.frame`, and cut.

        All tests are exploratory: a goal is declared for all cuts together.
        Cuts with few users (`slices.FEWEST_USERS`) have no interval and no test.
        """
        return self._frame.copy()

    def conclude(self, metric: str | None = None) -> list[str]:
        """Return whether each model is better than the baseline in every cut, one sentence each.

        With more than two models, the last sentence names the winner over all cuts.

        Parameters
        ----------
        metric: A metric or a goal; None: the first goal, or the first metric without goals.

        Raises
        ------
        ConfigurationError: If the metric does not exist.
        """
        metric = self._choose_metric(metric)
        sign = find_good_sign(metric) or 1
        frame = self._frame[self._frame["measure"] == metric]
        sentences = [
            f"{model} is {_count_cuts(frame[frame['model'] == model], f'than {self.baseline} in {metric}', sign)}."
            for model in self.models[1:]
        ]
        if len(self.models) > 2:
            pooled = self._pooled[self._pooled["measure"] == metric].set_index("model")["mean"]
            winner = str((sign * pooled).idxmax())
            means = sign * frame.pivot(index="cut", columns="model", values="mean")
            lost = means.index[means[winner] < means.max(axis=1)]
            where = f", but not in {_name_cuts(lost)}" if len(lost) else " and in every single cut"
            word = "highest" if sign > 0 else "lowest"
            sentences.append(f"{winner} has the {word} {metric} over all cuts{where}.")
        return sentences

    def plot(self, metric: str | None = None) -> Figure:
        """Plot the differences of a metric to the baseline by cut, with intervals. `metric` is as in `conclude`.

        Raises
        ------
        ConfigurationError: If the metric does not exist.
        """
        from scoring.evaluation.backtest_plot import plot_backtest

        metric = self._choose_metric(metric)
        frame, pooled = (frame[frame["measure"] == metric] for frame in (self._frame, self._pooled))
        return plot_backtest(frame, pooled, self.models, self.level)

    def _choose_metric(self, metric: str | None) -> str:
        known = dict.fromkeys((*(goal.name for goal in self.goals), *self.metrics))
        metric = next(iter(known)) if metric is None else metric
        if metric not in known:
            raise ConfigurationError(
                f"{metric} is not a metric of this backtest. Use one of: {', '.join(known)}.", key=("metric",)
            )
        return metric


def _check_goal(goal: str | Measure, metrics: Sequence[Metric], k: int) -> Measure:
    """Return the measure. Raise if it is an unknown name, needs longer lists, or has no test over several cuts."""
    measures: tuple[Measure, ...] = (*metrics, *USER_FACTS)
    known = {measure.name: measure for measure in measures}
    measure = known.get(goal, goal) if isinstance(goal, str) else goal
    name = measure if isinstance(measure, str) else measure.name
    if name.partition("@")[0] in {fact.label for fact in POPULATION_FACTS}:
        raise ConfigurationError(
            f"{name} has no test over several cuts, so it cannot be a goal. Use one cut, or another goal.",
            key=("goals",),
        )
    if not isinstance(measure, Measure):
        raise ConfigurationError(
            f"{measure!r} is not a measure of this backtest. Use one of: {', '.join(known)}, or a metric such as "
            "NDCG(20).",
            key=("goals",),
        )
    if measure.k > k:
        raise ConfigurationError(
            f"{measure.name} needs lists of {measure.k} jobs, but those of the backtest have {k}. Use k={measure.k}.",
            key=("goals",),
        )
    return measure


def _count_cuts(rows: pd.DataFrame, than: str, good_sign: int) -> str:
    """Return in how many cuts a model is better, and in which it is worse or equal, from its rows of `frame`."""
    signs = good_sign * np.sign(rows["difference"])
    parts = {word: rows[signs == sign] for word, sign in (("better", 1), ("worse", -1), ("equal", 0))}
    most = "worse" if len(parts["worse"]) > len(parts["better"]) else "better"
    n_significant = int(parts[most]["significant"].sum())
    text = f"{most} {than} in {len(parts[most]):,} of {pluralize(len(rows), 'cut')} ({n_significant:,} significant)"
    others = [f"{word} in {_name_cuts(part['cut'])}" for word, part in parts.items() if word != most and len(part)]
    return "; ".join([text, *others])


def _name_cuts(cuts: Iterable[pd.Timestamp]) -> str:
    dates = [f"{cut:%Y-%m-%d}" for cut in cuts]
    return f"the cut{'' if len(dates) == 1 else 's'} of {', '.join(dates)}"


def _fill_row(mean: MeasureMean, change: MeasureDifference) -> dict[str, Any]:
    return {
        "n": mean.n,
        "mean": mean.mean,
        "low": mean.low,
        "high": mean.high,
        "difference": change.difference,
        "difference_low": change.low,
        "difference_high": change.high,
        "relative": change.relative,
        "p": change.test.p,
        "declared": change.test.is_declared,
    }


def _mark(rows: list[dict[str, Any]], tests: list[DifferenceTest], level: float) -> pd.DataFrame:
    """Return the rows with their marks, corrected over all of these tests."""
    marks = mark_tests(tests, level)
    return pd.DataFrame(rows).assign(
        p_holm=[mark.p_holm for mark in marks],
        n_tests=[mark.n_tests for mark in marks],
        detectable=[mark.detectable for mark in marks],
        significant=[mark.is_significant for mark in marks],
    )


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

    def summarize(self, values: _Values) -> tuple[MeasureMean, int]:
        """Return the mean with its interval, and the number of users."""
        total, n = self._add(values)
        mean = float(total.sum() / n.sum()) if n.any() else np.nan
        return MeasureMean(int(n.sum()), mean, *self._interval(total, n)), int(np.count_nonzero(n))

    def compare(self, base: _Values, values: _Values) -> MeasureDifference:
        """Return the difference from `base` over the pairs with both values."""
        total, n = self._add([(ids, after - before) for (ids, before), (_, after) in zip(base, values, strict=True)])
        acting = np.count_nonzero(n)
        if acting < 2:
            return MeasureDifference()
        difference = float(total.sum() / n.sum())
        before = [
            (ids, np.where(np.isnan(after), np.nan, start))
            for (ids, start), (_, after) in zip(base, values, strict=True)
        ]
        with limit_blas_threads():
            p = float(compute_p_values(total[:, None], self.resamples.signs)[0])
        spread = ((total - difference * n) ** 2).sum() * acting / (acting - 1)
        error = float(np.sqrt(spread) / n.sum())

        def detectable_at(level: float) -> float:
            return float((ndtri((1 + level) / 2) + ndtri(_POWER)) * error)

        return MeasureDifference(
            difference,
            *self._interval(total, n),
            compute_relative_change(difference, self.summarize(before)[0].mean),
            DifferenceTest(p, detectable_at=detectable_at),
        )

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
