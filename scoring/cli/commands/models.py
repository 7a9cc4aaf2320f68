"""`scoring models`: list the shipped models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.input_loader import read_components
from scoring.cli.json_csv_output import CsvOption, JsonOption, check_format, print_records
from scoring.cli.options import ComponentOption

__all__ = ["models"]


def models(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", show_default="the shipped models", help="Model files to print instead."),
    ] = None,
    component: ComponentOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Print the components, weights, parameters and rules of the shipped models, or of model files.

    It is also a check of a model file: errors name the line.
    """
    from scoring.cli.progress import make_console
    from scoring.cli.tables.model_contents import make_records, render_models
    from scoring.model_catalog import list_preset_names, load_model

    check_format(json, csv)
    components = read_components(component)
    found = [load_model(source, components) for source in files or list_preset_names()]
    if not print_records(make_records(found), json=json, csv=csv):
        make_console().print(render_models(found))
