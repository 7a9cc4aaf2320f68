"""Decide whether a new run may replace the published run.

- `gate`: `Gate`, which compares the runs; `limits`: `GateLimits`, the allowed changes; `rules`: checks of the limits
- `accumulators`: statistics of lists, block by block; `run_alignment`: blocks of two runs with the same users
- `measures`: the table of measures; `previous_model`: the model of the published run, rebuilt
- `verdict`: the result of a comparison; `console_table`: a verdict for a console
"""

import warnings
from typing import Any

from scoring.runs.gate.gate import Gate
from scoring.runs.gate.limits import GateLimits, load_limits
from scoring.runs.gate.verdict import GateFailedError, Measure, Verdict

__all__ = ["Gate", "GateFailedError", "GateLimits", "Measure", "Verdict", "load_limits"]


def __getattr__(name: str) -> Any:
    if name == "KeptAsideError":
        warnings.warn("KeptAsideError was renamed. Use GateFailedError.", DeprecationWarning, stacklevel=2)
        return GateFailedError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
