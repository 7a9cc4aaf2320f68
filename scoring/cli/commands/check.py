"""`scoring check`: report whether data is fit to rank and to tune on."""

from __future__ import annotations

import typer

from scoring.cli.input_loader import load_data
from scoring.cli.json_csv_output import CsvOption, JsonOption, check_format, print_records
from scoring.cli.model_options import add_model_options
from scoring.cli.options import (
    DEFAULT_DB,
    AsOfOption,
    DbOption,
    FactorCacheOption,
)
from scoring.cli.promoted_model import ModelSource, choose_model

__all__ = ["check"]


@add_model_options
def check(
    *,
    db: DbOption = DEFAULT_DB,
    source: ModelSource,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Check whether a database is fit to rank and to tune on.

    Reports everything that is odd about the data, with the values that show it. Nothing is changed. The exit code is 1
    if a run would be pointless, for example because no job is open.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.data_check import render_check
    from scoring.data_check import check_data
    from scoring.database.database import Database
    from scoring.ranking.scorer import are_kernels_compiled
    from scoring.statistics.factors import default_cache
    from scoring.telemetry import Stopwatch

    check_format(json, csv)
    progress = Progress()
    given = source.read()
    with Database.open(db) as database:
        chosen = choose_model(source, given, database, progress).model
        data = load_data(database, as_of, progress, Stopwatch(), max_refused="100%", is_reported=False)
    compiling = "" if are_kernels_compiled() else " and compiling kernels (once per machine, about 20 s)"
    with progress.stage(f"checking{compiling}"):
        found = check_data(data, chosen, factor_cache=factor_cache or default_cache())
    if not print_records(found.frame(), json=json, csv=csv):
        make_console().print(render_check(found))
    if found.problems:
        raise typer.Exit(1)
