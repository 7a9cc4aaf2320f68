"""Fast reading of users and jobs from SQLite: the database joins the values of a column, and Arrow splits them.

SQLite computes a page of rows without the interpreter lock, so other threads can import modules, load kernels and read
actions meanwhile. Python does not create an object per value. The arrays equal those of reading row by row:

- A number is joined as an integer. A double is joined as two integers: its integral part, and its fraction
  times 2^62. As text, SQLite would round it to 15 digits. SQLite verifies that their sum is the same double.
- A text is separated by a control character. The number of pieces shows whether a text contains it.
- A value of another type, which SQLite may store in any column, is found by its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from scoring.columns import TABLES, Column
from scoring.database.row_conversion import fetch_slices

__all__ = ["read_joined_arrays"]

ROWS_PER_PAGE: Final = 20_000
"""Rows of a page: 5 MB of joined texts."""
BEYOND: Final = 1e19
"""A number above all keys."""
SCALE: Final = 2**62
MAX_EXACT: Final = 2**53
SEPARATOR: Final = "\x1f"
MISSING: Final = "\x1e"


def read_joined_arrays(connection: Connection, table: str, columns: Sequence[Column]) -> list[pa.Array] | None:
    """Return an array of the stored type of each column, in the order of the key.

    Return None if the database is not SQLite, or the key is not its row id. Return None also if a value has another
    type than its column. The caller then reads row by row.
    """
    (key,) = TABLES[table].key
    if connection.dialect.name != "sqlite":
        return None
    chunks: list[list[pa.Array]] = [[pa.array([], type=column.type.stored_type)] for column in columns]
    query = _write_query(connection, table, key, columns)
    result = connection.exec_driver_sql(query, {"rows": ROWS_PER_PAGE, "beyond": BEYOND})
    try:
        for (page,) in fetch_slices(result, 1):
            values = iter(page)
            n_rows, row_id = next(values), next(values)
            if str(row_id).upper() != f"{key} INTEGER".upper():
                return None
            for column, chunk in zip(columns, chunks, strict=True):
                array = _READERS[column.type.stored_type](values, n_rows)
                if array is None:
                    return None
                chunk.append(array)
    except OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
        return None
    finally:
        result.close()
    # the memory of one column's chunks is reused for the next column
    arrays = [pa.concat_arrays(chunks.pop(0)) for _ in columns]
    ids = arrays[[column.name for column in columns].index(key)].to_numpy(zero_copy_only=False)
    return arrays if bool((ids[1:] > ids[:-1]).all()) else None


def _write_query(connection: Connection, table: str, key: str, columns: Sequence[Column]) -> str:
    """Return the query of all pages, a row each: its number of rows, the primary key, and the values of each column.

    An integer that is the primary key is the row id: distinct integers, in the order of storage. The first keys of the
    pages are a list of row ids, which SQLite reads in order. Therefore it groups without a copy of the rows, and has
    the memory of one page at a time. A union with a part per page would keep the texts of all pages until its end.
    """
    quote = connection.dialect.identifier_preparer.quote
    t, k = quote(table), quote(key)
    names = [f"row.{quote(column.name)}" for column in columns]
    joined = [_JOINS[column.type.stored_type].format(c=name) for name, column in zip(names, columns, strict=True)]
    row_id = f"SELECT group_concat(name || ' ' || type) FROM pragma_table_info('{table}') WHERE pk"  # noqa: S608 - our names
    after_page = "SELECT later.{k} FROM {t} AS later WHERE later.{k} >= {first} ORDER BY later.{k} LIMIT 1 OFFSET :rows"
    following = after_page.format(k=k, t=t, first="start.first")
    firsts = (
        f"WITH RECURSIVE start (first) AS (SELECT min({k}) FROM {t} "  # noqa: S608 - our names
        f"UNION ALL SELECT ({following}) FROM start WHERE start.first IS NOT NULL) SELECT first FROM start"
    )
    end = f"ifnull(({after_page.format(k=k, t=t, first=f'page.{k}')}), :beyond)"
    return (
        f"SELECT count(*), ({row_id}), {', '.join(joined)} FROM {t} AS page CROSS JOIN {t} AS row "  # noqa: S608 - our names
        f"WHERE page.{k} IN ({firsts}) AND row.{k} >= page.{k} AND row.{k} < {end} GROUP BY page.{k}"
    )


_FRACTION: Final = f"CAST(({{c}} - CAST({{c}} AS INTEGER)) * {SCALE} AS INTEGER)"
_JOINS: Final = {
    pa.int64(): "max({c}), group_concat(ifnull({c}, ''), ',')",
    pa.float64(): (
        "max({c}), group_concat(ifnull(CAST({c} AS INTEGER), ''), ','), "
        f"group_concat(CASE WHEN {{c}} <> CAST({{c}} AS INTEGER) THEN {_FRACTION} ELSE '' END, ','), "
        f"max(CASE WHEN {{c}} <> CAST({{c}} AS INTEGER) THEN CAST({{c}} AS INTEGER) + {_FRACTION} / {SCALE}.0 <> {{c}} "
        "END)"
    ),
    pa.large_string(): (
        f"sum(typeof({{c}}) = 'text'), group_concat(ifnull({{c}}, char({ord(MISSING)})), char({ord(SEPARATOR)}))"
    ),
}
"""Stored type → the expressions of a column, which the reader of that type takes."""


def _read_integers(values: Any, n_rows: int) -> pa.Array | None:
    largest, joined = next(values), next(values)
    # a number is smaller than a text or bytes in SQLite; the text of a double is not an integer
    return _parse_integers(joined, n_rows) if largest is None or type(largest) is int else None


def _read_doubles(values: Any, n_rows: int) -> pa.Array | None:
    largest, joined, fractions, is_inexact = (next(values) for _ in range(4))
    if is_inexact or not (largest is None or type(largest) in (int, float)):
        return None
    integral = _parse_integers(joined, n_rows)
    if integral is None or pc.any(pc.or_(pc.less(integral, -MAX_EXACT), pc.greater(integral, MAX_EXACT))).as_py():
        return None
    numbers = pc.cast(integral, pa.float64())
    if len(fractions) < n_rows:  # commas only
        return numbers
    parts = _parse_integers(fractions, n_rows)
    if parts is None:
        return None
    return pc.add(numbers, pc.divide(pc.cast(pc.fill_null(parts, 0), pa.float64(), safe=False), float(SCALE)))


def _read_texts(values: Any, n_rows: int) -> pa.Array | None:
    n_texts, joined = next(values), next(values)
    pieces = _split(joined, SEPARATOR)
    is_missing = pc.equal(pieces, MISSING)
    if len(pieces) != n_rows or n_texts + pc.sum(is_missing).as_py() != n_rows:
        return None
    if not n_texts:
        return pa.nulls(n_rows, type=pa.large_string())
    return pc.if_else(is_missing, pa.scalar(None, pa.large_string()), pieces) if n_texts < n_rows else pieces


_READERS: Final = {pa.int64(): _read_integers, pa.float64(): _read_doubles, pa.large_string(): _read_texts}


def _parse_integers(joined: str, n_rows: int) -> pa.Array | None:
    pieces = _split(joined, ",")
    if len(pieces) != n_rows:
        return None
    if len(joined) < n_rows:  # commas only
        return pa.nulls(n_rows, type=pa.int64())
    is_missing = pc.equal(pieces, "")
    if pc.any(is_missing).as_py():
        pieces = pc.if_else(is_missing, pa.scalar(None, pa.large_string()), pieces)
    try:
        return pc.cast(pieces, pa.int64())
    except pa.ArrowInvalid:
        return None


def _split(joined: str, separator: str) -> pa.Array:
    return pc.list_flatten(pc.split_pattern(pa.array([joined], type=pa.large_string()), separator))
