"""Flags of active rows; a missing value counts as true."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd

from scoring.columns.types.flag import FlagType

__all__ = ["ACTIVE"]


class ActiveType(FlagType):
    name = "active"
    dtype = "bool"
    coerced_dtype = "boolean"
    nullable = False
    missing: ClassVar[Any] = True

    def finish(self, values: pd.Series) -> pd.Series:
        return values.fillna(True).astype(bool)

    def make_missing(self, length: int) -> pd.Series:
        return pd.Series(True, index=range(length), dtype="bool")

    def _canonical(self, true: np.ndarray, missing: np.ndarray) -> pd.Series:
        return pd.Series(true | missing)


ACTIVE: Final = ActiveType()
"""The type of `is_active`: a missing value counts as true."""
