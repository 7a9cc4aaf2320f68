"""`scoring reach`: the smallest change of weights that puts a job into a user's list."""

from __future__ import annotations

import typer

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
    LockOption,
    SecondsOption,
    TopKOption,
    UserArgument,
)
from scoring.cli.promoted_model import ModelSource
from scoring.cli.signals import call_in_thread

__all__ = ["reach"]


@add_model_options
def reach(
    user: UserArgument,
    job: JobArgument,
    *,
    db: DbOption = DEFAULT_DB,
    source: ModelSource,
    top_k: TopKOption = 40,
    lock: LockOption = None,
    seconds: SecondsOption = 60.0,
    out: ExportOption = None,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
) -> None:
    """Find the nearest weights that put a job into the list of a user.

    Prints these weights, or the jobs that prove that no such weights exist. The exit code is 4 if the time limit is
    reached first: then the printed weights may not be the nearest, or the question is undecided.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.reach import describe_step, render_reach
    from scoring.tuning.list_reach.reachability import check_reach
    from scoring.tuning.list_reach.reachability import reach as find_reach

    progress, locks = Progress(), tuple(lock or ())
    request = JobRequest(db, source, as_of, factor_cache, out)
    data, chosen = request.load(progress, lambda model: check_reach(model, locks))
    user_id, job_id = data.find_user(user), data.find_job(job)
    prepared = request.prepare(data, chosen, progress)
    with progress.steps(f"reach, at most {seconds:g} s") as show:
        found = call_in_thread(
            lambda: find_reach(
                prepared,
                user_id,
                job_id,
                k=top_k,
                locks=locks,
                seconds=seconds,
                progress=lambda stage, distance: show(describe_step(stage, distance)),
            )
        )
    make_console().print(render_reach(found, prepared))
    if out is not None:
        from scoring.cli.result_export import print_saved, save
        from scoring.model import dump_model

        save(out, {"weights": found.frame()}, {"weights": found.plot()})
        if found.model is not None:
            (out / "model.yaml").write_text(dump_model(found.model), encoding="utf-8")
        print_saved(out, progress)
    if not found.is_proven:
        raise typer.Exit(TIME_LIMIT_EXIT_CODE)
