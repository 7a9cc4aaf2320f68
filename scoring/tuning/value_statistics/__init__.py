"""Component values: frames for modelling, distributions and correlations.

- `value_frame`: `compute_component_values(prepared, users, jobs)`, all component values of users × jobs
- `distributions`: `component_distributions(prepared)`, spread, saturation, and share of the total's variance
- `correlation`: `correlations(prepared)`, correlations between components
- `sample`: `draw_sample(prepared)`, the eligible pairs that `distributions` and `correlation` use
- `value_plots`: plots of distributions and correlations
"""

from scoring.tuning.value_statistics.correlation import Correlations, correlations
from scoring.tuning.value_statistics.distributions import Distributions, component_distributions
from scoring.tuning.value_statistics.sample import Sample, draw_sample
from scoring.tuning.value_statistics.value_frame import component_values, compute_component_values

__all__ = [
    "Correlations",
    "Distributions",
    "Sample",
    "component_distributions",
    "component_values",
    "compute_component_values",
    "correlations",
    "draw_sample",
]
