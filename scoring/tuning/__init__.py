"""Better weights, and what each weight does.

- `space`, `goals`, `problem`: what is searched for what · `search`: trials, kept in a file · `direct`: a fit without
  trials · `tune`: all of it beside the weights of now · `naming`: goals and parameters as texts
- `sensitivity` (with `lines`, `curves`, `proportions`, `gains`): exact curves along each weight · `ablation`
- `reach` (with `cases`, `packing`, `guessing`, `placing`, `reached`): what it would take to list a job
- `raw`: component values, their spread, what goes with what · `audience`: who is shown a job
- `registry`: saved profiles
"""

from __future__ import annotations

from scoring.tuning.ablation import Ablation, ablation
from scoring.tuning.audience import audience
from scoring.tuning.goals import Floor, Goal, ListGoal, MetricGoal, goal_of
from scoring.tuning.problem import Problem
from scoring.tuning.raw import component_distributions, component_values, correlations
from scoring.tuning.reach import reach
from scoring.tuning.reached import Reach
from scoring.tuning.registry import Profile, Registry
from scoring.tuning.sensitivity import Sensitivity, sensitivity
from scoring.tuning.space import Parameter, Space
from scoring.tuning.tune import Tuning, tune

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
