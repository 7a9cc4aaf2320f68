"""Call the command and read its output."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.cli.app import app
from tests.support.child_signals import restore_signals

__all__ = [
    "LUCKY_COMPONENT",
    "LUCKY_MODEL",
    "Call",
    "error_line",
    "invoke",
    "number",
    "page",
    "require_one_error",
    "requires_mlflow",
    "rounded",
    "row",
    "run_python",
    "start",
]

Call = Callable[..., Result]

requires_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow-skinny is not installed"
)

ROOT = Path(__file__).parents[2]
LUCKY_COMPONENT = '''
from scoring.model import Component, Reason
from scoring.model.terms import JobTerm, Value
import numpy as np


class Lucky(Component):
    """The same value for all jobs."""

    kind = "lucky"
    luck: float = 50.0

    def terms(self, inputs):
        return Value((JobTerm(np.full(len(inputs.jobs), self.luck)),))

    def explain(self, pair):
        return Reason(self.luck, {"luck": self.luck})
'''
LUCKY_MODEL = "name: mine\ngroups:\n  base:\n    weight: 1\n    components:\n      lucky: {weight: 1, luck: 12.5}\n"


def invoke(*arguments: object) -> Result:
    """Call the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def require_one_error(result: Result, code: int, message: str) -> None:
    """Check that the last line is the only error and contains a message, and that nothing else is printed."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert result.stderr.splitlines()[-1] == errors[0]


def error_line(result: Result, code: int) -> str:
    """Return the error's line, after checking that the command prints nothing else."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("loading", "preparing"))]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].endswith((".", "?"))
    assert "Traceback" not in result.stderr
    return lines[0]


def page(result: Result) -> str:
    """Return the output, after checking the exit code and that no line ends with spaces."""
    assert result.exit_code == 0, result.output + result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    return "\n".join(lines)


def row(text: str, name: str) -> list[str]:
    """Return the numbers of the first line that begins with this name."""
    line = next(line for line in text.splitlines() if line.strip().startswith(name))
    return re.findall(r"[-+]?[\d,]*\.?\d+", line.strip()[len(name) :])


def number(text: str) -> float:
    return float(text.replace(",", ""))


def rounded(value: float) -> object:
    """Return an object equal to the printed value: three decimals for values near 1, four digits for larger ones."""
    return pytest.approx(value, abs=0.000501, rel=0.0006 if abs(value) > 10 else 0)


def environment_of(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scoring.cli", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment_of(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=restore_signals,
    )


def run_python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, env=environment_of(cwd), capture_output=True, text=True, check=False)
