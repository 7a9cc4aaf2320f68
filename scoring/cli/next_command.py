"""The last line of a command: the command that usually follows."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["format_next", "print_next"]


def print_next(*arguments: object, **options: tuple[Any, Any]) -> None:
    """Print a `scoring` command with the values that the user gave. Nothing is printed if stdout is not a terminal.

    Parameters
    ----------
    arguments: The command and its arguments.
    options: Name of an option → its value and its default. Options with their default value are omitted.
    """
    if not sys.stdout.isatty():
        return
    from scoring.cli.progress import make_console

    command = format_next(*arguments, options=options)
    make_console().print(f"\nNext: {command}", markup=False, soft_wrap=True)


def format_next(*arguments: object, options: Mapping[str, tuple[Any, Any]]) -> str:
    """Return the command as one line for a shell."""
    words = ["scoring", *map(str, arguments)]
    for name, (value, default) in options.items():
        values = value if isinstance(value, list | tuple) else [value]
        if value is not None and value != default:
            for each in values:
                words += [f"--{name.replace('_', '-')}", str(each)]
    return shlex.join(words)
