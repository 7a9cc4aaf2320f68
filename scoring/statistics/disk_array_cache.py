"""A cache of arrays on disk, private to the user. Damaged files are cache misses.

A folder that other users may write to is not used. Links are not followed. The sizes in a file are checked before
arrays are read, and no content of a file is executed.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from scoring.storage.atomic_file import remove_leftovers, replace_file
from scoring.storage.os_errors import describe_os_error
from scoring.storage.regular_file_reader import open_plain_file
from scoring.telemetry import fault_injection

__all__ = ["ArrayCache"]

Arrays = Mapping[str, NDArray[np.float32]]

_HEADER: Final = 1_024
"""Maximum bytes of the NumPy header of an array; the arrays written here have 128."""

_DAMAGE: Final = (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile)
"""Errors that a damaged file may cause; zipfile raises the last ones for an unknown compression or a password."""


class ArrayCache:
    """float32 arrays by key, in files `<kind>-<key>.npz` of a folder. The folder has mode 0700 and files have 0600.

    `read` removes temporary files of killed processes. A running process holds a lock on its temporary file.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind

    def read(self, key: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]] | None:
        """Return the arrays of these names and shapes; None if the file does not exist, is damaged or is not finite.

        Warns if the folder is not trusted.
        """
        if not self._folder.is_dir() or not self._is_trusted():
            return None
        remove_leftovers(self._folder, f"{self._kind}-*")
        try:
            with _open_owned_file(self._folder / self._name(key)) as file, zipfile.ZipFile(file) as archive:
                found = {name: _read_array(archive, name, shape) for name, shape in shapes.items()}
        except _DAMAGE:
            return None
        return found if all(np.isfinite(array).all() for array in found.values()) else None

    def write(self, key: str, arrays: Arrays) -> None:
        """Write arrays. Warns if they cannot be written: a full or read-only disk must not fail the current run."""
        try:
            _make_private(self._folder)
            if self._is_trusted():
                self._write(self._name(key), arrays)
        except OSError as error:
            problem = f"Trained factors cannot be saved in {self._folder}: {describe_os_error(error)}."
            message = f"{problem} The next run trains them again."
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def _name(self, key: str) -> str:
        return f"{self._kind}-{key}.npz"

    def _is_trusted(self) -> bool:
        """Return whether only this user or root can write to the folder; warn if not."""
        state = os.stat(self._folder)
        if state.st_uid not in (os.geteuid(), 0):
            problem, advice = "belongs to another user", "Use another folder, or change its owner with chown"
        elif state.st_mode & stat.S_IWOTH:
            problem, advice = "is writable by all users", f"Run `chmod 700 {self._folder}`"
        else:
            return True
        warnings.warn(
            f"The cache of trained factors {self._folder} is not used: the folder {problem}. {advice}. Until then, "
            "each run trains the factors.",
            RuntimeWarning,
            stacklevel=3,
        )
        return False

    def _write(self, name: str, arrays: Arrays) -> None:
        """Replace the file atomically, without syncing it to disk: lost factors can be trained again."""

        def encode(file: BinaryIO) -> None:
            np.savez(file, allow_pickle=False, **{name: np.ascontiguousarray(a, "<f4") for name, a in arrays.items()})
            fault_injection.reach("factors kept")

        replace_file(self._folder / name, encode, mode=0o600, sync_file=False, sync_name=False, locked=True)


def _make_private(folder: Path) -> None:
    """Create a folder and its missing parents with mode 0700. Existing folders are not changed."""
    if folder.is_dir():
        return
    _make_private(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)  # the umask may have removed further permissions


@contextmanager
def _open_owned_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file owned by this user or root. Raises `OSError` for other files and for links."""
    with open_plain_file(path) as file:
        if os.fstat(file.fileno()).st_uid not in (os.geteuid(), 0):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        yield file


def _read_array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return one array, or raise an error of `_DAMAGE`.

    `np.load` is not used because it allocates the size that the header states.
    """
    entry = archive.getinfo(f"{name}.npy")
    size = 4 * math.prod(shape)
    if entry.compress_type != zipfile.ZIP_STORED or not size < entry.file_size <= size + _HEADER:
        raise ValueError(f"{name} has a wrong size")
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        if header(file) != (shape, False, np.dtype("<f4")):
            raise ValueError(f"{name} has a wrong shape or dtype")
        content = file.read(size + 1)  # one byte past the end: zipfile then verifies the checksum
    return np.frombuffer(content, "<f4").reshape(shape)
