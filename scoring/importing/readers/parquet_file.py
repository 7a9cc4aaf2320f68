"""Read Parquet files and Arrow tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from scoring.columns.arrow_to_pandas import convert_table
from scoring.errors import DataError
from scoring.importing.readers.raw_rows import RawRows, name_columns
from scoring.importing.readers.source_options import SourceOptions

__all__ = ["arrow_rows", "read_parquet"]


def read_parquet(path: Path, name: str, options: SourceOptions) -> RawRows:
    """Return the rows of a Parquet file, numbered from 1. A named index of pandas is a column.

    Raises
    ------
    DataError: If the file is not a Parquet file or is damaged.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(
            f"{path} cannot be read as a Parquet file: {problem}. Write the file again, or check its permissions.",
            reason="unreadable",
            path=str(path),
        ) from error
    return arrow_rows(_add_index(table), name)


def _add_index(table: pa.Table) -> pa.Table:
    """Return the table with a named range index of pandas as a column, and without an unnamed index."""
    try:
        indexes = json.loads(table.schema.metadata[b"pandas"])["index_columns"]
    except (TypeError, KeyError, ValueError):
        return table
    for index in indexes:
        if isinstance(index, str) and index.startswith("__index_level_") and table.schema.names.count(index) == 1:
            table = table.drop_columns([index])
        elif isinstance(index, dict) and index.get("kind") == "range" and index.get("name") is not None:
            numbers = np.arange(index["start"], index["stop"], index["step"])
            if len(numbers) == len(table) and str(index["name"]) not in table.schema.names:
                table = table.append_column(str(index["name"]), pa.array(numbers))
    return table


def _decode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes as text, if all of them are UTF-8. Some programs write texts as bytes."""
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        return column


def arrow_rows(table: pa.Table, name: str) -> RawRows:
    """Return the rows of an Arrow table. Integers stay exact where values are missing."""
    for place, column in enumerate(table.columns):
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            table = table.set_column(place, table.schema.names[place], _decode(column))
    names, duplicates = name_columns(table.schema.names)
    return RawRows.of(convert_table(table.rename_columns(names)), name, duplicates=duplicates)
