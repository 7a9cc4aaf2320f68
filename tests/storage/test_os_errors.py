"""Errors of the system become one sentence."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from scoring.errors import DataError, OutputError
from scoring.storage.file_lock import LockHeldError
from scoring.storage.os_errors import describe_os_error, wrap_os_errors


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "Error writing bytes to file.\nDetail: [errno 28]"), "No space left on device"),
        (FileNotFoundError(errno.ENOENT, "x", "name"), "No such file or directory"),
        (
            OSError("The file is larger than 4 bytes; larger ones are not read"),
            "The file is larger than 4 bytes; larger ones are not read",
        ),
        (OSError("a first line\na second"), "a first line"),
        (OSError(), "OSError"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError(99_999, "a number of another system"), "a number of another system"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "it is not UTF-8 text"),
    ],
    ids=str,
)
def test_reason_is_the_text_of_the_error_number(error: OSError | UnicodeDecodeError, expected: str) -> None:
    assert describe_os_error(error) == expected


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EFBIG, "Raise the limit on file sizes"),
        (errno.ELOOP, "links are not followed"),
        (errno.ENOTDIR, "links are not followed"),
        (errno.EIO, "Check the folder and its permissions"),
    ],
)
def test_message_names_place_reason_and_advice(number: int, advice: str) -> None:
    cause = OSError(number, os.strerror(number))
    with pytest.raises(OutputError) as raised, wrap_os_errors(Path("a/b"), "read"):
        raise cause
    assert str(raised.value).startswith(f"a/b cannot be read: {os.strerror(number)}. ")
    assert advice in str(raised.value)
    assert raised.value.__cause__ is cause


def test_message_may_name_content_and_advice() -> None:
    with pytest.raises(OutputError) as raised, wrap_os_errors("a/b", content="Results", advice="Wait"):
        raise OSError(errno.EIO, "x")
    assert str(raised.value) == "Results cannot be written to a/b: Input/output error. Wait."


@pytest.mark.parametrize(
    "error", [OutputError("said"), LockHeldError(), DataError("said"), ValueError("said")], ids=repr
)
def test_other_errors_are_not_wrapped(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, wrap_os_errors("a/b"):
        raise error
    assert raised.value is error
