"""The tables of the database: data tables, derived from `scoring.columns.TABLES`, and tables of runs and profiles.

This is the newest version of the schema. See `scoring.database.migrations` for older ones.

- Times are BIGINT microseconds since 1970-01-01T00:00Z. SQLite has no time type, and parsing text dates in pandas takes
  more than a second per million rows.
- Flags are nullable booleans. `preferred_occupations` is text with `|` between the numbers.
- Factors are one blob of little-endian float64 per row. They are normalised in float64, so rounded factors would give
  other scores than a DataFrame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.sql import quoted_name
from sqlalchemy.types import TypeEngine

from scoring.columns import ACTION_KINDS, FACTOR_TABLES, TABLES
from scoring.columns import Column as BoardColumn
from scoring.columns.board_definition import Board

__all__ = [
    "DATA_TABLES",
    "METADATA",
    "SINCE",
    "board_settings",
    "current_runs",
    "data_changes",
    "get_data_table",
    "own_columns",
    "profiles",
    "promoted",
    "promotions",
    "results",
    "runs",
]

METADATA: Final = MetaData()

SINCE: Final = "since"
"""Key of the `info` of a table or column: the schema version that added it. Without it: version 1."""

# SQLite stores a table in primary-key order only if the key is INTEGER
ID_TYPE: Final = BigInteger().with_variant(Integer(), "sqlite")

_TYPES: Final[dict[str, TypeEngine]] = {
    "id": ID_TYPE,
    "text": Text(),
    "bigint": BigInteger(),
    "double": Double(),
    "boolean": Boolean(),
}
"""SQL type of a column type → its SQLAlchemy type."""


def _make_columns(name: str) -> list[Column]:
    spec = TABLES[name]
    return [
        Column(
            column.name,
            _TYPES[column.type.sql_type],
            primary_key=column.name in spec.key,
            autoincrement=False,
            nullable=column.type.nullable and not column.required,
        )
        for column in spec.columns
    ]


def _make_data_tables() -> dict[str, Table]:
    tables = {}
    for name in TABLES:
        columns = _make_columns(name)
        if name == "actions":
            kinds = ", ".join(f"'{kind}'" for kind in ACTION_KINDS)
            tables[name] = Table(
                name,
                METADATA,
                *columns,
                CheckConstraint(f"action IN ({kinds})", name="action_kind"),
                # a covering index for counting the actions of a company
                Index("actions_by_job", "job_id", "occurred_at", "action"),
                Index("actions_by_time", "occurred_at"),
                # stored in key order, so a user's actions are contiguous and the key is not stored twice
                sqlite_with_rowid=False,
            )
            continue
        if name in FACTOR_TABLES:
            columns.append(Column("vector", LargeBinary, nullable=False))
        tables[name] = Table(name, METADATA, *columns)
    # for counting actions by company, and for finding text ids in later imports
    Index("jobs_by_company", tables["jobs"].c.company_id)
    Index("jobs_by_external_id", tables["jobs"].c.external_id)
    Index("users_by_external_id", tables["users"].c.external_id)
    return tables


DATA_TABLES: Final = _make_data_tables()
"""Table name of `scoring.columns.TABLES` → SQLAlchemy table.

Actions have no foreign keys, because whole tables are replaced. The importer rejects actions of unknown users and jobs.
"""


@lru_cache(maxsize=64)
def _extend_table(name: str, own: tuple[BoardColumn, ...]) -> Table:
    table = DATA_TABLES[name].to_metadata(MetaData())
    for column in own:
        table.append_column(Column(quoted_name(column.name, quote=True), _TYPES[column.type.sql_type]))
    return table


def get_data_table(name: str, board: Board) -> Table:
    """Return the SQLAlchemy table of a data table with the own columns of a board."""
    own = board.get_own(name)
    return _extend_table(name, own) if own else DATA_TABLES[name]


# the declarations of `scoring.columns.board_definition`
own_columns: Final = Table(
    "own_columns",
    METADATA,
    Column("table_name", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("show", Boolean, nullable=False),
    info={SINCE: 5},
)

board_settings: Final = Table(
    "board_settings",
    METADATA,
    Column("name", Text, primary_key=True),  # preset, currency, region
    Column("value", Text, nullable=False),
    info={SINCE: 5},
)

data_changes: Final = Table(
    "data_changes",
    METADATA,
    Column("table_name", Text, primary_key=True),
    # time of the last write by this package in nanoseconds; it also changes if a table is replaced by one of equal size
    Column("revision", BigInteger, nullable=False),
)

# an index of the profiles folder, whose files are authoritative: see scoring.registry.sql_index
profiles: Final = Table(
    "profiles",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),  # of the model
    Column("model", Text, nullable=False),  # name of the model from which it was saved
    Column("parent", Text),  # NAME@VERSION, a shipped model, or a digest
    Column("parent_digest", Text),
    Column("data_fingerprint", Text),
    Column("as_of", BigInteger),
    Column("code_version", Text, nullable=False),
    Column("metrics", Text, nullable=False),  # JSON: split → name → value, low, high, n
    Column("author", Text),
    Column("note", Text, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
    Column("promoted_at", BigInteger),  # most recently; the last row of `promotions` is the active profile
)

# the promotions that apply to this database: `scoring run` ranks with the last one that no rollback has undone
promoted: Final = Table(
    "promoted",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("model", Text, nullable=False),  # the profile's file, so that a run does not need the folder
    Column("evidence", Text),  # JSON: the evaluation on test users that the decision is based on
    Column("requested_by", Text),
    Column("approved_by", Text),
    CheckConstraint("action IN ('promote', 'rollback')", name="promoted_action"),
    info={SINCE: 3},
)

# an index of the promotions of the profiles folder
promotions: Final = Table(
    "promotions",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("note", Text, nullable=False),
    CheckConstraint("action IN ('promote', 'rollback')", name="promotion_action"),
)

runs: Final = Table(
    "runs",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("model", Text, nullable=False),  # the name
    Column("settings", Text, nullable=False),  # JSON
    Column("data_fingerprint", Text),
    Column("as_of", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("published_at", BigInteger),
    Column("users", BigInteger),
    Column("jobs", BigInteger),
    Column("rows", BigInteger),
    Column("run_key", Text, info={SINCE: 2}),  # also in the settings, from which a migration fills it
    CheckConstraint("status IN ('writing', 'published')", name="run_status"),
    Index("runs_by_key", "run_key"),
)

current_runs: Final = Table(
    "current_runs",
    METADATA,
    # one row per name. Readers join through it, and publishing changes it in one transaction: until then, they read the
    # previous run
    Column("name", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
)

results: Final = Table(
    "results",
    METADATA,
    # no foreign key: with it, PostgreSQL looks up the run of each row, 2.5 of 3.5 s for storing 400,000 rows.
    # Readers join through `runs`, and code that deletes a run deletes its results first.
    Column("run_id", Text, primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("job_id", BigInteger, nullable=False),
    Column("total_score", Double, nullable=False),
    Column("base_score", Double, nullable=False),
    Column("match_score", Double, nullable=False),
    Column("personal_score", Double, nullable=False),
    # null where the user or the job has none. Stored, not joined by a view: other programs replace the tables of users
    # and jobs, which a view would prevent
    Column("user_external_id", Text, info={SINCE: 4}),
    Column("job_external_id", Text, info={SINCE: 4}),
    # no index by job: it doubles the time for storing a run (1.1 s to 2.2 s for 400,000 rows), and without it the
    # users of a job in a run are found in tens of milliseconds
    sqlite_with_rowid=False,  # rows are stored in the key: half the size, and a user's list is one page
)
