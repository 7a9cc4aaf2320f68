"""Checks of arguments that several layers accept: integers, days, seeds, shares and row numbers."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from datetime import timedelta
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

from scoring.errors import ConfigurationError, shorten_repr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scoring.array_types import Longs

__all__ = [
    "MAX_DAYS",
    "MAX_LIST_LENGTH",
    "MAX_SEED",
    "MAX_WORKERS",
    "MIN_INTERVAL",
    "check_days",
    "check_integer",
    "check_interval",
    "check_level",
    "check_list_length",
    "check_number",
    "check_positive",
    "check_positive_integer",
    "check_row_numbers",
    "check_seconds",
    "check_seed",
    "check_share",
    "check_workers",
    "is_number",
    "is_positive",
    "list_values",
    "parse_positive_integer",
]

MAX_DAYS: Final = 36_525
"""A hundred years. The clock of a dataset cannot be set back without limit."""
MIN_INTERVAL: Final = 0.01
"""Minimum number of days between two cuts."""
MAX_WORKERS: Final = 4096
MAX_LIST_LENGTH: Final = 2**31 - 1
"""The largest rank that can be stored."""
MAX_SEED: Final = 2**32 - 1
"""The largest seed that all random generators of the package accept."""


def check_integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return an argument as an int. A float is accepted if it has no fraction.

    Raises
    ------
    ConfigurationError: If it is not an integer from `least` to `most` (None: no limit). Text and booleans are not.
    """
    number = _find_integer(value)
    if number is None or number < least or (most is not None and number > most):
        limits = f"of {least} or more" if most is None else f"from {least:,} to {most:,}"
        raise ConfigurationError(f"{name} is {shorten_repr(value)}. Use an integer {limits}.", key=(name,))
    return number


def check_positive_integer(name: str, value: Any) -> int:
    """Return an argument as an int.

    Raises
    ------
    ConfigurationError: If it is not an integer of 1 or more.
    """
    return check_integer(name, value, 1)


def check_workers(workers: Any, name: str = "workers") -> int | None:
    """Return a maximum number of threads; None: one per available core.

    Raises
    ------
    ConfigurationError: If it is neither None nor an integer from 1 to `MAX_WORKERS`.
    """
    return None if workers is None else check_integer(name, workers, 1, MAX_WORKERS)


def check_seed(seed: Any, name: str = "seed") -> int:
    """Return a seed as an int.

    Raises
    ------
    ConfigurationError: If it is not an integer from 0 to `MAX_SEED`.
    """
    return check_integer(name, seed, 0, MAX_SEED)


def check_days(name: str, value: Any, least: int = 0) -> int:
    """Return a number of days as an int. A `timedelta` of whole days is converted.

    Raises
    ------
    ConfigurationError: If it is not a whole number of days from `least` to `MAX_DAYS`.
    """
    days = _find_integer(_convert_timedelta(value))
    if days is None or not least <= days <= MAX_DAYS:
        raise ConfigurationError(
            f"{name} is {shorten_repr(value)}. Use a whole number of days from {least} to {MAX_DAYS:,}.", key=(name,)
        )
    return days


def check_interval(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """Return a number of days as a float, which may have a fraction. A `timedelta` is converted.

    Raises
    ------
    ConfigurationError: If it is not a finite number from `least` to `most`.
    """
    days = _convert_timedelta(value)
    if not is_number(days) or not least <= days <= most:
        limit = "" if most == math.inf else f" and at most {most:,}"
        raise ConfigurationError(
            f"{name} is {shorten_repr(value)}. Use a number of days of at least {least:g}{limit}.", key=(name,)
        )
    return float(days)


def check_seconds(value: Any, name: str = "seconds") -> float:
    """Return a time limit in seconds as a float; infinity for no limit.

    Raises
    ------
    ConfigurationError: If it is not a number above 0.
    """
    if not is_positive(value) and not (_is_real(value) and value == math.inf):
        raise ConfigurationError(f"{name} is {shorten_repr(value)}. Use a number of seconds above 0.", key=(name,))
    return float(value)


def check_number(name: str, value: Any, least: float = 0.0) -> float:
    """Return an argument as a float.

    Raises
    ------
    ConfigurationError: If it is not a finite number of `least` or more.
    """
    if not is_number(value) or value < least:
        raise ConfigurationError(
            f"{name} is {shorten_repr(value)}. Use a finite number of {least:g} or more.", key=(name,)
        )
    return float(value)


def check_positive(name: str, value: Any, what: str = "a finite number") -> float:
    """Return an argument as a float.

    Raises
    ------
    ConfigurationError: If it is not a finite number above 0.
    """
    if not is_positive(value):
        raise ConfigurationError(f"{name} is {shorten_repr(value)}. Use {what} above 0.", key=(name,))
    return float(value)


def is_positive(value: Any) -> bool:
    """Return whether a value is a finite number above 0."""
    return is_number(value) and bool(value > 0)


def check_share(name: str, value: Any, what: str = "a number") -> float:
    """Return a share as a float.

    Raises
    ------
    ConfigurationError: If it is not a number above 0 and at most 1.
    """
    if not _is_real(value) or not 0 < value <= 1:
        raise ConfigurationError(f"{name} is {shorten_repr(value)}. Use {what} above 0 and at most 1.", key=(name,))
    return float(value)


def check_level(value: Any, name: str = "level") -> float:
    """Return a confidence level as a float.

    Raises
    ------
    ConfigurationError: If it is not a number above 0 and below 1.
    """
    if not _is_real(value) or not 0 < value < 1:
        raise ConfigurationError(f"{name} is {shorten_repr(value)}. Use a number above 0 and below 1.", key=(name,))
    return float(value)


def _is_real(value: Any) -> bool:
    # a `numpy.timedelta64` counts as an integer in the number classes of Python
    return isinstance(value, Real) and not isinstance(value, bool) and type(value).__name__ != "timedelta64"


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number that a float can represent. Text and booleans are not."""
    try:
        return _is_real(value) and math.isfinite(value)
    except OverflowError:
        return False


def _find_integer(value: Any) -> int | None:
    """Return the integer that a number is equal to; None if there is none."""
    if not _is_real(value):
        return None
    if not isinstance(value, Integral) and not (math.isfinite(value) and value == math.floor(value)):
        return None
    return int(value)


def _convert_timedelta(value: Any) -> Any:
    """Return a time difference as a number of days, and any other value unchanged."""
    if type(value).__name__ == "timedelta64":
        import numpy as np

        return value / np.timedelta64(1, "D")
    return value / timedelta(days=1) if isinstance(value, timedelta) else value


def list_values(name: str, value: Any, kind: Any, what: str) -> tuple[Any, ...]:
    """Return the values of an argument that may be one value of a class or several.

    Raises
    ------
    ConfigurationError: If it is neither. The message contains `what`: the values to use.
    """
    if isinstance(value, kind):
        return (value,)
    given = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else None
    if given is None or not all(isinstance(item, kind) for item in given):
        raise ConfigurationError(f"{name} is {shorten_repr(value)}. Use {what}.", key=(name,))
    return given


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


def check_list_length(k: Any, name: str = "k") -> int:
    """Return k as an int; `MAX_LIST_LENGTH` for a larger k. No list is longer than the number of jobs.

    Raises
    ------
    ConfigurationError: If it is not an integer of 1 or more.
    """
    return min(check_positive_integer(name, k), MAX_LIST_LENGTH)


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
