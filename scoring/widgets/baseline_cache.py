"""Cache of baselines: each is evaluated once, and the last used are kept."""

from __future__ import annotations

from collections.abc import Callable

from scoring.evaluation import Evaluation, Evaluator
from scoring.evaluation.measure_values import MeasureValues
from scoring.model import ScoringModel

__all__ = ["BaselineCache", "EvaluatedBaseline"]

EvaluatedBaseline = tuple[Evaluation, MeasureValues]


class BaselineCache:
    """Evaluations and measures of the models used last.

    Parameters
    ----------
    evaluator: Evaluates the models.
    size: Number of models to keep. Two are enough for the current baseline, and the previous one for undo.
    """

    def __init__(self, evaluator: Evaluator, size: int = 2) -> None:
        self._evaluator, self._size = evaluator, size
        self._known: list[EvaluatedBaseline] = []  # most recently used first

    def __contains__(self, model: ScoringModel) -> bool:
        return any(evaluation.model == model for evaluation, _ in self._known)

    def keep(self, known: EvaluatedBaseline) -> None:
        """Cache a baseline that is already evaluated."""
        self._known = [known, *(one for one in self._known if one[0].model != known[0].model)][: self._size]

    def of(self, model: ScoringModel, cancelled: Callable[[], bool] = lambda: False) -> EvaluatedBaseline:
        """Return the evaluation and the measures of a baseline, from the cache if possible.

        Raises
        ------
        RunCancelledError: If `cancelled` returns True during the evaluation.
        """
        known = next((one for one in self._known if one[0].model == model), None)
        if known is None:
            evaluation = self._evaluator.evaluate(model, cancelled=cancelled)
            known = evaluation, MeasureValues.of(self._evaluator, evaluation)
        self.keep(known)
        return known
