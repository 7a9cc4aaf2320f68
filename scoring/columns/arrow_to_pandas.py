"""Convert Arrow tables to frames without a loss of values."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

__all__ = ["convert_table"]


def convert_table(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame with a RangeIndex. Metadata of pandas are ignored.

    Integers stay exact where values are missing. Dictionaries become their values. Duplicate columns are kept.
    """
    columns = [_convert_column(column) for column in table.columns]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(table)), copy=False)
    return frame.set_axis(list(table.schema.names), axis=1)


def _convert_column(column: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) and column.null_count:
        dtype: Any = pd.UInt64Dtype() if pa.types.is_unsigned_integer(column.type) else pd.Int64Dtype()
        return column.to_pandas(types_mapper={column.type: dtype}.get)
    return column.to_pandas()
