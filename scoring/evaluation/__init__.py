"""Evidence: what people did, held out, and how near lists come to it; two rankings held beside each other.

- `holdout`, `by_time`, `per_user`, `log`: what is known and what is to be found · `splits`: train, validation, test
  (by `mixing`)
- `relevance`, `metrics`, `lists`: lists judged · `slices` · `significance`, `jackknife`, `randomisation`
- `evaluator`: one model after the other · `scoreboard`: several, with intervals
- `movement`, `exposure`: what a change does to lists · `standing`, `waterfall`: and to one job
"""

from __future__ import annotations

from scoring.evaluation.by_time import by_time
from scoring.evaluation.evaluator import Evaluator, Judgement
from scoring.evaluation.holdout import APPLICATIONS, Holdout
from scoring.evaluation.lists import POPULATION_FACTS, USER_FACTS, Concentration, Coverage, MeanFee, MeanWage, Novelty
from scoring.evaluation.metrics import DEFAULT_METRICS, MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.evaluation.movement import Comparison, movements
from scoring.evaluation.per_user import cold_start, last_n
from scoring.evaluation.relevance import Relevance
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.slices import Slicing, slices_of
from scoring.evaluation.splits import Split, split_users
from scoring.evaluation.waterfall import waterfall

__all__ = [
    "APPLICATIONS",
    "DEFAULT_METRICS",
    "MAP",
    "MRR",
    "NDCG",
    "POPULATION_FACTS",
    "USER_FACTS",
    "Comparison",
    "Concentration",
    "Coverage",
    "Evaluator",
    "HitRate",
    "Holdout",
    "Judgement",
    "MeanFee",
    "MeanWage",
    "Metric",
    "Novelty",
    "Precision",
    "Recall",
    "Relevance",
    "Scoreboard",
    "Slicing",
    "Split",
    "by_time",
    "cold_start",
    "last_n",
    "movements",
    "slices_of",
    "split_users",
    "waterfall",
]
