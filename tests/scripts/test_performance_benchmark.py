"""The benchmark script, at a small size: it measures, writes what it measured, and reports a missed target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/performance_benchmark.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_benchmark_writes_its_figures(tmp_path: Path) -> None:
    output = tmp_path / "figures.json"
    done = run(
        "--users", "60", "--jobs", "400", "--target-ms", "60000", "--profile", "--verbose", "--output", str(output)
    )
    assert done.returncode == 0, done.stderr
    assert "ms per user, target 60000 ms: met" in done.stdout
    assert "function calls" in done.stdout
    figures = json.loads(output.read_text())
    assert figures["met"] is True
    assert figures["users"] == 60
    assert figures["pairs"] == figures["users_scored"] * 400
    assert {"encode", "factors", "plan", "rank"} <= set(figures["seconds"])


def test_missed_target_has_exit_code_1() -> None:
    done = run("--users", "30", "--jobs", "200", "--target-ms", "0")
    assert done.returncode == 1
    assert "MISSED" in done.stdout


def test_invalid_size_is_rejected() -> None:
    done = run("--users", "0")
    assert done.returncode == 2
    assert "0 is below 1" in done.stderr
    assert "Traceback" not in done.stderr
