"""Fast reading of actions: the database joins the values of each user into texts, and Arrow splits them.

Python then makes no object per value. A million actions take 0.55 s instead of 1.3 s from SQLite, and 0.8 s instead of
1.1 s from PostgreSQL (CPU time of this process: 0.3 s instead of 0.75 s). Measured and rejected: COPY takes 2.9 s,
because psycopg returns it row by row.

Jobs and users are read row by row. They have missing values and free text, and SQLite rounds a double to 15 digits
when it converts it to text.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, FromClause, Text, cast, func, select
from sqlalchemy.exc import OperationalError

from scoring.columns import ACTION_KINDS, TABLES
from scoring.columns.types import TIME
from scoring.database.engines import READ_ONLY
from scoring.database.row_conversion import fetch_columns
from scoring.database.schema import DATA_TABLES

__all__ = ["read_packed_actions"]

TEXT = pa.large_string()


def read_packed_actions(connection: Connection, condition: ColumnElement[bool]) -> pd.DataFrame | None:
    """Return the canonical frame of actions, by user, job, kind and time, from one query.

    Return None if a value does not conform to the schema. Reading row by row then finds the invalid values. MySQL
    truncates long aggregated texts, so its rows are read one by one.
    """
    if connection.dialect.name in READ_ONLY:
        return None
    table = DATA_TABLES["actions"]
    sqlite = connection.dialect.name == "sqlite"
    # SQLite reads the table in key order, but would sort a subquery again
    rows = select(table).where(condition).order_by(*table.primary_key.columns).subquery()
    source: FromClause = table if sqlite else rows
    user, *other_columns = (source.c[name] for name in ("user_id", "job_id", "action", "occurred_at"))
    texts = (func.aggregate_strings(cast(value, Text), ",") for value in other_columns)
    statement = select(user, func.count(), *texts).select_from(source).group_by(user).order_by(user)
    if sqlite:
        statement = statement.where(condition)
    try:
        users, counts, jobs, kinds, times = fetch_columns(connection.execute(statement))
    except OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
        return None
    try:
        user_id = pa.array(users, type=pa.int64())
        job_id, occurred_at = (pc.cast(_split(texts), pa.int64()) for texts in (jobs, times))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
    kind = _split(kinds)
    if user_id.null_count or {len(job_id), len(occurred_at), len(kind)} != {sum(counts)}:
        return None
    all_known = pc.all(pc.is_in(kind, pa.array(ACTION_KINDS, type=TEXT)))
    if len(kind) and not (all_known.as_py() and TIME.conforms(occurred_at)):
        return None
    user_id = pa.array(np.repeat(user_id.to_numpy(), counts))
    arrays = {"user_id": user_id, "job_id": job_id, "action": kind, "occurred_at": occurred_at}
    columns = TABLES["actions"].columns
    return pd.DataFrame({column.name: column.type.from_arrow(arrays[column.name]) for column in columns}, copy=False)


def _split(texts: list[str]) -> pa.Array:
    """Return the concatenated values of joined texts."""
    return pc.list_flatten(pc.split_pattern(pa.array(texts, type=TEXT), ","))
