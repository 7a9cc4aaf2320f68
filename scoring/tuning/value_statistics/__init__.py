"""Component values: frames for modelling, their spread, and correlations.

- `values`: `component_values(prepared, users, jobs)`, every component of any users × jobs
- `distributions`: `component_distributions(prepared)`, spread, saturation, and how much a component decides
- `correlation`: `correlations(prepared)`, which components agree
- `sample`: `draw(prepared)`, the eligible pairs that the last two use; `value_plots`: their plots
"""

from scoring.tuning.value_statistics.correlation import Correlations, correlations
from scoring.tuning.value_statistics.distributions import Distributions, component_distributions
from scoring.tuning.value_statistics.sample import Sample, draw
from scoring.tuning.value_statistics.values import component_values

__all__ = [
    "Correlations",
    "Distributions",
    "Sample",
    "component_distributions",
    "component_values",
    "correlations",
    "draw",
]
