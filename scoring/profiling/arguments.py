"""Argument types of the measuring commands."""

from __future__ import annotations

import argparse

__all__ = ["positive"]


def positive(text: str) -> int:
    """Parse an integer of at least 1, as `type=` of an argument.

    Raises
    ------
    ValueError: If the text is not an integer.
    argparse.ArgumentTypeError: If the number is below 1.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number
