"""`scoring models`: list the shipped models."""

from __future__ import annotations

from scoring.cli.records import CsvOption, JsonOption, print_records

__all__ = ["models"]


def models(json: JsonOption = False, csv: CsvOption = False) -> None:
    """List the shipped models.

    Prints the components, weights, parameters and rules of each model.
    """
    from scoring.catalog import load_model, preset_names
    from scoring.cli.progress import make_console
    from scoring.cli.tables.models import make_records, render_models

    shipped = [load_model(name) for name in preset_names()]
    if not print_records(make_records(shipped), json=json, csv=csv):
        make_console().print(render_models(shipped))
