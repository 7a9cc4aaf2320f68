"""Whether tonight's lists may take the place of last night's.

- `limits`: `GateLimits`, how far tonight may be from last night · `rules`: what beyond a limit means
- `tallies`: what is counted of lists, piece by piece · `pairs`: the pieces of two runs, user by user
- `measuring`: the measures in one table · `judging`: `Gate`, and all of it put together
- `verdict`: what came out · `table`: for a console
"""

from scoring.runs.gate.gate import Gate
from scoring.runs.gate.limits import GateLimits, load_limits
from scoring.runs.gate.verdict import KeptAsideError, Measure, Verdict

__all__ = ["Gate", "GateLimits", "KeptAsideError", "Measure", "Verdict", "load_limits"]
