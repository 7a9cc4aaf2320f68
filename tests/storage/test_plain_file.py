"""Links, pipes, folders and files that are too large are not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoring.storage.plain_file import exists, open_folder, open_plain_file, read_plain_file


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    assert read_plain_file(tmp_path / "file", 4) == b"1234"
    with open_folder(tmp_path) as folder:
        assert read_plain_file("file", 4, folder=folder) == b"1234"
        assert exists("file", folder)
        assert not exists("other", folder)


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(OSError, match="Larger than 4 bytes"):
        read_plain_file(tmp_path / "file", 4)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match=r"Not a plain file|Is a directory"):
            read_plain_file(tmp_path / name, 4)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "linked").symlink_to("folder")
    with pytest.raises(OSError, match="symbolic links"), open_plain_file(tmp_path / "link"):
        pass
    with open_folder(tmp_path / "linked"):  # the first folder may be reached by a link, those inside may not
        pass
    with open_folder(tmp_path) as folder:
        assert exists("link", folder)
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"), open_folder("linked", folder=folder):
            pass
