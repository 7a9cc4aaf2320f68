"""Airflow 3: import the files of the day, then rank all users."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

GATE_EXIT_CODE = 3


def run_command(*arguments: str) -> None:
    """Run `scoring` in the folder of the data. A run that the gate held back is not retried."""
    code = subprocess.run(["scoring", *arguments], cwd=os.environ["SCORING_FOLDER"], check=False).returncode
    if code == GATE_EXIT_CODE:
        raise AirflowFailException("The gate held the run back. Read the table in the log, or `scoring runs list`.")
    if code:
        raise RuntimeError(f"scoring {arguments[0]} exited with {code}.")


@dag(
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
)
def nightly_lists():
    """Import the files of the day, then rank all users."""

    @task
    def import_files() -> None:
        run_command("import", "--map", "mapping.yaml", "--db", "data/market.db", "--update")

    @task
    def rank_users() -> None:
        run_command("run", "--db", "data/market.db", "--resume", "--keep", "14")

    import_files() >> rank_users()


nightly_lists()
