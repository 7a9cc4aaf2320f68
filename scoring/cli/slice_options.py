"""Options --slices and --slices-by: the groups of users by which results are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

if TYPE_CHECKING:
    import pandas as pd

    from scoring.database.database import Database
    from scoring.dataset import Tables
    from scoring.evaluation import Slicing

__all__ = ["SlicesByOption", "SlicesOption", "UserColumns"]

SlicesOption = Annotated[bool, typer.Option(help="Also compare by region, age group, tenure and occupation.")]

SlicesByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--slices-by",
        metavar="COLUMN",
        help="Also compare by this column of the table users: quantile groups of numbers and times, values of other "
        "columns. May be repeated.",
    ),
]


@dataclass(frozen=True)
class UserColumns:
    """The columns of --slices-by. `extra` contains those that the package does not read otherwise."""

    names: tuple[str, ...]
    extra: Mapping[str, pd.DataFrame]

    @classmethod
    def read(cls, database: Database, options: Sequence[str]) -> Self:
        """Check the columns before the data are loaded, and read the additional columns.

        Raises
        ------
        ConfigurationError: If the table users does not contain a column, or the column identifies users.
        DatabaseError: If the database cannot be read.
        """
        if not options:
            return cls((), {})
        from sqlalchemy import inspect

        from scoring.columns import TABLES
        from scoring.columns.types import INTEGER_LIST
        from scoring.errors import ConfigurationError, suggest
        from scoring.evaluation.slices import check_slice_column

        users = TABLES["users"]
        names = [users.canonical_names.get(name, name) for name in options]
        for name in names:
            check_slice_column(name)
        database.require_tables("users")
        stored = database.read(lambda connection: inspect(connection).get_columns("users"))
        lists = [column.name for column in users.columns if column.type is INTEGER_LIST]
        available = dict.fromkeys([*users.names, *(column["name"] for column in stored)])
        known = [name for name in available if name not in (*users.key, "external_id", *lists)]
        for option, name in zip(options, names, strict=True):
            if name not in known:
                raise ConfigurationError(
                    f"--slices-by {option}: the table users does not contain this column. {suggest(option, known)}"
                )
        extra = [name for name in names if name not in users.names]
        return cls(tuple(dict.fromkeys(names)), {name: _read_column(database, name) for name in extra})

    def make_slicings(self, tables: Tables) -> list[Slicing]:
        """Return a slicing of the users by each column. Prefectures are named.

        Raises
        ------
        ConfigurationError: If an additional column contains lists.
        """
        from scoring.evaluation import slice_by

        prefectures = tables.prefectures.dropna(subset="name").set_index("prefecture_code")["name"]
        labels = {"prefecture_code": {code: f"{name} ({code})" for code, name in prefectures.items()}}
        slicings = []
        for name in self.names:
            users = tables.users
            if name in self.extra:
                users = users[["user_id"]].merge(self.extra[name], on="user_id", how="left")
            slicings.append(slice_by(users, name, labels=labels.get(name)))
        return slicings


def _read_column(database: Database, name: str) -> pd.DataFrame:
    import pandas as pd
    import sqlalchemy as sa

    query: Any = sa.select(sa.column("user_id"), sa.column(name)).select_from(sa.table("users"))
    return database.read(lambda connection: pd.read_sql(query, connection))
