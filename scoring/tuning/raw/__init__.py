"""Component values as raw material: frames for one's own modelling, how values are spread, and what goes together.

values           component_values(prepared, users, jobs): every component of any users × jobs
distributions    component_distributions(prepared): spread, saturation, and what a component really decides
correlation      correlations(prepared): which components say the same
sample           draw(prepared): the eligible pairs that the latter two look at
"""

from scoring.tuning.raw.correlation import Correlations, correlations
from scoring.tuning.raw.distributions import Distributions, component_distributions
from scoring.tuning.raw.sample import Sample, draw
from scoring.tuning.raw.values import component_values

__all__ = [
    "Correlations",
    "Distributions",
    "Sample",
    "component_distributions",
    "component_values",
    "correlations",
    "draw",
]
