"""Options --json and --csv: the rows of a table for other programs."""

from __future__ import annotations

import json as json_module
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoring.cli.output_failures import can_encode_all

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CsvOption", "JsonOption", "check_format", "print_records"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON array with one object per row.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]


def print_records(frame: pd.DataFrame, *, json: bool, csv: bool) -> bool:
    """Print the rows as JSON or CSV, and return whether one of the formats was requested.

    Times are printed as ISO 8601, missing values as null or as empty fields.

    Raises
    ------
    BadParameter: If both formats are requested.
    """
    check_format(json, csv)
    if json:
        rows = [{str(key): _to_json(value) for key, value in row.items()} for row in frame.to_dict("records")]
        # escapes keep JSON complete if the encoding of stdout lacks characters
        sys.stdout.write(json_module.dumps(rows, ensure_ascii=not can_encode_all(), indent=1) + "\n")
    elif csv:
        cells = frame.map(
            lambda value: json_module.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        )
        sys.stdout.write(cells.to_csv(index=False))
    return json or csv


def check_format(json: bool, csv: bool) -> None:
    """Check the options before data are loaded.

    Raises
    ------
    BadParameter: If both formats are requested.
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other. Use one of them.")


def _to_json(value: Any) -> Any:
    import pandas as pd

    if isinstance(value, dict | list):
        return value
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
