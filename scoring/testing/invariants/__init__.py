"""What every engine must keep: functions of a `Case`, each with its sentence as docstring.

- `rankings`: what a list is, and what it must not depend on
- `scores`: what a score is, and how it is explained
- `weights`: what weights do to scores
- `rules`: which jobs a user may be shown
- `data`: what answers may depend on in the data
- `immutability`: inputs are not changed
- `invariant_registry`: the list of invariants, and the evidence of one that is broken
"""

from scoring.testing.invariants import rankings, scores, weights, rules, data, immutability  # noqa: F401, I001  # the order in which they are checked
from scoring.testing.invariants.invariant_registry import INVARIANTS, Invariant, NotShownError

__all__ = ["INVARIANTS", "Invariant", "NotShownError"]
