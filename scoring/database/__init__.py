"""SQLite and PostgreSQL: connections, schema, readers and writers.

- `database`: `Database`, the connections and the schema of one database; `engines`: URLs, drivers and their settings
- `retry`: retries; `driver_errors`: transient errors and messages
- `silent_server_watchdog`: servers that stop answering
- `driver_transactions`: transactions and errors of the raw driver
- `schema`: the tables; `migrations`: schema versions; `change_tokens`: detection of changed tables
- `readers`: tables to frames, with `row_conversion`, `action_bulk_reader`, `factor_blobs`, `sql_filters`
- `writers`: frames to tables; `sqlite_bulk_insert`: many rows to SQLite; `sqlite_library_settings`: turns them off
- `validated_reader`: reading that leaves out and reports invalid rows
- `event_tables`: the log of changed rows, with `event_statements`, and triggers of `sqlite_event_triggers` and
  `postgres_event_triggers`
- `query_counter`: counts of queries and round trips
"""

from scoring.database.sqlite_library_settings import disable_memory_statistics

disable_memory_statistics()  # before the modules below import sqlite3

from scoring.database.database import Database  # noqa: E402

__all__ = ["Database"]
