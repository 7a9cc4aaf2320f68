"""Folders of drivers and workers are private, and removed after their process has ended."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scoring.errors import OutputError
from scoring.runs.executors.private_folder import PrivateFolder, default_folder, remove_abandoned


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def make_old(folder: Path) -> None:
    os.utime(folder, (0, 0))


def test_folder_is_private_and_removed() -> None:
    with PrivateFolder("driver") as folder:
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(default_folder().stat().st_mode) == 0o700
        make_old(folder.path)
        remove_abandoned(default_folder())
        assert folder.path.exists()  # it is locked
    assert list(default_folder().iterdir()) == []


def test_folder_of_a_killed_process_is_removed(temporary: Path) -> None:
    code = (
        "import os, signal, sys, tempfile\ntempfile.tempdir = sys.argv[1]\n"
        "from scoring.runs.executors.private_folder import PrivateFolder\n"
        "folder = PrivateFolder('driver')\n(folder.path / 'run.bundle').write_text('ids')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(temporary)], check=False)
    (left,) = default_folder().iterdir()
    make_old(left)
    with PrivateFolder("driver") as folder:
        assert list(default_folder().iterdir()) == [folder.path]


def test_folder_of_a_living_process_or_of_another_kind_is_kept(temporary: Path) -> None:
    """A worker that is started again has no lock meanwhile. Folders of certificates have no lock at all."""
    for name in (f"worker-{os.getpid()}", "certificates", "worker-1", "worker-999999999"):
        (temporary / name).mkdir(mode=0o700)
        if name != "certificates":
            (temporary / name / "lock").touch()
        make_old(temporary / name)
    (temporary / "driver-999999999").mkdir(mode=0o700)
    make_old(temporary / "driver-999999999")
    remove_abandoned(temporary)
    left = {path.name for path in temporary.iterdir()}
    assert left == {f"worker-{os.getpid()}", "certificates", "worker-1", "driver-999999999"}


def test_folder_of_another_user_is_rejected(temporary: Path) -> None:
    default_folder().mkdir(mode=0o755)
    with pytest.raises(OutputError):
        PrivateFolder("driver")
    default_folder().rmdir()
    (temporary / "other").mkdir(mode=0o700)
    default_folder().symlink_to(temporary / "other")
    with pytest.raises(OutputError):
        PrivateFolder("driver")
