"""From a model and inputs to arrays.

- `plan`: `Plan`, the whole; `term_checks`: whether terms fit the data; `pack`: terms to a program; `fold`: weights
  into it
- `layout`: the eligible jobs in the order in which they are searched, by `lookup_keys`, `user_classes`, `blocks` and
  `sparse_keys`
- `exclusions`: eligibility rules; `candidates`: which jobs are a user's to be ranked at all
"""

from scoring.plan.candidates import Candidates
from scoring.plan.plan import Plan

__all__ = ["Candidates", "Plan"]
