"""The files of a small synthetic market, with a few invalid rows that an import must reject."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from scoring.storage.atomic_file import replace_file
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import wrap_os_errors
from scoring.synthetic.market import make_market

__all__ = ["write_sample"]

USERS, JOBS, ACTIONS, SEED = 200, 2_000, 12_000, 7

MAPPING: Final = """\
# The files have the canonical column names, so the mapping names only the tables.
# Eight rows are invalid on purpose, to show the import report.
sources:
  users: {file: users.csv}
  jobs: {file: jobs.csv}
  actions: {file: actions.csv}
tables:
  users: {from: users}
  jobs: {from: jobs}
  actions: {from: actions}
"""

INVALID_ROWS: Final[dict[str, list[dict[str, str]]]] = {
    "jobs": [
        {"job_id": "1", "title": "duplicate id"},
        {"job_id": "9001", "title": "infinite fee", "fee": "inf"},
        {"job_id": "9002", "title": "invalid date", "posted_at": "2025-02-30"},
        {"job_id": "", "title": "missing id"},
    ],
    "users": [{"user_id": "9001", "preferred_salary_min": "about a thousand"}],
    "actions": [
        {"user_id": "1", "job_id": "777777", "action": "click", "occurred_at": "2025-11-01T10:00:00Z"},
        {"user_id": "1", "job_id": "2", "action": "stare", "occurred_at": "2025-11-01T10:00:00Z"},
        {"user_id": "1", "job_id": "2", "action": "click", "occurred_at": ""},
    ],
}


def _format_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Format a frame as a job board's export: lists with bars, times in ISO 8601, integers without a fraction."""
    text = frame.dropna(axis="columns", how="all").copy()
    for name, column in text.items():
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            text[name] = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        elif name == "preferred_occupations":
            text[name] = ["|".join(map(str, row)) for row in column]
        elif column.dtype == "float64" and (column.dropna() % 1 == 0).all():
            text[name] = column.astype("Int64")
    return text.astype("str")


def write_sample(folder: str | Path) -> Path:
    """Write jobs.csv, users.csv, actions.csv and a mapping of them to a folder. Return the path of the mapping.

    The sample has 200 users, 2,000 jobs and 12,000 actions, and eight invalid rows. Existing files are replaced.

    Raises
    ------
    OutputError: If a file cannot be written.

    Example
    -------
    >>> write_sample(folder / "sample").name
    'mapping.yaml'
    """
    folder = expand_path(folder, "folder")
    tables = make_market(USERS, JOBS, ACTIONS, seed=SEED).tables
    with wrap_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, invalid in INVALID_ROWS.items():
            rows = [_format_as_text(getattr(tables, name)), pd.DataFrame(invalid, dtype="str")]
            text = pd.concat(rows, ignore_index=True).to_csv(index=False, lineterminator="\n")
            replace_file(folder / f"{name}.csv", text)
        replace_file(folder / "mapping.yaml", MAPPING)
    return folder / "mapping.yaml"
