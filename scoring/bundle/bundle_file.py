"""The file format of a bundle: a prefix, a JSON header, and raw arrays.

    offset 0        16 bytes  magic
    offset 16        8 bytes  length of the header, little-endian
    offset 24        8 bytes  length of the file, little-endian
    offset 32       32 bytes  BLAKE2b digest of everything from offset 16 on, except these 32 bytes
    offset 64                 header: format version, numbers, and each array's name, dtype, shape and offset
    then                      arrays, each at a multiple of 64 bytes; offsets count from the first multiple after
                              the header

The prefix and `format` in the header are the same in all format versions.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.errors import OutputError, ScoringError
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import describe_os_error

__all__ = ["FORMAT", "BundleFileError", "Parts", "digest_of", "read", "write"]

FORMAT: Final = 7
"""Version of the header and of the meaning of the arrays. Files of other versions are rejected."""

_MAGIC: Final = b"scoring bundle\r\n"  # detects transfers in text mode, which change line ends
_LENGTHS: Final = struct.Struct("<QQ")
_PREFIX_BYTES: Final = len(_MAGIC) + _LENGTHS.size + hashlib.blake2b(digest_size=32).digest_size
_ALIGNMENT: Final = 64
_CHUNK_BYTES: Final = 1 << 24

Number = int | float | bool
Reason = Literal["unreadable", "foreign", "format", "truncated", "altered", "empty"]


class BundleFileError(ScoringError, ValueError):
    """A file is not a valid bundle: `path` is the file, `reason` the kind of error, `problem` its description."""

    def __init__(self, path: Path, reason: Reason, problem: str) -> None:
        super().__init__(path, reason, problem)
        self.path, self.reason, self.problem = path, reason, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}."


@dataclass
class Parts:
    """The arrays and the numbers of a bundle by dotted name, such as `program.flat_weight`."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)

    def add(self, prefix: str, values: object, names: Iterable[str]) -> None:
        """Add attributes of an object."""
        for name in names:
            value = getattr(values, name)
            if isinstance(value, np.ndarray):
                self.arrays[f"{prefix}.{name}"] = value
            else:
                self.numbers[f"{prefix}.{name}"] = value

    def contains(self, prefix: str) -> bool:
        """Return whether `add` added attributes under the prefix."""
        return any(name.startswith(f"{prefix}.") for name in (*self.numbers, *self.arrays))

    def fields(self, prefix: str, names: Iterable[str]) -> dict[str, Any]:
        """Return the fields that `add` added.

        Raises
        ------
        KeyError: If a field does not exist.
        """
        keys = {name: f"{prefix}.{name}" for name in names}
        return {name: self.arrays[key] if key in self.arrays else self.numbers[key] for name, key in keys.items()}


def digest_of(parts: Parts) -> str:
    """Return the digest in the file that `write` writes for these parts."""
    return _digest(_iterate_content(parts))


def write(path: Path, parts: Parts) -> str:
    """Write a file atomically, readable by its owner only, and return its digest.

    Raises
    ------
    OutputError: If the file cannot be written.
    """
    digest = ""

    def fill(file: BinaryIO) -> None:
        nonlocal digest
        file.write(bytes(_PREFIX_BYTES))
        digest = _digest(_write_chunks(file, _iterate_content(parts)))
        file.seek(0)
        file.write(_MAGIC + next(_iterate_content(parts)) + bytes.fromhex(digest))

    try:
        replace_file(path, fill, mode=0o600)
    except OSError as error:
        raise OutputError(
            f"The bundle {path} cannot be written ({describe_os_error(error)}). Use another folder.",
            path=str(path),
            errno=error.errno,
        ) from error
    return digest


