"""The table of `scoring live --status`."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from rich.table import Table

from scoring.errors import make_printable
from scoring.live.log_status import LogStatus

__all__ = ["make_records", "render_status"]


def make_records(status: LogStatus) -> pd.DataFrame:
    """Return one row per reader of the log, with the state of the log in each: without readers, one row."""
    state = {
        "database": status.database,
        "has_log": status.has_log,
        "has_triggers": status.has_triggers,
        "epoch": status.epoch,
        "seq": status.seq,
        "at": status.at,
        "n_events": status.n_events,
        "basis": status.basis,
        "as_of": status.as_of,
    }
    readers = [
        {"reader": one.name, "reader_seq": one.seq, "reader_seconds_ago": one.seconds_ago} for one in status.readers
    ]
    rows = [
        {**state, **reader} for reader in readers or [dict.fromkeys(("reader", "reader_seq", "reader_seconds_ago"))]
    ]
    frame = pd.DataFrame(rows)
    return frame.astype(dict.fromkeys(("seq", "n_events", "basis", "reader_seq"), "Int64"))


def render_status(status: LogStatus) -> Table:
    """Return one line per fact, and one per reader."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("database", status.database)
    if not status.has_log:
        table.add_row("log", "none. Create it with `scoring live --install`.")
        return table
    table.add_row("triggers", "yes" if status.has_triggers else "no: only this package's writers write events")
    newest = "none" if not status.seq else f"{status.seq:,} at {_format_time(status.at)}"
    table.add_row("newest event", newest)
    table.add_row("events in the log", f"{status.n_events:,}")
    table.add_row("basis", "none" if status.basis is None else f"{status.basis:,} of {_format_time(status.as_of)}")
    for reader in status.readers:
        behind = max(0, (status.seq or 0) - reader.seq)
        table.add_row(
            f"reader {make_printable(reader.name, 40)}",
            f"event {reader.seq:,}, {behind:,} behind, noted {reader.seconds_ago:,.0f} s ago",
        )
    if not status.readers:
        table.add_row("readers", "none")
    return table


def _format_time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"
