"""Arrays kept on disk between runs: their owner's alone, whole or not there, and numbers whatever the file says.

A folder that somebody else could have written to is not used, a link is not followed, and what a file claims of its
size is checked before anything is unpacked; nothing in it is ever executed.
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
from scoring.storage.os_errors import reason
from scoring.storage.plain_file import open_plain_file
from scoring.telemetry import faults

__all__ = ["ArrayCache"]

Arrays = Mapping[str, NDArray[np.float32]]

_HEADER: Final = 1_024
"""Bytes that NumPy's header of an array takes at most; 128 for ours."""

_DAMAGE: Final = (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile)
"""A damaged header may claim a compression or a password that zipfile raises the later ones for."""


class ArrayCache:
    """float32 arrays by key in files `<kind>-<key>.npz` of a folder (mode 0700, files 0600, whatever the umask).

    Using it removes what killed processes left of their writing; what a living one writes is under its lock.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind

    def read(self, key: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]] | None:
        """The arrays of these names and shapes; None where there is no such file, or it is not whole and finite.

        Warns where the folder is not to be trusted.
        """
        if not self._folder.is_dir() or not self._is_trusted():
            return None
        remove_leftovers(self._folder, f"{self._kind}-*")
        try:
            with _opened(self._folder / self._name(key)) as file, zipfile.ZipFile(file) as archive:
                found = {name: _array(archive, name, shape) for name, shape in shapes.items()}
        except _DAMAGE:
            return None
        return found if all(np.isfinite(array).all() for array in found.values()) else None

    def keep(self, key: str, arrays: Arrays) -> None:
        """Writes them where that is possible: a full or read-only disk costs the next training, not this result."""
        try:
            _make_private(self._folder)
            if self._is_trusted():
                self._write(self._name(key), arrays)
        except OSError as error:
            message = (
                f"trained factors could not be kept in {self._folder} ({reason(error)}); they will be trained again."
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def _name(self, key: str) -> str:
        return f"{self._kind}-{key}.npz"

    def _is_trusted(self) -> bool:
        """Whether nobody but its owner, this user or the system's, can have put something there."""
        state = os.stat(self._folder)
        if state.st_uid not in (os.geteuid(), 0):
            problem = "belongs to somebody else"
        elif state.st_mode & stat.S_IWOTH:
            problem = "can be written to by everybody"
        else:
            return True
        warnings.warn(
            f"The cache {self._folder} is not used: it {problem}. Give another folder, or put it right "
            "(chmod 700, chown); until then factors are trained anew.",
            RuntimeWarning,
            stacklevel=3,
        )
        return False

    def _write(self, name: str, arrays: Arrays) -> None:
        """In one step: a reader sees the whole file or none. It is not synced: factors can be trained again."""

        def encode(file: BinaryIO) -> None:
            np.savez(file, allow_pickle=False, **{name: np.ascontiguousarray(a, "<f4") for name, a in arrays.items()})
            faults.point("factors kept")

        replace_file(self._folder / name, encode, mode=0o600, sync_file=False, sync_name=False, locked=True)


def _make_private(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, for this user alone; one that is there stays as it is."""
    if folder.is_dir():
        return
    _make_private(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)  # a umask may have taken more away


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A plain file that belongs to this user or the system's. Raises `OSError` for any other, and for links."""
    with open_plain_file(path) as file:
        if os.fstat(file.fileno()).st_uid not in (os.geteuid(), 0):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        yield file


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Read without NumPy's own reader, which makes room for whatever the file claims. Raises what `_DAMAGE` lists."""
    entry = archive.getinfo(f"{name}.npy")
    size = 4 * math.prod(shape)
    if entry.compress_type != zipfile.ZIP_STORED or not size < entry.file_size <= size + _HEADER:
        raise ValueError(f"{name} is of another size")
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        if header(file) != (shape, False, np.dtype("<f4")):
            raise ValueError(f"{name} is of another shape or kind")
        content = file.read(size + 1)  # past its end, where the check sum is looked at
    return np.frombuffer(content, "<f4").reshape(shape)
