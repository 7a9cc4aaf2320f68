"""Evaluator of models on one holdout. Evaluating new weights of a known model takes milliseconds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scoring.argument_checks import check_list_length, check_workers, list_values
from scoring.array_types import Floats, Longs
from scoring.dataset import Dataset
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError, RunCancelledError, pluralize
from scoring.evaluation.beyond_accuracy_metrics import ListFacts
from scoring.evaluation.external_lists import ExternalLists, count_first_reasons, list_notes
from scoring.evaluation.holdout import EmptyHoldoutError, Holdout
from scoring.evaluation.metrics import DEFAULT_METRICS, Metric, compute_mean
from scoring.evaluation.note_text import format_notes, render_summary
from scoring.evaluation.relevance_judgements import RankedRelevance, rank_relevance
from scoring.evaluation.user_splits import Split, split_users
from scoring.model import Eligibility, Inputs, ScoringModel
from scoring.model_catalog import AnyModel, load_model
from scoring.plan import Candidates
from scoring.plan.rule_exclusions import Exclusions
from scoring.ranking import Prepared, Ranking
from scoring.statistics import Statistics

__all__ = ["Evaluation", "Evaluator", "make_evaluators"]

_PLANS = 4
"""Number of plans that an evaluator keeps.

Models that differ in more than weights need a plan each, and building a plan takes most of a trial's time.
"""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The lists of a model or of another system for the users of an evaluator, with their metrics."""

    source: Prepared | ExternalLists
    exclusions: Exclusions
    """The rules that lists are checked with: those of the model; for another system, those of a model to compare."""
    ranking: Ranking
    relevance: RankedRelevance
    values: Mapping[str, Floats]  # metric → (n,) per user
    notes: tuple[str, ...] = ()
    """Facts of another system's lists to report with the metrics."""

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {compute_mean(values, name):.4f}" for name, values in self.values.items())
        name = self.source.name if isinstance(self.source, ExternalLists) else self.model.name
        return f"Evaluation({name}, {len(self.ranking.user_id):,} users: {means})"

    @property
    def is_external(self) -> bool:
        """Whether the lists are of another system, which has no model."""
        return isinstance(self.source, ExternalLists)

    @property
    def prepared(self) -> Prepared:
        """The prepared model.

        Raises
        ------
        ConfigurationError: If the lists are of another system.
        """
        if isinstance(self.source, ExternalLists):
            raise ConfigurationError(
                f"{self.source.name} has lists but no model. Choose an evaluation of a model.", key=("model",)
            )
        return self.source

    @property
    def model(self) -> ScoringModel:
        """The model. Raises ConfigurationError as `prepared`."""
        return self.prepared.model

    @property
    def judged(self) -> RankedRelevance:
        """The `relevance`. Deprecated since 0.2: use `relevance`."""
        warnings.warn("Evaluation.judged was renamed. Use Evaluation.relevance.", DeprecationWarning, stacklevel=2)
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
    users: Numbers or external ids of the users to evaluate; None: all users of the holdout.
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

    Example
    -------
    >>> from scoring.evaluation import NDCG
    >>> evaluator = Evaluator(holdout, k=10, metrics=[NDCG(10)])
    >>> evaluation = evaluator.evaluate("standard")
    >>> list(evaluation.values)[0]
    'NDCG@10'
    """

    def __init__(
        self,
        holdout: Holdout,
        *,
        users: IdList | None = None,
        k: int = 40,
        metrics: Sequence[Metric] = DEFAULT_METRICS,
        statistics: Statistics | None = None,
        factor_cache: Path | None = None,
        workers: int | None = None,
    ) -> None:
        if not isinstance(holdout, Holdout):
            raise ConfigurationError(
                f"holdout is of type {type(holdout).__name__}. Use a Holdout, such as by_time(data) returns.",
                key=("holdout",),
            )
        self.holdout = holdout if users is None else _of_users(holdout, users)
        self.metrics = list_values("metrics", metrics, Metric, "metrics such as NDCG(10)")
        if len({metric.name for metric in self.metrics}) < len(self.metrics):
            names = [metric.name for metric in self.metrics]
            duplicate = next(name for name in names if names.count(name) > 1)
            raise ConfigurationError(
                f"metrics contains {duplicate} more than once. Give each metric once.", key=("metrics",)
            )
        self.k = max([check_list_length(k), *(metric.k for metric in self.metrics)])
        self.statistics = statistics or Statistics(holdout.data, factor_cache=factor_cache, workers=workers)
        if not _is_same_data(self.statistics.dataset, holdout.data):
            raise ConfigurationError(
                "statistics was not computed from holdout.data. Use Statistics(holdout.data), or omit it.",
                key=("statistics",),
            )
        self.workers = check_workers(workers)
        self._plans: list[Prepared] = []  # most recently used first
        self._facts: tuple[Eligibility, ListFacts] | None = None

    def __repr__(self) -> str:
        return f"{self.summary}{format_notes(self.notes)}"

    def _repr_html_(self) -> str:
        return render_summary(self.summary, self.notes)

    @property
    def summary(self) -> str:
        """Name and sizes of the holdout and length of the lists, without notes."""
        return f"Evaluator({self.holdout.summary}; lists of {min(self.k, len(self.holdout.data.jobs)):,})"

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the holdout."""
        return self.holdout.notes

    @property
    def user_id(self) -> Longs:
        """(n,) ids of the evaluated users, ascending."""
        return self.holdout.user_id

    @cached_property
    def _rows(self) -> Longs:
        return self.holdout.data.user_lookup.find_rows(self.user_id)

    @cached_property
    def _candidates(self) -> Candidates | None:
        candidates = self.holdout.candidates
        return None if candidates is None else candidates.take(self._rows)

    @cached_property
    def inputs(self) -> Inputs:
        """Inputs of the evaluated users and all jobs."""
        return Inputs.of(self.statistics).take_users(self._rows)

    def prepare(self, model: AnyModel) -> Prepared:
        """Return the model prepared for these users. If only weights differ from a kept plan, nothing is re-encoded."""
        model = load_model(model)
        match = next((plan for plan in self._plans if _differ_only_in_weights(plan.model, model)), None)
        if self._plans:
            prepared = (match or self._plans[0]).with_model(model)
        else:
            prepared = Prepared.of(self.inputs, model, workers=self.workers, candidates=self._candidates)
        self._plans = [prepared, *(plan for plan in self._plans if plan is not match)][:_PLANS]
        return prepared

    def evaluate(self, model: AnyModel, *, cancelled: Callable[[], bool] = lambda: False) -> Evaluation:
        """Return the model's lists, and every metric for every user.

        Raises
        ------
        RunCancelledError: If `cancelled` returns true.
        """
        model = load_model(model)
        prepared = self.prepare(model)
        ranking = prepared.scorer.top_k(self.k, cancelled=cancelled)
        if cancelled():  # lists that were not computed are empty and must not be evaluated
            raise RunCancelledError(f"The evaluation of model {model.name} was cancelled.")
        ranking = prepared.add_external_ids(ranking)
        return Evaluation(prepared, prepared.plan.exclusions, ranking, *self._measure(ranking))

    def evaluate_lists(self, lists: ExternalLists, rules: Eligibility | None = None) -> Evaluation:
        """Return the metrics of another system's lists.

        Each job keeps its place, also if the rules exclude it or it is not in the data. A user without a list has an
        empty one. `Evaluation.notes` counts both.

        Parameters
        ----------
        lists: The lists.
        rules: Rules that entries are checked with, such as those of a model to compare; None: the default rules.

        Raises
        ------
        ConfigurationError: If the lists are later than actions of the holdout, which they may contain.
        """
        _require_earlier(lists, self.holdout)
        rules = Eligibility() if rules is None else rules
        exclusions = next((plan.plan.exclusions for plan in self._plans if plan.model.eligibility == rules), None)
        if exclusions is None:
            exclusions = Exclusions.of(rules, self.inputs, self._candidates)
        ranking = lists.ranking(self.user_id, self.inputs.jobs.job_id, self.k)
        notes = list_notes(lists, ranking, exclusions, self.holdout, self.k)
        return Evaluation(lists, exclusions, ranking, *self._measure(ranking), notes)

    def _measure(self, ranking: Ranking) -> tuple[RankedRelevance, dict[str, Floats]]:
        relevance = rank_relevance(ranking, self.holdout.relevance, self.k)
        return relevance, {metric.name: metric.of(relevance) for metric in self.metrics}

    def judge(self, model: AnyModel, *, cancelled: Callable[[], bool] = lambda: False) -> Evaluation:
        """Return `evaluate(model)`. Deprecated since 0.2: use `evaluate`."""
        warnings.warn("Evaluator.judge was renamed. Use Evaluator.evaluate.", DeprecationWarning, stacklevel=2)
        return self.evaluate(model, cancelled=cancelled)

    def facts(self, evaluation: Evaluation) -> ListFacts:
        """Return the facts of the jobs that the evaluation's rules allow."""
        rules = evaluation.exclusions.rules
        if self._facts is None or self._facts[0] != rules:
            self._facts = rules, ListFacts.of(self.inputs, evaluation.exclusions.open_to_all)
        return self._facts[1]

    def count_unreachable(self, model: AnyModel) -> dict[str, int]:
        """Return rule → number of relevant pairs that the rule excludes from every list.

        Such a pair counts as a miss. It is counted once, at the first rule that excludes it.
        """
        prepared, relevance = self.prepare(model), self.holdout.relevance
        users, jobs = prepared.user_rows(relevance.user_id), prepared.job_rows(relevance.job_id)
        return count_first_reasons(prepared.plan.exclusions.find_reasons(users, jobs))


