"""`scoring lab`: open JupyterLab on this machine only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.options import OpenOption, PortOption
from scoring.cli.server_process import SERVER_PACKAGES, choose_port, is_root, run_server

__all__ = ["lab"]

DEFAULT_NOTEBOOKS = Path("notebooks")


def lab(
    notebooks: Annotated[Path, typer.Argument(metavar="NOTEBOOKS", help="Folder of notebooks.")] = DEFAULT_NOTEBOOKS,
    port: PortOption = None,
    open_browser: OpenOption = False,
) -> None:
    """Open JupyterLab in a folder of notebooks.

    The server accepts connections from this machine only and requires a token. Press Ctrl-C to stop it.
    """
    from scoring.errors import ConfigurationError
    from scoring.extras import require

    require("scoring lab", "workbench", *SERVER_PACKAGES)
    if not notebooks.is_dir():
        raise ConfigurationError(
            f"{notebooks} is not a folder. Give a folder of notebooks, such as `scoring lab notebooks`."
        )
    port = choose_port(port)
    server = [
        "lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False", f"--ServerApp.root_dir={notebooks.resolve()}", "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR", f"--ServerApp.allow_root={is_root()}",
        # no requests to other machines
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with _create_settings() as folder:
        paths = [str(folder), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        run_server("JupyterLab", server, port, "/lab", {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}, open_browser)


@contextmanager
def _create_settings() -> Iterator[Path]:
    """Yield a folder of settings that disable the page's question about fetching news."""
    with tempfile.TemporaryDirectory(prefix="scoring-lab-", ignore_cleanup_errors=True) as name:
        settings = Path(name) / "labconfig"
        settings.mkdir()
        page_config = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (settings / "page_config.json").write_text(json.dumps(page_config), encoding="utf-8")
        yield Path(name)
