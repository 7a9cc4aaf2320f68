"""The benchmark script, at a small size: it measures, writes what it measured, and reports a missed target."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.scripts.conftest import Done


def test_benchmark_writes_its_figures(tmp_path: Path, run_script: Callable[..., Done]) -> None:
    output = tmp_path / "figures.json"
    done = run_script(
        "performance_benchmark.py",
        "--users",
        "60",
        "--jobs",
        "400",
        "--target-ms",
        "60000",
        "--profile",
        "--verbose",
        "--requests",
        "--output",
        str(output),
    )
    assert done.returncode == 0, done.stderr
    assert "ms per user, target 60000 ms: met" in done.stdout
    assert "function calls" in done.stdout
    figures = json.loads(output.read_text())
    assert len(figures["request_ms"]) == 4
    assert all(name in done.stdout and ms > 0 for name, ms in figures["request_ms"].items())
    assert figures["met"] is True
    assert figures["users"] == 60
    assert figures["pairs"] == figures["users_scored"] * 400
    assert {"encode", "factors", "plan", "rank"} <= set(figures["seconds"])


def test_missed_target_has_exit_code_1(run_script: Callable[..., Done]) -> None:
    done = run_script("performance_benchmark.py", "--users", "30", "--jobs", "200", "--target-ms", "0")
    assert done.returncode == 1
    assert "MISSED" in done.stdout


def test_invalid_size_is_rejected(run_script: Callable[..., Done]) -> None:
    done = run_script("performance_benchmark.py", "--users", "0")
    assert done.returncode == 2
    assert "0 is below 1" in done.stderr
    assert "Traceback" not in done.stderr
