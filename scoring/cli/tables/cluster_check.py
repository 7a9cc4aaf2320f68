"""The table of `scoring cluster check`."""

from __future__ import annotations

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from scoring.errors import make_printable, pluralize
from scoring.runs.executors.cluster_check import ClusterCheck
from scoring.runs.executors.cluster_events import Admitted

__all__ = ["make_records", "render_check"]


def make_records(check: ClusterCheck) -> pd.DataFrame:
    """Return one row per worker."""
    columns = ["worker", "is_admitted", "threads", "compile_seconds", "transfer_seconds", "reason"]
    rows = [
        (one.worker, True, one.threads, one.compile_seconds, one.transfer_seconds, None)
        if isinstance(one, Admitted)
        else (one.worker, False, None, None, None, one.reason)
        for one in check.workers
    ]
    return pd.DataFrame(rows, columns=columns).astype({"threads": "Int64"})


def render_check(check: ClusterCheck, address: str) -> Group:
    """Return one line per worker, why workers are excluded, and the number of workers that can rank."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("worker", no_wrap=True)
    table.add_column("result", no_wrap=True)
    for name in ("threads", "compile s", "bundle s"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in check.workers:
        worker = Text(make_printable(one.worker, 60))
        if isinstance(one, Admitted):
            seconds = (f"{one.compile_seconds:.1f}", f"{one.transfer_seconds:.1f}")
            table.add_row(worker, "admitted", f"{one.threads:,}", *seconds)
        else:
            table.add_row(worker, "excluded", "", "", "")
    n_admitted = len(check.workers) - check.n_excluded
    reasons = [
        Text(f"{make_printable(one.worker, 60)} is excluded: {make_printable(one.reason, 300)}.")
        for one in check.workers
        if not isinstance(one, Admitted)
    ]
    return Group(table, *reasons, Text(f"{pluralize(n_admitted, 'worker')} of {address} can rank for this machine."))
