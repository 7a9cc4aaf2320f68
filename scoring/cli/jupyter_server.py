"""The process of a Jupyter server: how a command starts and stops it, and what it runs.

`run_server` is called by a command. The server ends when the command ends.

`python -m scoring.cli.jupyter_server lab OPTIONS` and `… panel FOLDER OPTIONS` read a pipe from the command as standard
input. The pipe is closed when the command ends, also after `kill -9`. Kernels end when their server ends.
"""

from __future__ import annotations

import html
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

__all__ = ["SERVER_PACKAGES", "choose_port", "is_root", "main", "run_server"]

SERVER_PACKAGES = ("jupyterlab", "voila", "ipywidgets", "anywidget")
"""Packages of the extra `workbench` that both servers need."""
START_SECONDS = 120.0
"""Seconds within which a server must answer."""
END_SECONDS = 10.0
"""Seconds within which a server and its kernels must end."""
IDLE_KERNEL_SECONDS = 150
"""Seconds after which an idle kernel without a connected page is ended.

A page normally ends its kernel when it is closed. This timeout is for pages that could not: the browser crashed, or
the page was closed before it was rendered. A page that loses its connection tries to reconnect seven times, after up to
0, 1, 3, 7, 15, 31 and 63 seconds, 120 in total. The timeout is longer, so a page that reconnects finds its kernel.
"""
_CULL_INTERVAL_SECONDS = 10
"""Seconds between two searches for such kernels."""
_PING_MILLISECONDS = 30_000
"""Time within which a page must answer a ping. Tornado warns in the terminal if it is longer than the interval."""
_IRI_GRAMMARS = "rfc3987_syntax"
"""Optional module with which jsonschema validates IRIs. It is disabled here.

Importing it takes longer than the rest of Jupyter's validation, and Jupyter's files do not contain IRIs.
"""


def choose_port(port: int | None) -> int:
    """Return the given port or a free one.

    Raises
    ------
    ConfigurationError: If the port is in use.
    """
    from scoring.errors import ConfigurationError
    from scoring.storage.os_errors import describe_os_error

    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise ConfigurationError(
                f"--port {port} is not available ({describe_os_error(error)}). Omit --port to use a free port."
            ) from error
        return int(probe.getsockname()[1])


def is_root() -> bool:
    """Return whether the user is root. In containers it often is, and the server rejects root by default."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def run_server(
    name: str, arguments: Sequence[str], port: int, path: str, environment: Mapping[str, str], open_browser: bool
) -> None:
    """Run a server until it ends or the user stops the command.

    `arguments` are those of `main`.

    Raises
    ------
    ScoringError: If the server does not start, or ends with an error.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.errors import ScoringError

    token = secrets.token_urlsafe(24)
    process = _start(arguments, {**environment, "JUPYTER_TOKEN": token})
    is_ready = False
    with ExitStack() as stack:
        try:
            with Progress().stage(f"starting {name[0].lower() + name[1:] if name.startswith('The') else name}"):
                _wait_for(process, port, name)
            is_ready = True
            url = f"http://127.0.0.1:{port}{path}?token={token}"
            make_console().print(f"{name}: {url}\nPress Ctrl-C to stop it.", markup=False, soft_wrap=True)
            if open_browser:
                stack.enter_context(_open_browser(url))
            if code := process.wait():
                raise ScoringError(f"{name} exited with code {code}. Its messages are above.")
        except KeyboardInterrupt:
            pass
        finally:
            _end(process, gently=is_ready)
    make_console().print(f"{name} has stopped.")


def _start(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # pass secrets in the environment: all users of the machine can read the command line
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "scoring.cli.jupyter_server", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,  # closed when this command ends, which ends the server
        start_new_session=True,  # Ctrl-C reaches only this command, which then ends the server
    )


