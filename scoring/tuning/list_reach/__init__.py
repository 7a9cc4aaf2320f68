"""The smallest change of weights that puts a job into a user's list.

- `reachability`: the search and its result; `start_weights`: where it starts
- `nearest_weights`: the mixed-integer linear program of one region of weights
- `unreachable_proof`: the proof that no weights list a job
"""

from scoring.tuning.list_reach.reachability import Reach, reach

__all__ = ["Reach", "reach"]
