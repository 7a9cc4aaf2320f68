"""Evaluator of models on one holdout. Evaluating new weights of a known model takes milliseconds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length
from scoring.array_types import Floats, Longs
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, RunCancelledError, pluralize
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.list_metrics import ListFacts
from scoring.evaluation.metrics import DEFAULT_METRICS, Metric, mean
from scoring.evaluation.relevant_pairs import RankedRelevance, rank_relevance
from scoring.model import Eligibility, Inputs, ScoringModel
from scoring.ranking import Prepared, Ranking
from scoring.ranking.explanation import list_exclusions
from scoring.ranking.prepared import find_rows, parse_ids
from scoring.statistics import Statistics

__all__ = ["Evaluation", "Evaluator"]

_PLANS = 4
"""Number of plans that an evaluator keeps.

Models that differ in more than weights need a plan each, and building a plan takes most of a trial's time.
"""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """A model's lists for the users of an evaluator, with their metrics."""

    prepared: Prepared
    ranking: Ranking
    relevance: RankedRelevance
    values: Mapping[str, Floats]  # metric → (n,) per user

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {mean(values):.4f}" for name, values in self.values.items())
        return f"Evaluation({self.model.name}, {len(self.ranking.user_id):,} users: {means})"

    @property
    def model(self) -> ScoringModel:
        return self.prepared.model

    @property
    def judged(self) -> RankedRelevance:
        """The `relevance`. Deprecated since 0.2: use `relevance`."""
        warnings.warn("Evaluation.judged is now Evaluation.relevance.", DeprecationWarning, stacklevel=2)
        return self.relevance

    @property
    def user_id(self) -> Longs:
        """(n,) user ids, in the order of `values`."""
        return self.ranking.user_id


