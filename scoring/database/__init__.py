"""SQLite and PostgreSQL: connections, schema, readers and writers.

- `database`: `Database`, the connections and the schema of one database; `engines`: URLs, drivers and their settings
- `retry`: transient errors and messages; `watchdog`: servers that stop answering; `dbapi`: calls of the raw driver
- `schema`: the tables; `migrations`: its versions; `change_tokens`: whether a table has changed
- `readers`: tables to frames, with `row_conversion`, `arrow_tables`, `factor_blobs`, `sql_filters`
- `writers`: frames to tables
- `quarantine`: reading with invalid rows left out and reported
- `query_tracing`: queries and round trips, counted
"""

from scoring.database.database import Database

__all__ = ["Database"]
