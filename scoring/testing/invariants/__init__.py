"""What holds of every engine, each a function of a `Case` with its sentence as docstring.

- `rankings`: what a list is, and what it may not depend on
- `scores`: what a score is, however it is asked for, and how it is explained
- `weights`: what weights do to scores
- `rules`: who may be shown what
- `data`: what answers may depend on in the data
- `untouched`: that nothing is changed that is read
- `evidence`: the registry, and what one that does not hold shows
"""

from scoring.testing.invariants import rankings, scores, weights, rules, data, untouched  # noqa: F401, I001  # the order in which they are checked
from scoring.testing.invariants.evidence import INVARIANTS, Invariant, NotShownError

__all__ = ["INVARIANTS", "Invariant", "NotShownError"]
