"""The graphics card: whether it can be used, its memory, and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ScoringError

__all__ = [
    "Device",
    "DeviceError",
    "DeviceFullError",
    "WrongResultError",
    "find_objection",
    "is_simulated",
    "own_errors",
]

_OUT_OF_MEMORY = 2
"""CUDA_ERROR_OUT_OF_MEMORY"""


class DeviceError(ScoringError, RuntimeError):
    """The device cannot be used, or it stopped working."""


class DeviceFullError(DeviceError):
    """The memory of the device is full."""


class WrongResultError(ScoringError, RuntimeError):
    """The device returned a wrong result. The ranking stops, because earlier lists may be wrong too."""


@cache
def find_objection() -> str | None:
    """Return why no graphics card can be used, as text; None if one can be used."""
    if find_spec("numba_cuda") is None:
        return "It requires numba-cuda, which is not installed. Install it with: pip install 'scoring[gpu]'"
    if is_simulated():
        return None
    from numba import cuda

    try:
        if not cuda.is_available():
            return _describe(cuda.cuda_error()) or "No graphics card was found."
        supported, installed = _find_versions()
    except Exception as error:  # noqa: BLE001 # a driver of another version may fail in any way
        return _describe(error)
    if supported[0] < installed[0]:
        return (
            f"The driver supports CUDA {supported[0]}.{supported[1]}, and CUDA {installed[0]}.{installed[1]} is "
            f"installed. Update the driver to one for CUDA {installed[0]}."
        )
    return None


def _find_versions() -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the versions of CUDA that the driver supports and that is installed."""
    from numba.cuda.cudadrv.driver import driver
    from numba.cuda.cudadrv.runtime import runtime

    return driver.get_version(), runtime.get_version()


def is_simulated() -> bool:
    """Return whether the simulator of `numba.cuda` replaces the card (`NUMBA_ENABLE_CUDASIM=1`)."""
    from numba import config

    return bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]


def _describe(error: object) -> str:
    """Return the first line with a letter of a message of the driver, as a sentence."""
    lines = [line.strip() for line in str(error or "").splitlines() if any(map(str.isalpha, line))]
    return lines[0].rstrip(":.") + "." if lines else ""


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise errors of the driver as `DeviceError`."""
    from numba.cuda.cudadrv.driver import CudaAPIError
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        yield
    except MemoryError as error:
        raise DeviceFullError("The memory of the device is full.") from error
    except (CudaAPIError, CudaSupportError) as error:
        if getattr(error, "code", None) == _OUT_OF_MEMORY:
            raise DeviceFullError("The memory of the device is full.") from error
        raise DeviceError(f"The device stopped working: {_describe(error)}") from error


class Device:
    """The current graphics card. All calls of one device come from one thread at a time."""

    def __init__(self) -> None:
        from numba import cuda

        from scoring.backends.cuda.kernels import THREADS

        if not is_simulated():
            from numba.cuda.core import config

            config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # the last batch of a ranking may be small
        self._cuda = cuda
        self.threads = 32 if is_simulated() else THREADS
        """Threads per block. Each thread of the simulator is a thread of Python, which takes 0.1 ms to start."""

    @classmethod
    def open(cls) -> Self:
        """Return the first card.

        Raises
        ------
        DeviceError: If no card can be used.
        """
        objection = find_objection()
        if objection is not None:
            raise DeviceError(objection)
        return cls()

    @property
    def name(self) -> str:
        """The name of the card."""
        if is_simulated():
            return "simulator"
        name = self._cuda.get_current_device().name
        return name.decode() if isinstance(name, bytes) else str(name)

    def count_free_bytes(self) -> float:
        """Return the free memory of the device; infinite for the simulator."""
        with own_errors():
            return float(self._cuda.current_context().get_memory_info()[0])

    def upload(self, array: NDArray[Any]) -> Any:
        """Return a copy of an array in the memory of the device."""
        with own_errors():
            return self._cuda.to_device(np.ascontiguousarray(array))

    def allocate(self, shape: tuple[int, ...], dtype: type) -> Any:
        """Return an array in the memory of the device. Its values are not defined."""
        with own_errors():
            return self._cuda.device_array(shape, dtype)

    def download(self, array: Any) -> NDArray[Any]:
        """Return a copy of an array of the device. It waits for the kernels that were started before."""
        with own_errors():
            copy: NDArray[Any] = array.copy_to_host()
            return copy

    def count_blocks(self, n: int) -> int:
        """Return the number of blocks that have at least n threads."""
        return -(-n // self.threads)

    def start(self, kernel: Any, grid: tuple[int, int], *arguments: Any) -> None:
        """Start a kernel on a grid of blocks. It does not wait for the end of the kernel."""
        with own_errors():
            kernel[grid, self.threads](*arguments)
