"""`scoring explain`: explain the score of a user and a job."""

from __future__ import annotations

from typing import Annotated

import typer

from scoring.cli.opening import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOf,
    Components,
    Db,
    FactorCache,
    Model,
    Profile,
    Profiles,
    Weights,
    id_of,
    load_data,
    read_model,
)

__all__ = ["explain"]


def explain(
    user: Annotated[str, typer.Argument(help="A user's id, or the text id that it was imported with.")],
    job: Annotated[str, typer.Argument(help="A job's id, likewise.")],
    db: Db = DEFAULT_DB,
    model: Model = None,
    weights: Weights = None,
    profile: Profile = None,
    profiles: Profiles = DEFAULT_PROFILES,
    as_of: AsOf = None,
    factor_cache: FactorCache = None,
    component: Components = None,
) -> None:
    """Take the score of one user and one job apart: values, weights, points, and the facts behind them."""
    from scoring.cli.progress import Show, output
    from scoring.cli.tables.explanation import describe
    from scoring.database.database import Database
    from scoring.ranking import Prepared
    from scoring.runs import memory_budget
    from scoring.statistics import Statistics, default_cache
    from scoring.telemetry import Stopwatch

    show, watch = Show(), Stopwatch()
    chosen = read_model(model, weights, component, profile, profiles)
    with Database.open(db) as database, show.warnings():
        dataset = load_data(database, as_of, show, watch)
    user_id = id_of(user, dataset.tables.users, "user")
    job_id = id_of(job, dataset.tables.jobs, "job")
    memory_budget.require_codes(1, len(dataset.words.occupation))
    with show.stage("preparing factors, statistics and plan"):
        # statistics use all rows, but the plan contains only one user and one job
        statistics = Statistics(dataset, factor_cache=factor_cache or default_cache())
        prepared = Prepared.for_rows(statistics, chosen, user_ids=[user_id], job_ids=[job_id])
    output().print(describe(prepared, prepared.explain(user_id, job_id)))
