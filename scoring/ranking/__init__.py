"""Scores and lists of one dataset under one model.

- `prepared`: `Prepared`, a dataset and a model made ready
- `scorer`: `Scorer`, one pair, all pairs, exact top k
- `explanation`: one score taken apart; `fact_text`: its facts in words
- `list_overlap`: two lists of each user compared: overlap, rank-biased overlap
"""

from scoring.bundle.ranking import SCORES, Ranking
from scoring.ranking.explanation import Explanation, explain
from scoring.ranking.prepared import Prepared
from scoring.ranking.scorer import Scorer

__all__ = ["SCORES", "Explanation", "Prepared", "Ranking", "Scorer", "explain"]
