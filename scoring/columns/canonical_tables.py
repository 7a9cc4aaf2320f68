"""A dataset's tables as canonical frames: what every source gives and a `Dataset` is made of."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import pandas as pd

from scoring.columns import TABLES

__all__ = ["Tables", "empty_frame", "newest_of"]


@dataclass(frozen=True)
class Tables:
    """Canonical frames (columns and dtypes of `scoring.columns`), as a source gives them, in any row order.

    `user_factors` and `job_factors` are both there or both None; their columns are the id and `f0…fN`.
    """

    jobs: pd.DataFrame
    users: pd.DataFrame
    actions: pd.DataFrame
    occupations: pd.DataFrame
    prefectures: pd.DataFrame
    prefecture_adjacency: pd.DataFrame
    user_factors: pd.DataFrame | None = None
    job_factors: pd.DataFrame | None = None

    def with_tables(self, **frames: Any) -> Self:
        """The same with some frames exchanged."""
        return replace(self, **frames)

    def items(self) -> list[tuple[str, pd.DataFrame]]:
        """(table name, frame) for the tables that are there."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, frame) for name, frame in pairs if frame is not None]


def empty_frame(table: str) -> pd.DataFrame:
    """No rows, the table's canonical columns and dtypes."""
    return pd.DataFrame({column.name: pd.Series(dtype=column.type.dtype) for column in TABLES[table].columns})


def newest_of(tables: Tables) -> pd.Timestamp:
    """The data's own clock: the newest action, without actions the newest posting."""
    newest = tables.actions["occurred_at"].max()
    if pd.isna(newest):
        newest = tables.jobs["posted_at"].max()
    # with neither actions nor postings nothing has a time: any clock gives the same scores
    return pd.Timestamp(0, tz="UTC") if pd.isna(newest) else newest
