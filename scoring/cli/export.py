"""Tables and plots into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save"]


def save(folder: Path, frames: Mapping[str, pd.DataFrame], figures: Mapping[str, Figure]) -> None:
    """NAME.csv and NAME.png; those of the same name are exchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")
