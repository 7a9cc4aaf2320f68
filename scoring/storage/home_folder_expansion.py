"""Paths as users give them: text or path objects, with `~` for the home folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scoring.errors import ConfigurationError, shorten_repr

__all__ = ["expand_path"]


def expand_path(path: Any, name: str = "path") -> Path:
    """Return a path. `~` at its start is the home folder, and `~user` that of a user who exists.

    Raises
    ------
    ConfigurationError: If it is not a path, or is blank. The error names the argument `name`.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ConfigurationError(f"{name} is {shorten_repr(path)}. Give the path of a file or folder.", key=(name,))
    return Path(os.path.expanduser(text))
