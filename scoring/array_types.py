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
"""An array of bool elements, of any shape."""
Floats = NDArray[np.float64]
"""An array of float64 elements, of any shape."""
Singles = NDArray[np.float32]
"""An array of float32 elements, of any shape."""
Int8s = NDArray[np.int8]
"""An array of int8 elements, of any shape."""
Ints = NDArray[np.int32]
"""An array of int32 elements, of any shape."""
Longs = NDArray[np.int64]
"""An array of int64 elements, of any shape."""
UInt8s = NDArray[np.uint8]
"""An array of uint8 elements, of any shape."""
UInt16s = NDArray[np.uint16]
"""An array of uint16 elements, of any shape."""
UInt32s = NDArray[np.uint32]
"""An array of uint32 elements, of any shape."""
UInt64s = NDArray[np.uint64]
"""An array of uint64 elements, of any shape."""
