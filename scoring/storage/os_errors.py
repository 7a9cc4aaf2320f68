"""Messages for errors of the operating system: the place, the reason and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scoring.errors import OutputError, ScoringError

__all__ = ["describe_os_error", "wrap_os_errors"]

_ADVICE: Final = {
    errno.ENOSPC: "Free some space, or give another folder",
    errno.EDQUOT: "Free some space, or give another folder",
    errno.EFBIG: "Raise the limit on file sizes, or give another folder",
    errno.ELOOP: "Replace the link by a regular file: links are not followed",
    errno.ENOTDIR: "Use a folder, not a file or a link: links are not followed",
}
_DEFAULT_ADVICE: Final = "Check the folder and its permissions, or give another folder"


def describe_os_error(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file cannot be read or written, such as 'No space left on device', without the place.

    The text of the error number takes precedence, because libraries replace the system's text by several lines.
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return (str(error.strerror or error).splitlines() or [type(error).__name__])[0]


@contextmanager
def wrap_os_errors(
    place: str | Path, action: str = "written", *, content: str = "", advice: str | None = None
) -> Iterator[None]:
    """Turn an `OSError` inside the block into an `OutputError` of one sentence.

    Parameters
    ----------
    place
        The file or folder that the block works on.
    action
        The participle in the message: 'PLACE cannot be written: REASON. ADVICE.'
    content
        The thing that is written there, if it is not the place itself: 'CONTENT cannot be written to PLACE: …'.
    advice
        What to do; None: the default advice for this error.
    """
    try:
        yield
    except ScoringError:
        raise
    except OSError as error:
        problem = f"{content} cannot be {action} to {place}" if content else f"{place} cannot be {action}"
        remedy = advice or _ADVICE.get(error.errno or 0, _DEFAULT_ADVICE)
        raise OutputError(
            f"{problem}: {describe_os_error(error)}. {remedy}.", path=str(place), errno=error.errno
        ) from error
