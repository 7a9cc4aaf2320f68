"""Read regular files only: links are not followed, pipes do not block, and the size is bounded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["contains_name", "open_folder", "open_plain_file", "read_plain_file"]

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def open_folder(path: str | Path, *, folder: int | None = None) -> Iterator[int]:
    """Open a folder as a descriptor. Inside another open `folder`, a link is an error. Raises `OSError`."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if folder is None else os.O_NOFOLLOW)
    handle = os.open(path, flags, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def contains_name(name: str, folder: int) -> bool:
    """Return whether an open folder contains this name, be it a file, a folder or a dead link."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def open_plain_file(path: str | Path, *, folder: int | None = None) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Raises `OSError`: If it is a link, a folder, a pipe or a device."""
    with os.fdopen(os.open(path, _READ, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("Not a regular file")
        yield file


def read_plain_file(path: str | Path, max_bytes: int, *, folder: int | None = None) -> bytes:
    """Return the content of a regular file. Raises `OSError`: As `open_plain_file`, or if it is larger."""
    with open_plain_file(path, folder=folder) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(f"The file is larger than {max_bytes:,} bytes; larger ones are not read")
    return content
