"""Prefect 3: import the files of the day, then rank all users. `python prefect_flow.py` serves the flow."""

import os
import subprocess

from prefect import flow, task

GATE_EXIT_CODE = 3


class HeldBackError(Exception):
    """The gate held the run back."""


def is_retried(task, task_run, state) -> bool:
    """Retry any error except a run that the gate held back: it would be held back again."""
    return not isinstance(state.result(raise_on_failure=False), HeldBackError)


@task(retries=3, retry_delay_seconds=600, retry_condition_fn=is_retried)
def run_command(*arguments: str) -> None:
    """Run `scoring` in the folder of the data."""
    code = subprocess.run(["scoring", *arguments], cwd=os.environ["SCORING_FOLDER"], check=False).returncode
    if code == GATE_EXIT_CODE:
        raise HeldBackError("The gate held the run back. Read the table in the log, or `scoring runs list`.")
    if code:
        raise RuntimeError(f"scoring {arguments[0]} exited with {code}.")


@flow(name="nightly-lists")
def nightly_lists() -> None:
    """Import the files of the day, then rank all users."""
    run_command("import", "--map", "mapping.yaml", "--db", "data/market.db", "--update")
    run_command("run", "--db", "data/market.db", "--resume", "--keep", "14")


if __name__ == "__main__":
    nightly_lists.serve(cron="0 2 * * *")
