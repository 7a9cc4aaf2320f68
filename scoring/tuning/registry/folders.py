"""Files of a folder that is never left: no link is followed, nothing is overwritten, nobody sees half of one."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from scoring.errors import OutputError, ScoringError

__all__ = ["MOST_BYTES", "exists", "folder", "one_sentence", "read_bytes", "root_folder", "write_all", "write_new"]

MOST_BYTES = 1_000_000
"""A profile takes a few thousand."""

# a link in the place of a file is not followed, and a pipe there is not waited for
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder(path: str | Path, *, inside: int | None = None) -> Iterator[int]:
    """A handle of a folder; of one `inside` another one, only when it is no link. Raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if inside is None else os.O_NOFOLLOW)
    handle = os.open(path, flags, dir_fd=inside)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def root_folder(path: Path, doing: str = "read") -> Iterator[int]:
    """A handle of the folder of everything, which may be reached by a link. Raises OutputError naming it."""
    with ExitStack() as stack:
        with one_sentence(path, doing):
            handle = stack.enter_context(folder(path))
        yield handle


def exists(name: str, inside: int) -> bool:
    """Whether something, be it a dead link, has this name."""
    try:
        os.stat(name, dir_fd=inside, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def read_bytes(name: str, inside: int, most: int = MOST_BYTES) -> bytes:
    """A plain file whole. Raises OSError, also for a link, for what is no file, and for a file above `most` bytes."""
    handle = os.open(name, _READ, dir_fd=inside)
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "Not a plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"Larger than {most:,} bytes")
    return content


def write_new(name: str, content: bytes, inside: int) -> bool:
    """A new file, whole and on disk when this returns; False where the name is taken. Raises OSError, leaving nothing.

    Written under another name and then linked: a link is made in one step, and not over what is there.
    """
    temporary = f".{name}.{os.getpid()}.{secrets.token_hex(4)}.writing"
    handle = os.open(temporary, _NEW, 0o666, dir_fd=inside)
    try:
        try:
            write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(temporary, name, src_dir_fd=inside, dst_dir_fd=inside)
        except FileExistsError:
            return False
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=inside)
    try:
        os.fsync(inside)
    except OSError:
        with suppress(OSError):  # who is told that it failed writes it again
            os.unlink(name, dir_fd=inside)
        raise
    return True


def write_all(handle: int, content: bytes) -> None:
    """Also where the system takes a part at a time. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


@contextmanager
def one_sentence(place: Path | str, doing: str = "written") -> Iterator[None]:
    """OSError becomes OutputError, which names the place and a way out."""
    try:
        yield
    except ScoringError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        way = {
            errno.ENOSPC: "Free some space, or give another folder",
            errno.EDQUOT: "Free some space, or give another folder",
            errno.ELOOP: "Put a plain file there: links are not followed",
            errno.ENOTDIR: "Put a plain folder there: links are not followed",
            errno.EPERM: "Check its rights, or give a folder on a file system that knows hard links",
        }.get(error.errno or 0, "Check it and its rights, or give another folder")
        raise OutputError(f"{place} cannot be {doing}: {reason}. {way}.") from error
