"""A holdout made ready: one model after the other is held to what people did, new weights in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from scoring.dataset.encode import Floats, Longs
from scoring.engine import Prepared, Ranking
from scoring.engine.explanation import reasons_against
from scoring.engine.prepared import rows_of_ids
from scoring.engine.scorer import list_length
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.lists import ListFacts
from scoring.evaluation.metrics import DEFAULT_METRICS, Metric
from scoring.evaluation.relevance import Judged, judge
from scoring.model import Eligibility, Inputs, ScoringModel
from scoring.statistics import Statistics

__all__ = ["Evaluator", "Judgement"]

_PLANS = 4
"""Plans that are kept: models that differ in more than weights take a plan each, which takes most of a trial."""


@dataclass(frozen=True, repr=False)
class Judgement:
    """A model's lists for the users of an evaluator, and what they are worth."""

    prepared: Prepared
    ranking: Ranking
    judged: Judged
    values: Mapping[str, Floats]  # metric → (n,) per user; NaN where nothing is to be found

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {np.nanmean(values):.4f}" for name, values in self.values.items())
        return f"Judgement({self.model.name}, {len(self.ranking.user_id):,} users: {means})"

    @property
    def model(self) -> ScoringModel:
        return self.prepared.model

    @property
    def user_id(self) -> Longs:
        """(n,) the order of `values`."""
        return self.ranking.user_id


class Evaluator:
    """Ranks for the users of a holdout (or some of them) and judges the lists.

    `k` is how many jobs a list has, at least as many as any metric looks at. `statistics` of the holdout's data may
    be shared with other evaluators of the same data; else factors are trained, or read from `factor_cache`. Not safe
    to use from several threads at once.

    Raises ConfigurationError: k below a metric's; UnknownIdError: a user that is not there.
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
        self.holdout = holdout if users is None else holdout.of_users(users)
        self.metrics = tuple(metrics)
        self.k = max([list_length(k), *(metric.k for metric in self.metrics)])
        self.statistics = statistics or Statistics(holdout.data, factor_cache=factor_cache)
        self.workers = workers
        self._plans: LRUCache[tuple, Prepared] = LRUCache(_PLANS)
        self._facts: dict[Eligibility, ListFacts] = {}

    def __repr__(self) -> str:
        return f"Evaluator({self.holdout!r}, lists of {self.k})"

    @property
    def user_id(self) -> Longs:
        """(n,) ids of the users, ascending."""
        return self.holdout.user_id

    @cached_property
    def _rows(self) -> Longs:
        return rows_of_ids(self.holdout.data.users.user_id, self.user_id, "user")

    @cached_property
    def inputs(self) -> Inputs:
        """Of these users and all jobs."""
        return Inputs.of(self.statistics).take_users(self._rows)

    def prepare(self, model: ScoringModel) -> Prepared:
        """The model on these users; weights alone are exchanged without encoding anything anew."""
        key = (model.parts, model.eligibility)
        last = self._plans.get(key)
        if last is not None:
            ready = last.with_model(model)
        else:
            candidates = self.holdout.candidates
            theirs = None if candidates is None else candidates.take(self._rows)
            ready = Prepared.of(self.inputs, model, workers=self.workers, candidates=theirs)
        self._plans[key] = ready
        return ready

    def judge(self, model: ScoringModel) -> Judgement:
        """The model's lists, and every metric for every user."""
        ready = self.prepare(model)
        ranking = ready.scorer.top_k(self.k)
        judged = judge(ranking, self.holdout.relevance, self.k)
        return Judgement(ready, ranking, judged, {metric.name: metric.of(judged) for metric in self.metrics})

    def facts(self, judgement: Judgement) -> ListFacts:
        """What is told about the jobs that its model may list."""
        eligible = judgement.prepared.plan.exclusions.open_to_all
        known = self._facts.get(judgement.model.eligibility)
        if known is None:
            known = self._facts[judgement.model.eligibility] = ListFacts.of(self.inputs, eligible)
        return known

    def unreachable(self, model: ScoringModel) -> dict[str, int]:
        """Rule → pairs that are to be found and that the rule keeps out of every list; such a pair counts as missed."""
        ready, counts = self.prepare(model), dict[str, int]()
        wanted = self.holdout.relevance
        users, jobs = ready.user_rows(wanted.user_id), ready.job_rows(wanted.job_id)
        for user, job in zip(users, jobs, strict=True):
            for reason in reasons_against(ready.plan, int(user), int(job))[:1]:
                counts[reason] = counts.get(reason, 0) + 1
        return counts
