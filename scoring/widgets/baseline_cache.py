"""Cache of baselines: each is evaluated once, and the last used are kept."""

from __future__ import annotations

from collections.abc import Callable

from scoring.evaluation import Evaluation, Evaluator
from scoring.model import ScoringModel
from scoring.widgets.measure_differences import Measured, measured

__all__ = ["Baselines", "Known"]

Known = tuple[Evaluation, Measured]

_KEPT = 2
"""Number of cached baselines: the current one, and the previous one for undo."""


class Baselines:
    """Evaluations and measures of the baselines used last."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: list[Known] = []  # most recently used first

    def __contains__(self, model: ScoringModel) -> bool:
        return any(evaluation.model == model for evaluation, _ in self._known)

    def keep(self, known: Known) -> None:
        """Cache a baseline that is already evaluated."""
        self._known = [known, *(one for one in self._known if one[0].model != known[0].model)][:_KEPT]

    def of(self, model: ScoringModel, cancelled: Callable[[], bool] = lambda: False) -> Known:
        """Return the evaluation and the measures of a baseline, from the cache if possible.

        Raises
        ------
        RunCancelledError: If `cancelled` returns True during the evaluation.
        """
        known = next((one for one in self._known if one[0].model == model), None)
        if known is None:
            evaluation = self._evaluator.evaluate(model, cancelled=cancelled)
            known = evaluation, measured(self._evaluator, evaluation)
        self.keep(known)
        return known