def make_evaluators(
    holdout: Holdout, split: Split | None = None, *, k: int = 40
) -> tuple[Evaluator, Evaluator, Evaluator]:
    """Return the evaluators of the train, validation and test users of a holdout. They share their statistics.

    Parameters
    ----------
    split: The users of the three parts; None: `split_users(holdout.user_id)`.
    k: Length of the lists.

    Raises
    ------
    ConfigurationError: If a part has no users, or as `Evaluator`.

    Example
    -------
    >>> train, validation, test = make_evaluators(holdout, k=10)
    >>> set(train.user_id) & set(test.user_id)
    set()
    """
    split = split_users(holdout.user_id) if split is None else split
    train = Evaluator(holdout, users=split.train, k=k)
    validation, test = (
        Evaluator(holdout, users=users, k=k, statistics=train.statistics) for users in (split.validation, split.test)
    )
    return train, validation, test


def _of_users(holdout: Holdout, users: IdList) -> Holdout:
    ids = holdout.data.user_lookup.find_ids(users)
    part = holdout.of_users(ids)
    if not len(part.relevance):
        raise EmptyHoldoutError(
            f"None of the given {pluralize(len(ids), 'user')} has a relevant job in this holdout ({holdout.name}). "
            "Use ids from holdout.user_id, or choose another holdout.",
            key=("users",),
        )
    return part


def _require_earlier(lists: ExternalLists, holdout: Holdout) -> None:
    if lists.at is not None and (holdout.starts is None or lists.at > holdout.starts):
        raise ConfigurationError(
            f"{lists.name} used actions until {lists.at:%Y-%m-%d %H:%M:%S} UTC, but this holdout ({holdout.name}) "
            "counts earlier actions as relevant. The lists may contain jobs because of these actions. Create the "
            f'holdout with after="{lists.at.isoformat()}".',
            key=("at",),
        )


def _is_same_data(a: Dataset, b: Dataset) -> bool:
    return a is b or a.fingerprint == b.fingerprint


def _differ_only_in_weights(a: ScoringModel, b: ScoringModel) -> bool:
    """Return whether two models differ at most in weights."""
    # compared, not hashed: a component may have a list among its parameters
    return a.parts == b.parts and a.eligibility == b.eligibility
