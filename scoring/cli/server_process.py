"""The process of a Jupyter server. It ends when the command that started it ends.

`python -m scoring.cli.server_process lab OPTIONS` and `… panel FOLDER OPTIONS` read a pipe from the command as standard
input. The pipe is closed when the command ends, also after `kill -9`. Kernels end when their server ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

__all__ = ["ENDING", "main"]

ENDING = 10.0
"""Seconds within which a server and its kernels must end."""
GONE = 150
"""Seconds after which an idle kernel without a connected page is ended.

A page normally ends its kernel when it is closed. This timeout is for pages that could not: the browser crashed, or
the page was closed before it was rendered. A page that loses its connection tries to reconnect seven times, after up to
0, 1, 3, 7, 15, 31 and 63 seconds, 120 in total. The timeout is longer, so a page that reconnects finds its kernel.
"""
_LOOKING = 10
"""Seconds between two searches for such kernels."""
_GRAMMARS = "rfc3987_syntax"
"""Optional module with which jsonschema validates IRIs. It is disabled here.

Importing it takes longer than the rest of Jupyter's validation, and Jupyter's files do not contain IRIs.
"""


def main(arguments: Sequence[str]) -> None:
    """Run the server until it is stopped or the command ends."""
    which, *rest = arguments
    sys.modules.setdefault(_GRAMMARS, None)  # type: ignore[arg-type] # as if not installed
    folder = Path(rest.pop(0)) if which == "panel" else None
    threading.Thread(target=_end_with_the_command, args=(folder,), name="command-watch", daemon=True).start()
    if folder is None:
        _serve_lab(rest)
        return
    try:
        _serve_panel(rest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_the_command(folder: Path | None) -> None:
    while os.read(0, 1024):
        pass
    # as on Ctrl-C: the server ends its kernels and removes its files
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ENDING)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGKILL)


def _serve_lab(options: Sequence[str]) -> None:
    import voila  # type: ignore[import-untyped]  # noqa: F401
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    # JupyterLab loads voila, which enables warnings that are for its developers only
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    server = LabApp.initialize_server([*options, *_encryption()])
    server.no_browser_open_file = True  # the file would contain the token and be readable by all users
    # stops the server like its own handler, without logging an error
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop(from_signal=True))
    server.start()


def _serve_panel(options: Sequence[str]) -> None:
    from traitlets.config import Config
    from voila.app import Voila  # type: ignore[import-untyped]

    config = Config()
    config.VoilaConfiguration.prelaunch_hook = _let_it_say_goodbye
    config.MappingKernelManager.cull_idle_timeout = GONE
    config.MappingKernelManager.cull_interval = _LOOKING
    config.MappingKernelManager.cull_connected = False
    Voila.launch_instance([*options, *_encryption()], config=config)


def _encryption() -> list[str]:
    """Return the option for encryption between server and kernels, if supported. Kernels warn if it is missing."""
    import zmq
    from jupyter_client.manager import KernelManager

    known = "transport_encryption" in KernelManager.class_trait_names() and zmq.has("curve")  # jupyter_client 8.10
    return ["--KernelManager.transport_encryption=auto"] if known else []


def _let_it_say_goodbye(handler: JupyterHandler, notebook: Any, cwd: str) -> None:
    """Set the `_xsrf` cookie of a page.

    When a page is closed, it sends a request to end its kernel. The server rejects the request without this cookie. The
    server creates the cookie when `xsrf_token` is read, which the templates of Voila do not do (voila 0.5.13).
    """
    _ = handler.xsrf_token


if __name__ == "__main__":
    main(sys.argv[1:])
