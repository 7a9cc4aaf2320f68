"""The tables of a dataset as canonical frames."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import pandas as pd

from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.errors import DataError

__all__ = ["Tables", "find_newest_time", "make_empty_frame"]


@dataclass(frozen=True)
class Tables:
    """Canonical frames (columns and dtypes of `scoring.columns`), in any row order.

    Every source returns them, and a `Dataset` is made of them. `user_factors` and `job_factors` are both given or both
    None; their columns are the id and `f0…fN`. `board` declares the own columns of the frames.
    """

    jobs: pd.DataFrame
    users: pd.DataFrame
    actions: pd.DataFrame
    occupations: pd.DataFrame
    prefectures: pd.DataFrame
    prefecture_adjacency: pd.DataFrame
    user_factors: pd.DataFrame | None = None
    job_factors: pd.DataFrame | None = None
    board: Board = DEFAULT_BOARD

    def __post_init__(self) -> None:
        """Raise DataError if a table is not a pandas DataFrame."""
        for name, frame in self.items():
            if not isinstance(frame, pd.DataFrame):
                raise DataError(
                    f"{name}: expected a canonical pandas DataFrame, not {type(frame).__qualname__}. Use "
                    "Dataset.from_frames, which accepts frames of other libraries.",
                    reason="not a frame",
                    table=name,
                    value=type(frame).__qualname__,
                )

    def with_tables(self, **frames: Any) -> Self:
        """Return a copy with some frames replaced."""
        return replace(self, **frames)

    def copy(self) -> Self:
        """Return tables whose frames are copies."""
        return replace(self, **{name: frame.copy() for name, frame in self.items()})  # type: ignore[arg-type]

    def items(self) -> list[tuple[str, pd.DataFrame]]:
        """Return (table name, frame) of the tables that are not None."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self) if field.name != "board")
        return [(name, frame) for name, frame in pairs if frame is not None]


def make_empty_frame(table: str, board: Board = DEFAULT_BOARD) -> pd.DataFrame:
    """Return a frame without rows, with the canonical columns and dtypes of a table, and the own ones of a board."""
    return pd.DataFrame({column.name: pd.Series(dtype=column.type.dtype) for column in board.table(table).columns})


def find_newest_time(tables: Tables) -> pd.Timestamp:
    """Return the default clock: the time of the newest action, or of the newest posting if there are no actions."""
    newest = tables.actions["occurred_at"].max()
    if pd.isna(newest):
        newest = tables.jobs["posted_at"].max()
    # without actions and postings, scores do not depend on the clock
    return pd.Timestamp(0, tz="UTC") if pd.isna(newest) else newest
