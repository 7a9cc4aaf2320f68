"""Options of `scoring tune`: the goals and limits of a search, its trials, and what is done with the result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scoring.cli.options import DEFAULT_JOURNALS

__all__ = [
    "FloorOption",
    "GoalOption",
    "MinimiseOption",
    "ParameterOption",
    "PickOption",
    "ProcessesOption",
    "RandomTrialsOption",
    "Sampler",
    "SamplerOption",
    "SaveOption",
    "StorageOption",
    "TestOption",
    "TrialsOption",
    "UsersOption",
]

Sampler = Literal["tpe", "random", "nsga2"]

GoalOption = Annotated[
    list[str] | None,
    typer.Option(
        "--goal",
        metavar="METRIC",
        show_default="NDCG@10",
        help="Metric to maximise, such as `mean fee@40`. May be repeated.",
    ),
]
MinimiseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--minimise", metavar="METRIC", help="Metric to minimise, such as `concentration@40`. May be repeated."
    ),
]
FloorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--floor",
        metavar="METRIC:SLICING:SLICE=SHARE",
        help="Lower limit of a metric in a slice, as a share of its baseline value. May be repeated.",
    ),
]
PickOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pick",
        metavar="CONDITION",
        help="Condition on the validation users that the result must satisfy, such as `mean fee@40 >= 3000`, or "
        "`mean fee@40 >= 95%` of the baseline. The best of the Pareto front is chosen. May be repeated.",
    ),
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        metavar="COMPONENT.FIELD=LOW..HIGH[,log]",
        help="Parameter to search as well, with its range. May be repeated.",
    ),
]
TrialsOption = Annotated[int, typer.Option("--trials", metavar="N", min=1, help="Number of trials of the search.")]
RandomTrialsOption = Annotated[
    int | None,
    typer.Option(
        "--random-trials",
        metavar="N",
        min=1,
        show_default="as --trials",
        help="Number of trials of the random search.",
    ),
]
SamplerOption = Annotated[Sampler, typer.Option("--sampler", help="Sampler that suggests trials.")]
StorageOption = Annotated[
    Path | None,
    typer.Option(
        "--storage",
        metavar="FILE",
        show_default=f"a file in {DEFAULT_JOURNALS}",
        help="Journal of trials. Trials of an existing journal are resumed.",
    ),
]
UsersOption = Annotated[
    int | None, typer.Option("--users", metavar="N", min=1, help="Maximum number of training users.")
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", metavar="N", min=1, help="Number of processes that compute trials.")
]
TestOption = Annotated[bool, typer.Option(help="Evaluate once on the test users, and log this.")]
SaveOption = Annotated[str | None, typer.Option("--save", metavar="NAME", help="Save the best model as this profile.")]
