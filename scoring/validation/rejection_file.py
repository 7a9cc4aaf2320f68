"""Files of rejected rows, readable only by their owner."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["write_rejected_rows"]


def write_rejected_rows(rows: pd.DataFrame, path: Path) -> Path:
    """Write rejected rows to a CSV file, replaced atomically, and return its path.

    Rows may contain personal data, so only the owner can read the file (mode 0600).

    Raises
    ------
    OutputError: If the file cannot be written.
    """
    advice = "Use another folder, then start the import or run again"
    with wrap_os_errors(path, content="The file of rejected rows", advice=advice):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, rows.to_csv(index=False).encode(errors="backslashreplace"), mode=0o600)
    return path
