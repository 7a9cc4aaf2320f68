"""Files and folders in one step: what is written is on disk, and what goes wrong is one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scoring.errors import OutputError

__all__ = ["move_link", "one_sentence"]


def move_link(link: Path, name: str) -> None:
    """Moves a link to another name, in one step. Left alone where links are not to be had, or a folder stands there."""
    temporary = link.with_name(f".{link.name}.{name}")
    with suppress(OSError):
        temporary.unlink(missing_ok=True)  # of one that was killed here
        temporary.symlink_to(name, target_is_directory=True)
        try:
            os.replace(temporary, link)
        except OSError:
            temporary.unlink()


@contextmanager
def one_sentence(place: Path) -> Iterator[None]:
    """What the system refuses inside, as an OutputError that names the place and the way out."""
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        ways = {
            errno.ENOSPC: "Free some space, or give another folder",
            errno.EDQUOT: "Free some space, or give another folder",
            errno.EFBIG: "Raise the limit on file sizes, or give another folder",
        }
        way = ways.get(error.errno or 0, "Check the folder and its rights, or give another one")
        raise OutputError(f"Results cannot be written to {place}: {reason}. {way}.") from error
