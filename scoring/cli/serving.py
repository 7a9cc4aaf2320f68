"""`scoring lab` and `scoring panel`: local servers that require a token and end with the command."""

from __future__ import annotations

import html
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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.opening import DEFAULT_DB, DEFAULT_PROFILES, Db, FactorCache, Profiles
from scoring.cli.server_process import ENDING

__all__ = ["lab", "panel"]

DEFAULT_NOTEBOOKS = Path("notebooks")
STARTING = 120.0
"""Seconds within which a server must answer."""

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
"""Voila's page without the icon styles that it loads from the network. The panel does not use these icons."""

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Else one that is free.")]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


PACKAGES = ("jupyterlab", "voila", "ipywidgets", "anywidget")


def lab(
    notebooks: Annotated[Path, typer.Argument(help="A folder of notebooks.")] = DEFAULT_NOTEBOOKS,
    port: Port = None,
    show: Open = False,
) -> None:
    """Open JupyterLab on the notebooks: on this machine only, behind a token; Ctrl-C ends it."""
    from scoring.errors import ConfigurationError
    from scoring.extras import require

    require("scoring lab", "workbench", *PACKAGES)
    if not notebooks.is_dir():
        raise ConfigurationError(f"{notebooks} is no folder; give one with notebooks, such as `scoring lab notebooks`.")
    port = _port(port)
    server = [
        "lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False", f"--ServerApp.root_dir={notebooks.resolve()}", "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR", f"--ServerApp.allow_root={_root()}",
        # no requests to other machines
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with _without_news() as folder:
        paths = [str(folder), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        _serve("JupyterLab", server, port, "/lab", {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}, show)


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
    from scoring.database.database import Database
    from scoring.extras import require
    from scoring.statistics.factors import default_cache

    require("scoring panel", "workbench", *PACKAGES)
    with Database.open(db) as database:  # report errors here, not on the page
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
    # a URL may contain a password: pass it in the environment, which other users cannot read
    environment = {"SCORING_DB": db, "SCORING_FOLDER": str(Path.cwd())}
    with _page(source) as folder:
        paths = [str(folder / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]
        environment["JUPYTER_PATH"] = os.pathsep.join(paths)
        server = [
            "panel", str(folder), str(folder / "panel.ipynb"), "--template=scoring", "--no-browser", f"--port={port}",
            "--Voila.ip=127.0.0.1", "--token", "--Voila.port_retries=0", "--VoilaExecutor.timeout=600",
            "--Voila.log_level=ERROR", f"--Voila.connection_dir_root={folder}",
        ]  # fmt: skip
        _serve("The panel", server, port, "/", environment, show)


def _port(asked: int | None) -> int:
    """Return the given port or a free one.

    Raises
    ------
    ConfigurationError: If the port is in use.
    """
    from scoring.errors import ConfigurationError
    from scoring.storage.os_errors import reason

    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", asked or 0))
        except OSError as error:
            raise ConfigurationError(f"port {asked} cannot be had ({reason(error)}); leave --port out.") from error
        return int(trial.getsockname()[1])


def _root() -> bool:
    """Return whether the user is root. In containers it often is, and the server rejects root by default."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def _without_news() -> Iterator[Path]:
    """Yield a folder of settings that disable the page's question about fetching news."""
    with tempfile.TemporaryDirectory(prefix="scoring-lab-", ignore_cleanup_errors=True) as name:
        settings = Path(name) / "labconfig"
        settings.mkdir()
        left_out = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (settings / "page_config.json").write_text(json.dumps(left_out), encoding="utf-8")
        yield Path(name)


@contextmanager
def _page(source: str) -> Iterator[Path]:
    """Yield a private folder with `panel.ipynb`, a notebook of one cell, and its template in `jupyter`."""
    cell: dict[str, object] = {
        "cell_type": "code", "id": "panel", "metadata": {}, "source": source, "outputs": [], "execution_count": None,
    }  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    page = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    # the server also removes it, in case this command is killed
    with tempfile.TemporaryDirectory(prefix="scoring-panel-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "panel.ipynb").write_text(json.dumps(page), encoding="utf-8")
        template = folder / "jupyter/voila/templates/scoring"
        template.mkdir(parents=True)
        (template / "conf.json").write_text('{"base_template": "lab"}', encoding="utf-8")
        (template / "index.html.j2").write_text(_TEMPLATE, encoding="utf-8")
        yield folder


def _serve(name: str, server: Sequence[str], port: int, path: str, environment: Mapping[str, str], show: bool) -> None:
    """Run a server until it ends or the user stops the command.

    Raises
    ------
    ScoringError: If the server does not start, or ends with an error.
    """
    from scoring.cli.progress import Show, output
    from scoring.errors import ScoringError

    token = secrets.token_urlsafe(24)
    process = _start(server, {**environment, "JUPYTER_TOKEN": token})
    answers = False
    with ExitStack() as opened:
        try:
            with Show().stage(f"starting {name[0].lower() + name[1:] if name.startswith('The') else name}"):
                _wait_for(process, port, name)
            answers = True
            url = f"http://127.0.0.1:{port}{path}?token={token}"
            output().print(f"{name}: {url}\nCtrl-C ends it.", markup=False, soft_wrap=True)
            if show:
                opened.enter_context(_browser(url))
            if code := process.wait():
                raise ScoringError(f"{name} ended by itself, with exit code {code}; see above.")
        except KeyboardInterrupt:
            pass
        finally:
            _end(process, gently=answers)
    output().print(f"{name} has ended.")


def _start(server: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # pass secrets in the environment: all users of the machine can read the command line
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "scoring.cli.server_process", *server],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,  # closed when this command ends, which ends the server
        start_new_session=True,  # Ctrl-C reaches only this command, which then ends the server
    )


def _wait_for(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    from scoring.errors import ScoringError

    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ScoringError(f"{name} ended before it answered, with exit code {process.returncode}; see above.")
        if _listens(process.pid, port):
            return
        time.sleep(0.05)
    raise ScoringError(f"{name} did not answer within {STARTING:.0f} s.")


def _listens(pid: int, port: int) -> bool:
    """Return whether this process listens on the port. Another process on the port would receive the token."""
    import psutil

    with suppress(psutil.Error):
        connections = psutil.Process(pid).net_connections("tcp")
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)
    return False


@contextmanager
def _browser(url: str) -> Iterator[None]:
    """Open the browser on a private file that redirects to the URL: all users can read the browser's command line."""
    import webbrowser

    with tempfile.TemporaryDirectory(prefix="scoring-open-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "open.html"
        file.write_text(f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">', encoding="utf-8")
        webbrowser.open(file.as_uri())
        yield


def _end(process: subprocess.Popen[bytes], gently: bool) -> None:
    """End the server and its kernels. Before it answers, it has no kernels and does not handle SIGTERM."""
    if process.poll() is None:
        if gently:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDING)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
