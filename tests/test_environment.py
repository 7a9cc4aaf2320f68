"""environment.yml and pyproject.toml list the same requirements."""

import itertools
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {name: name.replace("-", "_") for name in ("line-profiler", "memory-profiler", "prometheus-client")}
CONDA_NAMES["duckdb"] = "python-duckdb"
EXTRAS = (
    "workbench",
    "postgres",
    "monitoring",
    "redis",
    "live",
    "cluster",
    "learned",
    "gpu",
    "mlflow",
    "excel",
    "frames",
    "mysql",
    "duckdb",
    "docs",
)
EXTRAS += ("test",)
ONLY_CONDA = {"python", "pip", "greenlet"}


def _split(requirement: str) -> tuple[str, str]:
    name, _, version = re.fullmatch(r"([\w.-]+)(\[[\w,]+\])?(.*)", requirement.split("#")[0].strip()).groups()
    name = name.lower()
    return CONDA_NAMES.get(name, name), version


def _pyproject() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *itertools.chain(*(extras[name] for name in EXTRAS))]
    return dict(_split(line) for line in needed if not line.startswith("scoring["))


def _conda() -> dict[str, str]:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    flat = [line for line in listed if isinstance(line, str)]
    flat += [line for part in listed if isinstance(part, dict) for line in part["pip"] if line != "-e ."]
    return {name: version for name, version in map(_split, flat) if name not in ONLY_CONDA}


def test_files_list_the_same_packages_and_versions():
    assert _conda() == _pyproject()


def test_files_require_the_same_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    assert f"python{project['requires-python']}" in listed


def test_requested_packages_are_listed():
    asked = "jupyterlab numpy pandas sqlalchemy matplotlib ipywidgets line_profiler memory_profiler pytest nbval"
    assert set(asked.split()) <= set(_conda())
