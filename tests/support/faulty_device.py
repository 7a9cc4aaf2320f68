"""A device whose memory, kernels or results fail on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scoring.backends.cuda.device import Device

__all__ = ["FaultyDevice"]


class FaultyDevice(Device):
    """The simulated device, with faults.

    Attributes
    ----------
    free_bytes: Free memory that the device reports.
    before: Called before a kernel starts, with its name. It may raise an error of the device.
    after: Called after a kernel ended, with its name and its arguments. It may change the arrays of the device.
    """

    free_bytes: float = np.inf

    def __init__(
        self,
        before: Callable[[str], object] = lambda name: None,
        after: Callable[[str, tuple[Any, ...]], object] = lambda name, arguments: None,
    ) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.started: list[str] = []

    def count_free_bytes(self) -> float:
        """Return the memory that the test sets."""
        return self.free_bytes

    def allocate(self, shape: tuple[int, ...], dtype: type) -> Any:
        """Return an array with values that no kernel would write."""
        return self.upload(np.full(shape, np.nan if dtype is np.float32 else 2**30, dtype))

    def start(self, kernel: Any, grid: tuple[int, int], *arguments: Any) -> None:
        """Start a kernel between the faults."""
        name = kernel.fn.__name__
        self.before(name)
        super().start(kernel, grid, *arguments)
        self.started.append(name)
        self.after(name, arguments)
