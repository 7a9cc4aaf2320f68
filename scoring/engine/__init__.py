"""Computing with plans.

- `scorer`: `Scorer`, one pair, all pairs, exact top K
- `agreement`: two lists of each user beside each other: overlap, rank-biased overlap
- `prepared`: `Prepared`, a dataset and a model made ready
- `explanation`: a score taken apart
- `batch`: a run, whole or gone on with (`work`, `cutting`, `run_key`) into `sinks` · `published`: a run read back
- `history`: runs listed and verified · `retention`: old ones removed
- `gate`: a run held beside the last one before it is published · `release`: published all the same · `facts`
"""

from scoring.engine.explanation import Explanation, explain
from scoring.engine.prepared import Prepared
from scoring.engine.ranking import SCORES, Ranking
from scoring.engine.scorer import Scorer

__all__ = ["SCORES", "Explanation", "Prepared", "Ranking", "Scorer", "explain"]
