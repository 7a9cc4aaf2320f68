"""`scoring lab` and `scoring panel`: servers on this machine alone, behind a token, that end with the command."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.opening import DEFAULT_DB, DEFAULT_PROFILES, Db, FactorCache, Profiles

__all__ = ["lab", "panel"]

DEFAULT_NOTEBOOKS = Path("notebooks")
STARTING = 120.0
"""Seconds that a server may take until it answers."""
ENDING = 10.0
"""Seconds that it may take to end."""

_PANEL = """\
import os

os.chdir(os.environ["SCORING_FOLDER"])
from scoring.widgets import tuning_panel

tuning_panel(os.environ["SCORING_DB"], {model!r}, registry={profiles!r}, days={days!r}, users={users!r}, k={k!r},
             factor_cache={factor_cache})
"""

_TEMPLATE = """\
{%- extends "voila/templates/lab/index.html.j2" -%}
{%- block notebook_css -%}{{ super() | replace(' href="https://', ' data-left-out="https://') }}{%- endblock -%}
"""
"""Voila's page less the icons that it has from the network: nothing on the panel is drawn with them."""

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Else one that is free.")]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


def lab(
    notebooks: Annotated[Path, typer.Argument(help="A folder of notebooks.")] = DEFAULT_NOTEBOOKS,
    port: Port = None,
    show: Open = False,
) -> None:
    """Open JupyterLab on the notebooks: on this machine only, behind a token; Ctrl-C ends it."""
    from scoring.errors import ConfigurationError

    if not notebooks.is_dir():
        raise ConfigurationError(f"{notebooks} is no folder; give one with notebooks, such as `scoring lab notebooks`.")
    port = _port(port)
    server = [
        "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False", f"--ServerApp.root_dir={notebooks.resolve()}", "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR", f"--ServerApp.allow_root={_root()}",
    ]  # fmt: skip
    _serve("JupyterLab", server, port, "/lab", {}, show)


def panel(
    model: Annotated[
        str, typer.Argument(help="A model that ships, a model file, or a saved profile: where it begins.")
    ] = "standard",
    db: Db = DEFAULT_DB,
    profiles: Profiles = DEFAULT_PROFILES,
    days: Annotated[float, typer.Option(min=0.01, help="Days that are held out and to be found.")] = 14.0,
    users: Annotated[int, typer.Option(min=1, help="Users that measures are of.")] = 500,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Jobs per user.")] = 40,
    factor_cache: FactorCache = None,
    port: Port = None,
    show: Open = False,
) -> None:
    """Open the tuning panel as a page: on this machine only, behind a token; Ctrl-C ends it."""
    from scoring.columns import TABLES
    from scoring.dataset.database import Database
    from scoring.statistics.factors import default_cache

    with Database.open(db) as database:  # whatever is wrong with it is said here, and not on the page
        database.require_tables(*TABLES)
        database.require_data()
    source = _PANEL.format(
        model=model,
        profiles=str(profiles),
        days=days,
        users=users,
        k=top_k,
        factor_cache=f"__import__('pathlib').Path({str(factor_cache or default_cache())!r})",
    )
    port = _port(port)
    # a URL may hold a password: it goes to the server by its environment, which nobody else can read
    environment = {"SCORING_DB": db, "SCORING_FOLDER": str(Path.cwd())}
    with _page(source) as (notebook, data):
        environment["JUPYTER_PATH"] = os.pathsep.join([str(data), *filter(None, [os.environ.get("JUPYTER_PATH")])])
        server = [
            "voila", str(notebook), "--template=scoring", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1",
            "--token", "--Voila.port_retries=0", "--VoilaExecutor.timeout=600", "--Voila.log_level=ERROR",
        ]  # fmt: skip
        _serve("The panel", server, port, "/", environment, show)


def _port(asked: int | None) -> int:
    """Raises ConfigurationError: somebody else has it."""
    from scoring.errors import ConfigurationError

    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", asked or 0))
        except OSError as error:
            raise ConfigurationError(f"port {asked} cannot be had ({error.strerror}); leave --port out.") from error
        return int(trial.getsockname()[1])


def _root() -> bool:
    """Containers often have no other user; the server refuses root unless it is told."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def _page(source: str) -> Iterator[tuple[Path, Path]]:
    """A notebook of one cell, in a folder that nobody else can read; and the data folder with the page's template."""
    cell: dict[str, object] = {
        "cell_type": "code", "id": "panel", "metadata": {}, "source": source, "outputs": [], "execution_count": None,
    }  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    page = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    with tempfile.TemporaryDirectory(prefix="scoring-panel-") as folder:
        path, data = Path(folder) / "panel.ipynb", Path(folder) / "jupyter"
        path.write_text(json.dumps(page), encoding="utf-8")
        template = data / "voila/templates/scoring"
        template.mkdir(parents=True)
        (template / "conf.json").write_text('{"base_template": "lab"}', encoding="utf-8")
        (template / "index.html.j2").write_text(_TEMPLATE, encoding="utf-8")
        yield path, data


def _serve(name: str, server: Sequence[str], port: int, path: str, environment: Mapping[str, str], show: bool) -> None:
    """Runs it until it ends or the command is stopped. Raises ScoringError: it ended before it answered."""
    import webbrowser

    from scoring.cli.progress import Show, output

    token = secrets.token_urlsafe(24)
    # by the environment, not the command line, which everybody on the machine can read
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", *server],
        env={**os.environ, **environment, "JUPYTER_TOKEN": token},
        start_new_session=True,  # Ctrl-C is for this command, which ends the server without being asked twice
    )
    try:
        with Show().stage(f"starting {name[0].lower() + name[1:] if name.startswith('The') else name}"):
            _wait_for(process, port, name)
        url = f"http://127.0.0.1:{port}{path}?token={token}"
        output().print(f"{name}: {url}\nCtrl-C ends it.", markup=False, soft_wrap=True)
        if show:
            webbrowser.open(url)
        process.wait()
    except KeyboardInterrupt:
        output().print(f"{name} has ended.")
    finally:
        _end(process)


def _wait_for(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    from scoring.errors import ScoringError

    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ScoringError(f"{name} ended before it answered, with exit code {process.returncode}; see above.")
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise ScoringError(f"{name} did not answer within {STARTING:.0f} s.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """It and its kernels."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
