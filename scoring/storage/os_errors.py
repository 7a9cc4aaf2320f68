"""What the operating system refuses, in one sentence that names the place and says what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scoring.errors import OutputError, ScoringError

__all__ = ["reason", "wrap_os_errors"]

_ADVICE: Final = {
    errno.ENOSPC: "Free some space, or give another folder",
    errno.EDQUOT: "Free some space, or give another folder",
    errno.EFBIG: "Raise the limit on file sizes, or give another folder",
    errno.ELOOP: "Put a plain file there: links are not followed",
    errno.ENOTDIR: "Put a plain folder there, not a file: links are not followed",
}
_OTHER: Final = "Check the folder and its rights, or give another one"


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file cannot be read or written, such as 'No space left on device', without the place.

    Libraries put their own texts, of several lines, in the place of the system's: the error number counts first.
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return (str(error.strerror or error).splitlines() or [type(error).__name__])[0]


@contextmanager
def wrap_os_errors(
    place: str | Path, action: str = "written", *, what: str = "", advice: str | None = None
) -> Iterator[None]:
    """Turn an `OSError` inside the block into an `OutputError` of one sentence.

    Parameters
    ----------
    place
        The file or folder that the block works on.
    action
        What is done with the place: 'PLACE cannot be written: REASON. ADVICE.'
    what
        What is put there, if it is not the place itself: 'WHAT cannot be written to PLACE: …'.
    advice
        What to do; None: what helps against this error.
    """
    try:
        yield
    except ScoringError:
        raise
    except OSError as error:
        problem = f"{what} cannot be {action} to {place}" if what else f"{place} cannot be {action}"
        remedy = advice or _ADVICE.get(error.errno or 0, _OTHER)
        raise OutputError(f"{problem}: {reason(error)}. {remedy}.") from error
