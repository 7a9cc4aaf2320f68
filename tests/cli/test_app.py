"""Help, invalid command lines, error messages and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import (
    Call,
    error_line,
    run_python,
)


def test_help_without_a_command(scoring: Call) -> None:
    done = scoring()
    assert done.exit_code == 0
    assert "explain" in done.stdout
    assert scoring("--version").stdout.startswith("scoring ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--top-k", "0"], "--top-k"),
        (["run", "--workers", "many"], "--workers"),
        (["run", "--chunk-size", "-1"], "--chunk-size"),
        (["run", "--colour"], "--colour"),
        (["init", "--users", "0"], "--users"),
        (["explain"], "USER"),
        (["rum"], "rum"),
        (["promote", "x"], "Did you mean `scoring profiles promote`? See `scoring --help`."),
        (["list"], "Did you mean `scoring profiles list` or `scoring runs list`? See"),
        (["explain", "-5x", "1"], "then `--`, then the values"),
        (["explain", "--xyz", "1"], "No such option: --xyz. See"),
        (["reach", "1", "-x"], "then `--`, then the values"),
        (["audience", "-J1"], "then `--`, then the values"),
        (["profiles", "show", "-x"], "then `--`, then the values"),
    ],
)
def test_invalid_command_line_exits_with_2(scoring: Call, arguments: list[str], message: str) -> None:
    line = error_line(scoring(*arguments), 2)
    assert message in line
    assert "--help` " not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--db", "nowhere.db"], "nowhere.db does not exist"),
        (["run", "--db", "mysql://u:secret@h/d"], "only reads from MySQL"),
        (["run", "--db", "oracle://u:secret@h/d"], "is not supported"),
        (["run", "--db", "postgresql://u:secret@127.0.0.1:1/d"], "cannot be accessed"),
        (["run", "--db", "://"], "Invalid database URL"),
        (["run", "--model", "unheard"], "model unheard"),
        (["run", "--model", "unknown_key.yaml"], "line 2: unknown key `colour`"),
        (["run", "--weights", "none.yaml"], "--weights none.yaml: No such file"),
        (["run", "--component", "none.py"], "--component none.py: No such file"),
        (["run", "--component", "broken.py"], "--component broken.py, line 1: ZeroDivisionError"),
        (["run", "--component", "nothing.py"], "does not define a component"),
        (["run", "--db", "MARKET", "--out", "file.txt"], "file.txt: Not a directory"),
        (["run", "--db", "MARKET", "--as-of", "yesterday"], "'yesterday' is not a time"),
        (["explain", "999999", "1", "--db", "MARKET"], "user 999999 does not exist"),
        (["explain", "1", "999999", "--db", "MARKET"], "job 999999 does not exist"),
        (["explain", "1", "' OR 1=1", "--db", "MARKET"], "job ' OR 1=1 does not exist"),
        (["run", "--db", "file.txt"], "not a database"),
        (["run", "--db", "hollow.db"], "does not contain the table"),
        (["import", "jobs", "none.csv", "--db", "MARKET"], "none.csv does not exist"),
        (["import", "jbos", "file.csv", "--db", "MARKET"], "Did you mean jobs"),
    ],
)
def test_error_is_printed_as_one_line(
    scoring: Call, database: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "unknown_key.yaml").write_text("name: x\ncolour: red\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "nothing.py").write_text("x = 1\n")
    (tmp_path / "file.txt").write_text("no database, no folder\n" * 99)
    (tmp_path / "hollow.db").touch()
    line = error_line(scoring(*(str(database) if word == "MARKET" else word for word in arguments)), 1)
    assert message in line
    assert "secret" not in line


def test_debug_raises_the_error(scoring: Call) -> None:
    done = scoring("run", "--db", "nowhere.db", "--debug")
    assert done.exit_code != 0
    assert "DatabaseError" in repr(done.exception)


def test_help_imports_no_large_module(tmp_path: Path) -> None:
    """The help imports no large module. Modules are compared because seconds differ between machines."""
    heavy = ("numpy", "pandas", "sqlalchemy", "numba", "pyarrow")
    done = run_python(
        "import sys\nfrom scoring.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])",
        tmp_path,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
