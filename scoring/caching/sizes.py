"""Bytes that values hold in memory, and those that several values hold together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = ["Footprint", "Holdings", "Shared", "bytes_of", "footprint"]

PIECE_BYTES: Final = 4096
"""What is smaller is no piece of its own: an entry for it would take as much memory as it tells of."""

_PANDAS: Final = (pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray)


class Shared:
    """Base of what values refer to without holding it: caches above all, which hold the values themselves."""


@dataclass(frozen=True)
class Footprint:
    """What a value holds: `own` bytes, and `pieces` of memory by address, in bytes, that others may hold too."""

    own: int
    pieces: Mapping[int, int] = field(default_factory=dict, repr=False)

    @property
    def bytes(self) -> int:
        return self.own + sum(self.pieces.values())


class Holdings:
    """What several values hold together: each piece counts once, however many of them hold it."""

    def __init__(self) -> None:
        self.bytes = 0
        self._own = 0
        self._pieces: dict[int, list[int]] = {}  # address → [holders, bytes]

    def added_by(self, value: Footprint) -> int:
        """Bytes that would come with the value."""
        return value.own + sum(size for address, size in value.pieces.items() if address not in self._pieces)

    def add(self, value: Footprint) -> None:
        self.bytes += self.added_by(value)
        self._own += value.own
        for address, size in value.pieces.items():
            self._pieces.setdefault(address, [0, size])[0] += 1

    def remove(self, value: Footprint) -> None:
        """Of a value that was added."""
        self.bytes -= value.own
        self._own -= value.own
        for address in value.pieces:
            piece = self._pieces[address]
            piece[0] -= 1
            if not piece[0]:
                self.bytes -= piece[1]
                del self._pieces[address]

    @property
    def footprint(self) -> Footprint:
        """As if all were one value."""
        return Footprint(self._own, {address: size for address, (_, size) in self._pieces.items()})


def bytes_of(value: Any) -> int:
    """As `footprint`, in all."""
    return footprint(value).bytes


def footprint(value: Any) -> Footprint:
    """Of arrays, frames, and what containers and objects hold of them; what is there twice counts once.

    A view counts as the whole that it keeps alive. Python's own overhead is counted for what is looked at, an
    object's class and what it shares with others (functions, modules, locks, `Shared`) is not: a bound on memory, not
    an audit of it.

    Other threads may add to a dict or a set meanwhile (a property computed when first asked for): each is copied, in
    one step, before it is gone through.
    """
    walk = _Walk()
    own = walk.own(value)
    return Footprint(own, walk.pieces)


class _Walk:
    """Through one value."""

    def __init__(self) -> None:
        self.pieces: dict[int, int] = {}
        self._seen: set[int] = set()

    def own(self, value: Any) -> int:
        """Bytes of the value beside the pieces that were found in it. What is large by then is a piece itself."""
        if value is None or id(value) in self._seen or isinstance(value, Shared):
            return 0
        self._seen.add(id(value))
        if isinstance(value, np.ndarray):
            return sys.getsizeof(value, 0) - value.nbytes * value.flags.owndata + self._memory(value)
        if isinstance(value, _PANDAS):  # (whose own size is told as that of their values)
            return self._piece(id(value), self._of_pandas(value))
        return self._piece(id(value), sys.getsizeof(value, 0) + self._parts(value))

    def _of_pandas(self, value: Any) -> int:
        if isinstance(value, pd.RangeIndex | pd.MultiIndex):
            return int(value.memory_usage(deep=True))
        if isinstance(value, pd.DataFrame):
            return sum(self._column(column.array) for _, column in value.items()) + self.own(value.index)
        if isinstance(value, pd.Series):
            return self._column(value.array) + self.own(value.index)
        return self._column(value.array if isinstance(value, pd.Index) else value)

    def _parts(self, value: Any) -> int:
        if isinstance(value, Mapping):
            return sum(self.own(part) for item in list(value.items()) for part in item)
        if isinstance(value, list | tuple | set | frozenset):
            return sum(self.own(part) for part in tuple(value))
        if isinstance(value, str | bytes | int | float | bool | type) or callable(value):
            return 0
        names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        slots = sum(self.own(getattr(value, name, None)) for name in names if isinstance(name, str))
        return self.own(getattr(value, "__dict__", None)) + slots

    def _column(self, array: Any) -> int:
        """By its memory, not by the objects around it, which pandas makes anew with each look."""
        if isinstance(array, pd.arrays.ArrowExtensionArray):
            chunks = array.__arrow_array__().chunks
            buffers = (buffer for chunk in chunks for buffer in chunk.buffers() if buffer is not None)
            return sum(self._piece(buffer.address, buffer.size) for buffer in buffers)
        if isinstance(array, pd.arrays.NumpyExtensionArray):
            return self._memory(array.to_numpy(copy=False))
        if isinstance(array, pd.arrays.DatetimeArray | pd.arrays.TimedeltaArray):
            return self._memory(np.asarray(array.view("i8")))
        return int(array.nbytes)  # (of kinds whose memory pandas keeps to itself)

    def _memory(self, array: np.ndarray) -> int:
        """Of the whole that the array is, or is a view of."""
        owner: Any = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        address, size = owner.__array_interface__["data"][0], owner.nbytes
        if address in self._seen:
            return 0
        self._seen.add(address)
        if owner.dtype == object:
            size += sum(map(sys.getsizeof, owner.ravel()))
        return self._piece(address, size)

    def _piece(self, address: int, size: int) -> int:
        """Own bytes of what lies there: 0 if it is a piece."""
        if size >= PIECE_BYTES:
            self.pieces.setdefault(address, size)
            return 0
        return size