def _wait_for(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    from scoring.errors import ScoringError

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ScoringError(
                f"{name} exited with code {process.returncode} before it was ready. Its messages are above."
            )
        if _is_listening(process.pid, port):
            return
        time.sleep(0.05)
    raise ScoringError(f"{name} did not start within {START_SECONDS:.0f} s. Try again when the machine is less busy.")


def _is_listening(pid: int, port: int) -> bool:
    """Return whether this process listens on the port. Another process on the port would receive the token."""
    import psutil

    with suppress(psutil.Error):
        connections = psutil.Process(pid).net_connections("tcp")
        return any(entry.status == psutil.CONN_LISTEN and entry.laddr.port == port for entry in connections)
    return False


@contextmanager
def _open_browser(url: str) -> Iterator[None]:
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
                process.wait(END_SECONDS)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def main(arguments: Sequence[str]) -> None:
    """Run the server until it is stopped or the command ends."""
    which, *rest = arguments
    sys.modules.setdefault(_IRI_GRAMMARS, None)  # type: ignore[arg-type] # as if not installed
    folder = Path(rest.pop(0)) if which == "panel" else None
    threading.Thread(target=_end_with_command, args=(folder,), name="command-watch", daemon=True).start()
    if folder is None:
        _serve_lab(rest)
        return
    try:
        _serve_panel(rest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_command(folder: Path | None) -> None:
    while os.read(0, 1024):
        pass
    # as on Ctrl-C: the server ends its kernels and removes its files
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGKILL)


def _serve_lab(options: Sequence[str]) -> None:
    import voila  # type: ignore[import-untyped]  # noqa: F401
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    # JupyterLab loads voila, which enables warnings that are for its developers only
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    server = LabApp.initialize_server([*options, *_make_encryption_options()])
    server.no_browser_open_file = True  # the file would contain the token and be readable by all users
    # stops the server like its own handler, without logging an error
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop(from_signal=True))
    server.start()


def _serve_panel(options: Sequence[str]) -> None:
    from traitlets.config import Config
    from voila.app import Voila  # type: ignore[import-untyped]

    config = Config()
    _set_xsrf_cookie()
    config.MappingKernelManager.cull_idle_timeout = IDLE_KERNEL_SECONDS
    config.MappingKernelManager.cull_interval = _CULL_INTERVAL_SECONDS
    config.MappingKernelManager.cull_connected = False
    config.Voila.tornado_settings = {"ws_ping_timeout": _PING_MILLISECONDS}
    _make_server(Voila).launch_instance([*options, *_make_encryption_options()], config=config)


def _make_server(voila: Any) -> Any:
    """Return a class of servers that kill their kernels when they end.

    A kernel that is asked to end while it runs a cell prints a traceback, because it closes its connections first. Each
    spare kernel runs a cell while it starts. Kernels have nothing to save: drafts are written after each move.
    """
    from jupyter_core.utils import run_sync

    class PanelServer(voila):
        def stop(self) -> None:
            shutil.rmtree(self.connection_dir, ignore_errors=True)
            run_sync(self.kernel_manager.shutdown_all)(now=True)

    return PanelServer


def _make_encryption_options() -> list[str]:
    """Return the option for encryption between server and kernels, if supported. Kernels warn if it is missing."""
    import zmq
    from jupyter_client.manager import KernelManager

    known = "transport_encryption" in KernelManager.class_trait_names() and zmq.has("curve")  # jupyter_client 8.10
    return ["--KernelManager.transport_encryption=auto"] if known else []


def _set_xsrf_cookie() -> None:
    """Let pages set their `_xsrf` cookie.

    When a page is closed, it sends a request to end its kernel. The server rejects the request without this cookie. The
    server creates the cookie when `xsrf_token` is read, which the templates of Voila do not do (voila 0.5.13). Voila's
    `prelaunch_hook` could, but excludes kernels that are started in advance.
    """
    from voila.tornado.handler import TornadoVoilaHandler  # type: ignore[import-untyped]

    get = TornadoVoilaHandler.get

    async def get_with_cookie(handler: JupyterHandler, path: str | None = None) -> None:
        _ = handler.xsrf_token
        await get(handler, path)

    TornadoVoilaHandler.get = get_with_cookie


if __name__ == "__main__":
    main(sys.argv[1:])
