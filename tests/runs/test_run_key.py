"""The run key covers the code of every module that loading, ranking and publishing import, and no other."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from scoring.runs.code_digest import RUN_MODULES, find_imported_modules

ROOT = Path(__file__).parents[2]

PACKAGES = {
    "backends", "bundle", "columns", "components", "database", "dataset", "model", "plan", "ranking", "runs",
    "statistics", "storage", "threads", "validation",
}  # fmt: skip
"""Packages that loading, ranking and publishing must import, or the tests below look at too little."""


def list_covered() -> list[str]:
    """Return a file of each package that a run imports, and every file outside packages: 'runs/shards.py'."""
    files = {}
    for name in find_imported_modules(RUN_MODULES):
        path = ROOT / Path(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        relative = path.relative_to(ROOT / "scoring")
        package = relative.as_posix() if len(relative.parts) == 1 else relative.parent.as_posix()
        files[package] = max(relative.as_posix(), files.get(package, ""))
    return sorted(files.values())


COVERED = list_covered()
OUTSIDE = (
    "cli/commands/run.py",
    "evaluation/metrics.py",
    "facade/engine.py",
    "tuning/trial_search.py",
    "widgets/panel.py",
)

DIGESTS = """
import json, sys
from pathlib import Path
{}
package = Path(sys.argv[1])
found = {{"": digest()}}
for name in json.loads(sys.argv[2]):
    path = package / name
    content = path.read_bytes()
    path.write_bytes(content[:3] + bytes([content[3] ^ 1]) + content[4:])  # the first letter of its docstring
    found[name] = digest()
    path.write_bytes(content)
print(json.dumps(found))
"""
KEY = "from scoring.runs.code_digest import compute_code_digest as kept; digest = kept.__wrapped__"
STAMP = "from scoring.backends.numba.jit import _stamp as digest"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this package."""
    folder = tmp_path_factory.mktemp("package") / "scoring"
    shutil.copytree(ROOT / "scoring", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run_in_new_process(code: str, *arguments: str, folder: Path = ROOT) -> dict[str, str]:
    surroundings = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def digests(package: Path, code: str, *names: str) -> dict[str, str]:
    return run_in_new_process(DIGESTS.format(code), str(package), json.dumps(names), folder=package.parent)


def test_changed_byte_changes_the_key(package: Path) -> None:
    found = digests(package, KEY, *COVERED)
    assert len(set(found.values())) == len(COVERED) + 1
    assert digests(package, KEY) == {"": found[""]}  # another process
    assert {name.split("/")[0] for name in COVERED} >= PACKAGES
    assert len(COVERED) >= 25


def test_other_code_does_not_change_the_key(package: Path) -> None:
    found = digests(package, KEY, *OUTSIDE)
    assert set(found.values()) == {found[""]}


def test_kernels_are_recompiled_after_a_change(package: Path) -> None:
    """Of a kernel, of an array that kernels read, and of its types; not of what calls them."""
    changed = (
        "backends/numba/scratch.py",
        "bundle/program.py",
        "bundle/block_index.py",
        "bundle/__init__.py",
        "array_types.py",
    )
    found = digests(package, STAMP, *changed, "ranking/scorer.py")
    assert found.pop("ranking/scorer.py") == found[""]
    assert len(set(found.values())) == len(changed) + 1


# Found by import


def modules() -> dict[str, Path]:
    names = {}
    for path in (ROOT / "scoring").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        names[name.removesuffix(".__init__")] = path
    return names


def find_imports(node: ast.AST) -> Iterator[str]:
    """What a file imports, in functions too, but not for its annotations alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module is not None:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from find_imports(child)


def follow_imports(names: Iterable[str]) -> set[str]:
    """Return the modules of the package that these modules import, and they theirs, by their syntax trees."""
    paths, found, waiting = modules(), set[str](), [*names]
    while waiting:
        name = waiting.pop()
        if name in paths and name not in found:
            found.add(name)
            waiting += [name.rpartition(".")[0], *find_imports(ast.parse(paths[name].read_text("utf-8")))]
    return found


@pytest.mark.parametrize(
    ("names", "package"),
    # the text of a notebook that a command writes imports the panel, and the panel what it needs
    [(RUN_MODULES, None), (("scoring.cli.app",), "scoring.widgets")],
    ids=["a run", "the command"],
)
def test_imports_equal_those_of_the_parser(names: tuple[str, ...], package: str | None) -> None:
    found, imported = follow_imports(names), set(find_imported_modules(names))
    assert found <= imported
    of_package = [name for name in modules() if package is not None and name.startswith(package)]
    assert imported <= found | follow_imports(of_package)
    assert bool(imported - found) == bool(package)
    assert len(found) > 150


def test_key_covers_every_imported_module() -> None:
    code = (
        f"import json, sys, importlib; [importlib.import_module(name) for name in {RUN_MODULES}]; "
        "print(json.dumps([name for name in sys.modules if name.split('.')[0] == 'scoring']))"
    )
    assert set(run_in_new_process(code)) <= set(find_imported_modules(RUN_MODULES))
