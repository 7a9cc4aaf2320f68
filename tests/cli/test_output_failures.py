"""Output to encodings without all characters, and to streams that cannot be written."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import pytest
import typer.main

from scoring.cli.app import app
from scoring.cli.output_failures import BROKEN_PIPE_EXIT_CODE, OutputGuard, note_stored
from scoring.cli.progress import make_console
from tests.cli.command import ROOT, Call
from tests.support.child_signals import restore_signals

SAMPLE = ROOT / "data/sample/mapping.yaml"

STORING = {
    "init": "init --db new.db --users 20 --jobs 60",
    "import": f"import --map {SAMPLE} --db imported.db",
    "run": "run --db MARKET --out runs --factor-cache factors",
    "runs prune": "runs prune --keep 1 --db MARKET --out runs",
    "component new": "component new pay_floor",
    "profiles save": "profiles save night",
    "profiles request": "profiles request night --by A --note why",
    "profiles promote": "profiles promote night --note why --force untested --yes --db MARKET",
    "profiles reindex": "profiles reindex --db MARKET",
    "cluster certificates": "cluster certificates --out certificates",
}
"""Command → a command line that stores its result. Each needs the results of the lines above it."""

OTHER_STORING = {
    "audience",
    "compare",
    "evaluate",
    "learned frame",
    "learned import",
    "live",
    "reach",
    "report",
    "tune",
    "profiles approve",
    "profiles rollback",
    "runs publish",
}
"""Commands that store with the code of a command above, or are too slow for this test."""

PRINTING = {
    "models": "models",
    "models --json": "models --json",
    "models --csv": "models --csv",
    "runs list": "runs list --db MARKET --out runs",
    "explain": "explain 1 2 --db MARKET --factor-cache factors",
    "--version": "--version",
    "--help": "run --help",
    "profiles": "profiles",
    "profiles list": "profiles list --json",
    "import --suggest": f"import --suggest {ROOT / 'data/sample/jobs.csv'}",
}
"""Command → a command line whose only result is its output."""

OTHER_PRINTING = {"check", "cluster check", "cluster scheduler", "cluster worker", "lab", "panel", "runs verify"} | {
    f"profiles {name}" for name in ("show", "diff", "history", "looks")
}


def full_device() -> TextIO:
    return open("/dev/full", "w", encoding="utf-8")


def closed_pipe() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return open(writing, "w", encoding="utf-8")


def closed_descriptor() -> None:
    """Return the stdout of a process that is started without one."""


FAILING: dict[str, Callable[[], TextIO | None]] = {
    "full device": full_device,
    "closed pipe": closed_pipe,
    "closed descriptor": closed_descriptor,
}


@pytest.fixture(params=FAILING)
def failing(request: pytest.FixtureRequest) -> str:
    """Return the kind of a stream that cannot be written."""
    return str(request.param)


def call(line: str, market: Path, *, stdout: str | None = None, stderr: str | None = None) -> int:
    """Return the exit code of a command line, with streams that cannot be written."""
    arguments = [str(market) if word == "MARKET" else word for word in line.split()]
    with ExitStack() as stack:
        for name, kind in (("stdout", stdout), ("stderr", stderr)):
            if kind is not None:
                stream = FAILING[kind]()
                stack.enter_context(pytest.MonkeyPatch.context()).setattr(sys, name, stream)
                if stream is not None:
                    stack.enter_context(stream)
        with pytest.raises(SystemExit) as ended:
            app(arguments, prog_name="scoring")
    return int(ended.value.code or 0)


def test_storing_command_succeeds_without_stdout(
    scoring: Call, database: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for place, (name, line) in enumerate(STORING.items()):
        assert call(line, database, stdout=list(FAILING)[place % len(FAILING)]) == 0, name
        warnings = [text for text in capfd.readouterr().err.splitlines() if "cannot be written to stdout" in text]
        assert len(warnings) == 1, name
        assert warnings[0].startswith("warning: ")
    assert scoring("runs", "list", "--db", database, "--out", "runs", "--json").stdout.count("in use") == 1


def test_printing_command_fails_without_stdout(
    scoring: Call, database: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The reader of a pipe that closes it has read enough. A device that is full loses the result."""
    for place, (name, line) in enumerate(PRINTING.items()):
        failing = list(FAILING)[place % len(FAILING)]
        is_pipe = failing == "closed pipe"
        assert call(line, database, stdout=failing) == (BROKEN_PIPE_EXIT_CODE if is_pipe else 1), name
        errors = [
            text for text in capfd.readouterr().err.splitlines() if text.startswith(("error", "warning", "Trace"))
        ]
        assert len(errors) == (0 if is_pipe else 1), name


