"""Lists of a single user, who may be outside the users of the measures."""

from __future__ import annotations

from functools import cached_property

from scoring.evaluation import Evaluator
from scoring.model import Inputs, ScoringModel
from scoring.ranking import Prepared, Ranking
from scoring.widgets.user_list_data import UserList, make_user_list

__all__ = ["SingleUserLists"]


class SingleUserLists:
    """Lists of one user under a baseline and other models, with the data and candidates of the evaluator.

    Raises
    ------
    UnknownIdError: If the data does not contain the user.
    """

    def __init__(self, evaluator: Evaluator, baseline: ScoringModel, user_id: int) -> None:
        self.user_id = user_id
        self.baseline = baseline
        self._k = evaluator.k
        holdout = evaluator.holdout
        rows = holdout.data.user_lookup.find_rows([user_id])
        candidates = None if holdout.candidates is None else holdout.candidates.take(rows)
        inputs = Inputs.of(evaluator.statistics).take_users(rows)
        self._before = Prepared.of(inputs, baseline, workers=evaluator.workers, candidates=candidates)
        self._latest = self._before

    def rank(self, model: ScoringModel) -> Ranking:
        """Return the list under a model, in one row."""
        return self._baseline if model == self.baseline else self.prepared(model)[1].scorer.top_k(self._k)

    @cached_property
    def _baseline(self) -> Ranking:
        return self._before.scorer.top_k(self._k)

    def prepared(self, model: ScoringModel) -> tuple[Prepared, Prepared]:
        """Return the baseline and the model, both prepared for this user."""
        if self._latest.model != model:
            self._latest = self._latest.with_model(model)
        return self._before, self._latest

    def user_list(self, model: ScoringModel) -> UserList:
        """Return the list under the model, compared with the baseline."""
        _, ready = self.prepared(model)
        return make_user_list(ready, self._baseline, ready.scorer.top_k(self._k))
