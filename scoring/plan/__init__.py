"""Plans: a model and its inputs as arrays for kernels.

- `plan`: `Plan`, the complete arrays
- `term_checks`: checks that terms fit the data; `value_range_check`: components of users must have values from 0 to 100
- `program_packer`: packs terms into a program; `weight_precomputation`: applies weights to a program
- `block_layout`: the eligible jobs in search order, from `cell_key_choice`, `user_row_classes`, `blocks` and
  `sparse_key_index`
- `list_rule_evaluation`: rules of lists on data
- `rule_exclusions`: eligibility rules; `candidate_bits`: the jobs that may be ranked for each user
"""

from scoring.plan.candidate_bits import Candidates
from scoring.plan.plan import Plan

__all__ = ["Candidates", "Plan"]
