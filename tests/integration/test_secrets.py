"""No message, log, file or display contains a password, token or other secret of a URL."""

from __future__ import annotations

import logging
import socket
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from scoring.cli.app import app
from scoring.database import engines, retry
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.database.writers import save_tables
from scoring.errors import ScoringError
from scoring.profiling.subprocess_data_source import Source
from scoring.synthetic import make_market
from tests.support.errors import raises_with
from tests.support.postgres_server import PostgresServer, Proxy
from tests.support.proof_counts import record_count

SECRET = "cAnArY/p@ss word%"
FORMS = {SECRET, quote(SECRET, safe=""), quote_plus(SECRET), "cAnArY"}


class Places:
    """Search texts, errors and files for the secret."""

    def __init__(self) -> None:
        self.count = 0

    def look(self, what: str, content: str | bytes) -> None:
        self.count += 1
        found = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
        assert not any(form.encode() in found for form in FORMS), f"{what}: {found[:2000]!r}"

    def look_at_error(self, error: BaseException) -> None:
        chain, waiting = [], [error]
        while waiting:
            one = waiting.pop()
            if one not in chain:
                chain.append(one)
                waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        for one in chain:
            for text in (str(one), repr(one), repr(one.args), "".join(traceback.format_exception(one)), str(vars(one))):
                self.look(type(one).__name__, text)

    def look_at_files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            self.look(str(path), str(path))
            if path.is_file():
                self.look(str(path), path.read_bytes())


@pytest.fixture
def places() -> Iterator[Places]:
    made = Places()
    yield made
    assert made.count
    record_count("secrets", "{} places", made.count)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(engines, "POSTGRES", engines.POSTGRES | {"connect_timeout": 2})


@pytest.fixture
def guarded(fragile: PostgresServer) -> Iterator[sa.URL]:
    """Return the URL, for a user who needs the password, of a database that contains a market."""
    fragile.execute("DROP ROLE IF EXISTS careful", "CREATE ROLE careful LOGIN SUPERUSER PASSWORD 'cAnArY/p@ss word%%'")
    rules = fragile.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all careful scram-sha-256\n" + before)
    fragile.execute("SELECT pg_reload_conf()")
    url = fragile.url.set(username="careful", password=SECRET)
    with Database.open(fragile.url) as database:
        save_tables(database, make_market(20, 60, 200, seed=2).tables)
    yield url
    rules.write_text(before)
    fragile.execute("SELECT pg_reload_conf()", "DROP ROLE careful")


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wrong_urls(server: PostgresServer) -> list[str]:
    """Return URLs that do not work, in every way of writing them, each with the secret."""
    coded, port = quote(SECRET, safe=""), closed_port()
    local = f"127.0.0.1:{port}"
    folder = server.folder
    return [
        f"postgresql://careful:{coded}x@/postgres?host={folder}",  # a wrong password
        f"postgresql://me:{coded}@{local}/d",  # no server on this port
        f"postgresql+asyncpg://me:{coded}@{local}/d?ssl=disable",
        f"postgresql://me@{local}/d?password={coded}",
        f"postgresql://me@{local}/d?sslpassword={coded}&sslmode=prefer",
        f"postgresql://me:{coded}@no.such.host.invalid/d",
        f"postgresql://me:{coded}@{local}/d?nonsense=1",
        f"postgresql://me:{coded}@{local}/d?connect_timeout=soon",
        f"postgresql://me@{local}/d?token={coded}",
        f"postgresql://me@{local}/d?oauth_client_secret={coded}",
        f"postgresql://me@{local}/d?PASSWORD={coded}",
        f"postgresql://me@{local}/d?access_token={coded}&password={coded}",
        f"postgresql://postgres:{coded}@/no_such_database?host={folder}",
        f"postgresql://unknown:{coded}@/postgres?host={folder}",
        f"postgresql+nodriver://me:{coded}@{local}/d",
        f"postgresql+psycopg2://me:{coded}@{local}/d",
        f"postgres://me:{coded}@{local}/d",
        f"mysql://me:{coded}@{local}/d?password={coded}",
        f"sqlite:////no/such/folder/x.db?password={coded}",
        f"sqlite:///{folder}/x.db?password={coded}",
        f"postgresql://me:{SECRET}@{local}/d",  # malformed: not percent-encoded
        f"postgresql://me:{SECRET}@{local}:5432/d",
        f"postgresql:/me:{SECRET}@{local}/d",
        f"me:{SECRET}@{local}/d",
        f"host=127.0.0.1 port={port} password='{SECRET}'",
        f"postgresql://me:{coded}@{local}:{SECRET}/d",
    ]


