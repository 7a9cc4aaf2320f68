"""Option types and defaults that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_DB",
    "DEFAULT_MAX_REFUSED",
    "DEFAULT_OUT",
    "DEFAULT_PROFILES",
    "DEFAULT_REFUSED",
    "AsOfOption",
    "ComponentOption",
    "DbOption",
    "FactorCacheOption",
    "ModelOption",
    "ProfileOption",
    "ProfilesOption",
    "WeightsOption",
]

DEFAULT_DB = "data/market.db"
DEFAULT_PROFILES = Path("data/profiles")
DEFAULT_OUT = Path("data/runs")
DEFAULT_REFUSED = Path("data/refused")
DEFAULT_MAX_REFUSED = "1%"

DbOption = Annotated[str, typer.Option("--db", help="A SQLite file, or a database URL.", show_default=True)]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="A model that ships (see `scoring models`), or a model file; else `standard`."),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME[@VERSION]", help="A saved profile instead of a model; `promoted`: the one in use."
    ),
]
ProfilesOption = Annotated[Path, typer.Option("--profiles", help="Folder of saved profiles (see `scoring profiles`).")]
WeightsOption = Annotated[Path | None, typer.Option("--weights", help="A file of other weights for the model.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="The data's clock, such as 2025-06-30T12:00:00Z; else the newest action.")
]
ComponentOption = Annotated[
    list[Path] | None,
    typer.Option("--component", help="A Python file with components of your own. Its code is run. May be repeated."),
]
TopKOption = Annotated[int, typer.Option("--top-k", min=1, help="Number of jobs per user.")]
ExportOption = Annotated[Path | None, typer.Option("--out", help="Write tables (CSV) and plots (PNG) to this folder.")]
PortOption = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port. [default: a free port]")]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
FactorCacheOption = Annotated[
    Path | None, typer.Option("--factor-cache", help="Where trained factors are kept; else the user's cache folder.")
]
