"""A dataset and a model made ready: what notebooks, the command and the facade hold on to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.backends.protocol import BackendFactory
from scoring.bundle.ranking import Ranking
from scoring.columns.types import INTEGER
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, UnknownIdError
from scoring.id_index import IdIndex
from scoring.model import Inputs, ScoringModel
from scoring.plan import Candidates, Plan
from scoring.ranking.explanation import Explanation, explain
from scoring.ranking.scorer import Scorer
from scoring.statistics import Statistics

__all__ = ["Prepared"]


@dataclass(frozen=True, repr=False)
class Prepared:
    """The inputs and the plan of a model on a dataset (or on a request's rows), with a scorer for them."""

    inputs: Inputs
    plan: Plan
    workers: int | None = None
    before: Ranking | None = None
    """The last lists under other weights, if there were any: they make the first ones faster."""
    backend: BackendFactory | None = None
    """Makes the backend that scores and ranks; None: `NumbaBackend`."""

    @classmethod
    def of(
        cls,
        data: Dataset | Statistics | Inputs,
        model: ScoringModel,
        *,
        workers: int | None = None,
        candidates: Candidates | None = None,
        backend: BackendFactory | None = None,
    ) -> Self:
        """Prepares the dataset's own rows, or the rows of inputs made before. Pass statistics to share them.

        `candidates` are all that may stand in each user's list; without them these are the jobs open at the clock.
        `backend` makes the backend of each plan: a class such as `ReferenceBackend`.
        """
        if isinstance(data, Dataset):
            data = Statistics(data)
        inputs = data if isinstance(data, Inputs) else Inputs.of(data)
        return cls(inputs, Plan.build(model, inputs, candidates), workers, backend=backend)

    def __repr__(self) -> str:
        return f"Prepared({self.plan!r} of {self.dataset!r})"

    @property
    def dataset(self) -> Dataset:
        return self.inputs.dataset

    @property
    def model(self) -> ScoringModel:
        return self.plan.model

    @cached_property
    def scorer(self) -> Scorer:
        return Scorer(self.plan, workers=self.workers, before=self.before, backend=self.backend)

    @property
    def active_users(self) -> NDArray[np.int64]:
        """Rows of the users that a run ranks for."""
        return np.flatnonzero(self.inputs.users.active)

    def with_model(self, model: ScoringModel) -> Self:
        """Another model on the same data; where only weights differ, nothing is encoded anew, and where parameters of
        components differ that depend on the job alone, nothing but their values is."""
        before = self.scorer.latest or self.before
        if model.parts == self.model.parts and model.eligibility == self.model.eligibility:
            return replace(self, plan=self.plan.with_weights(model), before=before)
        plan = self.plan.with_job_values(model, self.inputs)
        if plan is not None:
            return replace(self, plan=plan, before=before)
        plan = Plan.build(model, self.inputs, self.plan.exclusions.candidates, like=self.plan)
        same_rules = model.eligibility == self.model.eligibility  # under others, lists may hold what is not eligible
        return replace(self, plan=plan, before=before if same_rules else None)

    def top_k(self, k: int = 40, user_ids: NDArray[np.integer] | Sequence[int] | None = None) -> Ranking:
        """The k best jobs of these users (None: the active ones). Raises UnknownIdError, ConfigurationError."""
        rows = self.active_users if user_ids is None else self.user_rows(user_ids)
        return self.scorer.top_k(k, rows)

    def explain(self, user_id: int, job_id: int) -> Explanation:
        """Raises UnknownIdError."""
        return explain(self.plan, self.inputs, int(self.user_rows([user_id])[0]), int(self.job_rows([job_id])[0]))

    def user_rows(self, user_ids: NDArray[np.integer] | Sequence[int]) -> NDArray[np.int64]:
        """Rows of these users. Raises UnknownIdError naming one that is not there."""
        return rows_of_ids(self.plan.user_id, user_ids, "user")

    def job_rows(self, job_ids: NDArray[np.integer] | Sequence[int]) -> NDArray[np.int64]:
        """Rows of these jobs. Raises UnknownIdError naming one that is not there."""
        return rows_of_ids(self.plan.job_id, job_ids, "job")


def rows_of_ids(known: NDArray[np.int64], wanted: NDArray[np.integer] | Sequence[int], what: str) -> NDArray[np.int64]:
    """(n,) the row of each wanted id. Raises UnknownIdError naming one that is not there, ConfigurationError."""
    ids = whole_ids(wanted, what)
    rows, present = IdIndex(known).find(ids)
    if not present.all():
        raise UnknownIdError(f"there is no {what} {ids[~present][0]} among the {len(known):,} {what}s of the data.")
    return rows


def whole_ids(wanted: Any, what: str) -> NDArray[np.int64]:
    """(n,) ids as int64; whole floats and whole numbers in text are ids, as they are in tables.

    Raises ConfigurationError naming what is no id, never rounds it to one.
    """
    if not isinstance(wanted, Iterable) or isinstance(wanted, str | bytes):
        raise ConfigurationError(f"{what}s are asked for by a list of ids; this is {wanted!r}.")
    if isinstance(wanted, np.ndarray) and wanted.dtype.kind == "i" and wanted.ndim == 1:
        return wanted.astype(np.int64)
    given = pd.Series(list(wanted), dtype=object)
    read = INTEGER.coerce(given)
    strange = read.values.isna().to_numpy(dtype=bool)
    if strange.any():
        raise ConfigurationError(
            f"a {what} is asked for by the id {given[strange].iloc[0]!r}, which is no whole number."
        )
    return read.values.to_numpy(dtype=np.int64)
