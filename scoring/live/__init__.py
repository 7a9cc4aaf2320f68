"""Lists that stay exact after every event.

- `events`: one changed row, with its number; `live_tables`: tables with events, and the state that they define
- `event_log`: the log of changed rows in the database, with `event_decoder`, `event_listener` and `row_writer`
- `live_lists`: the lists of all users, updated by events and by ticks; `published_lists`: copies for readers
- `pair_arrays`, `job_cells`, `job_columns`, `live_rules`, `growing_codes`, `slabs`: arrays that a row changes in place
- `list_kernels`: compiled scores and updates of lists
- `live_engine`: the lists of a database; `basis_store`, `leader_lease`: the bases of ticks, and who writes them
- `change_gate`, `read_priority_lock`, `live_metrics`, `verification`: parts of an engine
- `http_service`: the service, with `http_server`, `http_gate`, `access_tokens`, `event_request`, `service_metrics` and
  `api_page`
- `service_client`, `log_status`: what `scoring live --verify` and `--status` read
- `rule_sources`: what eligibility rules read; `compared_columns`: two columns that a rule compares
- `row_check`: whether components read only rows and the basis
"""

from scoring.live.events import Event
from scoring.live.live_engine import LiveAnswer, LiveEngine, LiveStatus, SeqNotReachedError
from scoring.live.live_lists import LiveLists, UserList
from scoring.live.live_tables import EventTables, LiveTables

__all__ = [
    "Event",
    "EventTables",
    "LiveAnswer",
    "LiveEngine",
    "LiveLists",
    "LiveStatus",
    "LiveTables",
    "SeqNotReachedError",
    "UserList",
]