class Evaluator:
    """Rank jobs for the users of a holdout and compute metrics of the lists. Not thread-safe.

    Parameters
    ----------
    holdout: Data to rank on, and the relevant jobs. Users without relevant jobs are left out.
    users: Ids of the users to evaluate; None: all users of the holdout.
    k: Length of the lists. Lists are longer if a metric needs more ranks.
    metrics: Metrics to compute.
    statistics: Statistics of the holdout's data. Evaluators of the same data may share them. If None, factors are
        trained or read from `factor_cache`.
    factor_cache: Directory of cached factors.
    workers: Maximum number of threads; None: one per available core.

    Raises
    ------
    ConfigurationError: If none of the users has a relevant job, two metrics have the same name, or the statistics
        are of other data.
    UnknownIdError: If a user is not in the data.
    """

    def __init__(
        self,
        holdout: Holdout,
        *,
        users: NDArray[np.integer] | Sequence[int] | None = None,
        k: int = 40,
        metrics: Sequence[Metric] = DEFAULT_METRICS,
        statistics: Statistics | None = None,
        factor_cache: Path | None = None,
        workers: int | None = None,
    ) -> None:
        self.holdout = holdout if users is None else _of_users(holdout, users)
        self.metrics = tuple(metrics)
        if len({metric.name for metric in self.metrics}) < len(self.metrics):
            names = [metric.name for metric in self.metrics]
            duplicate = next(name for name in names if names.count(name) > 1)
            raise ConfigurationError(f"metrics contains {duplicate} more than once. Give each metric once.")
        self.k = max([check_list_length(k), *(metric.k for metric in self.metrics)])
        self.statistics = statistics or Statistics(holdout.data, factor_cache=factor_cache)
        if not _is_same_data(self.statistics.dataset, holdout.data):
            raise ConfigurationError(
                "statistics was computed from other data than holdout.data. Use Statistics(holdout.data), or omit it."
            )
        self.workers = workers
        self._plans: list[Prepared] = []  # most recently used first
        self._facts: tuple[Eligibility, ListFacts] | None = None

    def __repr__(self) -> str:
        return f"Evaluator({self.holdout!r}, lists of {self.k})"

    @property
    def user_id(self) -> Longs:
        """(n,) ids of the evaluated users, ascending."""
        return self.holdout.user_id

    @cached_property
    def _rows(self) -> Longs:
        return find_rows(self.holdout.data.users.user_id, self.user_id, "user")

    @cached_property
    def inputs(self) -> Inputs:
        """Inputs of the evaluated users and all jobs."""
        return Inputs.of(self.statistics).take_users(self._rows)

    def prepare(self, model: ScoringModel) -> Prepared:
        """Return the model prepared for these users. If only weights differ from a kept plan, nothing is re-encoded."""
        match = next((plan for plan in self._plans if _differ_only_in_weights(plan.model, model)), None)
        if self._plans:
            prepared = (match or self._plans[0]).with_model(model)
        else:
            candidates = self.holdout.candidates
            if candidates is not None:
                candidates = candidates.take(self._rows)
            prepared = Prepared.of(self.inputs, model, workers=self.workers, candidates=candidates)
        self._plans = [prepared, *(plan for plan in self._plans if plan is not match)][:_PLANS]
        return prepared

    def evaluate(self, model: ScoringModel, *, cancelled: Callable[[], bool] = lambda: False) -> Evaluation:
        """Return the model's lists, and every metric for every user.

        Raises
        ------
        RunCancelledError: If `cancelled` returns true.
        """
        prepared = self.prepare(model)
        ranking = prepared.scorer.top_k(self.k, cancelled=cancelled)
        if cancelled():  # lists that were not computed are empty and must not be evaluated
            raise RunCancelledError(f"The evaluation of model {model.name} was cancelled.")
        relevance = rank_relevance(ranking, self.holdout.relevance, self.k)
        return Evaluation(prepared, ranking, relevance, {metric.name: metric.of(relevance) for metric in self.metrics})

    def judge(self, model: ScoringModel, *, cancelled: Callable[[], bool] = lambda: False) -> Evaluation:
        """Return `evaluate(model)`. Deprecated since 0.2: use `evaluate`."""
        warnings.warn("Evaluator.judge is now Evaluator.evaluate.", DeprecationWarning, stacklevel=2)
        return self.evaluate(model, cancelled=cancelled)

    def facts(self, evaluation: Evaluation) -> ListFacts:
        """Return the facts of the jobs that the evaluated model may list."""
        rules = evaluation.model.eligibility
        if self._facts is None or self._facts[0] != rules:
            self._facts = rules, ListFacts.of(self.inputs, evaluation.prepared.plan.exclusions.open_to_all)
        return self._facts[1]

    def count_unreachable(self, model: ScoringModel) -> dict[str, int]:
        """Return rule → number of relevant pairs that the rule excludes from every list.

        Such a pair counts as a miss. It is counted once, at the first rule that excludes it.
        """
        prepared, counts = self.prepare(model), dict[str, int]()
        relevance = self.holdout.relevance
        users, jobs = prepared.user_rows(relevance.user_id), prepared.job_rows(relevance.job_id)
        for user, job in zip(users, jobs, strict=True):
            for reason in list_exclusions(prepared.plan, int(user), int(job))[:1]:
                counts[reason] = counts.get(reason, 0) + 1
        return counts


def _of_users(holdout: Holdout, users: NDArray[np.integer] | Sequence[int]) -> Holdout:
    ids = parse_ids(users, "user")
    find_rows(holdout.data.users.user_id, ids, "user")  # raises if an id is unknown
    part = holdout.of_users(ids)
    if not len(part.relevance):
        raise ConfigurationError(
            f"None of the given {pluralize(len(ids), 'user')} has a relevant job in this holdout ({holdout.name}). "
            "Use ids from holdout.user_id, or choose another holdout."
        )
    return part


def _is_same_data(a: Dataset, b: Dataset) -> bool:
    return a is b or a.fingerprint == b.fingerprint


def _differ_only_in_weights(a: ScoringModel, b: ScoringModel) -> bool:
    """Return whether two models differ at most in weights."""
    # compared, not hashed: a component may have a list among its parameters
    return a.parts == b.parts and a.eligibility == b.eligibility
