"""Convert frames of any library to pandas: PyArrow, and those that narwhals knows (polars, DuckDB, Modin, …)."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import pyarrow as pa

from scoring.columns import TABLES
from scoring.columns.arrow_frame import convert_table
from scoring.columns.normal_form import fold_text
from scoring.errors import DataError, make_printable
from scoring.extras import require

__all__ = ["to_pandas_frame"]

LIBRARIES: Final = ("polars", "duckdb", "_duckdb", "modin", "cudf", "dask", "ibis", "pyspark", "sqlframe", "narwhals")
"""Packages whose frames narwhals knows."""


def to_pandas_frame(frame: Any, name: str) -> pd.DataFrame:
    """Return a frame of any library as a pandas DataFrame.

    Integers stay exact where values are missing. Lazy frames are computed. An index of pandas that has the name of a
    missing column of the table is also a column. Messages contain `name`: a table, or another name of the frame.

    Raises
    ------
    DataError: If the value is not a frame, or has a column that cannot be converted.
    MissingDependencyError: If narwhals is not installed, and the frame is not of pandas or PyArrow.
    """
    if isinstance(frame, pd.DataFrame):
        return _add_index_columns(frame, name)
    kind = type(frame)
    if isinstance(frame, pa.Table | pa.RecordBatch):
        return convert_table(pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else frame)
    library = kind.__module__.partition(".")[0]
    if library not in LIBRARIES:
        raise DataError(
            f"{name}: expected a frame of pandas, polars, PyArrow, DuckDB or another library, not {kind.__qualname__}. "
            "Convert it to a pandas DataFrame.",
            reason="not a frame",
            table=name,
            value=kind.__qualname__,
        )
    require(f"{name}: a frame of {library.strip('_')}", "frames", "narwhals")
    import narwhals as nw

    try:
        native = nw.from_native(frame)
        collected = native.collect("pyarrow") if isinstance(native, nw.LazyFrame) else native
        return convert_table(collected.to_arrow())
    except Exception as error:  # each library has exceptions of its own
        problem = make_printable((str(error).splitlines() or [type(error).__name__])[0], 120).rstrip(".")
        raise DataError(
            f"{name}: the {kind.__qualname__} cannot be converted: {problem}. Use a pandas DataFrame.",
            reason="unreadable",
            table=name,
            value=kind.__qualname__,
        ) from error


def _add_index_columns(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    if table not in TABLES or all(name is None for name in frame.index.names):
        return frame
    accepted = [set(map(fold_text, (column.name, *column.aliases))) for column in TABLES[table].columns]
    present = {fold_text(str(name)) for name in frame.columns}
    for place, name in enumerate(frame.index.names):
        names = next((names for names in accepted if fold_text(str(name)) in names), None)
        if names is not None and names.isdisjoint(present):
            frame = frame.assign(**{str(name): frame.index.get_level_values(place)})
    return frame
