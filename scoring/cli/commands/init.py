"""`scoring init`: create a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoring.cli.options import DEFAULT_DB, DbOption
from scoring.cli.output_failures import note_stored
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.database.database import Database
    from scoring.dataset import Tables

__all__ = ["init"]

Preset = Literal["japan", "none"]
"""As `scoring.columns.board_definition.Preset`, whose import is too slow for the command line."""

NOUNS = {"prefecture_adjacency": "pairs of adjacent prefectures"}
"""Table name → what its rows are, if the name does not say it."""


def init(
    context: typer.Context,
    db: DbOption = DEFAULT_DB,
    users: Annotated[int, typer.Option("--users", metavar="N", min=1, help="Number of synthetic users.")] = 10_000,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Number of synthetic jobs.")] = 100_000,
    actions: Annotated[
        int | None,
        typer.Option("--actions", metavar="N", min=0, show_default="100 per user", help="Number of synthetic actions."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the synthetic market.")] = 0,
    empty: Annotated[
        bool, typer.Option("--empty", help="Create the reference tables only, without users and jobs.")
    ] = False,
    preset: Annotated[
        Preset,
        typer.Option(
            help="Reference tables and words for money and regions: `japan`, or `none` for an empty database of a "
            "board elsewhere."
        ),
    ] = "japan",
    replace: Annotated[bool, typer.Option("--replace", help="Replace the existing data.")] = False,
) -> None:
    """Create a database: a synthetic market, or an empty one.

    Use `scoring import` to load your own data into an empty database. With `--preset none`, it has no regions and no
    occupations, and its labels do not name a currency.
    """
    sources = {name: context.get_parameter_source(name) for name in ("users", "jobs", "actions", "seed")}
    stated = [f"--{name}" for name, source in sources.items() if source is not None and source.name != "DEFAULT"]
    if stated and preset != "japan":
        raise typer.BadParameter(f"A synthetic market is Japanese. Remove {stated[0]} or --preset {preset}.")
    from scoring.cli.progress import Progress, make_console
    from scoring.database.database import Database
    from scoring.database.writers import save_tables

    progress = Progress()
    if db == DEFAULT_DB:
        Path(db).parent.mkdir(exist_ok=True)
    with Database.open(db) as database:
        database.create()
        if not replace:
            _require_no_data(database)
        if empty or preset != "japan":
            tables = _make_reference_tables(preset)
        else:
            with progress.stage(f"generating a market of {pluralize(users, 'user')} and {pluralize(jobs, 'job')}"):
                from scoring.synthetic import make_market

                tables = make_market(users, jobs, actions, seed).tables
        with progress.stage("writing the database"):
            # the database contains only reference tables, or data that --replace discards
            save_tables(database, tables, replace=True)
        sizes = [f"{len(frame):,} {NOUNS.get(name, name)}" for name, frame in tables.items() if len(frame)]
        content = f"contains {', '.join(sizes)}" if sizes else f"is empty, with the preset {preset}"
        note_stored(f"{database.display} {content}.")
        make_console().print(f"{database.display} {content}.", markup=False, soft_wrap=True)


def _require_no_data(database: Database) -> None:
    from scoring.errors import DatabaseError

    names = "users", "jobs", "actions"
    filled = [f"{rows:,} {name}" for name, rows in zip(names, database.count_rows(*names), strict=True) if rows]
    if filled:
        raise DatabaseError(
            f"{database.display} already contains {', '.join(filled)}. "
            "Give another --db, or use --replace to replace the data.",
            reason="not empty",
        )


def _make_reference_tables(preset: Preset) -> Tables:
    from scoring.columns.board_definition import Board
    from scoring.dataset.frame_validation import make_empty_tables

    return make_empty_tables(Board.of_preset(preset))
