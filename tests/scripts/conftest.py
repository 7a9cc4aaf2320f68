"""Run scripts in this process: a new process would take seconds to import and to load kernels."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


class Done(NamedTuple):
    """What a script prints, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return a function that runs a script as the main module with these arguments."""

    def run(name: str, *arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        code = end.value.code
        return Done(code if isinstance(code, int) else 1, *capfd.readouterr())

    return run
