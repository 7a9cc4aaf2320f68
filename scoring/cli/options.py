"""Option types and defaults that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_DB",
    "DEFAULT_JOURNALS",
    "DEFAULT_MAX_REFUSED",
    "DEFAULT_OUT",
    "DEFAULT_PROFILES",
    "DEFAULT_REFUSED",
    "TIME_LIMIT_EXIT_CODE",
    "AsOfOption",
    "ComponentOption",
    "DbOption",
    "ExportOption",
    "FactorCacheOption",
    "JobArgument",
    "LockOption",
    "ModelOption",
    "OpenOption",
    "OptionalJobArgument",
    "PortOption",
    "ProfileOption",
    "ProfilesOption",
    "RulesOption",
    "RunModelOption",
    "SecondsOption",
    "TopKOption",
    "UserArgument",
    "WeightsOption",
]

DEFAULT_DB = "data/market.db"
DEFAULT_PROFILES = Path("data/profiles")
DEFAULT_OUT = Path("data/runs")
DEFAULT_JOURNALS = Path("data/searches")
DEFAULT_REFUSED = Path("data/refused")
DEFAULT_MAX_REFUSED = "1%"

TIME_LIMIT_EXIT_CODE = 4
"""Exit code of a command that printed the best result so far because its time limit was reached."""

UserArgument = Annotated[
    str,
    typer.Argument(
        metavar="USER", help="Id of the user: a number, or a text id of an import. Write `--` before an id such as -5x."
    ),
]
_JOB_HELP = "Id of the job: a number, or a text id of an import. Write `--` before an id such as -5x."
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help=_JOB_HELP)]
OptionalJobArgument = Annotated[str | None, typer.Argument(metavar="[JOB]", help=_JOB_HELP)]

DbOption = Annotated[str, typer.Option("--db", metavar="FILE|URL", help="A SQLite file or a database URL.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        show_default="standard",
        help="A shipped model (see `scoring models`) or a model file.",
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME[@VERSION]",
        help="A saved profile instead of --model and --weights. `promoted` is the promoted version.",
    ),
]
ProfilesOption = Annotated[
    Path, typer.Option("--profiles", metavar="DIR", help="Folder of saved profiles (see `scoring profiles`).")
]
RulesOption = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="YAML file of rules that exclude, pin, boost, bury or limit jobs."),
]
RunModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        show_default="the promoted profile, or standard",
        help="A shipped model (see `scoring models`) or a model file.",
    ),
]
WeightsOption = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="Weight file that replaces the weights of the model.")
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        show_default="time of the newest action",
        help="Clock of the data, such as 2025-06-30T12:00:00Z.",
    ),
]
ComponentOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--component",
        metavar="FILE",
        help="A Python file that defines components. Its code is executed. May be repeated.",
    ),
]
FactorCacheOption = Annotated[
    Path | None,
    typer.Option(
        "--factor-cache",
        metavar="DIR",
        show_default="the cache folder of the user",
        help="Folder of trained factors.",
    ),
]
LockOption = Annotated[
    list[str] | None,
    typer.Option("--lock", metavar="COMPONENT", help="Component that keeps its weight. May be repeated."),
]
SecondsOption = Annotated[
    float,
    typer.Option(
        "--seconds",
        metavar="SECONDS",
        min=0.1,
        help="Time limit of the computation, without loading. The best result so far is printed.",
    ),
]
TopKOption = Annotated[int, typer.Option("--top-k", metavar="N", min=1, help="Number of jobs per user.")]
ExportOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Write tables (CSV) and plots (PNG) to this folder.")
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", metavar="PORT", min=1, max=65535, show_default="a free port", help="Port of the server."),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
