"""The jobs of a search index in the memory of the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from scoring.backends.cuda.device import Device
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["DeviceColumns"]


@dataclass(frozen=True)
class DeviceColumns:
    """The columns that `kernels.score_pairs` reads, by position of the jobs."""

    job_score: Any
    job_code: Any
    row_start: Any  # (n_keys,) first column of each key in a user's row
    number_rank: Any
    step_number: Any
    dot_job_has: Any
    job_vector: Any  # (d, m): threads of neighbouring jobs read neighbouring numbers
    job_class: Any
    class_start: Any
    class_width: Any
    class_allowed: Any

    @classmethod
    def of(cls, device: Device, program: Program, index: Index, limits: Limits) -> Self:
        """Copy the columns to the device.

        Raises
        ------
        DeviceFullError: If they do not fit.
        """
        row_start = np.cumsum(index.key_width) - index.key_width
        return cls(
            device.upload(index.job_score),
            device.upload(index.job_code),
            device.upload(row_start.astype(np.int32)),
            device.upload(program.number_rank),
            device.upload(program.interval_number),
            device.upload(program.dot_job_has),
            device.upload(index.vector.T),
            device.upload(limits.job_class.astype(np.int32)),
            device.upload(limits.class_start),
            device.upload(limits.class_width),
            device.upload(limits.class_allowed),
        )
