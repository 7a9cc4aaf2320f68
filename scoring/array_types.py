"""Short names for the NumPy arrays that annotations mention, by the dtype of their elements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bools",
    "Floats",
    "Int8s",
    "Ints",
    "Longs",
    "Singles",
    "UInt8s",
    "UInt16s",
    "UInt32s",
    "UInt64s",
]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Int8s = NDArray[np.int8]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
UInt8s = NDArray[np.uint8]
UInt16s = NDArray[np.uint16]
UInt32s = NDArray[np.uint32]
UInt64s = NDArray[np.uint64]
