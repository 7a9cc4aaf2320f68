"""`scoring live` reports errors before it listens; it creates and removes the log, and prints its state."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from scoring.database.database import Database
from scoring.live.event_log import EventLog
from tests.cli.command import Call, error_line, page, require_one_error


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for scope in ("READ", "EXPLAIN", "WRITE"):
        monkeypatch.delenv(f"SCORING_LIVE_{scope}_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--create-tokens"),
        (("--tokens", "missing"), "missing"),
        (("--tokens", "public"), "chmod 600"),
        (("--tokens", "invalid"), "line 1"),
        (("--no-tokens", "--host", "0.0.0.0"), "--no-tokens"),
        (("--no-tokens", "--host", "no.such.host.invalid"), "--host no.such.host.invalid"),
        (("--no-tokens", "--port", "0", "--host", "192.0.2.1"), "--no-tokens"),
        (("--no-tokens", "--port", "0", "--db", "missing.db"), "missing.db"),
        (("--no-tokens", "--port", "0", "--model", "nowhere"), "nowhere"),
        (("--status", "--db", "missing.db"), "missing.db"),
        (("--verify", "--no-tokens", "--port", "1"), "No service answers on 127.0.0.1:1"),
    ],
)
def test_problem_is_one_sentence(scoring: Call, database: Path, options: tuple[str, ...], message: str) -> None:
    Path("public").write_text("read: x")
    Path("public").chmod(0o644)
    Path("invalid").write_text("x")
    Path("invalid").chmod(0o600)
    arguments = options if "--db" in options else (*options, "--db", str(database))
    done = scoring("live", *arguments)
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "http://" not in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--install", "--uninstall"), ("--status", "--verify"), ("--tokens", "a", "--no-tokens"), ("--json",),
        ("--status", "--json", "--csv"), ("--port", "65536"), ("--port", "-1"), ("--tick", "0"), ("--top-k", "0"),
        ("--tick", "nan"),
    ],
)  # fmt: skip
def test_invalid_options_exit_with_2(scoring: Call, database: Path, options: tuple[str, ...]) -> None:
    done = scoring("live", *options, "--db", database)
    assert done.exit_code == 2
    assert done.stdout == ""


def test_one_token_in_the_environment_is_an_error(
    scoring: Call, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_LIVE_READ_TOKEN", "r" * 20)
    assert "SCORING_LIVE_EXPLAIN_TOKEN" in error_line(scoring("live", "--db", database), 1)


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_missing_package_is_named_with_its_extra(
    scoring: Call, database: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = scoring("live", "--no-tokens", "--db", database)
    require_one_error(done, 1, f"scoring live requires {package}")
    assert done.stderr.endswith("pip install 'scoring[live]'\n")


def test_created_tokens_are_private_and_not_printed(scoring: Call) -> None:
    text = page(scoring("live", "--create-tokens", "tokens"))
    content = Path("tokens").read_text()
    assert stat.S_IMODE(Path("tokens").stat().st_mode) == 0o600
    assert [line.partition(":")[0] for line in content.splitlines()] == ["read", "explain", "write"]
    assert not [line for line in content.splitlines() if line.partition(": ")[2] in text]
    assert "exists" in error_line(scoring("live", "--create-tokens", "tokens"), 1)
    assert Path("tokens").read_text() == content


def test_log_is_installed_shown_and_removed(scoring: Call, database: Path) -> None:
    assert "Create it with" in page(scoring("live", "--status", "--db", database))
    assert "with triggers" in page(scoring("live", "--install", "--db", database))
    with Database.open(database) as opened:
        log = EventLog(opened)
        assert log.has_triggers
        log.write_rows([{"kind": "job", "row": {"job_id": 7001, "fee": 5000}}])
    shown = page(scoring("live", "--status", "--db", database))
    assert "newest event" in shown
    row = json.loads(page(scoring("live", "--status", "--json", "--db", database)))[0]
    assert (row["has_log"], row["has_triggers"], row["n_events"], row["basis"]) == (True, True, 1, None)
    assert "without triggers" in page(scoring("live", "--install", "--no-triggers", "--db", database))
    assert "removed" in page(scoring("live", "--uninstall", "--db", database))
    assert "Nothing is changed" in page(scoring("live", "--uninstall", "--db", database))
    with Database.open(database) as opened:
        assert not EventLog(opened).is_installed