def test_every_command_either_stores_or_prints() -> None:
    """A command that stores its result calls `note_stored`. A new command belongs to a list above."""
    assert list_commands(typer.main.get_command(app)) == STORING.keys() | OTHER_STORING | OTHER_PRINTING | {
        name for name in PRINTING if "--" not in name
    } - {"profiles"}


def list_commands(group: Any, path: str = "") -> set[str]:
    if not hasattr(group, "commands"):
        return {path}
    return {name for key, part in group.commands.items() for name in list_commands(part, f"{path} {key}".strip())}


def test_failed_command_keeps_its_exit_code(scoring: Call, failing: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("explain 1 2 --db nowhere.db", Path(), stdout=failing) == 1
    assert call("models --colour", Path(), stdout=failing) == 2
    assert "written to stdout" not in capfd.readouterr().err


def test_failing_stderr_changes_no_exit_code(scoring: Call, failing: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("init --db new.db --users 20 --jobs 60", Path(), stderr=failing) == 0
    assert "new.db contains" in capfd.readouterr().out
    assert call("init --db new.db --users 20 --jobs 60", Path(), stderr=failing) == 1
    assert capfd.readouterr().out == ""


# --- Encodings ----------------------------------------------------------------------------------------------


def print_in(encoding: str, text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Return the exit code, the output and the messages of a command that stores and prints text."""
    raw, errors = io.BytesIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding, write_through=True))
    monkeypatch.setattr(sys, "stderr", errors)
    with OutputGuard() as output:
        note_stored("It is stored.")
        make_console().print(text, markup=False, soft_wrap=True)
        code = output.finish(0)
    return code, raw.getvalue().decode(encoding), errors.getvalue()


@pytest.mark.parametrize(
    ("encoding", "text", "printed", "n_replaced"),
    [
        ("utf-8", "東京 · 1 → 2…", "東京 · 1 → 2…", 0),
        ("utf-16", "東京 · 1 → 2…", "東京 · 1 → 2…", 0),
        ("cp932", "東京 · 1 → 2…", "東京 - 1 → 2…", 0),
        ("cp932", "東京 é한", "東京 ??", 2),
        ("ascii", "東京 · 1 → 2…", "?? - 1 -> 2...", 2),
        ("latin-1", "東京 · 1 → é…", "?? · 1 -> é...", 2),
        ("utf-8", "file \udcff.csv", "file ?.csv", 1),
    ],
)
def test_characters_that_an_encoding_lacks_are_replaced(
    encoding: str, text: str, printed: str, n_replaced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, found, messages = print_in(encoding, text, monkeypatch)
    assert (code, found) == (0, f"{printed}\n")
    assert len(messages.splitlines()) == bool(n_replaced)
    assert (f"replaces {n_replaced} character" in messages) == bool(n_replaced)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp932", "ascii", "latin-1"])
def test_json_is_complete_in_every_encoding(
    scoring: Call, encoding: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    scoring("profiles", "save", "night", "--note", "東京 · 한 é")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding, write_through=True))
    assert call("profiles list --json", Path()) == 0
    assert json.loads(raw.getvalue().decode(encoding))[0]["note"] == "東京 · 한 é"
    assert capfd.readouterr().err == ""


# --- Processes ----------------------------------------------------------------------------------------------


def run_in_shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `scoring` is the command."""
    script = f"set -o pipefail; scoring() {{ '{sys.executable}' -m scoring.cli \"$@\"; }}; {line}"
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        preexec_fn=restore_signals,
    )


def test_process_without_streams_stores_its_result(tmp_path: Path) -> None:
    """Python has no `sys.stdout` then, and the number of the descriptor is free for the next file."""
    done = run_in_shell("scoring profiles save night <&- >&- 2>&-", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "data/profiles/night/0001.yaml").stat().st_size > 100


def test_process_prints_no_second_error_at_exit(tmp_path: Path) -> None:
    """At exit, Python writes the text that is left in its buffers."""
    done = run_in_shell("scoring --version > /dev/full", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    done = run_in_shell("scoring --version | true", tmp_path)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE_EXIT_CODE, "")


@pytest.mark.long
@pytest.mark.parametrize(
    "target", ["| true", "| head -1", "> /dev/full", ">&-", "2>&-", "2> /dev/full", ">&- 2>&-", ""]
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "ascii", "latin-1", "utf-16"])
def test_process_publishes_with_any_output(database: Path, tmp_path: Path, target: str, encoding: str) -> None:
    done = run_in_shell(f"scoring run --db {database} {target}", tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/runs/latest/_manifest.json").exists()
