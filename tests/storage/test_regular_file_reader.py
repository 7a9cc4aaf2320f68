"""Links, pipes, folders and files that are too large are not read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from scoring.storage.regular_file_reader import contains_name, open_folder, open_plain_file, read_plain_file
from tests.support.errors import raises_with


def test_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    assert read_plain_file(tmp_path / "file", 4) == b"1234"
    with open_folder(tmp_path) as folder:
        assert read_plain_file("file", 4, folder=folder) == b"1234"
        assert contains_name("file", folder)
        assert not contains_name("other", folder)


def test_large_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with raises_with(OSError, errno=None):  # the system has no error number for it
        read_plain_file(tmp_path / "file", 4)


def test_other_kinds_of_files_are_rejected(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    (tmp_path / "folder").mkdir()
    for name, number in (("pipe", None), ("folder", errno.EISDIR)):
        with raises_with(OSError, errno=number):
            read_plain_file(tmp_path / name, 4)


def test_link_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "linked").symlink_to("folder")
    with raises_with(OSError, errno=errno.ELOOP), open_plain_file(tmp_path / "link"):
        pass
    with open_folder(tmp_path / "linked"):  # the first folder may be reached by a link, those inside may not
        pass
    with open_folder(tmp_path) as folder:
        assert contains_name("link", folder)
        with pytest.raises(OSError) as raised, open_folder("linked", folder=folder):  # the number
            pass
        assert raised.value.errno in (errno.ENOTDIR, errno.ELOOP)
