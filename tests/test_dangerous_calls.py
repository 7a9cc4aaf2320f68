"""The package contains no dangerous calls except a few that state their reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import scoring
from tests.support.proof_counts import record_count

PACKAGE = Path(scoring.__file__).parent

EXCEPTIONS = {
    (
        "testing/component_suite.py",
        "pickle",
    ): "the contract of a component is that it can be pickled; pickled just before",
    ("model_catalog.py", "exec_module"): "--component names a file of code to be run, as its help states",
    (
        "database/board_definition_storage.py",
        "text of SQL that is put together",
    ): "the name of an own column is a lower-case identifier, and the dialect quotes it",
    (
        "database/postgres_event_triggers.py",
        "text of SQL that is put together",
    ): "names of existing functions and schemas, which the dialect quotes",
    (
        "database/sqlite_event_triggers.py",
        "text of SQL that is put together",
    ): "names of existing triggers, which the dialect quotes",
    ("registry/profile_version.py", "yaml.dump"): "writing, with a dumper that is a SafeDumper",
}
"""(file, call) → why it is allowed."""

MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "imp", "commands"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {"exec_module", "read_pickle", "to_pickle"}
YAML = {"load", "load_all", "unsafe_load", "full_load", "dump", "UnsafeLoader", "FullLoader", "Loader"}
SQL = {"text", "exec_driver_sql"}
SCREEN = re.compile(
    rf"\b(?:{'|'.join(MODULES)})\b|\b(?:{'|'.join({*CALLS, *METHODS, *SQL, 'load'})})[\s\\)]*\("
    r"|\b(?:yaml|os)[\s\\)]*\.|\b(?:shell|allow_pickle)[\s\\]*="
)
"""Matches each file of which `findings` yields something. To parse the other files would take four times as long."""


def findings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, call) of everything that needs an exception."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "yaml" and node.attr in YAML:
                yield node.lineno, f"yaml.{node.attr}"
            if node.value.id == "os" and node.attr in ("system", "popen"):
                yield node.lineno, f"os.{node.attr}"
        if isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[tuple[int, str]]:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if isinstance(node.func, ast.Name) and name in CALLS:
        yield node.lineno, name
    if name in METHODS:
        yield node.lineno, name
    for keyword in node.keywords:
        true = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        if keyword.arg in ("shell", "allow_pickle") and true:
            yield node.lineno, f"{keyword.arg}=True"
    if name == "load" and getattr(getattr(node.func, "value", None), "id", "") == "np":
        safe = [k for k in node.keywords if k.arg == "allow_pickle"]
        if not safe:
            yield node.lineno, "np.load without allow_pickle=False"
    if name in SQL and node.args and _is_put_together(node.args[0]):
        yield node.lineno, "text of SQL that is put together"


def _is_put_together(node: ast.expr) -> bool:
    """Return whether the SQL text is built from other values.

    Identifiers of this package are inserted by `insert_columns` and similar functions.
    """
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return True
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format"


def test_dangerous_calls_are_the_listed_exceptions() -> None:
    found: dict[tuple[str, str], list[int]] = {}
    files = sorted(PACKAGE.rglob("*.py"))
    for path in files:
        text = path.read_text("utf-8")
        if not SCREEN.search(text):
            continue
        for line, what in findings(ast.parse(text)):
            found.setdefault((path.relative_to(PACKAGE).as_posix(), what), []).append(line)
    assert set(found) == set(EXCEPTIONS), {key: lines for key, lines in found.items() if key not in EXCEPTIONS}
    record_count("dangerous calls", "{} files, {} documented exceptions", len(files), len(found))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from marshal import loads",
        "import shelve as s",
        "eval('1')",
        "exec(x)",
        "yaml.load(t)",
        "yaml.unsafe_load(t)",
        "subprocess.run(w, shell=True)",
        "os.system(w)",
        "np.load(p)",
        "np.load(p, allow_pickle=True)",
        "text(f'SELECT {x}')",
        "connection.exec_driver_sql('SELECT %s' % x)",
        "sa.text('SELECT {}'.format(x))",
        "pd.read_pickle(p)",
    ],
)
def test_dangerous_call_is_found(source: str) -> None:
    assert list(findings(ast.parse(source)))
    assert SCREEN.search(source)


@pytest.mark.parametrize(
    "source", ["text('SELECT :n')", "yaml.safe_load(t)", "subprocess.run(w)", "np.load(p, allow_pickle=False)"]
)
def test_harmless_call_is_not_found(source: str) -> None:
    assert not list(findings(ast.parse(source)))
