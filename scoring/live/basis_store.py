"""The table `bases`: each basis that a tick has written, exact to the bit.

The factors of a basis change rarely and are large, so they are rows of another table, by the digest of their content.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    select,
)

from scoring.dataset.python_row_encoding import EPOCH
from scoring.errors import DataError
from scoring.statistics import Basis

__all__ = ["FORMAT", "BasisStore", "StoredBasis", "decode_arrays", "encode_arrays"]

FORMAT: Final = 1
"""Version of the content of a row, and of the values of a basis. A basis of another version is computed again."""

KEPT: Final = 3
"""Number of bases in the table. Processes read the newest. Earlier ones are for a process that is one tick behind."""

_METADATA: Final = MetaData()

bases: Final = Table(
    "bases",
    _METADATA,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("format", Integer, nullable=False),
    Column("as_of", BigInteger, nullable=False),  # microseconds
    Column("digest", Text, nullable=False),  # of the content
    Column("factors", Text, nullable=False),  # digest of a row of basis_factors
    Column("promotion", BigInteger, nullable=False),  # number of the promotion whose model the lists have
    Column("content", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

basis_factors: Final = Table(
    "basis_factors",
    _METADATA,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

_FACTORS: Final = "factors."
_HEADER_BYTES: Final = struct.Struct("<Q")
_ALIGNMENT: Final = 64


@dataclass(frozen=True)
class StoredBasis:
    """A basis of the table.

    Parameters
    ----------
    number: The number of the tick, from 1.
    digest: Digest of the values and of the promotion; empty if the basis is not in the table.
    basis: The values.
    promotion: The number of the promotion or rollback whose model is in use with this basis; 0: none.
    """

    number: int
    digest: str
    basis: Basis
    promotion: int = 0

    @property
    def as_of(self) -> datetime:
        """The clock, in UTC."""
        return EPOCH + timedelta(microseconds=self.basis.clock.now)


class BasisStore:
    """Reads and writes the table `bases` on the caller's connections."""

    def __init__(self) -> None:
        self._factors: tuple[str, dict[str, NDArray[Any]]] | None = None  # the last ones, by digest
        self._encoded: tuple[Any, str, bytes] | None = None  # factors of a basis, their digest and content

    def create(self, connection: Connection) -> None:
        """Create the tables that do not exist."""
        _METADATA.create_all(connection)

    def find_newest(self, connection: Connection) -> tuple[int, datetime] | None:
        """Return the number and the clock of the newest basis of any format; None without one."""
        row = connection.execute(
            select(bases.c.number, bases.c.as_of).order_by(bases.c.number.desc()).limit(1)
        ).one_or_none()
        return None if row is None else (row.number, EPOCH + timedelta(microseconds=row.as_of))

    def read(self, connection: Connection, number: int | None = None) -> StoredBasis | None:
        """Return the newest basis, or the one with a number.

        The result is None if it does not exist, has another format, or is damaged. The reader then computes a basis.
        """
        query = select(bases).order_by(bases.c.number.desc()).limit(1)
        if number is not None:
            query = query.where(bases.c.number == number)
        row = connection.execute(query).one_or_none()
        if row is None or row.format != FORMAT:
            return None
        try:
            arrays = decode_arrays(row.content, row.digest)
            arrays |= self._read_factors(connection, row.factors)
            return StoredBasis(row.number, row.digest, Basis.of_arrays(arrays), row.promotion)
        except DataError:
            return None

    def write(self, connection: Connection, number: int, basis: Basis, promotion: int = 0) -> StoredBasis:
        """Insert a basis, and remove old ones. Return it as a reader of the table does."""
        arrays = basis.arrays()
        factors = {name: array for name, array in arrays.items() if name.startswith(_FACTORS)}
        rest = {name: array for name, array in arrays.items() if name not in factors}
        factors_digest, factors_content = self._encode_factors(basis, factors)
        rest["factors_digest"] = np.frombuffer(bytes.fromhex(factors_digest), dtype=np.uint8)
        rest["promotion"] = np.array([promotion], dtype=np.int64)
        content = encode_arrays(rest)
        digest = digest_of(content)
        exists = connection.execute(select(basis_factors.c.digest).where(basis_factors.c.digest == factors_digest))
        if exists.one_or_none() is None:
            connection.execute(insert(basis_factors), {"digest": factors_digest, "content": factors_content})
        connection.execute(
            insert(bases),
            {
                "number": number,
                "format": FORMAT,
                "as_of": basis.clock.now,
                "digest": digest,
                "factors": factors_digest,
                "promotion": promotion,
                "content": content,
                "created_at": time.time_ns() // 1000,
            },
        )
        connection.execute(delete(bases).where(bases.c.number <= number - KEPT))
        connection.execute(delete(basis_factors).where(basis_factors.c.digest.not_in(select(bases.c.factors))))
        stored = StoredBasis(number, digest, Basis.of_arrays(decode_arrays(content, digest) | factors), promotion)
        self._encoded = stored.basis.factors, factors_digest, factors_content
        return stored

    def _encode_factors(self, basis: Basis, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, bytes]:
        if self._encoded is None or self._encoded[0] is not basis.factors:
            content = encode_arrays(arrays)
            self._encoded = basis.factors, digest_of(content), content
        return self._encoded[1:]

    def _read_factors(self, connection: Connection, digest: str) -> dict[str, NDArray[Any]]:
        if self._factors is None or self._factors[0] != digest:
            content = connection.execute(
                select(basis_factors.c.content).where(basis_factors.c.digest == digest)
            ).scalar_one_or_none()
            self._factors = digest, decode_arrays(b"" if content is None else content, digest)
        return self._factors[1]


def digest_of(content: bytes) -> str:
    """Return the digest of the content of a row."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def encode_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return named arrays as bytes: the length of a JSON header, the header, and the aligned arrays."""
    entries, chunks, offset = [], [], 0
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        entries.append({"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset})
        padding = -array.nbytes % _ALIGNMENT
        chunks += [array.tobytes(), bytes(padding)]
        offset += array.nbytes + padding
    header = json.dumps(entries).encode()
    header += b" " * (-(len(header) + _HEADER_BYTES.size) % _ALIGNMENT)
    return b"".join([_HEADER_BYTES.pack(len(header)), header, *chunks])


def decode_arrays(content: bytes, digest: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of `encode_arrays`. They are writable, because kernels are compiled for writable arrays.

    Raises
    ------
    DataError: If the content does not have this digest.
    """
    if digest_of(content) != digest:
        raise DataError(
            "A row of the table bases is damaged: its content does not match its digest. Delete the row; the next tick "
            "writes a new basis.",
            reason="damaged",
            table="bases",
            column="content",
        )
    memory = bytearray(content)
    (length,) = _HEADER_BYTES.unpack_from(memory)
    start = _HEADER_BYTES.size + length
    found = {}
    for entry in json.loads(memory[_HEADER_BYTES.size : start]):
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        array = np.frombuffer(memory, dtype, math.prod(shape), start + entry["offset"])
        found[entry["name"]] = array.reshape(shape)
    return found
