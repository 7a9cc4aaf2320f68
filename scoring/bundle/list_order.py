"""The order of lists that rules change: points added to the order, pinned jobs, and limits per list.

The order of a list never changes a score. A list is the result of a walk: jobs come in descending order, and a job that
would exceed a limit is passed over. `scoring.backends.reference.walk` is the specification.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Bools, Floats, Ints, Longs

__all__ = ["ListOrder"]


class ListOrder(NamedTuple):
    """What rules change in the order of the lists of m jobs. Jobs are rows of the plan."""

    points: Floats  # (m,) added to a job's canonical total for the order only
    pinned: Bools  # (m,) jobs that come before all others
    value: Ints  # (l, m) per limit, the code of each job's value; -1: the limit does not concern the job
    most: Longs  # (l,) maximum number of jobs with the same code in a list; a pinned job counts, but is never removed

    def part_numbers(self) -> tuple[Longs, Bools, Floats]:
        """Return the part of each job (m,), and whether each part is pinned and its points, in list order.

        Jobs of one part are in the order of their totals, so the best jobs of each part contain the best of all.
        """
        keys = np.stack([~self.pinned, 0.0 - self.points], axis=1)
        parts, number = np.unique(keys, axis=0, return_inverse=True)
        return number.reshape(-1).astype(np.int64), parts[:, 0] == 0, 0.0 - parts[:, 1]
