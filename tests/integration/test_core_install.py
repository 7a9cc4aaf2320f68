"""An installation without extras makes a market, ranks, explains, evaluates, tunes and draws plots."""

import os
import subprocess
import sys
from pathlib import Path

EXTRAS = (
    "IPython", "anywidget", "asyncpg", "fastapi", "ipykernel", "ipywidgets", "jupyter_client", "jupyter_server",
    "jupyterlab",
    "line_profiler", "memory_profiler", "nbformat", "prometheus_client", "psycopg", "traitlets", "uvicorn", "voila",
)  # fmt: skip

SCRIPT = f"""
import sys

sys.modules.update(dict.fromkeys({EXTRAS!r}))  # an import of these raises ModuleNotFoundError

import scoring
from scoring.cli import main
from scoring.evaluation import Evaluator, Scoreboard, by_time

for line in (
    "init --db market.db --users 60 --jobs 300",
    "run --db market.db --out runs",
    "explain 1 1 --db market.db",
    "evaluate standard classic --db market.db",
    "tune --db market.db --trials 2",
):
    try:
        main(line.split())
    except SystemExit as end:
        assert end.code == 0, line
data = scoring.Dataset.from_database("sqlite:///market.db")
evaluator = Evaluator(by_time(data, days=14))
Scoreboard.of(evaluator, {{"now": scoring.load_model("standard")}}).plot().savefig("plot.png")
"""


def test_core_without_any_extra_does_all_but_the_workbench(tmp_path: Path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "runs" / "latest" / "_manifest.json").exists()
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
