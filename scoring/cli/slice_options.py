"""Options --slices and --slices-by: the groups of users and jobs by which results are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from scoring.errors import ConfigurationError, suggest

if TYPE_CHECKING:
    import pandas as pd

    from scoring.columns.board_definition import Board
    from scoring.database.database import Database
    from scoring.dataset import Tables
    from scoring.evaluation import JobSlicing, Slicing
    from scoring.model import Inputs

__all__ = ["SliceColumns", "SlicesByOption", "SlicesOption", "UserSlicesByOption"]

SlicesOption = Annotated[bool, typer.Option(help="Also compare by region, age group, tenure and occupation.")]

_HELP = (
    "Also compare by this column of the table users: quantile groups of numbers and times, values of other columns. "
)

UserSlicesByOption = Annotated[
    list[str] | None, typer.Option("--slices-by", metavar="COLUMN", help=f"{_HELP}May be repeated.")
]

SlicesByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--slices-by",
        metavar="COLUMN",
        help=f"{_HELP}`job.COLUMN` is a column of jobs: metrics then count only the relevant jobs of a group. May be "
        "repeated.",
    ),
]

_PREFIXES = {"job": "jobs", "user": "users"}
"""What a column of --slices-by may begin with, as in eligibility rules → its table."""


@dataclass(frozen=True)
class SliceColumns:
    """The columns of --slices-by. `extra` contains columns of users that the package does not read otherwise."""

    users: tuple[str, ...]
    jobs: tuple[str, ...]
    extra: Mapping[str, pd.DataFrame]

    @classmethod
    def read(cls, database: Database, options: Sequence[str]) -> Self:
        """Check the columns before the data are loaded, and read the additional columns.

        Raises
        ------
        ConfigurationError: If the tables users or jobs do not contain a column, or it identifies users or jobs.
        DatabaseError: If the database cannot be read.
        """
        if not options:
            return cls((), (), {})
        from scoring.database.board_definition_storage import read_board

        database.require_tables("users", "jobs")
        board = database.read(read_board)
        found: dict[str, list[str]] = {"users": [], "jobs": []}
        for option in options:
            prefix, dot, name = option.partition(".")
            table = _PREFIXES.get(prefix) if dot else "users"
            if table is None:
                raise ConfigurationError(
                    f"--slices-by {option}: use COLUMN or user.COLUMN for users, job.COLUMN for jobs."
                )
            found[table].append(_check_column(database, board, table, name if dot else option, option))
        users = tuple(dict.fromkeys(found["users"]))
        extra = [name for name in users if name not in board.table("users").names]
        return cls(users, tuple(dict.fromkeys(found["jobs"])), {name: _read_column(database, name) for name in extra})

    def make_slicings(self, tables: Tables) -> list[Slicing]:
        """Return a slicing of the users by each of their columns. Prefectures are named.

        Raises
        ------
        ConfigurationError: If a column has another value for every user.
        """
        from scoring.evaluation import slice_by

        labels = _label_values(tables)
        slicings = []
        for name in self.users:
            users = tables.users
            if name in self.extra:
                users = users[["user_id"]].merge(self.extra[name], on="user_id", how="left")
            slicings.append(slice_by(users, name, labels=labels.get(name)))
        return slicings

    def make_job_slicings(self, inputs: Inputs) -> list[JobSlicing]:
        """Return a slicing of the jobs by each of their columns. Prefectures are named.

        Raises
        ------
        ConfigurationError: If a column has another value in every job.
        """
        from scoring.evaluation import JobSlicing

        labels = _label_values(inputs.dataset.tables)
        return [JobSlicing.by(inputs, name, labels=labels.get(name)) for name in self.jobs]


def _label_values(tables: Tables) -> dict[str, dict[Any, str]]:
    """Return column → value → label."""
    prefectures = tables.prefectures.dropna(subset="name").set_index("prefecture_code")["name"]
    return {"prefecture_code": {code: f"{name} ({code})" for code, name in prefectures.items()}}


def _check_column(database: Database, board: Board, table: str, name: str, option: str) -> str:
    """Return the column of a table that an option names. Raise ConfigurationError if it is not usable."""
    from sqlalchemy import inspect

    from scoring.evaluation.slices import check_slice_column

    spec = board.table(table)
    name = spec.canonical_names.get(name, name)
    available = dict.fromkeys(spec.names)
    if table == "users":
        check_slice_column(name)
        stored = database.read(lambda connection: inspect(connection).get_columns("users"))
        available |= dict.fromkeys(column["name"] for column in stored)
    known = [column for column in available if column not in (*spec.key, "external_id")]
    if name not in known:
        raise ConfigurationError(
            f"--slices-by {option}: the table {table} does not contain this column. {suggest(name, known)}"
        )
    return name


def _read_column(database: Database, name: str) -> pd.DataFrame:
    import pandas as pd
    import sqlalchemy as sa

    query: Any = sa.select(sa.column("user_id"), sa.column(name)).select_from(sa.table("users"))
    return database.read(lambda connection: pd.read_sql(query, connection))
