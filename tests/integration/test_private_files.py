"""Files kept between runs: private to their owner, checked before use, and never followed through links."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.errors import OutputError
from scoring.runs import runner
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.publishers.run_journal import run_journal
from scoring.statistics.disk_array_cache import ArrayCache
from scoring.telemetry import fault_injection
from scoring.tuning.trial_journal import open_journal
from tests.support.errors import raises_with
from tests.support.proof_counts import record_count

ROOT = Path(__file__).parents[2]
SHAPES = {"users": (5, 3), "jobs": (7, 3)}
ARRAYS = {name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for name, shape in SHAPES.items()}
KEY = "0123456789abcdef"


@pytest.fixture
def cache(tmp_path: Path) -> ArrayCache:
    return ArrayCache(tmp_path / "kept", "als")


@pytest.fixture
def kept(cache: ArrayCache, tmp_path: Path) -> Path:
    cache.write(KEY, ARRAYS)
    (path,) = (tmp_path / "kept").iterdir()
    return path


def holds(cache: ArrayCache) -> bool:
    found = cache.read(KEY, SHAPES)
    if found is None:
        return False
    for name, wanted in ARRAYS.items():
        np.testing.assert_array_equal(found[name], wanted)
    return True


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# Modes


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o177, 0o277])
def test_cache_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        ArrayCache(tmp_path / "a" / "b" / "c", "als").write(KEY, ARRAYS)
    finally:
        os.umask(before)
    folders = [tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"]
    assert [mode(folder) for folder in folders] == [0o700] * 3
    (path,) = folders[-1].iterdir()
    assert mode(path) == 0o600


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_trial_journal_is_private(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        open_journal(tmp_path / "trials.jsonl")
    finally:
        os.umask(before)
    assert mode(tmp_path / "trials.jsonl") == 0o600


# Folders of other users


def test_world_writable_cache_is_not_used(cache: ArrayCache, kept: Path) -> None:
    kept.parent.chmod(0o777)
    with pytest.warns(RuntimeWarning, match=r"is not used: the folder is writable by all users.*chmod 700"):
        assert not holds(cache)
    kept.unlink()
    with pytest.warns(RuntimeWarning, match="is not used"):
        cache.write(KEY, ARRAYS)
    assert not list(kept.parent.iterdir())
    kept.parent.chmod(0o700)
    cache.write(KEY, ARRAYS)
    assert holds(cache)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_cache_of_another_owner_is_not_used(cache: ArrayCache, kept: Path) -> None:
    os.chown(kept.parent, 12345, -1)
    with pytest.warns(RuntimeWarning, match="is not used: the folder belongs to another user"):
        assert not holds(cache)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_another_owner_is_not_read(cache: ArrayCache, kept: Path) -> None:
    os.chown(kept, 12345, -1)
    assert not holds(cache)
    cache.write(KEY, ARRAYS)
    assert holds(cache)


# Links


def test_symbolic_link_in_cache_is_not_followed(cache: ArrayCache, kept: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(kept.read_bytes())
    kept.unlink()
    kept.symlink_to(victim)
    assert not holds(cache)
    before = victim.read_bytes()
    cache.write(KEY, {name: array + 1 for name, array in ARRAYS.items()})
    assert victim.read_bytes() == before
    assert not kept.is_symlink()


def test_symbolic_link_among_leftovers_is_not_followed(cache: ArrayCache, kept: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (kept.parent / ".als-0000.npz.1.0.writing").symlink_to(victim)
    assert holds(cache)
    assert victim.read_text() == "untouched"


def test_journal_is_not_opened_through_symbolic_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("not a line of a journal")
    (tmp_path / "journal").symlink_to(victim)
    with raises_with(OSError, errno=errno.ELOOP):
        run_journal(tmp_path / "journal").acquire()
    with raises_with(OSError, errno=errno.ELOOP):
        open_journal(tmp_path / "journal")
    assert victim.read_text() == "not a line of a journal"


def test_run_is_not_resumed_in_linked_folder(tmp_path: Path) -> None:
    """Otherwise the run would remove files in it that are not its own."""
    prepared = Prepared.of(Dataset(make_market(20, 60, 200, seed=2).tables), load_model("standard"))

    def run() -> None:
        runner.run(
            prepared, k=3, workers=1, publishers=[ParquetPublisher(tmp_path / "runs", by_run_id=True)], resume=True
        )

    with fault_injection.arm("shard noted", 1, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        run()
    (work,) = (tmp_path / "runs").glob(".*.writing")
    precious = tmp_path / "precious"
    work.rename(precious)
    (precious / "letter.txt").write_text("mine")
    work.symlink_to(precious)
    with pytest.raises(OutputError):
        run()
    assert (precious / "letter.txt").read_text() == "mine"


# Damage


def test_cache_damage_is_detected_or_harmless(cache: ArrayCache, kept: Path) -> None:
    """Flip each byte; truncate the file; read with other shapes and with another key."""
    whole, noticed = kept.read_bytes(), 0
    for at in range(len(whole)):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        noticed += not holds(cache)
    for length in range(0, len(whole), 7):
        kept.write_bytes(whole[:length])
        assert not holds(cache)
        noticed += 1
    kept.write_bytes(whole)
    assert holds(cache)
    assert cache.read(KEY, {"users": (3, 5), "jobs": (7, 3)}) is None
    assert cache.read(KEY, {"users": (5, 3), "jobs": (7, 4)}) is None
    assert cache.read("another", SHAPES) is None
    record_count(
        "damaged cache",
        "{} flipped bytes and {} truncated files: {} detected",
        len(whole),
        len(range(0, len(whole), 7)),
        noticed,
    )


@pytest.mark.parametrize("kind", [np.float64, np.int32, np.complex64])
def test_arrays_of_another_type_are_not_used(cache: ArrayCache, kept: Path, kind: type) -> None:
    np.savez(kept, users=ARRAYS["users"].astype(kind), jobs=ARRAYS["jobs"])
    assert not holds(cache)


# Leftovers

WRITER = """
import sys
from pathlib import Path
import numpy as np
from scoring.statistics import disk_array_cache
from scoring.statistics.disk_array_cache import ArrayCache

