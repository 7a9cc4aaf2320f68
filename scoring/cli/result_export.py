"""Write tables and plots to a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scoring.cli.output_failures import note_stored
from scoring.storage.os_errors import wrap_os_errors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scoring.cli.progress import Progress

__all__ = ["create_folder", "print_saved", "save"]


def create_folder(folder: Path | None) -> None:
    """Create the folder of --out before data are loaded; None: do nothing.

    Raises
    ------
    OutputError: If the folder cannot be created or files in it cannot be written.
    """
    if folder is None:
        return
    with wrap_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def save(folder: Path, frames: Mapping[str, pd.DataFrame], figures: Mapping[str, Figure]) -> None:
    """Write each table as NAME.csv and each plot as NAME.png, replacing existing files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")


def print_saved(folder: Path, progress: Progress) -> None:
    """Print the folder of --out."""
    note_stored(f"The tables and plots are in {folder}.")
    progress.print_line(f"tables and plots: {folder}")
