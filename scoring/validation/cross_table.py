"""Validate all tables together; reject the dataset or quarantine rows.

Data flow: a source reads its tables, `validation.normalise` validates each of them, and `accept_tables` validates them
together and counts rows. This module finds problems between tables: actions of unknown users and jobs, actions and
factors of rejected users and jobs, and times in the future.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import FACTOR_TABLES
from scoring.columns.canonical_tables import Tables
from scoring.columns.types import ID
from scoring.errors import ConfigurationError
from scoring.id_index import IdIndex
from scoring.validation.data_errors import Rejections, no_rejections, refusal
from scoring.validation.normalise import NormalisedTable
from scoring.validation.report import DataReport

__all__ = ["OnBad", "accept_tables", "unknown_references"]

OnBad = Literal["refuse", "quarantine"]
"""How to handle invalid rows: raise an error that lists them, or leave them out."""

GRACE: Final = timedelta(days=1)  # clocks differ, and times without a zone may be local


def accept_tables(
    tables: Mapping[str, NormalisedTable],
    failures: Sequence[str] = (),
    *,
    on_bad: OnBad,
    as_of: pd.Timestamp | None = None,
    now: datetime | None = None,
) -> tuple[Tables, DataReport]:
    """Return canonical tables and their row counts.

    Parameters
    ----------
    failures: messages about tables that cannot be used and are not in `tables`.
    as_of: the clock of the data, if the caller chose one.
    now: the current time, by default that of this machine.

    Raises
    ------
    DataError: If there are failures, or if rows are rejected and `on_bad` is "refuse". It lists all of them.
    ConfigurationError: If `on_bad` is another value.
    """
    if on_bad not in get_args(OnBad):
        raise ConfigurationError(f"on_bad is {on_bad!r}; it is one of {', '.join(get_args(OnBad))}.")
    failures = [*failures, *_unpaired_factors(tables)]
    if not failures:
        tables = _without_future(tables, as_of, now or datetime.now(UTC))
        tables = _without_unknown_references(tables)
    rejected = [table.rejections for table in tables.values() if len(table.rejections)]
    if failures or (rejected and on_bad == "refuse"):
        rejections = pd.concat([no_rejections(), *rejected], ignore_index=True)
        raise refusal(rejections[rejections["caused_by"] == ""], failures)  # without rows that only refer to them
    return Tables(**{name: table.frame for name, table in tables.items()}), DataReport.of(tables)


def unknown_references(actions: NormalisedTable, users: IdIndex, jobs: IdIndex) -> Rejections:
    """Return the rejections of actions whose user or job is not in the known ids."""
    found = Rejections(actions.table, len(actions.frame))
    for key, known, table in (("user_id", users, "users"), ("job_id", jobs, "jobs")):
        ids = actions.frame[key]
        found.add(~known.contains(ids.to_numpy()), key, ids, _unknown(key, table))
    return found


def _unknown(key: str, table: str) -> str:
    return f"is no {key} of {table}"


def _unpaired_factors(tables: Mapping[str, NormalisedTable]) -> list[str]:
    brought = [name for name in FACTOR_TABLES if name in tables]
    if len(brought) != 1:
        return []
    return [f"{brought[0]}: user_factors and job_factors belong together; bring both or neither."]


def _without_future(
    tables: Mapping[str, NormalisedTable], as_of: pd.Timestamp | None, now: datetime
) -> Mapping[str, NormalisedTable]:
    """Reject actions in the future, because a single one would set the clock, and jobs would count as expired.

    Without actions, the newest posting is the clock, so postings are checked instead.
    """
    latest = pd.Timestamp(now + GRACE)
    latest = latest if as_of is None else max(latest, as_of)
    name, column = ("actions", "occurred_at") if len(tables["actions"].frame) else ("jobs", "posted_at")
    times = tables[name].frame[column]
    if not times.max() > latest:
        return tables
    later = (times > latest).to_numpy(dtype=bool)
    reason = f"lies in the future (by the clock of this machine it is {now:%Y-%m-%d} now)"
    return {**tables, name: tables[name].reject(later, column, reason)}


def _without_unknown_references(tables: Mapping[str, NormalisedTable]) -> Mapping[str, NormalisedTable]:
    """Reject actions of unknown users and jobs, and actions and factors of rejected ones."""
    owners = [_Owner.of(tables[name], key) for name, key in (("users", "user_id"), ("jobs", "job_id"))]
    actions = tables["actions"]
    for owner in owners:  # first the rows that are invalid themselves
        actions = owner.reject_unknown(actions)
    for owner in owners:
        actions = owner.reject_dependent(actions)
    found = {**tables, "actions": actions}
    for owner in owners:
        if owner.factors in tables:
            found[owner.factors] = owner.note_unknown(owner.reject_dependent(tables[owner.factors]))
    return found


@dataclass(frozen=True)
class _Owner:
    """Users or jobs, to which other rows refer: the ids of valid and of rejected rows."""

    table: str
    key: str
    known: IdIndex
    rejected: NDArray[np.int64]

    @classmethod
    def of(cls, table: NormalisedTable, key: str) -> _Owner:
        known = IdIndex(table.frame[key].to_numpy())
        rejected = np.empty(0, dtype=np.int64)
        if len(table.rejections):
            ids = table.rejected_rows()[key]
            rejected = ID.coerce(ids).values.dropna().to_numpy(dtype=np.int64)
        # the id of a rejected duplicate is also the id of a valid row
        return cls(table.table, key, known, rejected[~known.contains(rejected)])

    @property
    def one(self) -> str:
        return self.table[:-1]

    @property
    def factors(self) -> str:
        return f"{self.one}_factors"

    def reject_unknown(self, table: NormalisedTable) -> NormalisedTable:
        ids = table.frame[self.key].to_numpy()
        unknown = ~self.known.contains(ids)
        if unknown.any() and len(self.rejected):
            unknown &= ~np.isin(ids, self.rejected)
        return table.reject(unknown, self.key, _unknown(self.key, self.table))

    def reject_dependent(self, table: NormalisedTable) -> NormalisedTable:
        if not len(self.rejected):
            return table
        dependent = np.isin(table.frame[self.key], self.rejected)
        return table.reject(dependent, self.key, f"is of a {self.one} that was refused", caused_by=self.table)

    def note_unknown(self, table: NormalisedTable) -> NormalisedTable:
        """Count the rows of unknown users or jobs, which scores do not use."""
        unknown = int((~self.known.contains(table.frame[self.key].to_numpy())).sum())
        return replace(table, unused={f"of no {self.one} of the data": unknown}) if unknown else table
