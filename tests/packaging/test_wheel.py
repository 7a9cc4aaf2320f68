"""The wheel works in an empty folder, without the checkout and without its virtual environment's copy."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel. The build needs no network, because its backend is installed."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that contains what pip would install."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "100"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_contains_the_package_and_the_notebooks(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"scoring/{path.relative_to(ROOT)}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= names
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "scoring").rglob("*.py")}
    assert sources <= names
    assert not {name for name in names if name.startswith(("tests/", "benchmarks/")) or name.endswith(".nbi")}


def test_wheel_explains_in_an_empty_folder(site: Path, tmp_path: Path):
    place = run(site, tmp_path, "-c", "import scoring; print(scoring.__file__)").strip()
    assert Path(place).is_relative_to(site)
    run(site, tmp_path, "-m", "scoring.cli", "init", "--db", "market.db", "--users", "60", "--jobs", "300")
    assert "total" in run(site, tmp_path, "-m", "scoring.cli", "explain", "1", "1", "--db", "market.db")


def test_wheel_copies_its_notebooks_into_an_empty_folder(site: Path, tmp_path: Path):
    code = (
        "from pathlib import Path; from scoring.cli.commands import lab; "
        "print(lab.copy_notebooks(lab.find_notebooks(), Path('mine')).lines()[0])"
    )
    assert "copied" in run(site, tmp_path, "-c", code)
    copied = {path.name for path in (tmp_path / "mine").glob("*.ipynb")}
    assert copied == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


@pytest.mark.long
def test_wheel_ranks_in_an_empty_folder(site: Path, tmp_path: Path):
    run(site, tmp_path, "-m", "scoring.cli", "init", "--db", "market.db", "--users", "60", "--jobs", "300")
    run(site, tmp_path, "-m", "scoring.cli", "run", "--db", "market.db", "--out", "runs")
    assert (tmp_path / "runs/latest/_manifest.json").exists()
