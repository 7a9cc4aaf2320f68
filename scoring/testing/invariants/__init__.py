"""The invariants of an engine: functions of a `CheckContext`. The docstring of each states the invariant.

- `ranking_invariants`: the content of lists, and what lists must not depend on
- `score_invariants`: the values of scores, and their explanations
- `weight_invariants`: the effect of weights on scores
- `rule_invariants`: which jobs a user may be shown
- `independence_invariants`: what results do not depend on, such as the order of rows or other users
- `immutability_invariants`: inputs are not changed
- `invariant_registry`: the list of invariants, and the evidence of a violation
"""

from scoring.testing.invariants import (  # noqa: F401, I001  # the order in which they are checked
    ranking_invariants,
    score_invariants,
    weight_invariants,
    rule_invariants,
    independence_invariants,
    immutability_invariants,
)
from scoring.testing.invariants.invariant_registry import INVARIANTS, Invariant, NotTestableError

__all__ = ["INVARIANTS", "Invariant", "NotTestableError"]
