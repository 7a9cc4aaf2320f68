"""A synthetic job market, for users without data: Japan's geography and wages, companies, jobs, users and actions.

Users choose jobs by hidden preference weights, which tuning can estimate from their actions.

- `reference_arrays`: the reference tables as arrays; `companies`, `jobs`, `job_texts`: employers and advertisements
- `users`; `hidden_preferences`: their hidden weights and the utility of a job; `recent_action_state`: the actions
  that it depends on
- `actions`: sessions, views, clicks and applications
- `market`: `Market` and `make_market`; `sample_files`: a small market as files, with invalid rows
- `sampling`, `column_helpers`: weighted draws, and arrays to canonical columns
"""

from scoring.synthetic.hidden_preferences import HIDDEN_WEIGHTS, Preferences
from scoring.synthetic.market import Market, make_market
from scoring.synthetic.sample_files import write_sample

__all__ = ["HIDDEN_WEIGHTS", "Market", "Preferences", "make_market", "write_sample"]
