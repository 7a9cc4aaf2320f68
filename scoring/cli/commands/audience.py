"""`scoring audience`: the users who have a job on their lists, and how close it is to the other lists."""

from __future__ import annotations

from typing import Annotated

import typer

from scoring.cli.input_loader import compile_kernels
from scoring.cli.job_request import JobRequest
from scoring.cli.model_options import add_model_options
from scoring.cli.options import (
    DEFAULT_DB,
    TIME_LIMIT_EXIT_CODE,
    AsOfOption,
    DbOption,
    ExportOption,
    FactorCacheOption,
    JobArgument,
    SecondsOption,
    TopKOption,
)
from scoring.cli.promoted_model import ModelSource

__all__ = ["audience"]


@add_model_options
def audience(
    job: JobArgument,
    *,
    db: DbOption = DEFAULT_DB,
    source: ModelSource,
    top_k: TopKOption = 40,
    nearest: Annotated[
        int,
        typer.Option(
            "--nearest", metavar="N", min=1, help="Number of users without the job for whom its rank is computed."
        ),
    ] = 10,
    seconds: SecondsOption = 60.0,
    out: ExportOption = None,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
) -> None:
    """Show which users have a job on their lists, and how close it is to the lists of other users.

    Also prints the components that cost the job most points, and the rules that exclude it. The exit code is 4 if the
    time limit is reached first: then the result is that of a random sample of the users.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.audience import render_audience
    from scoring.tuning import audience as find_audience

    progress = Progress()
    request = JobRequest(db, source, as_of, factor_cache, out)
    data, chosen = request.load(progress)
    job_id = data.find_job(job)
    prepared = request.prepare(data, chosen, progress)
    compile_kernels(prepared, progress)
    with progress.bar("ranking", "users") as advance:
        found = find_audience(prepared, job_id, top_k, nearest=nearest, seconds=seconds, progress=advance)
    make_console().print(render_audience(found, prepared))
    if out is not None:
        from scoring.cli.result_export import print_saved, save

        frames = {
            "listed": found.frame(),
            "misses": found.misses(),
            "components": found.components(),
            "rules": found.reasons(),
        }
        save(out, frames, {"audience": found.plot()})
        print_saved(out, progress)
    if found.n_not_ranked:
        raise typer.Exit(TIME_LIMIT_EXIT_CODE)
