"""The search for better weights, and what each weight does.

- `space`, `goals`, `problem`: what is searched, and for what; `goal_parser`: goals and parameters as texts
- `search`, `trial_journal`: trials, kept in a file; `logistic_fit`: a fit without trials; `tune`: all compared with the
  current weights
- `sensitivity` (with `weight_sweep`, `curves`, `proportions`, `rank_metrics`): exact curves along each weight
- `ablation`: each component without its weight
- `reach` (with `cases`, `infeasibility`, `random_start`, `milp`, `reached`): what it would take to list a job
- `value_statistics`: component values, their spread and correlations; `audience`: which users are shown a job
- `registry`: saved profiles
"""

from __future__ import annotations

from scoring.tuning.ablation import Ablation, ablation
from scoring.tuning.audience import audience
from scoring.tuning.goals import Floor, Goal, ListGoal, MetricGoal, goal_of
from scoring.tuning.problem import Problem
from scoring.tuning.reach import reach
from scoring.tuning.reached import Reach
from scoring.tuning.registry import Profile, Registry
from scoring.tuning.sensitivity import Sensitivity, sensitivity
from scoring.tuning.space import Parameter, Space
from scoring.tuning.tune import Tuning, tune
from scoring.tuning.value_statistics import component_distributions, component_values, correlations

__all__ = [
    "Ablation",
    "Floor",
    "Goal",
    "ListGoal",
    "MetricGoal",
    "Parameter",
    "Problem",
    "Profile",
    "Reach",
    "Registry",
    "Sensitivity",
    "Space",
    "Tuning",
    "ablation",
    "audience",
    "component_distributions",
    "component_values",
    "correlations",
    "goal_of",
    "reach",
    "sensitivity",
    "tune",
]
