"""Write tables and plots to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save"]


def save(folder: Path, frames: Mapping[str, pd.DataFrame], figures: Mapping[str, Figure]) -> None:
    """Write each table as NAME.csv and each plot as NAME.png, replacing existing files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")
