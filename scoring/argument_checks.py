"""Checks of arguments that several layers and scripts accept: positive integers and row numbers."""

from __future__ import annotations

import argparse
import math
from datetime import timedelta
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from scoring.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scoring.array_types import Longs

__all__ = [
    "MAX_DAYS",
    "MIN_DAYS",
    "check_days",
    "check_list_length",
    "check_positive_integer",
    "check_row_numbers",
    "parse_positive_integer",
]

MIN_DAYS: Final = 0.01
"""Minimum length of a holdout by time."""
MAX_DAYS: Final = 36_525
"""A hundred years. The clock of a dataset cannot be set back without limit."""


def check_positive_integer(name: str, value: Any) -> int:
    """Return an argument as an int.

    Raises
    ------
    ConfigurationError: If it is not an integer of 1 or more.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value != int(value) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}. It must be an integer of 1 or more.", key=(name,))
    return int(value)


def check_days(name: str, value: Any, least: float = 0.0) -> float:
    """Return a number of days as a float. A `timedelta` is converted.

    Raises
    ------
    ConfigurationError: If it is not a number, below `least`, or above `MAX_DAYS`.
    """
    days = value / timedelta(days=1) if isinstance(value, timedelta) else value
    is_number = isinstance(days, Real) and not isinstance(days, bool)
    if not is_number or not least <= days <= MAX_DAYS:
        raise ConfigurationError(
            f"{name} is {value!r}. Use a number of days of at least {least:g} and at most {MAX_DAYS:,}.", key=(name,)
        )
    return float(days)


def parse_positive_integer(text: str) -> int:
    """Parse an integer of at least 1, as `type=` of an argument of `argparse`.

    Raises
    ------
    argparse.ArgumentTypeError: If the text is not an integer, or the number is below 1.
    """
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer. Use an integer of 1 or more.") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1. Use an integer of 1 or more.")
    return number


def check_list_length(k: float) -> int:
    """Return k as an int.

    Raises
    ------
    ConfigurationError: If it is not an integer of 1 or more.
    """
    return check_positive_integer("k", k)


def check_row_numbers(rows: NDArray[np.integer] | None, n: int, what: str) -> Longs:
    """Return row numbers below n as int64; None means all rows. Kernels do not check bounds.

    Raises
    ------
    ConfigurationError: If `rows` is not a one-dimensional array of integers, or a row does not exist.
    """
    import numpy as np  # options of commands import this module

    if rows is None:
        return np.arange(n, dtype=np.int64)
    rows = np.asarray(rows)
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise ConfigurationError(
            f"The row numbers of {what} must be a one-dimensional integer array, not a {rows.ndim}-dimensional array "
            f"of {rows.dtype}.",
            key=(what,),
        )
    if len(rows) and not (rows.min() >= 0 and rows.max() < n):
        raise ConfigurationError(
            f"The row numbers of {what} are {rows.min()} to {rows.max()}. They must be at least 0 and less than {n}, "
            f"the number of {what}.",
            key=(what,),
        )
    return rows.astype(np.int64)
