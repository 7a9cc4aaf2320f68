"""The examples of schedulers start the commands of docs/nightly_run.md, and stop where the gate holds a run back."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

NIGHTLY = Path(__file__).parents[2] / "examples/nightly"
IMPORT = "import --map mapping.yaml --db data/market.db --update"
RUN = "run --db data/market.db --resume --keep 14"
PACKAGES = {
    "prefect": ["prefect>=3,<4"],
    "dagster": ["dagster>=1.13,<2"],
    "airflow": ["apache-airflow>=3,<4", "apache-airflow-providers-standard"],
}
CALLS = {
    "prefect": ["-c", "import prefect_flow; prefect_flow.nightly_lists()"],
    "dagster": ["-c", "import dagster_job; dagster_job.nightly_lists.execute_in_process()"],
}
"""Python arguments that run an example once, in the folder of the examples."""


class Commands:
    """A folder of data, and a command `scoring` that writes its arguments into a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "market"
        self._bin, self._log = folder / "bin", folder / "calls"
        self.folder.mkdir()
        self._bin.mkdir()
        command = self._bin / "scoring"
        log = shlex.quote(str(self._log))
        command.write_text(
            f'#!/bin/sh\necho "$*" >> {log}\nif [ "$1" = run ]; then exit $RUN_CODE; fi\nexit $IMPORT_CODE\n'
        )
        command.chmod(0o755)

    def environment(self, import_code: int = 0, run_code: int = 0) -> dict[str, str]:
        """Return an environment whose `scoring` exits with these codes."""
        codes = {"IMPORT_CODE": str(import_code), "RUN_CODE": str(run_code), "SCORING_FOLDER": str(self.folder)}
        return os.environ | codes | {"PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}"}

    def calls(self) -> list[str]:
        """Return the arguments of each call so far, and forget them."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return lines


def test_readme_names_every_example_and_both_commands():
    readme = (NIGHTLY / "README.md").read_text("utf-8")
    assert f"scoring {IMPORT}\nscoring {RUN}\n" in readme
    examples = {path.relative_to(NIGHTLY).as_posix() for path in NIGHTLY.rglob("*") if path.is_file()} - {"README.md"}
    examples = {name for name in examples if "__pycache__" not in name}
    assert set(re.findall(r"\]\(([\w./]+)\)", readme)) - {"../../docs/nightly_run.md"} == examples


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
@pytest.mark.parametrize(("code", "expected"), [(0, [IMPORT, RUN]), (1, [IMPORT])])
def test_line_of_cron_runs_after_a_successful_import(commands: Commands, code: int, expected: list[str]):
    lines = (NIGHTLY / "crontab").read_text("utf-8").splitlines()
    (line,) = [text for text in lines if re.match(r"[\d*]", text)]
    (commands.folder / "data").mkdir()
    environment = commands.environment(import_code=code) | {"FOLDER": str(commands.folder)}
    subprocess.run(["sh", "-c", line.split(maxsplit=5)[5]], env=environment, check=False)
    assert commands.calls() == expected


def test_unit_of_systemd_starts_both_commands():
    unit = (NIGHTLY / "systemd/scoring.service").read_text("utf-8")
    assert re.findall("^ExecStart=scoring (.+)$", unit, re.MULTILINE) == [IMPORT, RUN]
    assert "RestartPreventExitStatus=3" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_units_of_systemd_are_valid(tmp_path: Path):
    for name in ("scoring.service", "scoring.timer"):
        text = (NIGHTLY / "systemd" / name).read_text("utf-8")
        # the analysis looks for the command and the user on this machine
        (tmp_path / name).write_text(
            text.replace("ExecStart=scoring", "ExecStart=/bin/true").replace("User=scoring\n", "")
        )
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "scoring.timer")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


@pytest.fixture(scope="module", params=list(PACKAGES))
def scheduler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return the name of a scheduler, and the Python of an environment that contains it."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES[request.param]]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{request.param} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return request.param, python


@pytest.mark.long
@pytest.mark.parametrize("code", [0, 3], ids=["published", "held back"])
def test_scheduler_runs_both_commands_once(scheduler: tuple[str, Path], commands: Commands, code: int):
    """A run that the gate holds back fails, and is not started again."""
    name, python = scheduler
    home = str(commands.folder.parent)
    environment = commands.environment(run_code=code) | {
        "HOME": home, "PREFECT_HOME": home, "DAGSTER_HOME": "", "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": str(NIGHTLY), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DAGSTER_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    if name == "airflow":
        airflow = python.parent / "airflow"
        for step in (["db", "migrate"], ["dags", "reserialize"]):
            subprocess.run([airflow, *step], cwd=NIGHTLY, env=environment, check=True, capture_output=True)
        command = [airflow, "dags", "test", "nightly_lists"]
    else:
        command = [python, *CALLS[name]]
    done = subprocess.run(command, cwd=NIGHTLY, env=environment, capture_output=True, text=True, check=False)
    assert commands.calls() == [IMPORT, RUN]
    if name == "airflow":  # its command exits with 0 for a failed run
        assert ("DagRun failed" in done.stdout + done.stderr) == bool(code)
    else:
        assert bool(done.returncode) == bool(code), done.stderr
