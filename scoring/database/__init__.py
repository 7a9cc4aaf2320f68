"""SQLite and PostgreSQL: connections, schema, readers and writers.

- `database`: `Database`, the connections and the schema of one database; `engines`: URLs, drivers and their settings
- `retry`: transient errors and messages; `watchdog`: servers that stop answering; `dbapi`: calls of the raw driver
- `schema`: the tables; `migrations`: schema versions; `change_tokens`: detection of changed tables
- `readers`: tables to frames, with `row_conversion`, `arrow_tables`, `factor_blobs`, `sql_filters`
- `writers`: frames to tables
- `quarantine`: reading that leaves out and reports invalid rows
- `query_tracing`: counts of queries and round trips
"""

from scoring.database.database import Database

__all__ = ["Database"]
