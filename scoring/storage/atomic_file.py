"""Files and links that change in one step: readers see all of the old content or all of the new content."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Literal

from scoring.storage.file_lock import is_named, try_lock
from scoring.storage.regular_file_reader import open_plain_file

__all__ = [
    "Content",
    "Step",
    "create_file",
    "move_link",
    "remove_leftovers",
    "replace_file",
    "sync_folder",
    "write_all",
]

Content = bytes | memoryview | str | Callable[[BinaryIO], object]
"""Bytes, text (written as UTF-8), or a function that writes to the open file."""

Step = Literal["written", "synced", "renamed"]

_NOTHING: Final[Mapping[Step, Callable[[], object]]] = {}
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ENDING: Final = ".writing"


def replace_file(
    path: Path,
    content: Content,
    *,
    mode: int | None = None,
    sync_file: bool = True,
    sync_name: bool = True,
    locked: bool = False,
    reached: Mapping[Step, Callable[[], object]] = _NOTHING,
) -> None:
    """Write a file under a temporary name in its folder, then rename it to `path`. A failure leaves no trace.

    Parameters
    ----------
    path
        The file; one that exists is replaced. A link in its place is replaced, not followed.
    content
        What to write.
    mode
        The exact permissions, independent of the umask; None: 0666 less the umask.
    sync_file, sync_name
        Whether the content, and the name in its folder, are on disk when this returns.
    locked
        Hold a lock on the temporary file, so that `remove_leftovers` keeps it while this process lives.
    reached
        What to call after a step, for tests that fail there: 'written', 'synced' (if `sync_file`), 'renamed'.

    Raises
    ------
    OSError: If the system refuses a step; `path` is then as it was, unless its new name could not be synced.
    """
    temporary, file = _open_temporary(path.name, path.parent, None, mode, locked)
    with file:  # until the new name exists: its lock ends with it
        try:
            _fill(file, content, sync_file, reached)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    _call(reached, "renamed")
    if sync_name:
        sync_folder(path.parent)


def create_file(name: str, content: Content, folder: int) -> bool:
    """Create a file in an open folder, on disk when this returns. Return False if the name exists.

    It is written under a temporary name and then hard-linked: unlike a rename, a link never replaces a file.

    Raises
    ------
    OSError: If the system refuses a step; then no new file exists.
    """
    temporary, file = _open_temporary(name, None, folder, None, False)
    try:
        with file:
            _fill(file, content, True, _NOTHING)
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except FileExistsError:
            return False
        except PermissionError as error:
            if error.errno != errno.EPERM:
                raise
            raise OSError("The file system does not support hard links") from error
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
    try:
        os.fsync(folder)
    except OSError:
        with suppress(OSError):  # the caller gets the error and will write the file again
            os.unlink(name, dir_fd=folder)
        raise
    return True


def remove_leftovers(folder: Path, pattern: str = "*") -> None:
    """Remove temporary files of killed writers; `pattern` matches the names of the files that they wrote.

    Only files written with `locked` may be in the folder: the lock tells that their writer still lives.
    """
    for path in folder.glob(f".{pattern}.*{_ENDING}"):
        with suppress(OSError), open_plain_file(path) as file:
            if try_lock(file.fileno()) and is_named(file.fileno(), path):
                path.unlink()


def move_link(link: Path, name: str) -> None:
    """Point a link at another name in its folder, in one step. Without effect if a folder has the link's name."""
    temporary = link.with_name(f".{link.name}.{name}")
    with suppress(OSError):
        temporary.unlink(missing_ok=True)  # of a process that was killed here
        temporary.symlink_to(name, target_is_directory=True)
        try:
            os.replace(temporary, link)
        except OSError:
            temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, content: bytes | memoryview) -> None:
    """Write all bytes, also if the system takes a part at a time. Raises `OSError`."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _open_temporary(
    name: str, parent: Path | None, folder: int | None, mode: int | None, locked: bool
) -> tuple[str, BinaryIO]:
    """A new file of a name that cannot be foreseen, so that no link waits under it."""
    while True:
        temporary = f".{name}.{os.getpid()}.{secrets.token_hex(8)}{_ENDING}"
        place = temporary if parent is None else os.path.join(parent, temporary)
        handle = os.open(place, _NEW, 0o666 if mode is None else mode, dir_fd=folder)
        try:
            if mode is not None:
                os.fchmod(handle, mode)
            # another process may have removed it as a leftover before it was locked
            if not locked or (try_lock(handle) and is_named(handle, place, folder)):
                return place, os.fdopen(handle, "wb", closefd=True)
        except BaseException:
            with suppress(OSError):
                os.unlink(place, dir_fd=folder)
            os.close(handle)
            raise
        os.close(handle)


def _fill(file: BinaryIO, content: Content, sync: bool, reached: Mapping[Step, Callable[[], object]]) -> None:
    if callable(content):
        content(file)
        file.flush()
    else:
        write_all(file.fileno(), content.encode() if isinstance(content, str) else content)
    _call(reached, "written")
    if sync:
        os.fsync(file.fileno())
        _call(reached, "synced")


def _call(reached: Mapping[Step, Callable[[], object]], step: Step) -> None:
    if step in reached:
        reached[step]()
