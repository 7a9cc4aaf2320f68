"""Imports follow the layers, and importing the package is cheap and changes no settings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

HEAVY = (
    "implicit",
    "pyarrow",
    "matplotlib",
    "typer",
    "rich",
    "numba",
    "pandas",
    "scipy",
    "sqlalchemy",
    "pydantic",
    "ipywidgets",
)


def in_a_new_process(code: str) -> Any:
    """Return what the code prints as JSON in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_contracts_are_kept() -> None:
    """Check the contracts of pyproject.toml in a new process, as the linter keeps a cache and global configuration."""
    code = (
        "import sys; from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(config_filename='pyproject.toml', no_cache=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 3 kept, 0 broken." in done.stdout


def test_importing_the_package_is_light() -> None:
    loaded = in_a_new_process("import json, sys, scoring; print(json.dumps(sorted(sys.modules)))")
    assert "scoring" in loaded
    assert {name for name in loaded if name.split(".")[0] in HEAVY} == set()


@pytest.mark.integration
def test_every_public_name_exists() -> None:
    names, found = in_a_new_process(
        "import json, scoring; names = {name: str(getattr(scoring, name)) for name in scoring.__all__}; "
        "print(json.dumps([names, hasattr(scoring, 'no_such_name')]))"
    )
    assert {"Dataset", "Prepared", "ScoringEngine", "load_model"} <= set(names)
    assert found is False


STATE = """
import json, locale, logging, os, random, signal, sys, threading, warnings
import numpy as np
import pandas as pd

def state():
    return {
        "warning filters": [str(item) for item in warnings.filters],
        "environment": dict(os.environ),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "root log": [logging.root.level, len(logging.root.handlers)],
        "numpy errors": np.geterr(),
        "numpy printing": str(np.get_printoptions()),
        "pandas options": [pd.get_option(name) for name in ("display.max_rows", "display.precision", "display.width")],
        "random": str(random.getstate()) + str(np.random.get_state()),
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": [str(sys.excepthook), str(sys.displayhook), str(threading.excepthook)],
        "folder": os.getcwd(),
    }
"""


IMPORTS = (
    "scoring.dataset, scoring.statistics, scoring.model, scoring.components, scoring.model_catalog",
    "scoring.plan, scoring.backends.numba.pruned_topk, scoring.ranking, scoring.testing, scoring.profiling",
)


@pytest.mark.integration
def test_imports_change_no_process_settings() -> None:
    """An import changes no warning filters, thread counts, log levels, environment or seeds.

    Third-party packages change some of these when they are imported, so they are imported before.
    """
    code = (
        STATE
        + "import numba, pydantic, scipy.sparse, sqlalchemy, threadpoolctl, yaml, importlib.resources\n"
        + "states = [state()]\n"
        + "".join(f"import {modules}\nstates.append(state())\n" for modules in IMPORTS)
        + "print(json.dumps(states))"
    )
    before, *later = in_a_new_process(code)
    for modules, after in zip(IMPORTS, later, strict=True):
        assert {key: after[key] for key in before if before[key] != after[key]} == {}, modules