def stop(point):
    print("writing", flush=True)
    sys.stdin.read()

disk_array_cache.fault_injection.reach = stop
ArrayCache(Path(sys.argv[1]), "als").write("other", {"users": np.zeros((2, 2), np.float32)})
"""


def test_only_files_of_dead_writers_are_removed(cache: ArrayCache, kept: Path) -> None:
    words = [sys.executable, "-c", WRITER, str(kept.parent)]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writers = [subprocess.Popen(words, env=surroundings, text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    try:
        assert [writer.stdout.readline() for writer in writers] == ["writing\n"] * 2
        leftovers = sorted(kept.parent.glob(".als-*"))
        assert len(leftovers) == 2
        assert holds(cache)
        assert sorted(kept.parent.glob(".als-*")) == leftovers
        writers[0].kill()
        writers[0].wait()
        assert holds(cache)
        assert len(list(kept.parent.glob(".als-*"))) == 1
        writers[1].communicate("", timeout=20)
        assert sorted(path.name for path in kept.parent.iterdir()) == [f"als-{KEY}.npz", "als-other.npz"]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_disk_error_leaves_cache_unchanged(cache: ArrayCache, kept: Path) -> None:
    before = kept.read_bytes()
    with (
        fault_injection.arm("factors kept", 1, OSError(28, "No space left on device")),
        pytest.warns(RuntimeWarning, match="cannot be saved"),
    ):
        cache.write(KEY, ARRAYS)
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert kept.read_bytes() == before
    record_count("write errors", "{} errors", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_read_only_cache_folder_warns(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o500)
    with pytest.warns(RuntimeWarning, match="cannot be saved"):
        ArrayCache(tmp_path / "kept", "als").write(KEY, ARRAYS)


def test_usable_cache_gives_no_warning(cache: ArrayCache) -> None:
    quiet: list[Callable[[], object]] = [lambda: cache.write(KEY, ARRAYS), lambda: holds(cache)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for act in quiet:
            act()
