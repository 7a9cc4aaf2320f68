"""Check whether data is fit to rank and to tune on: everything that is odd about it, with the values that show it.

- `data_check`: `check_data`, all checks; `DataCheck`, their findings; `finding`: one finding
- `row_findings`: rejected, missing, unknown and duplicate values, ids and times
- `market_findings`: jobs that are open, users with wishes and history, actions over time, brought factors
- `component_findings`: components that are constant, or outside 0 to 100
- `power_and_memory_findings`: the holdout, the difference that it can detect, and memory and time of a run
"""

from scoring.data_check.data_check import CHECKS, DataCheck, check_data, find_run_warnings
from scoring.data_check.finding import Finding, Level

__all__ = ["CHECKS", "DataCheck", "Finding", "Level", "check_data", "find_run_warnings"]
