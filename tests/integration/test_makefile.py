"""`make run` reports the size of an existing market."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import scoring
from scoring.database.database import Database
from scoring.database.writers import save_tables

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with an existing environment, whose `scoring` prints its arguments."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    command = tmp_path / "venv/bin/scoring"
    command.write_text('#!/bin/sh\nif [ "$1" = init ]; then touch "$3"; fi\necho asked "$@"\n')
    command.chmod(0o755)
    (tmp_path / "venv/.run").touch()
    return tmp_path


def make(place: Path) -> list[str]:
    command = ["make", "--silent", "-f", str(REPOSITORY / "Makefile"), "run"]
    settings = ["VENV=venv", "DB=m.db", "USERS=500", "JOBS=5000"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run([*command, *settings], cwd=place, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_existing_market_is_reported_with_its_sizes(place: Path) -> None:
    assert make(place) == ["asked init --db m.db --users 500 --jobs 5000", "asked run --db m.db"]
    (place / "m.db").unlink()
    with Database.open(place / "m.db") as database:
        save_tables(database, scoring.make_market(20, 1_200, 50, seed=1).tables)
    assert make(place) == [
        "m.db exists and is used: 20 users, 1,200 jobs. For other sizes, remove it or set DB=another.db.",
        "asked run --db m.db",
    ]
