"""The memory statistics of SQLite are disabled if nothing has used the library before."""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration  # each test starts an interpreter

SCRIPT = """
import ctypes
from scoring.database import Database
with Database.open("sqlite://") as database:
    database.create()
    import _sqlite3
    used = ctypes.CDLL(_sqlite3.__file__).sqlite3_memory_used
    used.restype = ctypes.c_int64
    print(used(), database.count_rows("jobs"))
"""


def has_settings() -> bool:
    """Whether the functions of the library are visible, which is not so in every build of Python."""
    return hasattr(_sqlite3, "__file__") and hasattr(ctypes.CDLL(_sqlite3.__file__), "sqlite3_config")


@pytest.mark.skipif(not has_settings(), reason="this Python hides the functions of its SQLite library")
@pytest.mark.parametrize(("first", "is_counted"), [("", False), ("import sqlite3", True)])
def test_memory_is_counted_only_by_an_earlier_import(first: str, is_counted: bool) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", f"{first}\n{SCRIPT}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    used, counts = done.stdout.split(maxsplit=1)
    assert (int(used) > 0) == is_counted
    assert counts == "(0,)\n"
