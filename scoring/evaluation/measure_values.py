"""Values of all measures of a model, and their differences from another model on the same users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import numpy as np

from scoring.array_types import Floats
from scoring.evaluation.beyond_accuracy_metrics import (
    POPULATION_FACTS,
    USER_FACTS,
    PopulationFact,
    UserFact,
    compute_population_facts,
)
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.jackknife import Jackknife
from scoring.evaluation.measure_info import compute_relative_change
from scoring.evaluation.metrics import Metric
from scoring.evaluation.significance import Resamples, compute_detectable_difference
from scoring.evaluation.significance_marks import NO_TEST, DifferenceTest

__all__ = ["Measure", "MeasureDifference", "MeasureMean", "MeasureValues", "list_measures"]

Measure = Metric | UserFact | PopulationFact

_NAN: Final = float("nan")


def list_measures(evaluator: Evaluator, added: Sequence[Measure] = ()) -> tuple[Measure, ...]:
    """Return the evaluator's metrics, the usual properties of lists, and the added measures.

    Properties that need longer lists than the evaluator's are left out.
    """
    kinds = (Metric, UserFact, PopulationFact)
    shown = [*evaluator.metrics, *added, *USER_FACTS, *POPULATION_FACTS]
    by_name = {measure.name: measure for measure in shown if measure.k <= evaluator.k}
    return tuple(measure for kind in kinds for measure in by_name.values() if isinstance(measure, kind))


@dataclass(frozen=True)
class MeasureMean:
    """The mean of a measure over n users, or its value of all lists, with its interval. NaN if it has none."""

    n: int
    mean: float = _NAN
    low: float = _NAN
    high: float = _NAN


@dataclass(frozen=True)
class MeasureDifference:
    """The difference of a measure between two models, with its interval and its test. NaN if it has none."""

    difference: float = _NAN
    low: float = _NAN
    high: float = _NAN
    relative: float = _NAN
    """The difference as a share of the first model's value."""
    test: DifferenceTest = NO_TEST


@dataclass(frozen=True, repr=False)
class MeasureValues:
    """Measures of one model: values per user, and values of all lists together."""

    per_user: dict[str, Floats]  # measure → (n,), NaN if a user has no value
    together: dict[str, Jackknife]

    @classmethod
    def of(cls, evaluator: Evaluator, evaluation: Evaluation, added: Sequence[Measure] = ()) -> Self:
        """Return the values of `list_measures(evaluator, added)`."""
        facts, ranking = evaluator.facts(evaluation), evaluation.ranking
        per_user, of_lists = dict[str, Floats](), list[PopulationFact]()
        for measure in list_measures(evaluator, added):
            if isinstance(measure, Metric):
                known = evaluation.values.get(measure.name)
                per_user[measure.name] = measure.of(evaluation.relevance) if known is None else known
            elif isinstance(measure, UserFact):
                per_user[measure.name] = measure.of(ranking, facts)
            else:
                of_lists.append(measure)
        return cls(per_user, compute_population_facts(of_lists, ranking, facts))

    def means(self, resamples: Resamples, level: float = 0.95) -> Iterator[tuple[str, MeasureMean]]:
        """Yield each measure with its mean and interval."""
        for measure, values in self.per_user.items():
            known = ~np.isnan(values)
            n = int(known.sum())
            interval = resamples.interval(values, level) if n else (_NAN, _NAN)
            yield measure, MeasureMean(n, float(values[known].mean()) if n else _NAN, *interval)
        for measure, value in self.together.items():
            interval = value.interval(level) if value.has_interval else (_NAN, _NAN)
            yield measure, MeasureMean(value.n, value.value, *interval)

    def compare(
        self, base: MeasureValues, resamples: Resamples, level: float = 0.95
    ) -> Iterator[tuple[str, MeasureDifference]]:
        """Yield each measure with its difference from `base`. All values per user take one matrix product.

        A measure that fewer than two users have in both has no difference.
        """
        before, after = (np.column_stack(list(side.per_user.values())) for side in (base, self))
        found = resamples.differences(before, after, level=level, least=2)
        for place, measure in enumerate(self.per_user):
            difference = found.at(0, place)
            if difference.n < 2:
                yield measure, MeasureDifference()
                continue
            detectable = partial(compute_detectable_difference, before[:, place], after[:, place])
            test = DifferenceTest(difference.p, detectable_at=detectable)
            relative = compute_relative_change(difference.difference, difference.mean_a)
            yield measure, MeasureDifference(difference.difference, difference.low, difference.high, relative, test)
        for measure, value in self.together.items():
            start = base.together[measure]
            change = value.subtract(start)
            relative = compute_relative_change(change.value, start.value)
            if not change.has_interval:
                yield measure, MeasureDifference(change.value, relative=relative)
                continue
            test = DifferenceTest(change.p, detectable_at=change.detectable)
            yield measure, MeasureDifference(change.value, *change.interval(level), relative, test)
