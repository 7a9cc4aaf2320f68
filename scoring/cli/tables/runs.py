"""The table of runs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.table import Table

from scoring.errors import make_printable
from scoring.runs.history import RunRecord

__all__ = ["make_records", "render_runs"]


def make_records(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Return one row per run: run · status · model · as_of · users · rows · bytes · folder · database · gate."""
    names = ("model", "as_of", "users", "rows", "bytes", "folder", "database", "gate")
    rows = [
        {"run": run.run_id, "status": str(run.status), **{name: getattr(run, name) for name in names}} for run in runs
    ]
    frame = pd.DataFrame(rows, columns=["run", "status", *names])
    return frame.astype({"users": "Int64", "rows": "Int64", "bytes": "Int64"})


def render_runs(runs: Sequence[RunRecord]) -> Table:
    """Return one row per run."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("run", "status", "model"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for name in ("users", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("stored in", no_wrap=True)
    for run in runs:
        table.add_row(
            run.run_id,
            run.status,
            "" if run.model is None else make_printable(run.model, 30),
            *("" if count is None else f"{count:,}" for count in (run.users, run.rows)),
            "both" if run.folder and run.database else "folder" if run.folder else "database",
        )
    return table
