"""The examples of docs/components.md keep the contract, and the page names every kind of term and real arrays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scoring.bundle.terms
from scoring import Dataset, load_components
from scoring.model import Component, Inputs, Pair
from scoring.testing import check_component
from tests.support.small_datasets import small_dataset

TEXT = (Path(__file__).parents[2] / "docs/components.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
CLASSES = [block for block in BLOCKS if block.startswith("class ")]


KINDS = [re.search(r'kind: ClassVar\[str\] = "(\w+)"', block)[1] for block in CLASSES]  # type: ignore[index]


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> dict[str, type[Component]]:
    """The examples by kind, loaded from one file as a user would write it."""
    file = tmp_path_factory.mktemp("page") / "page_components.py"
    file.write_text("\n\n".join(sorted(BLOCKS, key=lambda block: block in CLASSES)), encoding="utf-8")
    return {component.kind: component for component in load_components(file)}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """A dataset with the own columns of the examples."""
    tables = small_dataset().tables
    rng = np.random.default_rng(1)

    def draw(values: list[Any], count: int) -> list[Any]:
        return [values[place] for place in rng.integers(0, len(values), count)]

    levels = ["junior", "senior", None]
    return Dataset.from_frames(
        jobs=tables.jobs.assign(
            level=draw([*levels, "lead"], len(tables.jobs)), distance_km=draw([None, 0.0, 3.5, 40.0], len(tables.jobs))
        ),
        users=tables.users.assign(level=draw(levels, len(tables.users))),
        actions=tables.actions.assign(channel=draw(["mail", "search", None], len(tables.actions))),
        own_columns={
            "jobs": {"level": "category", "distance_km": "number"},
            "users": {"level": "category"},
            "actions": {"channel": "category"},
        },
    )


@pytest.mark.parametrize("kind", KINDS)
def test_example_keeps_the_contract(kind: str, components: dict[str, type[Component]], dataset: Dataset) -> None:
    check_component(components[kind], dataset=dataset)


@pytest.mark.parametrize("kind", KINDS)
def test_example_has_several_values(kind: str, components: dict[str, type[Component]], dataset: Dataset) -> None:
    """A formula that is always 0 would keep the contract."""
    inputs, component = Inputs.of(dataset), components[kind]()
    pairs = (Pair(inputs, user, job) for user in range(len(inputs.users)) for job in range(len(inputs.jobs)))
    values = (component.explain(pair).value for pair in pairs)
    first = next(values)
    assert any(value != first for value in values)


def test_page_has_an_example_of_every_kind_of_term() -> None:
    kinds = {name for name in scoring.bundle.terms.__all__ if name.endswith("Term") and name != "Term"}
    assert {name for name in kinds if not any(f"{name}(" in block or f"{name}." in block for block in CLASSES)} == set()


def test_arrays_of_the_page_exist(dataset: Dataset) -> None:
    inputs = Inputs.of(dataset)
    names = {"inputs": inputs, "pair": Pair(inputs, 0, 0), "clicks": inputs.history.within("click")}
    rows = re.findall(r"^\| (`inputs[^|]*) \|", TEXT, re.MULTILINE)
    found = [code for row in rows for code in re.findall(r"`([^`]+)`", row)]
    found += re.findall(r"`(inputs\.history\.jobs\.[^`]+|pair\.[^`]+)`", TEXT)
    assert len(found) > 30
    for code in found:
        expression = code if code.startswith(("inputs", "pair")) else f"inputs.jobs.{code}"
        eval(expression, names)  # noqa: S307 - the text is a file of this repository
