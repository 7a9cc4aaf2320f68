"""Dagster: import the files of the day, then rank all users. Start it with `dagster dev -f dagster_job.py`."""

import os
import subprocess

from dagster import Backoff, Definitions, Failure, In, Nothing, RetryPolicy, ScheduleDefinition, job, op

GATE_EXIT_CODE = 3
RETRY = RetryPolicy(max_retries=3, delay=600, backoff=Backoff.LINEAR)


def run_command(*arguments: str) -> None:
    """Run `scoring` in the folder of the data. A run that the gate held back is not retried."""
    code = subprocess.run(["scoring", *arguments], cwd=os.environ["SCORING_FOLDER"], check=False).returncode
    if code == GATE_EXIT_CODE:
        raise Failure(
            "The gate held the run back. Read the table in the log, or `scoring runs list`.", allow_retries=False
        )
    if code:
        raise RuntimeError(f"scoring {arguments[0]} exited with {code}.")


@op(retry_policy=RETRY)
def import_files() -> None:
    """Import the files of the day."""
    run_command("import", "--map", "mapping.yaml", "--db", "data/market.db", "--update")


@op(ins={"imported": In(Nothing)}, retry_policy=RETRY)
def rank_users() -> None:
    """Rank all users, and publish the lists."""
    run_command("run", "--db", "data/market.db", "--resume", "--keep", "14")


@job
def nightly_lists() -> None:
    """Import the files of the day, then rank all users."""
    rank_users(imported=import_files())


defs = Definitions(
    jobs=[nightly_lists],
    schedules=[ScheduleDefinition(job=nightly_lists, cron_schedule="0 2 * * *")],
)
