"""What models are compared with: judged once each, and kept while they are likely to be asked for again."""

from __future__ import annotations

from collections.abc import Callable

from scoring.evaluation import Evaluator, Judgement
from scoring.model import ScoringModel
from scoring.widgets.measures import Measured, measured

__all__ = ["Baselines", "Known"]

Known = tuple[Judgement, Measured]

_KEPT = 2
"""Undoing the making of a baseline goes back to the one before."""


class Baselines:
    """Judgements of the baselines used last, with what is measured of their lists."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: list[Known] = []  # the last used comes first

    def __contains__(self, model: ScoringModel) -> bool:
        return any(judgement.model == model for judgement, _ in self._known)

    def keep(self, known: Known) -> None:
        """Takes a model that was judged already."""
        self._known = [known, *(one for one in self._known if one[0].model != known[0].model)][:_KEPT]

    def of(self, model: ScoringModel, cancelled: Callable[[], bool] = lambda: False) -> Known:
        """Raises RunCancelledError where `cancelled` says so."""
        known = next((one for one in self._known if one[0].model == model), None)
        if known is None:
            judgement = self._evaluator.judge(model, cancelled=cancelled)
            known = judgement, measured(self._evaluator, judgement)
        self.keep(known)
        return known
