"""Files of rejected rows, readable only by their owner. After a correction, they can be imported again."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["REJECTION_COLUMNS", "is_rejection_file", "write_rejected_rows"]

REJECTION_COLUMNS: Final = (
    "refused_file",
    "refused_row",
    "refused_column",
    "refused_value",
    "refused_reason",
    "refused_as_of",
)
"""Columns that precede the columns of the source. Files of a run lack the file, files of an import the clock."""


def write_rejected_rows(rows: pd.DataFrame, path: Path) -> Path:
    """Write rejected rows to a CSV file, replaced atomically, and return its path.

    Lists are written with | between the elements, which every reader of this package accepts. Rows may contain personal
    data, so only the owner can read the file (mode 0600).

    Raises
    ------
    OutputError: If the file cannot be written.
    """
    advice = "Use another folder, then start the import or run again"
    texts = {
        str(name): pd.Series([_to_text(value) for value in values], index=values.index, dtype=object)
        for name, values in rows.items()
        if values.dtype == object
    }  # as objects: a text may not be valid UTF-8
    with wrap_os_errors(path, content="The file of rejected rows", advice=advice):
        path.parent.mkdir(parents=True, exist_ok=True)
        content = rows.assign(**texts).to_csv(index=False)
        replace_file(path, content.encode(errors="backslashreplace"), mode=0o600)
    return path


def _to_text(value: Any) -> Any:
    if isinstance(value, list | tuple | set | np.ndarray):
        return "|".join(str(element) for element in value if element is not None)
    return value.isoformat() if isinstance(value, datetime) and value is not pd.NaT else value


def is_rejection_file(path: Path) -> bool:
    """Return whether a CSV file begins with the columns of a file that `write_rejected_rows` wrote for an import."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader([file.readline()]), [])
    return set(REJECTION_COLUMNS[:5]) <= set(header)
