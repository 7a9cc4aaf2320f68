"""Bytes that values occupy in memory, counting memory once that several values share."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = ["MIN_BUFFER_BYTES", "Footprint", "SelfMeasured", "TotalFootprint", "Uncounted", "measure_footprint"]

MIN_BUFFER_BYTES: Final = 4096
"""Smaller memory is not listed as a buffer: its entry would occupy as much memory as it describes."""

MAX_MEASURED_OBJECTS: Final = 10_000
"""Objects of an array whose sizes are read. 100,000 take 10 ms."""

_PANDAS: Final = (pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray)


class Uncounted:
    """Base of objects that values refer to but do not own, such as caches. Their memory is not counted."""


@dataclass(frozen=True)
class Footprint:
    """Memory of a value: `own` bytes, and `buffers` (address → bytes) that other values may share."""

    own: int
    buffers: Mapping[int, int] = field(default_factory=dict, repr=False)

    @property
    def bytes(self) -> int:
        return self.own + sum(self.buffers.values())


class TotalFootprint:
    """Memory of several values together: a buffer counts once, however many values share it."""

    def __init__(self) -> None:
        self.bytes = 0
        self._own = 0
        self._buffers: dict[int, list[int]] = {}  # address → [number of values, bytes]

    def added_by(self, value: Footprint) -> int:
        """Return by how many bytes the total would grow with the value."""
        return value.own + sum(size for address, size in value.buffers.items() if address not in self._buffers)

    def add(self, value: Footprint) -> None:
        self.bytes += self.added_by(value)
        self._own += value.own
        for address, size in value.buffers.items():
            self._buffers.setdefault(address, [0, size])[0] += 1

    def remove(self, value: Footprint) -> None:
        """Remove a value that was added."""
        self.bytes -= value.own
        self._own -= value.own
        for address in value.buffers:
            buffer = self._buffers[address]
            buffer[0] -= 1
            if not buffer[0]:
                self.bytes -= buffer[1]
                del self._buffers[address]

    @property
    def footprint(self) -> Footprint:
        """The total as the footprint of one value."""
        return Footprint(self._own, {address: size for address, (_, size) in self._buffers.items()})


class SelfMeasured(ABC):
    """Base of values that own only a part of what they refer to."""

    @property
    @abstractmethod
    def footprint(self) -> Footprint:
        """The memory of this part."""


def measure_footprint(value: Any) -> Footprint:
    """Return the memory of arrays and frames, and of all that containers and objects refer to; each counts once.

    A view counts as the whole array that it keeps alive. Python's own overhead is included for the objects visited.
    Not included: the class of an object, and what it shares with others (functions, modules, locks, `Uncounted`). The
    sizes of many objects in one array are estimated. The result is for limits of memory; it is not exact.

    Other threads may add to a dict or a set meanwhile (a property computed on first access). Each is copied, in one
    step, before it is visited.
    """
    if isinstance(value, SelfMeasured):
        return value.footprint
    walk = _Walk()
    own = walk.own(value)
    return Footprint(own, walk.buffers)


class _Walk:
    """A walk through one value."""

    def __init__(self) -> None:
        self.buffers: dict[int, int] = {}
        self._seen: set[int] = set()

    def own(self, value: Any) -> int:
        """Return the bytes of the value without the buffers found in it. A large value becomes a buffer itself."""
        if value is None or id(value) in self._seen or isinstance(value, Uncounted):
            return 0
        self._seen.add(id(value))
        if isinstance(value, np.ndarray):
            return sys.getsizeof(value, 0) - value.nbytes * value.flags.owndata + self._memory(value)
        if isinstance(value, _PANDAS):  # their `getsizeof` already includes their values
            return self._buffer(id(value), self._of_pandas(value))
        return self._buffer(id(value), sys.getsizeof(value, 0) + self._parts(value))

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
        """Return the bytes of the array's memory. pandas creates the objects around it on each access."""
        if isinstance(array, pd.arrays.ArrowExtensionArray):
            chunks = array.__arrow_array__().chunks
            buffers = (buffer for chunk in chunks for buffer in chunk.buffers() if buffer is not None)
            return sum(self._buffer(buffer.address, buffer.size) for buffer in buffers)
        if isinstance(array, pd.arrays.NumpyExtensionArray):
            return self._memory(array.to_numpy(copy=False))
        if isinstance(array, pd.arrays.DatetimeArray | pd.arrays.TimedeltaArray):
            return self._memory(np.asarray(array.view("i8")))
        return int(array.nbytes)  # types whose memory pandas does not expose

    def _memory(self, array: np.ndarray) -> int:
        """Return the bytes of the whole array of which this array is a view."""
        owner: Any = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        address, size = owner.__array_interface__["data"][0], owner.nbytes
        if address in self._seen:
            return 0
        self._seen.add(address)
        if owner.dtype == object:
            size += _estimate_objects(owner.ravel())
        return self._buffer(address, size)

    def _buffer(self, address: int, size: int) -> int:
        """Return the bytes that count as own: 0 if they are large enough to be a buffer."""
        if size >= MIN_BUFFER_BYTES:
            self.buffers.setdefault(address, size)
            return 0
        return size


def _estimate_objects(objects: np.ndarray) -> int:
    """Return the bytes of the objects, from evenly spaced ones if there are many."""
    step = -(-len(objects) // MAX_MEASURED_OBJECTS) if len(objects) else 1
    measured = objects[::step]
    return sum(map(sys.getsizeof, measured)) * len(objects) // max(1, len(measured))
