"""Named arrays as signed bytes: a header and chunks, each with an HMAC-SHA256.

A signature proves that an engine with a secret wrote the bytes under this key. It does not hide them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import secrets as random_values
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHUNK_BYTES", "MAX_HEADER_BYTES", "OVERHEAD", "Header", "RefusedError", "Signer", "UnknownSecretError"]

FORMAT: Final = b"scoring shared value 1"
CHUNK_BYTES: Final = 2**20
MAX_HEADER_BYTES: Final = 2**16
MAX_VALUE_BYTES: Final = 2**30
"""A header that states more is refused before memory is allocated."""

KEY_ID_BYTES: Final = 8
MAC_BYTES: Final = 32
OVERHEAD: Final = KEY_ID_BYTES + MAC_BYTES
_DTYPES: Final = frozenset({"<f4", "<f8", "<i4", "<i8", "|i1", "|u1", "|b1"})

Arrays = Mapping[str, NDArray[Any]]


class RefusedError(Exception):
    """The bytes are not what an engine with one of the secrets wrote under this key."""


class UnknownSecretError(Exception):
    """The bytes are signed with a secret that this process does not have, for example during a rotation."""


@dataclass(frozen=True)
class Header:
    """The description of a value: its arrays, the size, and the seconds of its computation."""

    value_id: str  # of this writing: chunks of two writings of one key are never mixed
    arrays: tuple[tuple[str, str, tuple[int, ...]], ...]  # name, dtype, shape
    n_bytes: int
    n_chunks: int
    cost: float
    text: bytes  # the JSON, which the signatures of the chunks cover

    @classmethod
    def of(cls, arrays: Arrays, cost: float) -> Header:
        """Return the header of named arrays.

        Raises
        ------
        ValueError: If an array has another type than numbers, or there are too many bytes.
        """
        entries = tuple((name, array.dtype.str, array.shape) for name, array in sorted(arrays.items()))
        n_bytes = sum(array.nbytes for array in arrays.values())
        if n_bytes > MAX_VALUE_BYTES or any(dtype not in _DTYPES for _, dtype, _ in entries):
            raise ValueError("the arrays cannot be stored")
        value_id, n_chunks = random_values.token_hex(8), -(-n_bytes // CHUNK_BYTES)
        fields = {"arrays": entries, "bytes": n_bytes, "chunks": n_chunks, "cost": round(cost, 3), "id": value_id}
        text = json.dumps(fields, separators=(",", ":")).encode()
        if len(text) > MAX_HEADER_BYTES:
            raise ValueError("the header is too long")
        return cls(value_id, entries, n_bytes, n_chunks, cost, text)

    @classmethod
    def parse(cls, text: bytes) -> Header:
        """Return a header whose signature was verified. Raises RefusedError."""
        try:
            fields = json.loads(text)
            arrays = tuple((str(name), str(dtype), tuple(map(int, shape))) for name, dtype, shape in fields["arrays"])
            n_bytes, n_chunks, cost = int(fields["bytes"]), int(fields["chunks"]), float(fields["cost"])
            value_id = str(fields["id"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise RefusedError("the header is invalid") from None
        sizes = [
            math.prod(shape) * int(dtype[2:])
            for _, dtype, shape in arrays
            if dtype in _DTYPES and all(size >= 0 for size in shape)
        ]
        fits = len(sizes) == len(arrays) and sum(sizes) == n_bytes <= MAX_VALUE_BYTES
        if not fits or n_chunks != -(-n_bytes // CHUNK_BYTES):
            raise RefusedError("the header states a wrong size")
        return cls(value_id, arrays, n_bytes, n_chunks, cost, text)

    def chunk_bytes(self, number: int) -> int:
        """Return the size of a chunk, from 0."""
        return min(CHUNK_BYTES, self.n_bytes - number * CHUNK_BYTES)

    def decode(self, content: bytes | bytearray) -> dict[str, NDArray[Any]]:
        """Return the arrays, which share the memory of `content`."""
        found, offset = {}, 0
        for name, dtype, shape in self.arrays:
            array = np.frombuffer(content, dtype, math.prod(shape), offset)
            found[name] = array.reshape(shape)
            offset += array.nbytes
        return found


def encode_arrays(arrays: Arrays) -> bytes:
    """Return the bytes of named arrays in the order of the header."""
    return b"".join(np.ascontiguousarray(array).tobytes() for _, array in sorted(arrays.items()))


class Signer:
    """Signs with the first secret and verifies with all.

    Parameters
    ----------
    namespace: Part of each signature.
    secrets: 1 to 3 secrets.
    """

    def __init__(self, namespace: str, secrets: tuple[bytes, ...]) -> None:
        self._namespace = namespace.encode()
        self._secrets = {_make_key_id(secret): secret for secret in secrets}
        self._first = next(iter(self._secrets))

    def sign(self, key: str, header: Header, number: int | None, content: bytes | memoryview) -> bytes:
        """Return signed content: of the header (`number` None), or of a chunk of it."""
        mac = self._compute_mac(self._secrets[self._first], key, header.text, number, header.n_chunks, content)
        return b"".join((self._first, mac, content))

    def verify_header(self, key: str, stored: bytes) -> Header:
        """Return the header of a key. Raises RefusedError, UnknownSecretError."""
        text = self._verify(key, stored, None, None)
        return Header.parse(text)

    def verify_chunk(self, key: str, stored: bytes, header: Header, number: int) -> bytes:
        """Return the content of a chunk of a header. Raises RefusedError, UnknownSecretError."""
        if len(stored) != OVERHEAD + header.chunk_bytes(number):
            raise RefusedError("a chunk has a wrong size")
        return self._verify(key, stored, header, number)

    def _verify(self, key: str, stored: bytes, header: Header | None, number: int | None) -> bytes:
        if len(stored) < OVERHEAD:
            raise RefusedError("the value is truncated")
        secret = self._secrets.get(stored[:KEY_ID_BYTES])
        if secret is None:
            raise UnknownSecretError
        content = stored[OVERHEAD:]
        text, n_chunks = (content, None) if header is None else (header.text, header.n_chunks)
        mac = self._compute_mac(secret, key, text, number, n_chunks, content)
        if not hmac.compare_digest(mac, stored[KEY_ID_BYTES:OVERHEAD]):
            raise RefusedError("the signature is wrong")
        return content

    def _compute_mac(
        self,
        secret: bytes,
        key: str,
        text: bytes,
        number: int | None,
        n_chunks: int | None,
        content: bytes | memoryview,
    ) -> bytes:
        mac = hmac.new(secret, digestmod=hashlib.sha256)
        place = b"header" if number is None else f"chunk {number} of {n_chunks}".encode()
        for part in (FORMAT, self._namespace, key.encode(), place, text):
            mac.update(len(part).to_bytes(8, "little") + part)
        if number is not None:
            mac.update(content)
        return mac.digest()


def _make_key_id(secret: bytes) -> bytes:
    """Return the public name of a secret. It reveals nothing about a random secret."""
    return hashlib.sha256(b"scoring shared cache key id\0" + secret).digest()[:KEY_ID_BYTES]
