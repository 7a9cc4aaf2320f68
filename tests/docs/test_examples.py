"""Examples in docstrings print what they state, and the names of guides have one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.example_names import make_names
from tests.docs.guide_names import find_imported_names

PACKAGE = Path(__file__).parents[2] / "scoring"
MEASUREMENTS = {"compare_shared_cache", "growth", "peak_of", "read_growth", "sweep"}
"""Functions that start processes for seconds, or read their recorded results. Notebooks 2, 3, 5 and 8 run them."""
INTERFACES = {
    "Inputs",
    "Pair",
    "DataError",
    "MissingDependencyError",
    "DotTerm",
    "prefecture_key",
    "Days",
    "write_frame",
}
"""Names that examples use but do not create: arguments of methods, exceptions, types and helpers of components."""


def find_modules() -> list[str]:
    """Return the modules that contain examples."""
    files = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text("utf-8"))
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_names(tmp_path_factory.mktemp("examples"))


@pytest.fixture
def log_settings() -> Iterator[None]:
    """Restore the settings of the package's log."""
    log = logging.getLogger("scoring")
    before = log.level, log.propagate, list(log.handlers)
    yield
    log.level, log.propagate, log.handlers = before


@pytest.mark.usefixtures("log_settings")
@pytest.mark.parametrize("name", find_modules())
def test_examples_print_what_they_state(name: str, names: dict[str, Any]) -> None:
    module = importlib.import_module(name.removesuffix(".__init__"))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    output: list[str] = []
    market = (names["folder"] / "market.db").read_bytes()
    for example in doctest.DocTestFinder().find(module, extraglobs=names):
        runner.run(example, out=output.append)
    assert runner.tries > 0
    assert runner.failures == 0, "".join(output)
    assert (names["folder"] / "market.db").read_bytes() == market, "an example writes to the market of all examples"


def test_names_of_guides_have_an_example() -> None:
    missing = set()
    for module, name in find_imported_names():
        value = getattr(importlib.import_module(module), name, None)
        if name in INTERFACES | MEASUREMENTS or not callable(value) or inspect.ismodule(value):
            continue
        if ">>> " not in (value.__doc__ or ""):
            missing.add(f"{module}.{name}")
    assert missing == set()
