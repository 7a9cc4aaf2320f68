"""`scoring explain`: explain the score of a user and a job."""

from __future__ import annotations

from scoring.cli.input_loader import load_data
from scoring.cli.json_csv_output import CsvOption, JsonOption, check_format, print_records
from scoring.cli.model_options import add_model_options
from scoring.cli.options import (
    DEFAULT_DB,
    AsOfOption,
    DbOption,
    FactorCacheOption,
    OptionalJobArgument,
    RulesOption,
    UserArgument,
)
from scoring.cli.promoted_model import ModelSource, choose_model

__all__ = ["explain"]


@add_model_options
def explain(
    user: UserArgument,
    job: OptionalJobArgument = None,
    *,
    db: DbOption = DEFAULT_DB,
    source: ModelSource,
    as_of: AsOfOption = None,
    rules: RulesOption = None,
    factor_cache: FactorCacheOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Explain the score of a user and a job by the promoted profile, or by another model.

    Prints the value, weight, points and facts of each component. Without JOB, prints how many jobs may be ranked for
    the user, and which rules exclude the other jobs. With --rules, names the active rules that concern the job.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.explanation import make_records, render_explanation, render_user
    from scoring.database.database import Database
    from scoring.model.list_rules import load_list_rules
    from scoring.ranking import Prepared
    from scoring.runs import memory_forecast
    from scoring.statistics import Statistics, default_cache
    from scoring.telemetry import Stopwatch

    check_format(json, csv)
    progress, watch = Progress(), Stopwatch()
    given = source.read()
    list_rules = None if rules is None else load_list_rules(rules)
    with Database.open(db) as database, progress.warnings():
        choice = choose_model(source, given, database, progress)
        if choice.text:
            progress.print_line(choice.text)
        dataset = load_data(database, as_of, progress, watch)
    user_id = dataset.find_user(user)
    job_id = None if job is None else dataset.find_job(job)
    memory_forecast.require_codes(1, len(dataset.words.occupation))
    with progress.stage("preparing factors, statistics and plan"):
        # statistics use all rows, but the plan contains only one user and one job, or all jobs
        statistics = Statistics(dataset, factor_cache=factor_cache or default_cache())
        job_ids = dataset.jobs.job_id if job_id is None else [job_id]
        prepared = Prepared.for_rows(
            statistics, choice.model, user_ids=[user_id], job_ids=job_ids, list_rules=list_rules
        )
    if job_id is None:
        eligibility = prepared.explain_user(user_id)
        if not print_records(dataset.external_ids.add_columns(eligibility.frame()), json=json, csv=csv):
            make_console().print(render_user(prepared, eligibility))
        return
    explanation = prepared.explain(user_id, job_id)
    if not print_records(make_records(explanation), json=json, csv=csv):
        make_console().print(render_explanation(prepared, explanation))
