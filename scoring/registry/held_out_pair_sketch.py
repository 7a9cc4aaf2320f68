"""Sketches of held-out pairs of a user and a job: the smallest of their hashes.

Two sketches of the same key estimate how many pairs two holdouts share. The hashes are keyed: without the key, a reader
of the journal cannot test whether a pair was held out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.errors import ModelError
from scoring.id_hash import hash_ids
from scoring.registry.store import open_root
from scoring.storage.atomic_file import create_file
from scoring.storage.os_errors import wrap_os_errors
from scoring.storage.regular_file_reader import contains_name, read_plain_file

__all__ = ["SKETCH_SIZE", "SketchKeys", "find_sketched", "identify_key", "share_pairs", "sketch_pairs"]

SKETCH_SIZE: Final = 200
"""Number of held-out pairs whose hashes identify a holdout."""

_SHARED: Final = 0.1
"""Two holdouts are of the same users if they share at least this part of the pairs of the smaller one."""

_KEY_BYTES: Final = 32
_MAX_BYTES: Final = 100_000
_KEY = re.compile(f"[0-9a-f]{{{2 * _KEY_BYTES}}}", re.ASCII)


def sketch_pairs(user_id: Longs, job_id: Longs, key: bytes | None) -> tuple[str, ...]:
    """Return the smallest `SKETCH_SIZE` hashes of the pairs. They identify the pairs without their ids.

    Broder, On the resemblance and containment of documents, 1997. `key` None: the hashes of journals without a key.
    """
    return tuple(f"{value:016x}" for value in np.unique(_hash_pairs(user_id, job_id, key))[:SKETCH_SIZE])


def find_sketched(sketch: Sequence[str], user_id: Longs, job_id: Longs, key: bytes | None) -> NDArray[np.bool_]:
    """Return (len(sketch),) whether each hash is that of one of these pairs."""
    return np.isin(np.array([int(text, 16) for text in sketch], dtype=np.uint64), _hash_pairs(user_id, job_id, key))


def share_pairs(a: Sequence[str], b: Sequence[str]) -> bool:
    """Return whether two sketches of the same key are of holdouts that share at least a tenth of the smaller one.

    A full sketch contains all hashes of its holdout up to its largest. Only hashes up to the smaller limit of both are
    compared. So one cut of a backtest is found in the sketch of all its cuts.
    """
    limit = min((max(sketch) for sketch in (a, b) if len(sketch) >= SKETCH_SIZE), default="g")
    below_a, below_b = ({text for text in sketch if text <= limit} for sketch in (a, b))
    smaller = min(len(below_a), len(below_b))
    return smaller > 0 and len(below_a & below_b) >= _SHARED * smaller


def identify_key(key: bytes) -> str:
    """Return a name of the key, from which the key cannot be computed."""
    return blake2b(key, digest_size=8).hexdigest()


def _hash_pairs(user_id: Longs, job_id: Longs, key: bytes | None) -> NDArray[np.uint64]:
    if key is None:
        return hash_ids((hash_ids(user_id) ^ hash_ids(job_id, 1)).view(np.int64))
    pairs = np.unique(np.stack([user_id, job_id], axis=1).astype("<i8"), axis=0)
    digests = b"".join(blake2b(pair, digest_size=8, key=key).digest() for pair in pairs)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


class SketchKeys:
    """The keys of a registry: a file beside the journal, one key per line.

    The first key is used for new sketches. Keys of other folders may be added to read sketches of their journals.

    Raises
    ------
    OutputError: If the file cannot be read or written.
    ModelError: If a line is not a key.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path = root / "test_looks.key"

    def find(self, name: str) -> bytes | None:
        """Return the key with this name. None: the file does not contain it."""
        return next((key for key in self._read() if identify_key(key) == name), None)

    def require(self) -> bytes:
        """Return the key for new sketches. The first call creates it."""
        with wrap_os_errors(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        while not (known := self._read()):
            text = secrets.token_hex(_KEY_BYTES) + "\n"
            with open_root(self._root, "written") as folder, wrap_os_errors(self.path):
                if not create_file(self.path.name, text.encode(), folder) and not self._read():
                    raise ModelError(
                        f"{self.path}: the file contains no key. Restore it, or delete it.", path=str(self.path)
                    )
        return known[0]

    def _read(self) -> list[bytes]:
        if not self._root.exists():
            return []
        with open_root(self._root) as folder, wrap_os_errors(self.path, "read"):
            if not contains_name(self.path.name, folder):
                return []
            lines = read_plain_file(self.path.name, _MAX_BYTES, folder=folder).decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() and not _KEY.fullmatch(line.strip()):
                raise ModelError(
                    f"{self.path}, line {number}: the line is not a key. Restore the file, or delete the line.",
                    path=str(self.path),
                    line=number,
                )
        return [bytes.fromhex(line) for line in lines if line.strip()]
