"""Convert frames of any library to pandas: PyArrow, and those that narwhals knows (polars, DuckDB, Modin, …)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from scoring.columns import TABLES
from scoring.columns.arrow_to_pandas import convert_table
from scoring.columns.text_normalisation import fold_text
from scoring.errors import DataError, make_printable
from scoring.optional_dependencies import require

__all__ = ["is_frame", "require_columns", "to_pandas_frame"]

LIBRARIES: Final = ("polars", "duckdb", "_duckdb", "modin", "cudf", "dask", "ibis", "pyspark", "sqlframe", "narwhals")
"""Packages whose frames narwhals knows."""


def to_pandas_frame(frame: Any, name: str) -> pd.DataFrame:
    """Return a frame of any library as a pandas DataFrame.

    Integers stay exact where values are missing. Lazy frames are computed. A named index of pandas is also a column,
    unless the frame has this column. Messages contain `name`: a table, or another name of the frame.

    Raises
    ------
    DataError: If the value is not a frame, or has a column that cannot be converted.
    MissingDependencyError: If narwhals is not installed, and the frame is not of pandas or PyArrow.
    """
    if isinstance(frame, pd.DataFrame):
        return _add_index_columns(frame, name)
    kind = type(frame)
    if isinstance(frame, pa.Table | pa.RecordBatch | pa.RecordBatchReader):
        return convert_table(frame if isinstance(frame, pa.Table) else pa.table(frame))
    library = kind.__module__.partition(".")[0]
    if not is_frame(frame):
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


def is_frame(value: object) -> bool:
    """Return whether `to_pandas_frame` accepts a value."""
    kind = type(value)
    if isinstance(value, pd.DataFrame | pa.Table | pa.RecordBatch | pa.RecordBatchReader):
        return True
    return kind.__module__.partition(".")[0] in LIBRARIES and hasattr(kind, "columns")  # a series has no columns


def require_columns(frame: pd.DataFrame, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """Return these columns of a frame. Names are compared without case and invisible characters.

    Raises
    ------
    DataError: If a column is missing, or a duplicate.
    """
    found = {}
    for wanted in columns:
        places = [place for place, column in enumerate(frame.columns) if fold_text(str(column)) == fold_text(wanted)]
        if len(places) != 1:
            known = ", ".join(map(str, frame.columns)) or "none"
            problem = f"duplicate column {wanted}. Keep one" if places else f"column {wanted} is missing"
            raise DataError(
                f"{name}: {problem}. The columns are {make_printable(known)}.",
                reason="duplicate column" if places else "missing column",
                table=name,
                column=wanted,
            )
        found[wanted] = frame.iloc[:, places[0]]
    return pd.DataFrame(found)


def _add_index_columns(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    if all(name is None for name in frame.index.names):
        return frame
    columns = TABLES[table].columns if table in TABLES else ()
    accepted = [set(map(fold_text, (column.name, *column.aliases))) for column in columns]
    present = {fold_text(str(name)) for name in frame.columns}
    for place, name in enumerate(frame.index.names):
        form = fold_text(str(name))
        names = next((names for names in accepted if form in names), {form})
        if name is not None and names.isdisjoint(present):
            frame = frame.assign(**{str(name): frame.index.get_level_values(place)})
            present.add(form)
    return frame
