"""Comparison of several models on the same users: every measure with its interval and its difference to a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from scoring.argument_checks import check_level, check_number, list_values
from scoring.errors import ConfigurationError, pluralize, suggest
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.external_lists import ExternalLists
from scoring.evaluation.job_slices import JobSlicing, compare_job_slices
from scoring.evaluation.measure_info import PRICE_SHARE, is_price
from scoring.evaluation.measure_values import Measure, MeasureDifference, MeasureValues, list_measures
from scoring.evaluation.metrics import Metric
from scoring.evaluation.note_text import format_notes, format_notes_html
from scoring.evaluation.significance import Resamples, describe_interval_accuracy
from scoring.evaluation.significance_marks import explain_mark, mark_tests
from scoring.evaluation.slices import Slicing, compare_slices, make_slicings, mark_slices
from scoring.model import ScoringModel
from scoring.model_catalog import AnyModel, check_models, load_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Scoreboard", "count_permutations", "parse_candidate", "select_prices"]

_DRAWS_AT_LIMIT: Final = 20
"""Expected number of permutations beyond the limit of an exploratory test. With fewer, its p-value is too coarse."""
_FEWEST_PERMUTATIONS: Final = 9_999


@dataclass(frozen=True, repr=False)
class Scoreboard:
    """Evaluations by model name on the users of one evaluator. The first is the baseline. Create it with `of`.

    Intervals are percentile intervals of a bootstrap over users. Coverage and concentration are values of all lists
    together; their intervals come from a jackknife over users. p-values come from a paired randomisation
    test, those of coverage and concentration from the jackknife.

    A test of a goal on the candidate was declared before the evaluation: its p-value is not corrected, or by Holm's
    method among the goals if there are several. All other tests are exploratory. Holm's method corrects them together.

    Example
    -------
    >>> bolder = model.with_weights({"location": 0.5, "category": 0.3, "wage": 0.2})
    >>> board = Scoreboard.of(evaluator, {"baseline": model, "bolder": bolder})
    >>> sorted(board.frame()["model"].unique())
    ['baseline', 'bolder']
    """

    evaluator: Evaluator
    evaluations: Mapping[str, Evaluation]
    resamples: Resamples
    level: float = 0.95
    goals: tuple[Measure, ...] = ()
    candidate: str | None = None
    """The model of the declared tests; None without goals."""
    measures: tuple[Measure, ...] = ()
    """Measures in addition to the evaluator's metrics, the goals and the usual properties of lists."""

    @classmethod
    def of(
        cls,
        evaluator: Evaluator,
        models: Mapping[str, AnyModel | ExternalLists],
        *,
        level: float = 0.95,
        seed: int = 0,
        goals: Sequence[str | Measure] = (),
        candidate: str | None = None,
        measures: Sequence[Measure] = (),
    ) -> Self:
        """Return the scoreboard of these models, and of lists of other systems.

        Lists are checked with the rules of the first model.

        Parameters
        ----------
        evaluator: The holdout and the users.
        models: Name → model; the first is the baseline.
        level: Confidence level of intervals and tests.
        seed: Seed of the bootstrap and of the permutations.
        goals: Measures that the candidate was meant to improve, declared before this evaluation. A name of a measure
            of the scoreboard, or a metric or property of lists.
        candidate: The model that the goals are declared for, such as the one that is to be saved; None: the last one.
        measures: Further metrics and properties of lists to compute, without declaring them.

        Raises
        ------
        ConfigurationError: If `models` is empty, a goal is not a measure, a measure needs longer lists, or the
            candidate is the baseline or does not exist.
        """
        level = check_level(level)
        check_models(models)
        sides = {
            str(name): model if isinstance(model, ExternalLists) else load_model(model)
            for name, model in models.items()
        }
        goals = list_values("goals", goals, str | Measure, "names of measures, or measures such as NDCG(20)")
        measures = list_values("measures", measures, Measure, "measures such as MeanFee(40)")
        added = tuple(_check_measure(measure, evaluator) for measure in measures)
        known = {measure.name: measure for measure in list_measures(evaluator, added)}
        declared = tuple(
            _check_measure(known.get(goal, goal) if isinstance(goal, str) else goal, evaluator) for goal in goals
        )
        chosen = parse_candidate(list(sides), candidate) if declared else None
        rules = next((model.eligibility for model in sides.values() if isinstance(model, ScoringModel)), None)
        evaluations = {
            name: evaluator.evaluate_lists(model, rules)
            if isinstance(model, ExternalLists)
            else evaluator.evaluate(model)
            for name, model in sides.items()
        }
        n_tests = (len(sides) - 1) * len(list_measures(evaluator, (*declared, *added)))
        permutations = count_permutations(n_tests, level)
        resamples = Resamples.of(evaluator.user_id, n_permutations=permutations, seed=seed)
        return cls(evaluator, evaluations, resamples, level, declared, chosen, added)

    def __repr__(self) -> str:
        return f"{self.summary}{format_notes(self.notes)}"

    def _repr_html_(self) -> str:
        return self.render_html(self.notes)

    def render_html(self, notes: Sequence[str]) -> str:
        """Return the table of `table` as HTML, followed by these notes."""
        return str(self.table().to_html(float_format=lambda value: f"{value:.4g}")) + format_notes_html(notes)

    @property
    def summary(self) -> str:
        """Names of the models and number of users, without notes."""
        return f"Scoreboard({', '.join(self.evaluations)}; {pluralize(len(self.evaluator.user_id), 'user')})"

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the holdout and of the intervals."""
        return (*self.evaluator.notes, *describe_interval_accuracy(len(self.evaluator.user_id)))

    @property
    def baseline(self) -> str:
        """The name of the first model."""
        return next(iter(self.evaluations))

    @property
    def currency(self) -> str:
        """The unit of amounts of money; empty if it is not known."""
        return self.evaluator.holdout.data.board.currency

    @cached_property
    def _values(self) -> dict[str, MeasureValues]:
        added = (*self.goals, *self.measures)
        return {
            name: MeasureValues.of(self.evaluator, evaluation, added) for name, evaluation in self.evaluations.items()
        }

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows, tests = list[dict[str, object]](), []
        declared = {goal.name for goal in self.goals}
        base = self._values[self.baseline]
        for name, values in self._values.items():
            changes = {} if name == self.baseline else dict(values.compare(base, self.resamples, self.level))
            for measure, mean in values.means(self.resamples, self.level):
                change = changes.get(measure, MeasureDifference())
                test = replace(change.test, is_declared=name == self.candidate and measure in declared)
                rows.append(
                    {
                        "model": name,
                        "measure": measure,
                        "n": mean.n,
                        "mean": mean.mean,
                        "low": mean.low,
                        "high": mean.high,
                        "difference": change.difference,
                        "difference_low": change.low,
                        "difference_high": change.high,
                        "relative": change.relative,
                        "p": test.p,
                        "declared": test.is_declared,
                    }
                )
                tests.append(test)
        marks = mark_tests(tests, self.level)
        marked = [
            row
            | {
                "p_holm": mark.p_holm,
                "n_tests": mark.n_tests,
                "detectable": mark.detectable,
                "significant": mark.is_significant,
            }
            for row, mark in zip(rows, marks, strict=True)
        ]
        return pd.DataFrame(marked)

    def frame(self) -> pd.DataFrame:
        """Return one row per model and measure.

        Columns: model · measure · n · mean · low · high · difference (to the baseline) · difference_low ·
        difference_high · relative (the difference as a share of the baseline's mean) · p · declared · p_holm (corrected
        among the declared or the exploratory tests) · n_tests (their number) · detectable (the smallest true difference
        that the mark finds with a power of 80 % if no other test has a true difference) · significant.

        The baseline has no difference.
        """
        return self._frame.copy()

    def prices(self, model: str | None = None, share: float = PRICE_SHARE) -> pd.DataFrame:
        """Return the rows of `frame` in which a measure became worse by more than a share of the baseline's mean.

        Parameters
        ----------
        model: The model; None: the candidate, or the last model without goals.
        share: Smallest change to report. Declared goals are left out.
        """
        name = model or self.candidate or list(self.evaluations)[-1]
        return select_prices(self._frame[self._frame["model"] == name], share)

    def disagreements(self) -> dict[tuple[str, str], str]:
        """Return (model, measure) → why its mark and its interval disagree, for the rows in which they do."""
        found = {
            (row["model"], row["measure"]): explain_mark(
                row["significant"], row["difference_low"], row["difference_high"], row["n_tests"], row["declared"]
            )
            for row in self._frame.to_dict("records")
        }
        return {place: reason for place, reason in found.items() if reason}

    def table(self) -> pd.DataFrame:
        """Return measures as rows and models as columns: means, and differences to the baseline.

        An asterisk marks a declared goal that is significant, and (*) an exploratory difference that is. Measures
        without a value, such as the mean fee of jobs without fees, are left out.
        """
        frame = self._frame
        columns: dict[str, pd.Series] = {}
        for name in self.evaluations:
            rows = frame[frame["model"] == name].set_index("measure")
            columns[name] = rows["mean"]
            if name != self.baseline:
                columns[f"{name} − {self.baseline}"] = pd.Series(
                    [_format_difference(row) for row in rows.to_dict("records")], index=rows.index, dtype="str"
                )
        known = frame.loc[frame["mean"].notna(), "measure"]
        return pd.DataFrame(columns).filter(known.unique(), axis=0)

    def slices(self, name: str | None = None, slicings: Sequence[Slicing | JobSlicing] | None = None) -> pd.DataFrame:
        """Return `compare_slices` between the baseline and a model, for slices of users and of jobs.

        A metric of a slice of jobs counts only the relevant jobs in it. p-values are corrected over all rows.

        Parameters
        ----------
        name: The model; None: the last one.
        slicings: Slicings to compare in; None: those of `make_slicings`.

        Raises
        ------
        ConfigurationError: If the model does not exist or is the baseline, or `slicings` is empty.
        """
        other_models = list(self.evaluations)[1:]
        if not other_models:
            raise ConfigurationError(
                f"The scoreboard has only the model {self.baseline}. Slices need a second model.", key=("models",)
            )
        if name not in (None, *other_models):
            raise ConfigurationError(
                f"{name} is not a model to compare with {self.baseline}. {suggest(str(name), other_models)}",
                key=("name",),
            )
        name = name or other_models[-1]
        users = self.evaluator.user_id
        all_slicings = make_slicings(self.evaluator.inputs) if slicings is None else slicings
        of_users = [slicing.of_users(users) for slicing in all_slicings if isinstance(slicing, Slicing)]
        of_jobs = [slicing for slicing in all_slicings if isinstance(slicing, JobSlicing)]
        a, b = (self.evaluations[model] for model in (self.baseline, name))
        parts = []
        if of_users or not of_jobs:
            parts.append(compare_slices(a.values, b.values, of_users, self.resamples, level=self.level))
        if of_jobs:
            parts.append(compare_job_slices(self.evaluator, a, b, of_jobs, self.resamples, level=self.level))
        return mark_slices(pd.concat(parts, ignore_index=True), self.level)

    def plot(self) -> Figure:
        """Plot the metrics, their differences to the baseline, and the changes of list properties, with intervals."""
        from scoring.evaluation.scoreboard_plot import plot_scoreboard

        measures = list_measures(self.evaluator, (*self.goals, *self.measures))
        metrics = [measure.name for measure in measures if isinstance(measure, Metric)]
        properties = [measure.name for measure in measures if not isinstance(measure, Metric)]
        return plot_scoreboard(self._frame, list(self.evaluations), metrics, properties, self.level)


def _check_measure(measure: str | Measure, evaluator: Evaluator) -> Measure:
    """Return the measure. Raise if it is an unknown name, or if the lists are too short for it."""
    if not isinstance(measure, Measure):
        names = ", ".join(known.name for known in list_measures(evaluator))
        raise ConfigurationError(
            f"{measure!r} is not a measure of this scoreboard. Use one of: {names}, or a metric such as NDCG(20).",
            key=("measure",),
        )
    if measure.k > evaluator.k:
        raise ConfigurationError(
            f"{measure.name} needs lists of {measure.k} jobs, but those of the evaluator have {evaluator.k}. Create it "
            f"with k={measure.k}.",
            key=("k",),
        )
    return measure


def parse_candidate(names: list[str], candidate: str | None) -> str:
    """Return the model that goals are declared for: the last one if it is None.

    Raises
    ------
    ConfigurationError: If the model is the baseline or does not exist.
    """
    chosen = names[-1] if candidate is None else candidate
    if len(names) < 2:
        raise ConfigurationError("goals requires a second model to compare with the baseline. Add one, or omit goals.")
    if chosen not in names[1:]:
        raise ConfigurationError(
            f"candidate is {chosen!r}, which is not a model to compare with {names[0]}. Use one of: "
            f"{', '.join(names[1:])}.",
            key=("candidate",),
        )
    return chosen


def _format_difference(row: Mapping[Any, Any]) -> str:
    if np.isnan(row["difference"]):
        return ""
    if np.isnan(row["difference_low"]):
        return f"{row['difference']:+.4g}"
    mark = "" if not row["significant"] else " *" if row["declared"] else " (*)"
    return f"{row['difference']:+.4g} [{row['difference_low']:+.4g}, {row['difference_high']:+.4g}]{mark}"


def count_permutations(n_tests: int, level: float) -> int:
    """Return the number of permutations for a family of tests: p-values near Holm's limit need many."""
    enough = int(_DRAWS_AT_LIMIT * n_tests / (1 - level)) if 0 < level < 1 else 0
    return max(_FEWEST_PERMUTATIONS, enough)


def select_prices(rows: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return the rows of one model in which a measure became worse, by `share` or more; the largest change first.

    Raises
    ------
    ConfigurationError: If `share` is not a number of 0 or more.
    """
    share = check_number("share", share)
    relative = zip(rows["measure"], rows["relative"], strict=True)
    worse = np.array([is_price(measure, change, share) for measure, change in relative], dtype=bool)
    found = rows[~rows["declared"] & worse]
    return found.sort_values("relative", key=lambda change: -change.abs(), kind="stable").reset_index(drop=True)
