"""The process of a server: Jupyter's own program, which ends when the command that started it ends.

`python -m scoring.cli.server_process lab OPTIONS` and `… panel FOLDER OPTIONS` have a pipe as standard input, whose
other end the command holds. However the command ends, also by `kill -9`, the pipe is closed then. The server's kernels
watch for their server by themselves.
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
"""Seconds that a server may take to end, its kernels included."""
GONE = 150
"""Seconds after which a kernel is ended that no page is connected to and that does nothing.

A page that is closed says so. This is for one that could not: its browser crashed, or it was closed before it was
drawn. A page whose connection is lost tries seven times to have it again, after up to 0, 1, 3, 7, 15, 31, 63 seconds,
120 in all, and then no more: no page that may come back finds its kernel gone.
"""
_LOOKING = 10
"""Seconds between two looks for such kernels."""
_GRAMMARS = "rfc3987_syntax"
"""What jsonschema checks the form of an IRI with, where it can.

Importing it takes longer than everything else that Jupyter checks its own files with, and nothing there is an IRI.
"""


def main(arguments: Sequence[str]) -> None:
    """Serves until it is told to end, or until the command is gone."""
    which, *rest = arguments
    sys.modules.setdefault(_GRAMMARS, None)  # type: ignore[arg-type] # not to be had, as where it is not installed
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
    # what Ctrl-C does to the command, too: the server ends its kernels and removes its files
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ENDING)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGKILL)


def _serve_lab(options: Sequence[str]) -> None:
    import voila  # type: ignore[import-untyped]  # noqa: F401
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    # Lab loads voila too, which turns on warnings that are for its makers alone
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    server = LabApp.initialize_server([*options, *_encryption()])
    server.no_browser_open_file = True  # a file with the token, which is written for everybody to read
    # as its own handler, without telling of it as of an accident
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
    """The option for what server and kernel say to each other, where it is known: kernels warn when it is left out."""
    import zmq
    from jupyter_client.manager import KernelManager

    known = "transport_encryption" in KernelManager.class_trait_names() and zmq.has("curve")  # jupyter_client 8.10
    return ["--KernelManager.transport_encryption=auto"] if known else []


def _let_it_say_goodbye(handler: JupyterHandler, notebook: Any, cwd: str) -> None:
    """Gives a page the cookie without which its request to end its kernel, sent as it is left, is refused.

    The page reads `_xsrf` and sends it along. The server makes it when somebody asks for it, and nothing in Voila's
    templates does (voila 0.5.13).
    """
    _ = handler.xsrf_token


if __name__ == "__main__":
    main(sys.argv[1:])