def test_failures_show_no_secret(
    guarded: sa.URL,
    fragile: PostgresServer,
    places: Places,
    hasty: None,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """Check the error and the output of the command, with and without --debug."""
    caplog.set_level(logging.DEBUG)
    wrong = wrong_urls(fragile)
    for url in wrong:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                with Database.open(url) as database:
                    places.look("repr", repr(database) + str(database.engine) + repr(database.engine))
                    places.look("display", database.display)
                    places.look("pool", repr(database.engine.pool.status()) + repr(database.engine.url))
                    load_tables(database)
            except ScoringError as error:
                places.look_at_error(error)
            else:
                pytest.fail(f"{url} led somewhere")
            for more in ([], ["--debug"]):
                done = CliRunner().invoke(app, ["run", "--db", url, "--out", str(tmp_path), *more])
                assert done.exit_code
                places.look("the command", done.output + done.stderr)
                if more and done.exception is not None:
                    places.look_at_error(done.exception)
        for one in told:
            places.look("warning", str(one.message))
    for record in caplog.records:
        places.look("log record", record.getMessage() + repr(record.args))
        places.look("log record", "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else "")
    places.look_at_files(tmp_path)


def test_successes_show_no_secret(
    guarded: sa.URL, fragile: PostgresServer, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check runs, reports, profiles, manifests, Parquet files and the database's tables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = guarded.set(drivername="postgresql").render_as_string(hide_password=False)
    in_query = guarded.set(drivername="postgresql", password=None).update_query_dict({"password": SECRET})
    commands = [
        ["run", "--db", url, "--out", "runs", "--top-k", "3"],
        ["run", "--db", in_query.render_as_string(hide_password=False), "--out", "runs", "--top-k", "3", "--resume"],
        ["runs", "list", "--db", url, "--out", "runs"],
        ["explain", "--db", url, "1", "1"],
        ["profiles", "save", "mine", "--note", "a note"],
        ["profiles", "reindex", "--db", url],
    ]
    for words in commands:
        done = CliRunner().invoke(app, words)
        places.look(words[0], done.output + done.stderr)
        assert done.exit_code == 0, done.output + done.stderr
    places.look_at_files(tmp_path)
    for (name,) in fragile.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        places.look(name, repr(fragile.execute(f'SELECT * FROM "{name}"')))


def test_reprs_show_no_secret(guarded: sa.URL, places: Places) -> None:
    for url in (guarded, guarded.set(password=None).update_query_dict({"password": SECRET, "sslpassword": SECRET})):
        text = url.render_as_string(hide_password=False)
        with Database.open(text) as database:
            load_tables(database)
            session = Session(database.engine)
            behind = Database.open(create_async_engine(url.set(drivername="postgresql+asyncpg")))
            for thing in (database, database.engine, database.engine.url, database.engine.pool, Source(text), behind):
                places.look(type(thing).__name__, repr(thing) + str(thing))
            places.look("html", getattr(database, "_repr_html_", lambda: "")())
            places.look("session", repr(Database.open(session)))
            session.close()


def test_message_of_unresponsive_host_hides_password(
    guarded: sa.URL, proxy: Proxy, places: Places, hasty: None
) -> None:
    proxy.held = True
    url = proxy.url.set(username="careful", password=SECRET)
    with Database.open(url) as database, pytest.raises(ScoringError) as caught:
        load_tables(database)
    places.look_at_error(caught.value)


def test_message_of_constraint_error_hides_row_values(guarded: sa.URL, places: Places) -> None:
    """The server's error details contain the values."""
    from scoring.database.schema import DATA_TABLES

    row = {"job_id": 1, "title": SECRET, "is_active": True}
    with Database.open(guarded) as database:
        for _ in range(2):
            with (
                raises_with(ScoringError, reason="constraint") as caught,
                database.begin() as connection,
            ):
                connection.execute(sa.insert(DATA_TABLES["jobs"]), [row, row])
            places.look_at_error(caught.value)
