"""A model prepared on a dataset, for rankings and explanations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_workers
from scoring.backends.protocol import BackendFactory
from scoring.bundle.ranked_lists import Ranking
from scoring.dataset import Dataset
from scoring.dataset.dataset import require_dataset
from scoring.dataset.event_source import EventSource
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError, pluralize
from scoring.model import Inputs, ScoringModel
from scoring.model.list_rules import ListRules
from scoring.model_catalog import AnyModel, load_model
from scoring.plan import Candidates, Plan
from scoring.ranking.component_contract import require_contract
from scoring.ranking.explanation import Explanation, explain
from scoring.ranking.user_eligibility import UserEligibility
from scoring.statistics import Basis, Statistics
from scoring.threads.pool import limit_threads

if TYPE_CHECKING:
    from scoring.backends.numba.strategies import Strategy
    from scoring.ranking.scorer import Scorer

__all__ = ["Prepared"]


@dataclass(frozen=True, repr=False)
class Prepared:
    """The inputs and the plan of a model on the rows of a dataset or a request, with a scorer.

    Example
    -------
    >>> ready = Prepared.of(data, model)
    >>> lists = ready.top_k(5).frame()
    >>> list(lists.columns[:3])
    ['user_id', 'job_id', 'rank']
    >>> user, job = lists.loc[0, ["user_id", "job_id"]].astype(int)
    >>> explanation = ready.explain(user_id=user, job_id=job)
    >>> bool(explanation.total == lists["total_score"][0])
    True
    """

    inputs: Inputs
    plan: Plan
    workers: int | None = None
    seeds: Ranking | None = None
    """The last ranking under other weights, if any. It makes the next ranking faster."""
    backend: BackendFactory | None = None
    """Factory of the backend that scores and ranks; None: `NumbaBackend`."""
    path: Strategy = "auto"
    """The strategy of rankings, as of `Scorer`."""

    @classmethod
    def of(
        cls,
        data: Dataset | Statistics | Inputs | EventSource,
        model: AnyModel,
        *,
        workers: int | None = None,
        candidates: Candidates | None = None,
        backend: BackendFactory | None = None,
        basis: Basis | None = None,
        upto: int | None = None,
        path: Strategy = "auto",
        list_rules: ListRules | None = None,
    ) -> Self:
        """Prepare a model on all rows.

        Parameters
        ----------
        data: A dataset, its statistics (to share them), inputs, or tables with events, such as
            `scoring.live.EventTables`.
        model: The model, the name of a shipped model, or the path of a model file.
        workers: Maximum number of threads; None for one per available core.
        candidates: The jobs that each user's list may contain; None for the jobs open at the clock.
        backend: Factory of the backend of each plan, such as `ReferenceBackend`; None for `NumbaBackend`.
        basis: The basis for scores, such as yesterday's; None for the basis of the dataset or the inputs.
        upto: The number of the last event to apply to tables with events. It requires `basis`, whose clock decides
            which times have passed.
        path: The strategy of rankings, as of `Scorer`. "scan" is the fastest for a few users who are ranked once.
        list_rules: Rules of lists, such as those of a campaign. Those that are active at the clock apply.

        Raises
        ------
        ConfigurationError: If a basis is given together with inputs, which have one, or if `upto` is given without
            events and a basis.
        ModelError: If a component's terms do not fit the data.
        """
        model, workers = load_model(model), check_workers(workers)
        inputs = _make_inputs(_apply_events(data, basis, upto), basis)
        with limit_threads(workers):
            plan = Plan.build(model, inputs, candidates, list_rules=list_rules)
            require_contract(plan, inputs)
        return cls(inputs, plan, workers, backend=backend, path=path)

    @classmethod
    def for_rows(
        cls,
        data: Dataset | Statistics | Inputs,
        model: AnyModel,
        *,
        user_ids: IdList,
        job_ids: IdList,
        workers: int | None = None,
        basis: Basis | None = None,
        list_rules: ListRules | None = None,
    ) -> Self:
        """Prepare a model on some rows with the statistics of all rows. Scores and explanations equal those of `of`.

        It explains a pair without planning every user and job. Rows are in the order of the ids.

        Raises
        ------
        UnknownIdError: If a user or a job does not exist.
        ConfigurationError, ModelError: As `of`.
        """
        model, workers, inputs = load_model(model), check_workers(workers), _make_inputs(data, basis)
        users, jobs = inputs.user_lookup.find_rows(user_ids), inputs.job_lookup.find_rows(job_ids)
        selected = inputs.take_users(users).take_jobs(jobs)
        return cls(selected, Plan.build(model, selected, list_rules=list_rules), workers)

    def __repr__(self) -> str:
        return f"Prepared({self.plan!r} of {self.dataset!r})"

    def _repr_html_(self) -> str:
        """Return the dataset and the model."""
        rows = f"{pluralize(len(self.plan.user_id), 'user')} × {pluralize(len(self.plan.job_id), 'job')}"
        return f"<p><b>Prepared</b> on {rows}</p>{self.dataset._repr_html_()}{self.model._repr_html_()}"

    @property
    def dataset(self) -> Dataset:
        return self.inputs.dataset

    @property
    def model(self) -> ScoringModel:
        return self.plan.model

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer of the plan."""
        from scoring.ranking.scorer import Scorer  # importing Numba takes 0.4 s; explanations do not need it

        return Scorer(self.plan, workers=self.workers, path=self.path, seeds=self.seeds, backend=self.backend)

    @property
    def active_users(self) -> NDArray[np.int64]:
        """Rows of the active users: those that a run ranks jobs for."""
        return np.flatnonzero(self.inputs.users.active)

    def with_model(self, model: AnyModel) -> Self:
        """Return another model prepared on the same rows. It reuses the parts of this plan that remain valid.

        If only weights differ, no values are recomputed. If only parameters of components that depend on the job alone
        differ, only their values are recomputed.
        """
        model = load_model(model)
        seeds = self.scorer.latest or self.seeds
        if model.parts == self.model.parts and model.eligibility == self.model.eligibility:
            return replace(self, plan=self.plan.with_weights(model), seeds=seeds)
        plan = self.plan.with_job_values(model, self.inputs)
        if plan is not None:
            return replace(self, plan=plan, seeds=seeds)
        plan = Plan.build(model, self.inputs, self.plan.exclusions.candidates, reuse=self.plan)
        require_contract(plan, self.inputs)
        has_same_rules = model.eligibility == self.model.eligibility  # lists of other rules may contain ineligible jobs
        return replace(self, plan=plan, seeds=seeds if has_same_rules else None)

    def top_k(self, k: int = 40, user_ids: IdList | None = None) -> Ranking:
        """Return the k best jobs of these users, by number or external id; None for the active users.

        Raises
        ------
        UnknownIdError: If a user does not exist.
        ConfigurationError: If k is not an integer of 1 or more.
        """
        rows = self.active_users if user_ids is None else self.user_rows(user_ids)
        return self.add_external_ids(self.scorer.top_k(k, rows))

    def add_external_ids(self, ranking: Ranking) -> Ranking:
        """Return a ranking of the scorer with the external ids of its users and jobs, if they have any."""
        external_ids = self.inputs.external_ids
        return replace(ranking, external_ids=external_ids) if external_ids else ranking

    def explain(self, user_id: int | str, job_id: int | str) -> Explanation:
        """Return the explanation of a pair's score. Both ids are numbers or external ids.

        Raises
        ------
        UnknownIdError: If the user or the job does not exist.
        """
        users, jobs = self.user_rows([user_id]), self.job_rows([job_id])
        return explain(self.plan, self.inputs, int(users[0]), int(jobs[0]))

    def explain_user(self, user_id: int | str) -> UserEligibility:
        """Return how many jobs may be ranked for a user, and which rules exclude the other jobs.

        Raises
        ------
        UnknownIdError: If the user does not exist.
        """
        row = int(self.user_rows([user_id])[0])
        return UserEligibility.of(self.plan.exclusions, int(self.plan.user_id[row]), row)

    def user_rows(self, user_ids: IdList) -> NDArray[np.int64]:
        """Return the rows of these users.

        Raises
        ------
        UnknownIdError: If a user does not exist.
        """
        return self.inputs.user_lookup.find_rows(user_ids)

    def job_rows(self, job_ids: IdList) -> NDArray[np.int64]:
        """Return the rows of these jobs.

        Raises
        ------
        UnknownIdError: If a job does not exist.
        """
        return self.inputs.job_lookup.find_rows(job_ids)


def _apply_events(
    data: Dataset | Statistics | Inputs | EventSource, basis: Basis | None, upto: int | None
) -> Dataset | Statistics | Inputs:
    """Return the dataset after the events up to `upto`, or the data if they have no events."""
    if isinstance(data, EventSource):
        if upto is not None and basis is not None:
            return data.dataset_at(upto, basis.clock)
        missing = "upto" if upto is None else "basis"
        raise ConfigurationError(
            f"data has events, but {missing} is missing. Give upto and basis, or a Dataset.", key=(missing,)
        )
    if upto is not None:
        raise ConfigurationError(
            f"upto is given, but data is a {type(data).__name__}, which has no events. Omit upto, or give an "
            "EventTables.",
            key=("upto",),
        )
    return data


def _make_inputs(data: Dataset | Statistics | Inputs, basis: Basis | None) -> Inputs:
    if not isinstance(data, Inputs):
        if not isinstance(data, Statistics):
            require_dataset(data)
        return Inputs.of(data, basis=basis)
    if basis is not None:
        raise ConfigurationError(
            "basis is given, but data is an Inputs, which has a basis. Omit basis, or give it to Inputs.of.",
            key=("basis",),
        )
    return data
