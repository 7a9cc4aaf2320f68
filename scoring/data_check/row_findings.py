"""Findings about single rows and columns: rejected, missing, unknown and duplicate values, ids and times."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import Final

import numpy as np
import pandas as pd

from scoring.columns.text_id_hash import mask_reserved
from scoring.data_check.finding import Finding
from scoring.dataset import Dataset
from scoring.dataset.arrays import DAY, NO_TIME, to_microseconds
from scoring.errors import make_printable, pluralize
from scoring.model import ScoringModel

__all__ = [
    "find_duplicate_postings",
    "find_late_clock",
    "find_local_times",
    "find_missing_values",
    "find_rejected_rows",
    "find_text_ids",
    "find_times_of_1970",
    "find_unknown_codes",
    "format_share",
]

MOSTLY_MISSING: Final = 0.9
LOCAL_SHARE: Final = 0.05
LOCAL_HOURS: Final = 14
"""The largest offset of a time zone from UTC."""
MANY_ACTIONS: Final = 100
"""Number of actions from which their distances show that the newest one is an outlier."""
LATE_SHARE: Final = 0.001
CLOCK_ERROR: Final = DAY // 144
"""Microseconds that clocks of machines may differ by: 10 minutes."""
FEW_IDS: Final = 0.1
DUPLICATES: Final = 0.01
END_OF_JANUARY_1970: Final = 31 * DAY
"""Seconds, milliseconds or microseconds since 1970 that are read in a larger unit are before this time."""

_ADVICE_OF_DELETED: Final = (
    "Keep deleted jobs as closed ones (is_active, expires_at), or let runs accept it with --max-refused."
)
TABLES_OF_ROWS: Final = ("jobs", "users", "actions")


def find_rejected_rows(data: Dataset) -> Iterator[Finding]:
    """Return a warning for each table with rows that loading rejected, else one line."""
    rejected = [table for table in data.ledger.tables.values() if table.n_rejected]
    for table in rejected:
        yield Finding(
            "rejected rows",
            "warning",
            make_printable(table.format_line(), 500),
            _ADVICE_OF_DELETED if table.n_unknown > table.n_invalid / 2 else "Correct the source and import it again.",
        )
    if not rejected:
        yield Finding("rejected rows", "info", "all loaded rows are valid")


def find_missing_values(data: Dataset, model: ScoringModel, constant: Collection[str] = ()) -> Iterator[Finding]:
    """Return the share of missing values per column, and a warning for components whose columns are mostly missing.

    Components in `constant` have no warning: they are reported with their reason.
    """
    shares = {name: _find_missing_shares(getattr(data.tables, name)) for name in TABLES_OF_ROWS}
    for part in model.parts:
        columns = [name.partition(".")[::2] for name in part.component.reads]
        missing = {
            f"{table}.{column}": shares[table][column]
            for table, column in columns
            if shares.get(table, {}).get(column, 0.0) >= MOSTLY_MISSING
        }
        if missing and part.name not in constant:
            text = ", ".join(f"{column} ({format_share(share)} missing)" for column, share in missing.items())
            yield Finding(
                "missing values",
                "warning",
                f"the component {part.name} reads {text}",
                "Map columns of the source to them, or give the component weight 0.",
            )
    for name, of_table in shares.items():
        listed = sorted((column for column in of_table if of_table[column]), key=lambda column: -of_table[column])
        text = ", ".join(f"{column} {format_share(of_table[column])}" for column in listed) or "none"
        yield Finding("missing values", "info", f"missing values of {name}: {text}")


def _find_missing_shares(frame: pd.DataFrame) -> dict[str, float]:
    if not len(frame):
        return {}
    return {str(column): _share_missing(frame[column]) for column in frame.columns if column != "external_id"}


def find_unknown_codes(data: Dataset) -> Iterator[Finding]:
    """Return a warning for each column with values that no reference table and no rule knows."""
    for values in data.ledger.unknown:
        yield Finding(
            "unknown values",
            "warning",
            make_printable(str(values), 500),
            "Map them with `values:` or `lookup:`, or import the reference table. They score like missing values.",
        )
    if not data.ledger.unknown:
        yield Finding("unknown values", "info", "every code is in its reference table")


def find_text_ids(data: Dataset) -> Iterator[Finding]:
    """Return a warning if a few ids differ in kind from the rest, such as a repeated header or a total."""
    for name, key in (("jobs", "job_id"), ("users", "user_id")):
        frame = getattr(data.tables, name)
        is_text = mask_reserved(frame[key].to_numpy(np.int64))
        n_texts, n_numbers = int(is_text.sum()), int((~is_text).sum())
        if not n_texts:
            continue
        few, kind, others = (
            (is_text, "text id", f"{n_numbers:,} numbers")
            if n_texts <= n_numbers
            else (~is_text, "number", f"{n_texts:,} text ids")
        )
        if 0 < few.sum() <= FEW_IDS * len(frame):
            row = int(np.flatnonzero(few)[0])
            shown = frame["external_id"].iloc[row] if few is is_text else frame[key].iloc[row]
            yield Finding(
                "text ids",
                "warning",
                f"{name}.{key}: {pluralize(int(few.sum()), kind)} among {others}, such as "
                f"'{make_printable(str(shown), 40)}'",
                "Correct the rows whose id is not real.",
            )
        else:
            yield Finding("text ids", "info", f"{name}.{key}: {n_texts:,} text ids")


def find_local_times(data: Dataset) -> Iterator[Finding]:
    """Return a warning if postings are a few hours after the clock: local times without a zone are read as UTC."""
    posted = data.jobs.posted_at[data.jobs.posted_at != NO_TIME]
    later = posted > data.clock.now
    if not later.any() or later.mean() < LOCAL_SHARE:
        return
    hours = (posted[later].max() - data.clock.now) / (DAY / 24)
    if hours <= LOCAL_HOURS:
        yield Finding(
            "local times",
            "warning",
            f"jobs.posted_at: {format_share(later.mean())} of the postings are after the clock "
            f"{data.as_of:%Y-%m-%d %H:%M} UTC, all within {hours:.1f} hours",
            "These may be local times: state `zone:` in the mapping, such as `zone: Asia/Tokyo`.",
        )


def find_late_clock(data: Dataset) -> Iterator[Finding]:
    """Return a warning if the newest action sets a clock that is probably wrong.

    That is a clock after the time of this machine, or a day and ten usual distances of actions after 99.9% of them.
    """
    at, clock = data.actions.at, data.clock
    if clock.set_back or not len(at) or at.max() != clock.now:
        return  # the caller gave the time
    newest, hour = f"{data.as_of:%Y-%m-%d %H:%M} UTC", DAY / 24
    ahead = clock.now - time.time_ns() // 1000
    if ahead > CLOCK_ERROR:
        yield Finding(
            "clock",
            "warning",
            f"the newest action, {newest}, sets the clock and is {ahead / hour:,.1f} hours after the time of this "
            "machine",
            "If times are local, state `zone:` in the mapping. If this one is wrong, correct it, or set --as-of.",
        )
        return
    place = int((1 - LATE_SHARE) * (len(at) - 1))
    before = int(np.partition(at, place)[place])
    if len(at) < MANY_ACTIONS or clock.now - before <= DAY:
        return
    usual = float(np.median(np.diff(np.sort(at))))
    if clock.now - before > DAY + 10 * usual:
        last = int(at[at <= before + DAY].max())
        yield Finding(
            "clock",
            "warning",
            f"the newest action, {newest}, sets the clock and is {(clock.now - before) / DAY:,.1f} days after 99.9% of "
            "the actions",
            f"If its time is wrong, correct it, or set --as-of {pd.Timestamp(last, unit='us'):%Y-%m-%dT%H:%M:%SZ}.",
        )


def find_times_of_1970(data: Dataset) -> Iterator[Finding]:
    """Return a warning for each column whose times are all in January 1970: numbers that were read in another unit."""
    for name in TABLES_OF_ROWS:
        frame = getattr(data.tables, name)
        for column in frame.columns:
            if not isinstance(frame[column].dtype, pd.DatetimeTZDtype):
                continue
            times = to_microseconds(frame[column])
            times = times[times != NO_TIME]
            if len(times) and (np.abs(times) < END_OF_JANUARY_1970).all():
                newest = pd.Timestamp(int(times.max()), unit="us", tz="UTC")
                yield Finding(
                    "times of 1970",
                    "warning",
                    f"{name}.{column}: all {len(times):,} times are in January 1970, the newest "
                    f"{newest:%Y-%m-%d %H:%M:%S}",
                    "These are numbers since 1970: state `unit: s` or `unit: ms` in the mapping.",
                )


def find_duplicate_postings(data: Dataset) -> Iterator[Finding]:
    """Return a warning if open jobs have the same company, title and city as another open job."""
    jobs = data.tables.jobs[data.open_jobs]
    columns = ["company_id", "title", "city_code"]
    known = jobs.dropna(subset=["company_id", "title"])[columns]
    repeated = known.duplicated()
    if not repeated.any() or repeated.sum() <= DUPLICATES * len(jobs):
        return
    first = known[repeated].iloc[0]
    example = ", ".join(make_printable(str(value), 40) for value in first if not pd.isna(value))
    yield Finding(
        "duplicate postings",
        "warning",
        f"{int(repeated.sum()):,} of {len(jobs):,} open jobs repeat the company, title and city of another one, such "
        f"as '{example}'",
        "Import each posting once, or limit the jobs of a company in a list with `max_per_company`.",
    )


def _share_missing(values: pd.Series) -> float:
    if values.dtype == object:  # lists: an empty one is missing
        return float(np.mean([not len(value) for value in values])) if len(values) else 0.0
    return float(values.isna().mean())


def format_share(share: float) -> str:
    """Return a share as a percentage that is 0% and 100% only if it is exactly that."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}".replace(".0%", "%")
