"""Search for better weights, and analysis of the effect of each weight.

- `space`, `group_weight_space`: flat weights, and weights on two levels with locks on both, as search spaces
- `goals`, `problem`: the goals and floors, and a space with them and the training users
- `trial_constraint`: limits that the chosen model must satisfy
- `goal_parser`: goals, floors, conditions and parameters from the texts of a command
- `trial_search`, `trial_journal`, `stored_trial`: trials, the file that stores them, and the model of one stored trial
- `secondary_measure_losses`: the measures that a model of a search makes worse on the training users
- `logistic_fit`: a direct fit without trials
- `tune`: search, random search and direct fit, compared with the current weights
- `sensitivity` (with `weight_sweep`, `step_function`, `sweep_metrics`): exact curves along each weight
- `ablation`: the metric without each component
- `list_reach` (with `unreachable_proof`, `start_weights`, `nearest_weights`): the smallest change that lists a job
- `value_statistics`: component values, their spread and correlations
- `job_audience`: the users for whom a job is listed
"""

from __future__ import annotations

from scoring.registry import FittedUsers, Profile, Registry
from scoring.tuning.ablation import Ablation, ablation
from scoring.tuning.goals import Floor, Goal, ListGoal, MetricGoal, make_goal
from scoring.tuning.job_audience import audience
from scoring.tuning.list_reach import Reach, reach
from scoring.tuning.problem import Problem
from scoring.tuning.sensitivity import Sensitivity, sensitivity
from scoring.tuning.space import Parameter, Space
from scoring.tuning.trial_constraint import Condition
from scoring.tuning.tune import Tuning, tune
from scoring.tuning.value_statistics import (
    component_distributions,
    component_values,
    compute_component_values,
    correlations,
)

__all__ = [
    "Ablation",
    "Condition",
    "FittedUsers",
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
    "compute_component_values",
    "correlations",
    "make_goal",
    "reach",
    "sensitivity",
    "tune",
]
