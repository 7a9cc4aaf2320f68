"""Results and the modules that draw them do not import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from scoring.plotting.plot_registry import DISPLAYS, display

PACKAGE = Path(__file__).parents[2] / "scoring"


def modules() -> dict[str, Path]:
    """Return every module of the package and its file."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports() -> dict[str, set[str]]:
    """Return which modules each module imports, inside functions and for type checking too."""
    known = modules()
    del known["scoring"]  # it names public objects for type checkers and imports none of them itself
    graph: dict[str, set[str]] = {}
    for name, file in known.items():
        graph[name] = set()
        for node in statements(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[name] |= {target if target in known else node.module for target in targets} & known.keys()
            elif isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names} & known.keys()
        graph[name].discard(name)
    return graph


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Return the statements in a node at any depth, without their expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from statements(child)


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
