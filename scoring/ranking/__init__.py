"""Scores and lists of one dataset under one model.

- `prepared`: `Prepared`, a model prepared on a dataset
- `scorer`: `Scorer`, scores of single pairs and all pairs, and exact top k
- `component_contract`: checks of users' components on the data that they rank
- `total_score`: the total from component values
- `explanation`: the contributions to one score; `explanation_text`: its facts as text
- `list_overlap`: compare two lists of each user: overlap, rank-biased overlap
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.ranking.explanation import Explanation, explain
from scoring.ranking.prepared import Prepared

if TYPE_CHECKING:
    from scoring.ranking.scorer import Scorer as Scorer

__all__ = ["SCORES", "Explanation", "Prepared", "Ranking", "Scorer", "explain"]


def __getattr__(name: str) -> Any:
    if name == "Scorer":  # imports Numba, which explanations do not need
        return import_module("scoring.ranking.scorer").Scorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
