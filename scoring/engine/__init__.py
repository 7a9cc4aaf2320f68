"""Computing with plans.

- `scorer`: `Scorer`, one pair, all pairs, exact top K
- `explanation`: a score taken apart
"""

from scoring.engine.explanation import Explanation, explain
from scoring.engine.scorer import SCORES, Ranking, Scorer

__all__ = ["SCORES", "Explanation", "Ranking", "Scorer", "explain"]
