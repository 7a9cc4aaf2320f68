"""`scoring live`: keep all lists exact after every event, and serve them."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from scoring.cli.json_csv_output import CsvOption, JsonOption, check_format, print_records
from scoring.cli.model_options import add_model_options
from scoring.cli.options import DEFAULT_DB, DbOption, TopKOption
from scoring.cli.promoted_model import ModelSource
from scoring.errors import make_printable

if TYPE_CHECKING:
    from scoring.database.database import Database
    from scoring.live.access_tokens import AccessTokens
    from scoring.live.live_engine import LiveEngine

__all__ = ["live"]

_OLD_ACTIONS: Final = timedelta(days=7)
_GC_THRESHOLDS = (10_000, 20, 20)
_ACTIONS = ("--install", "--uninstall", "--status", "--verify", "--create-tokens")


@add_model_options
def live(
    db: DbOption = DEFAULT_DB,
    *,
    install: Annotated[
        bool, typer.Option("--install", help="Create the log of events and its triggers in the database, and exit.")
    ] = False,
    triggers: Annotated[
        bool,
        typer.Option(
            "--triggers/--no-triggers",
            help="With --install: write events of all writers. Without triggers, only the service and `scoring import` "
            "write events.",
        ),
    ] = True,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Remove the log and its triggers from the database, and exit.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Print the state of the log and the basis, and exit.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Let the service that runs on --host and --port compare its lists and rows with the database. "
            "The exit code is 1 if they differ.",
        ),
    ] = False,
    create_tokens: Annotated[
        Path | None,
        typer.Option(
            "--create-tokens", metavar="FILE", help="Write three random tokens to a new private file, and exit."
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(
            "--tokens",
            metavar="FILE",
            show_default="environment variables SCORING_LIVE_READ_TOKEN, ..._EXPLAIN_TOKEN, ..._WRITE_TOKEN",
            help="File of the three tokens. Only its owner may have permissions on it.",
        ),
    ] = None,
    no_tokens: Annotated[
        bool, typer.Option("--no-tokens", help="Require no tokens. Allowed only for hosts such as 127.0.0.1.")
    ] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Address on which the service listens.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port of the service; 0 is a free port.")
    ] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A name, without a port, that clients use for this service in the Host header. May be repeated.",
        ),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Print one line per request on stderr, without ids.")
    ] = False,
    source: ModelSource,
    top_k: TopKOption = 40,
    tick: Annotated[
        float, typer.Option("--tick", metavar="SECONDS", min=1, max=86_400, help="Seconds between two bases.")
    ] = 60.0,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Keep the lists of all users exact after every event, and serve them over HTTP.

    Run `scoring live --install` once per database, and `scoring live --create-tokens FILE` once per service. The model
    is the promoted profile; a later promotion is adopted without a restart. Press Ctrl-C to stop the service: requests
    that are being answered are finished.
    """
    from scoring.database.database import Database
    from scoring.optional_dependencies import require

    given = (install, uninstall, status, verify, create_tokens is not None)
    chosen = [name for name, is_given in zip(_ACTIONS, given, strict=True) if is_given]
    if len(chosen) > 1:
        raise typer.BadParameter(f"{chosen[0]} and {chosen[1]} exclude each other. Use one of them.")
    check_format(json, csv)
    if (json or csv) and chosen not in (["--status"], ["--verify"]):
        raise typer.BadParameter("--json and --csv need --status or --verify.")
    if create_tokens is not None:
        _create_tokens(create_tokens)
        return
    if install or uninstall or status:
        with Database.open(db) as database:
            if status:
                _print_status(database, json, csv)
            else:
                _change_log(database, install, triggers)
        return
    if verify:
        _verify(_choose_tokens(tokens, no_tokens, host), host, port, json, csv)
        return
    require("scoring live", "live", "fastapi", "uvicorn", "prometheus_client")
    from scoring.live.http_server import bind

    checked = _choose_tokens(tokens, no_tokens, host)
    _configure_logs(access_log)
    listener = bind(host, port)
    hosts = [*(allow_host or ()), f"[{host}]" if ":" in host else host]
    with listener, _start_engine(db, source, top_k, tick) as engine:
        _serve(engine, checked, listener, hosts)


def _create_tokens(path: Path) -> None:
    from scoring.cli.progress import make_console
    from scoring.live.access_tokens import create_token_file

    create_token_file(path)
    make_console().print(
        f"Three tokens are in {path}. Only you can read it.\nNext: scoring live --tokens {path}",
        markup=False,
        soft_wrap=True,
    )


def _change_log(database: Database, install: bool, triggers: bool) -> None:
    from scoring.cli.output_failures import note_stored
    from scoring.cli.progress import make_console
    from scoring.live.event_log import EventLog

    log = EventLog(database)
    if install:
        log.install(triggers=triggers)
        text = f"The log of live lists is in {database.display}, " + (
            "with triggers on jobs, users and actions." if triggers else "without triggers."
        )
    elif log.is_installed:
        log.uninstall()
        text = f"The log of live lists and its triggers are removed from {database.display}."
    else:
        text = f"{database.display} has no log of live lists. Nothing is changed."
    note_stored(text)
    make_console().print(text, markup=False, soft_wrap=True)


