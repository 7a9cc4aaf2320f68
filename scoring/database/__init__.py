"""SQLite and PostgreSQL: connections, schema, readers and writers.

- `database`: `Database`, one connection URL; `connections`, `engines`, `retry`, `watchdog`: how it stays reachable
- `schema`: the tables; `change_tokens`: whether a table has changed
- `readers`: tables to frames, with `row_conversion`, `arrow_tables`, `factor_blobs`, `sql_filters`
- `writers`: frames to tables
- `quarantine`: reading with invalid rows left out and reported
- `traffic`, `counting`: queries and round trips, counted
"""

from scoring.database.database import Database

__all__ = ["Database"]
