"""Processes with equal code have one digest, and processes with other code another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import scoring
from scoring.caching.environment_digest import compute_environment_digest

PRINT = "from scoring.caching.environment_digest import compute_environment_digest as f; print(f())"


def test_digest_of_another_code_version_differs(tmp_path: Path) -> None:
    """A changed comment counts as well: the digest is that of the files."""
    package = tmp_path / "scoring"
    shutil.copytree(Path(scoring.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert print_digest(tmp_path) == compute_environment_digest()
    with (package / "statistics" / "als_training.py").open("a") as file:
        file.write("# another version\n")
    assert print_digest(tmp_path) not in ("", compute_environment_digest())


def print_digest(folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", PRINT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    return done.stdout.strip()