def _choose_tokens(path: Path | None, no_tokens: bool, host: str) -> AccessTokens | None:
    """Return the tokens; None if none are required.

    Raises
    ------
    ConfigurationError: If tokens are missing or invalid, or --no-tokens is given for a host that others can reach.
    """
    from scoring.errors import ConfigurationError
    from scoring.live.access_tokens import AccessTokens
    from scoring.live.http_server import is_loopback

    if no_tokens:
        if path is not None:
            raise typer.BadParameter("--tokens and --no-tokens exclude each other. Use one of them.")
        if not is_loopback(host):
            raise ConfigurationError(
                f"--no-tokens is not allowed with --host {host}: other machines could read all lists. Use --tokens.",
                key=("--no-tokens",),
            )
        return None
    if path is not None:
        return AccessTokens.from_file(path)
    found = AccessTokens.from_environment(os.environ)
    if found is None:
        raise ConfigurationError(
            "The service needs tokens. Create them with `scoring live --create-tokens FILE`, then use --tokens FILE. "
            "With --no-tokens, every user of this machine can read and write.",
            key=("--tokens",),
        )
    return found


def _configure_logs(access_log: bool) -> None:
    """Print warnings of the engine, failures, and requests if wanted, on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("scoring.live")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logging.getLogger("scoring.live.model").setLevel(logging.INFO)
    logging.getLogger("scoring.live.access").setLevel(logging.INFO if access_log else logging.WARNING)


@contextmanager
def _start_engine(db: str, source: ModelSource, top_k: int, tick: float) -> Iterator[LiveEngine]:
    """Yield a started engine, and close it at the end."""
    from scoring.cli.input_loader import read_components
    from scoring.cli.progress import Progress
    from scoring.live.live_engine import LiveEngine
    from scoring.registry import Registry

    progress, model = Progress(), source.read()
    # without a model, the engine follows the promotions
    registry = None if model is not None else Registry(source.profiles, components=read_components(source.components))
    engine = LiveEngine(db, model, k=top_k, tick_seconds=tick, registry=registry)
    try:
        with progress.stage("reading tables and building lists"):
            engine.start()
        yield engine
    finally:
        engine.close()


def _serve(engine: LiveEngine, tokens: AccessTokens | None, listener: socket.socket, hosts: Sequence[str]) -> None:
    from scoring.cli.progress import Progress, make_console
    from scoring.live.http_server import serve
    from scoring.live.http_service import make_app

    status, console = engine.status(), make_console()
    # The command collects garbage rarely, because it ends soon. A service runs long. What exists now stays.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    if not status.has_triggers:
        Progress().print_line(
            "warning: the database has no triggers, so changes by other programs are not seen until a restart. Create "
            "them with `scoring live --install`."
        )
    pause = status.applied_pause
    if pause is not None:
        Progress().print_line(
            f"warning: events after {pause.seq:,} were paused on {pause.at:%Y-%m-%d %H:%M:%S} UTC and not confirmed. "
            "The lists contain them, because a start reads the tables. Look at the rows, then send POST /confirm."
        )
    age = _find_age_of_actions(engine)
    if age is not None and age > _OLD_ACTIONS:
        Progress().print_line(
            f"warning: the newest action is {age.days:,} days old. Many jobs may have expired, and history, clicks and "
            "popularity have few actions to count."
        )
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def print_url() -> None:
        console.print(
            f"Live lists of {status.n_users:,} users, model {make_printable(status.model)}: {url}\nClock: "
            f"{status.as_of:%Y-%m-%d %H:%M:%S} UTC, the time of this machine, renewed every {engine.tick_seconds:g} s. "
            f"`scoring run` uses the time of the newest action.\nDescription of the requests: {url}/docs\n"
            "Press Ctrl-C to stop.",
            markup=False,
            soft_wrap=True,
        )
        sys.stdout.flush()

    with suppress(KeyboardInterrupt):  # SIGINT and SIGTERM end the service as intended
        serve(make_app(engine, tokens, hosts=hosts), listener, on_ready=print_url)
    console.print("Live lists have stopped.")


def _find_age_of_actions(engine: LiveEngine) -> timedelta | None:
    """Return the time from the newest action to the clock; None without actions."""
    from sqlalchemy import func, select

    from scoring.database.schema import DATA_TABLES
    from scoring.live.event_decoder import to_time
    from scoring.live.events import to_microseconds

    as_of, column = engine.status().as_of, DATA_TABLES["actions"].c.occurred_at
    query = select(func.max(column)).where(column <= to_microseconds(as_of))
    newest = engine.database.read(lambda connection: connection.execute(query).scalar())
    return as_of - to_time(newest) if isinstance(newest, int) else None


def _print_status(database: Database, json: bool, csv: bool) -> None:
    from scoring.cli.progress import make_console
    from scoring.cli.tables.live_status import make_records, render_status
    from scoring.live.log_status import read_log_status

    found = read_log_status(database)
    if not print_records(make_records(found), json=json, csv=csv):
        make_console().print(render_status(found))


def _verify(tokens: AccessTokens | None, host: str, port: int, json: bool, csv: bool) -> None:
    """Print the report of the running service. Exit with 1 if lists or rows differ."""
    import pandas as pd

    from scoring.cli.progress import Progress, make_console
    from scoring.live.service_client import request_verification

    with Progress().stage("comparing lists and rows"):
        report = request_verification(host, port, None if tokens is None else tokens.write)
    if not print_records(pd.DataFrame([report]), json=json, csv=csv):
        make_console().print(report["text"], markup=False, soft_wrap=True)
    if not report["is_exact"]:
        raise typer.Exit(1)
