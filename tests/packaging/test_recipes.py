"""The container, the development container and the conda recipe say the same as pyproject.toml and `.ci/run`."""

import json
import re
import tomllib
from pathlib import Path

import yaml

import scoring

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "packaging/Dockerfile").read_text("utf-8")
RECIPE = yaml.safe_load((ROOT / "packaging/conda/meta.yaml").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def _normalise(requirement: str) -> tuple[str, str]:
    """Return the name and the version of a requirement of pip or conda."""
    name, version = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?\s*(.*)", requirement).groups()
    return CONDA_NAMES.get(name, name), version


def _targets_of_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_container_tests_with_the_command_of_ci():
    stages = DOCKERFILE.split("\nFROM ")
    commands = {
        stage.split(" AS ")[1].split()[0]: re.findall(r"^RUN (.+)$", stage, re.MULTILINE) for stage in stages[1:]
    }
    assert commands["test"] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111, "the container executes it"


def test_container_and_development_container_use_targets_of_make():
    development = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    assert (ROOT / ".devcontainer" / development["build"]["dockerfile"]).resolve() == ROOT / "packaging/Dockerfile"
    used = re.findall(r"\bmake ([a-z-]+)", f"{DOCKERFILE}\n{development['postCreateCommand']}")
    assert used == ["workbench", "workbench"]
    assert set(used) <= _targets_of_make()
    python = re.search(r"FROM python:(\d+\.\d+)", DOCKERFILE).group(1)
    assert PROJECT["project"]["requires-python"] == f">={python}"


def test_conda_recipe_lists_the_core_of_the_project():
    listed = dict(map(_normalise, RECIPE["requirements"]["run"]))
    assert listed.pop("greenlet") == ""
    assert listed.pop("python") == PROJECT["project"]["requires-python"]
    assert listed == dict(map(_normalise, PROJECT["project"]["dependencies"]))
    assert _normalise(PROJECT["build-system"]["requires"][0]) in map(_normalise, RECIPE["requirements"]["host"])


def test_conda_recipe_names_version_and_command_of_the_project():
    assert RECIPE["package"]["version"] == scoring.__version__
    scripts = [f"{name} = {target}" for name, target in PROJECT["project"]["scripts"].items()]
    assert RECIPE["build"]["entry_points"] == scripts
