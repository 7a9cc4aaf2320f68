"""The script that compares the runs of two checkouts."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from scoring.cli.app import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare_checkouts", ROOT / "scripts" / "compare_checkouts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "compare_checkouts", module)  # dataclasses look annotations up there
    spec.loader.exec_module(module)
    return module


def test_changed_parts_rows_and_manifests_are_reported(script: ModuleType, tmp_path: Path) -> None:
    old, new = (script.Checkout(name, ROOT, tmp_path / name, False) for name in ("old", "new"))
    for checkout in (old, new):
        run = checkout.folder / "runs" / "latest"
        run.mkdir(parents=True)
        (run / "part-00000.parquet").write_bytes(b"lists")
        (run / "_manifest.json").write_text(f'{{"run_id": "{checkout.name}", "k": 5}}')
        with sqlite3.connect(checkout.folder / "market.db") as connection:
            connection.execute("CREATE TABLE current_runs AS SELECT 'r' AS run_id")
            columns = "1 AS user_id, 1 AS rank, 2 AS job_id, 3.5 AS total_score, 1 AS base_score, 1 AS match_score"
            connection.execute(f"CREATE TABLE results AS SELECT 'r' AS run_id, {columns}, 1 AS personal_score")
        connection.close()
    assert script.differences(old, new) == []
    with sqlite3.connect(new.folder / "market.db") as connection:
        connection.execute("UPDATE results SET job_id = 3")
    connection.close()
    (new.folder / "runs/latest/part-00000.parquet").write_bytes(b"other")
    (new.folder / "runs/latest/_manifest.json").write_text('{"run_id": "new", "k": 6}')
    found = script.differences(old, new)
    assert [sentence.split()[:2] for sentence in found] == [["part", "file"], ["manifest", "key"], ["database", "row"]]


@pytest.mark.parametrize(
    "processes",
    [
        pytest.param(False, id="in this process"),
        pytest.param(True, id="in new processes", marks=pytest.mark.long),
    ],
)
def test_runs_of_one_checkout_are_equal(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], processes: bool
) -> None:
    if not processes:
        monkeypatch.setattr(script.Checkout, "scoring", call_in_this_process)
    monkeypatch.setattr(sys, "argv", ["compare_checkouts.py", str(ROOT), "--users", "20", "--jobs", "60"])
    assert script.main() == 0
    assert "no difference" in capsys.readouterr().out


def call_in_this_process(checkout: Any, *arguments: str) -> tuple[float, float]:
    """Run the command in the folder of a checkout. New processes would take seconds to import and load kernels."""
    with contextlib.chdir(checkout.folder):
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return 0.0, 0.0
