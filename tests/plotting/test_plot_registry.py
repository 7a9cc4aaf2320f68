"""Results and the modules that draw them do not import each other."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from scoring.plotting.plot_registry import DISPLAYS, display

PACKAGE = Path(__file__).parents[2] / "scoring"


@cache
def find_modules() -> dict[str, Path]:
    """Return every module of the package and its file."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


IMPORT = re.compile(
    r"^[ \t]*(?:from (scoring[\w.]*) import (?:\(([^)]*)\)|([^\n#]*))|import (scoring[\w.]*))", re.MULTILINE
)
"""An import of the package, as ruff formats it, also in a text. To parse all files takes ten times as long."""


def imports() -> dict[str, set[str]]:
    """Return which modules each module imports, inside functions and for type checking too."""
    known = dict(find_modules())
    del known["scoring"]  # it names public objects for type checkers and imports none of them itself
    return {name: find_imports(file.read_text("utf-8")) & known.keys() - {name} for name, file in known.items()}


def find_imports(text: str) -> set[str]:
    """Return the modules and names that a file imports, with the modules of these names."""
    found = set()
    for module, several, one, plain in IMPORT.findall(text):
        names = re.sub(r"#.*", "", several or one).split(",")
        targets = {f"{module}.{words[0]}" for name in names if (words := name.split())}
        known = {target for target in targets if is_module(target)}
        found |= {plain} if plain else known | ({module} if known < targets else set())
    return found


@cache
def is_module(name: str) -> bool:
    return name in find_modules()


def test_imports_are_those_of_the_syntax_tree() -> None:
    """The texts have every form that the package uses."""
    for file in (PACKAGE / "cli/app.py", PACKAGE / "facade/__init__.py", PACKAGE / "plan/plan.py"):
        text = file.read_text("utf-8")
        expected = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                expected |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                targets = {f"{node.module}.{alias.name}" for alias in node.names}
                expected |= {target if is_module(target) else node.module for target in targets}
        assert find_imports(text) == {name for name in expected if name.split(".")[0] == "scoring"}, file


def test_imports_have_no_cycles() -> None:
    graph = imports()
    assert len(graph) > 300
    TopologicalSorter(graph).prepare()  # raises an error for a cycle
    with pytest.raises(CycleError):
        TopologicalSorter(
            graph | {"scoring.errors": {next(name for name in graph if "scoring.errors" in graph[name])}}
        ).prepare()


@pytest.mark.parametrize("target", DISPLAYS.values())
def test_every_display_names_a_function(target: str) -> None:
    module, _, function = target.partition(":")
    assert callable(getattr(import_module(module), function))


def test_unknown_display_raises_key_error() -> None:
    with pytest.raises(KeyError):
        display("no such display", None)
