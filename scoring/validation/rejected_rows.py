"""Files of rejected rows, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import pandas as pd

from scoring.errors import OutputError

__all__ = ["write_refused"]


def write_refused(rows: pd.DataFrame, path: Path) -> Path:
    """The refused rows as CSV, in one step: never half a file. Raises OutputError.

    They are somebody's own rows, with whatever stood in them: the file is its owner's alone (mode 0600), and nothing
    but it repeats them.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # new, of a name that nobody can foresee: no link there leads elsewhere
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            rows.to_csv(file, index=False)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(
            f"The refused rows cannot be written to {path}: {error.strerror or error}. Nothing is imported or run; "
            "give another place."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return path
