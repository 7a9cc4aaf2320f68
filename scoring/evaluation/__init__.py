"""Evaluation of ranked lists on held-out actions, and comparison of two rankings.

- `holdout`: known data and held-out actions; `holdout_splits`: by time, last jobs, newcomers (`action_log`)
- `leakage_check`: check for rows that contain held-out actions; `note_text`: caveats as text
- `user_splits`: train, validation and test users
- `relevance_judgements`, `metrics`, `beyond_accuracy_metrics`: metrics of lists; `measure_info`: their good direction
- `slices`: metrics by group of users; `job_slices`: by group of jobs
- `significance`, `jackknife`, `randomisation_p_values`: intervals and tests
- `significance_marks`: which differences are significant
- `measure_values`: the values of all measures of a model
- `evaluator`: evaluates one model at a time; `scoreboard`: compares several models, with intervals
- `external_lists` (`list_reader`): lists of other systems; `list_writer`: TREC and ranx files
- `backtest`: models on holdouts at several cuts
- `ranking_comparison`, `exposure_changes`: effect of a model change on lists
- `job_rank`, `rank_change_waterfall`: its effect on one job
"""

from __future__ import annotations

from scoring.evaluation.backtest import Backtest
from scoring.evaluation.beyond_accuracy_metrics import (
    POPULATION_FACTS,
    USER_FACTS,
    Concentration,
    Coverage,
    Diversity,
    MeanFee,
    MeanWage,
    Miscalibration,
    Novelty,
    PopularityBias,
)
from scoring.evaluation.evaluator import Evaluation, Evaluator, make_evaluators
from scoring.evaluation.external_lists import ExternalLists
from scoring.evaluation.holdout import APPLICATIONS, EmptyHoldoutError, Holdout
from scoring.evaluation.holdout_splits import by_time, cold_start, last_n
from scoring.evaluation.job_slices import JobSlicing
from scoring.evaluation.metrics import DEFAULT_METRICS, MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.evaluation.rank_change_waterfall import waterfall
from scoring.evaluation.ranking_comparison import Comparison, movements
from scoring.evaluation.relevance_judgements import Relevance
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.slices import Slicing, make_slicings, slice_by, slices_of
from scoring.evaluation.user_splits import Split, split_users

__all__ = [
    "APPLICATIONS",
    "DEFAULT_METRICS",
    "MAP",
    "MRR",
    "NDCG",
    "POPULATION_FACTS",
    "USER_FACTS",
    "Backtest",
    "Comparison",
    "Concentration",
    "Coverage",
    "Diversity",
    "EmptyHoldoutError",
    "Evaluation",
    "Evaluator",
    "ExternalLists",
    "HitRate",
    "Holdout",
    "JobSlicing",
    "MeanFee",
    "MeanWage",
    "Metric",
    "Miscalibration",
    "Novelty",
    "PopularityBias",
    "Precision",
    "Recall",
    "Relevance",
    "Scoreboard",
    "Slicing",
    "Split",
    "by_time",
    "cold_start",
    "last_n",
    "make_evaluators",
    "make_slicings",
    "movements",
    "slice_by",
    "slices_of",
    "split_users",
    "waterfall",
]
