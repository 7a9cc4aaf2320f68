"""Files of rejected rows, readable by their owner alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["write_refused"]


def write_refused(rows: pd.DataFrame, path: Path) -> Path:
    """The refused rows as CSV, in one step: never half a file. Raises OutputError.

    They are somebody's own rows, with whatever stood in them: the file is its owner's alone (mode 0600), and nothing
    but it repeats them.
    """
    advice = "Nothing is imported or run; give another place"
    with wrap_os_errors(path, what="The refused rows", advice=advice):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, rows.to_csv(index=False).encode(errors="backslashreplace"), mode=0o600)
    return path
