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
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.city_code_padding import find_city_width, pad_city_codes
from scoring.columns.dataset_frames import Tables
from scoring.errors import ConfigurationError
from scoring.id_index import IdIndex
from scoring.validation.referenced_ids import UNKNOWN
from scoring.validation.rejections import Rejections, make_data_error, make_empty_rejections
from scoring.validation.report import DataReport
from scoring.validation.table_validator import NormalisedTable
from scoring.validation.zero_padding_notes import describe_padded_cities

__all__ = ["InvalidRowPolicy", "accept_tables", "find_unknown_references", "pad_cities"]

InvalidRowPolicy = Literal["refuse", "quarantine"]
"""How to handle invalid rows: raise an error that lists them, or leave them out."""

GRACE: Final = timedelta(days=1)  # clocks differ, and times without a zone may be local


def accept_tables(
    tables: Mapping[str, NormalisedTable],
    failures: Sequence[str] = (),
    *,
    on_bad: InvalidRowPolicy,
    as_of: pd.Timestamp | None = None,
    now: datetime | None = None,
    board: Board = DEFAULT_BOARD,
) -> tuple[Tables, DataReport]:
    """Return canonical tables and their row counts.

    Parameters
    ----------
    failures: messages about tables that cannot be used and are not in `tables`.
    as_of: the clock of the data, if the caller chose one.
    now: the current time, by default that of this machine.
    board: declares the own columns of the frames.

    Raises
    ------
    DataError: If there are failures, or if rows are rejected and `on_bad` is "refuse". It lists all of them.
    ConfigurationError: If `on_bad` is another value.
    """
    if on_bad not in get_args(InvalidRowPolicy):
        raise ConfigurationError(
            f"on_bad is {on_bad!r}. It must be one of {', '.join(get_args(InvalidRowPolicy))}.", key=("on_bad",)
        )
    failures = [*failures, *_find_unpaired_factors(tables)]
    if not failures:
        tables = _reject_future(tables, as_of, now or datetime.now(UTC))
        tables = _reject_unknown_references(tables)
    rejected = [table.rejections for table in tables.values() if len(table.rejections)]
    if failures or (rejected and on_bad == "refuse"):
        rejections = pd.concat([make_empty_rejections(), *rejected], ignore_index=True)
        raise make_data_error(
            rejections[rejections["caused_by"] == ""], failures
        )  # without rows that only refer to them
    tables = pad_cities(tables)
    return Tables(**{name: table.frame for name, table in tables.items()}, board=board), DataReport.of(tables)


def pad_cities(tables: Mapping[str, NormalisedTable], others: pd.Series | None = None) -> dict[str, NormalisedTable]:
    """Return the tables with zeros before city codes that lost them, and notes about short codes.

    `others`: city codes of other rows, which also determine the width.
    """
    owners = {name: table for name, table in tables.items() if "city_code" in table.frame}
    codes = [table.frame["city_code"] for table in owners.values()]
    width = find_city_width(codes if others is None else [*codes, others])
    padded = dict(tables)
    for name, table in owners.items():
        found = pad_city_codes(table.frame["city_code"], table.frame["prefecture_code"], width)
        if found is not None:
            notes = dict(table.notes) | describe_padded_cities(table.frame["city_code"], found, width)
            padded[name] = replace(table, frame=table.frame.assign(city_code=found.codes), notes=notes)
    return padded


def find_unknown_references(actions: NormalisedTable, users: IdIndex, jobs: IdIndex) -> Rejections:
    """Return the rejections of actions whose user or job is not in the known ids."""
    rejections = Rejections(actions.table, len(actions.frame))
    for key, known, table in (("user_id", users, "users"), ("job_id", jobs, "jobs")):
        ids = actions.frame[key]
        rejections.add(~known.contains(ids.to_numpy()), key, ids, UNKNOWN + table)
    return rejections


def _find_unpaired_factors(tables: Mapping[str, NormalisedTable]) -> list[str]:
    given = [name for name in FACTOR_TABLES if name in tables]
    if len(given) != 1:
        return []
    return [f"{given[0]}: user_factors and job_factors must be given together. Give both or neither."]


def _reject_future(
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
    in_future = (times > latest).to_numpy(dtype=bool)
    reason = f"is in the future (today is {now:%Y-%m-%d} by the clock of this machine)"
    return {**tables, name: tables[name].reject(in_future, column, reason)}


def _reject_unknown_references(tables: Mapping[str, NormalisedTable]) -> Mapping[str, NormalisedTable]:
    """Reject actions of unknown users and jobs, and actions and factors of rejected ones."""
    owners = [_Owner.of(tables[name], key) for name, key in (("users", "user_id"), ("jobs", "job_id"))]
    actions = tables["actions"]
    for owner in owners:  # first the rows that are invalid themselves
        actions = owner.reject_unknown(actions)
    for owner in owners:
        actions = owner.reject_dependent(actions)
    checked = {**tables, "actions": actions}
    for owner in owners:
        if owner.factor_table in tables:
            checked[owner.factor_table] = owner.count_unknown(owner.reject_dependent(tables[owner.factor_table]))
    return checked


@dataclass(frozen=True)
class _Owner:
    """Users or jobs, to which other rows refer: the ids of valid and of rejected rows."""

    table: str
    key: str
    valid: IdIndex
    rejected: NDArray[np.int64]

    @classmethod
    def of(cls, table: NormalisedTable, key: str) -> _Owner:
        valid = IdIndex(table.frame[key].to_numpy())
        rejected = table.rejected_ids
        # the id of a rejected duplicate is also the id of a valid row
        return cls(table.table, key, valid, rejected[~valid.contains(rejected)])

    @property
    def singular(self) -> str:
        return self.table[:-1]

    @property
    def factor_table(self) -> str:
        return f"{self.singular}_factors"

    def reject_unknown(self, table: NormalisedTable) -> NormalisedTable:
        ids = table.frame[self.key].to_numpy()
        unknown = ~self.valid.contains(ids)
        if unknown.any() and len(self.rejected):
            unknown &= ~np.isin(ids, self.rejected)
        return table.reject(unknown, self.key, UNKNOWN + self.table)

    def reject_dependent(self, table: NormalisedTable) -> NormalisedTable:
        if not len(self.rejected):
            return table
        dependent = np.isin(table.frame[self.key], self.rejected)
        return table.reject(dependent, self.key, f"refers to a rejected {self.singular}", caused_by=self.table)

    def count_unknown(self, table: NormalisedTable) -> NormalisedTable:
        """Count the rows of unknown users or jobs, which scores do not use."""
        unknown = int((~self.valid.contains(table.frame[self.key].to_numpy())).sum())
        return replace(table, unused={f"of an unknown {self.singular}": unknown}) if unknown else table