def _write_chunks(file: BinaryIO, content: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Write all chunks but the first (the lengths, which are in the prefix), and yield all of them."""
    yield next(content)
    for chunk in content:
        file.write(chunk)
        yield chunk


def read(path: Path) -> tuple[Parts, str]:
    """Map a file into memory and check it. Return its parts and its digest.

    The mapping is private (copy on write): kernels that are compiled for writable arrays accept these arrays, and the
    file is never modified.

    Raises
    ------
    BundleFileError: If it is not readable, is not a bundle, has another format version, is truncated, or was changed.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _PREFIX_BYTES:
                start = file.read(len(_MAGIC))
                is_bundle = bool(start) and _MAGIC.startswith(start)
                raise BundleFileError(path, *(_describe_truncation(size) if is_bundle else _FOREIGN))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise BundleFileError(path, "unreadable", f"cannot be read: {describe_os_error(error)}") from error
    if mapped[: len(_MAGIC)] != _MAGIC:
        raise BundleFileError(path, *_FOREIGN)
    header_bytes, file_bytes = _LENGTHS.unpack_from(mapped, len(_MAGIC))
    if _PREFIX_BYTES + header_bytes > size:
        raise BundleFileError(path, *_describe_truncation(size))
    header = _parse_header(path, mapped[_PREFIX_BYTES : _PREFIX_BYTES + header_bytes])
    if file_bytes > size:
        raise BundleFileError(path, *_describe_truncation(size))
    digest = mapped[_PREFIX_BYTES - 32 : _PREFIX_BYTES].hex()
    view = memoryview(mapped)[:file_bytes]
    content = (view[len(_MAGIC) : _PREFIX_BYTES - 32], *_iterate_chunks(view[_PREFIX_BYTES:]))
    if file_bytes < size or _digest(iter(content)) != digest:
        raise BundleFileError(path, *_ALTERED)
    return _collect_parts(path, header, mapped, _align(_PREFIX_BYTES + header_bytes)), digest


_FOREIGN: Final[tuple[Reason, str]] = ("foreign", "is not a bundle")
_ALTERED: Final[tuple[Reason, str]] = ("altered", "was changed after it was saved. Save the bundle again")


def _describe_truncation(size: int) -> tuple[Reason, str]:
    return "truncated", f"is incomplete: it ends after {size:,} bytes. Save or copy the bundle again"


def _parse_header(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
        version = int(header["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleFileError(path, *_ALTERED) from error
    if version != FORMAT:
        raise BundleFileError(
            path,
            "format",
            f"has format {version}, but this version of scoring reads format {FORMAT}. Save the bundle again with "
            "this version",
        )
    return dict(header)


def _collect_parts(path: Path, header: dict[str, Any], mapped: mmap.mmap, start: int) -> Parts:
    parts = Parts(numbers=header["numbers"])
    for entry in header["arrays"]:
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        end = start + entry["offset"] + math.prod(shape) * dtype.itemsize
        if dtype.kind not in "biuf" or entry["offset"] % _ALIGNMENT or end > len(mapped):
            raise BundleFileError(path, *_ALTERED)
        parts.arrays[entry["name"]] = np.ndarray(shape, dtype, mapped, start + entry["offset"])
    return parts


def _iterate_content(parts: Parts) -> Iterator[bytes | memoryview]:
    """Yield the lengths, then everything after the prefix."""
    entries, offset = [], 0
    for name, array in parts.arrays.items():
        entries.append({"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset})
        offset = _align(offset + array.nbytes)
    header = json.dumps({"format": FORMAT, "numbers": parts.numbers, "arrays": entries}).encode()
    start = _align(_PREFIX_BYTES + len(header))
    yield _LENGTHS.pack(len(header), start + offset)
    yield header.ljust(start - _PREFIX_BYTES, b"\0")
    for array in parts.arrays.values():
        yield from _iterate_chunks(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        yield bytes(_align(array.nbytes) - array.nbytes)


def _iterate_chunks(content: memoryview) -> Iterator[memoryview]:
    """Yield the content in chunks of at most `_CHUNK_BYTES`."""
    for first in range(0, len(content), _CHUNK_BYTES):
        yield content[first : first + _CHUNK_BYTES]


def _align(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _digest(content: Iterator[bytes | memoryview]) -> str:
    digest = hashlib.blake2b(digest_size=32)
    for chunk in content:
        digest.update(chunk)
    return digest.hexdigest()
