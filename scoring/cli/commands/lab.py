"""`scoring lab`: open JupyterLab on this machine only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.jupyter_server import SERVER_PACKAGES, choose_port, is_root, run_server
from scoring.cli.options import OpenOption, PortOption

__all__ = ["NotebookCopy", "copy_notebooks", "lab"]

DEFAULT_NOTEBOOKS = Path("notebooks")
DEFAULT_COPY = Path("my_notebooks")
PACKAGED_NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
"""The notebooks of a wheel. A checkout has them beside the package."""
START = "00_start.ipynb"
"""The notebook that JupyterLab opens, if the folder contains it."""


def lab(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of notebooks; with --copy, the folder of the copy.",
            show_default=f"{DEFAULT_NOTEBOOKS}; with --copy {DEFAULT_COPY}",
        ),
    ] = None,
    copy: Annotated[
        bool,
        typer.Option("--copy", help=f"Copy {DEFAULT_NOTEBOOKS} and work in the copy. Existing files are kept."),
    ] = False,
    port: PortOption = None,
    open_browser: OpenOption = False,
) -> None:
    """Open JupyterLab in a folder of notebooks, at 00_start.

    Without a folder `notebooks` here, the notebooks of the package are copied, as with --copy.

    The server accepts connections from this machine only and requires a token. Press Ctrl-C to stop it.
    """
    from scoring.cli.progress import make_console
    from scoring.errors import ConfigurationError
    from scoring.optional_dependencies import require
    from scoring.storage.home_folder_expansion import expand_path

    require("scoring lab", "workbench", *SERVER_PACKAGES)
    copy = copy or (folder is None and not DEFAULT_NOTEBOOKS.exists())
    folder = expand_path(folder or (DEFAULT_COPY if copy else DEFAULT_NOTEBOOKS), "FOLDER")
    if copy:
        copied = copy_notebooks(find_notebooks(), folder)
        make_console().print("\n".join(copied.lines()), markup=False, soft_wrap=True)
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder} is not a folder. Give a folder of notebooks, such as `scoring lab notebooks`."
        )
    port = choose_port(port)
    server = [
        "lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False", f"--ServerApp.root_dir={folder.resolve()}", "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR", f"--ServerApp.allow_root={is_root()}",
        # no requests to other machines
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    page = f"/lab/tree/{START}" if (folder / START).is_file() else "/lab"
    with _create_settings() as settings:
        paths = [str(settings), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        run_server("JupyterLab", server, port, page, {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}, open_browser)


def find_notebooks() -> Path:
    """Return the folder of the original notebooks: the one here, that of the wheel, or that of the checkout."""
    beside_package = PACKAGED_NOTEBOOKS.parents[1] / DEFAULT_NOTEBOOKS
    candidates = (DEFAULT_NOTEBOOKS, PACKAGED_NOTEBOOKS, beside_package)
    return next((folder for folder in candidates if (folder / START).is_file()), DEFAULT_NOTEBOOKS)


@dataclass(frozen=True)
class NotebookCopy:
    """The files of a copy, relative to its folder: new ones, unchanged ones, and edited ones that were kept."""

    folder: Path
    copied: tuple[str, ...]
    unchanged: tuple[str, ...]
    edited: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the result as lines of text: where the copy is, and which files were kept."""
        from scoring.errors import pluralize

        lines = [f"Copy in {self.folder.resolve()}: {pluralize(len(self.copied), 'file')} copied"]
        if self.unchanged or self.edited:
            lines[0] += f", {pluralize(len(self.unchanged) + len(self.edited), 'existing file')} kept"
        lines += [f"Kept: {name} differs from the original. To copy it again, rename it first." for name in self.edited]
        return lines


def copy_notebooks(source: Path, folder: Path) -> NotebookCopy:
    """Copy the files of a folder and its subfolders. A file that exists is never replaced. Hidden files are left out.

    Raises
    ------
    ConfigurationError: If the source is not a folder, or if one folder contains the other.
    OutputError: If a file cannot be read or written.
    """
    from scoring.errors import ConfigurationError
    from scoring.storage.atomic_file import create_file
    from scoring.storage.os_errors import wrap_os_errors

    if not source.is_dir():
        raise ConfigurationError(
            f"{source} is not a folder. Run --copy in the folder that contains {source}, such as a clone of the "
            "repository.",
            key=("copy",),
        )
    if folder.resolve().is_relative_to(source.resolve()):
        raise ConfigurationError(
            f"{folder} is inside {source}. Give another folder for the copy, such as {DEFAULT_COPY}.", key=("copy",)
        )
    copied: list[str] = []
    unchanged: list[str] = []
    edited: list[str] = []
    for file in sorted(file for file in source.rglob("*") if file.is_file()):
        name = file.relative_to(source)
        if any(part.startswith(".") for part in name.parts):
            continue
        target = folder / name
        with wrap_os_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                content = file.read_bytes()
                if create_file(target.name, content, handle):
                    copied.append(str(name))
                else:
                    (unchanged if target.read_bytes() == content else edited).append(str(name))
            finally:
                os.close(handle)
    return NotebookCopy(folder, tuple(copied), tuple(unchanged), tuple(edited))


@contextmanager
def _create_settings() -> Iterator[Path]:
    """Yield a folder of settings that disable the page's question about fetching news."""
    with tempfile.TemporaryDirectory(prefix="scoring-lab-", ignore_cleanup_errors=True) as name:
        settings = Path(name) / "labconfig"
        settings.mkdir()
        page_config = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (settings / "page_config.json").write_text(json.dumps(page_config), encoding="utf-8")
        yield Path(name)
