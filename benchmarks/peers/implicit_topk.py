"""`implicit`: the top-K over a matrix product that its models use to recommend."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.peers.peer import InnerPeer
from benchmarks.results import Bar, at_least
from scoring.array_types import Longs


class ImplicitTopK(InnerPeer):
    name = "implicit.cpu.topk"
    how = "threads over batches of users, BLAS with one thread in each (the fastest of four settings)"
    bar: ClassVar[Bar | None] = at_least(15)
    first = 500

    def rank(self, rows: Longs, k: int) -> tuple[Longs, NDArray[np.float32]]:
        from implicit.cpu.topk import topk

        with threadpool_limits(1, "blas"):
            ids, products = topk(self.vectors.items, self.vectors.users[rows], k, num_threads=self.cpus)
        return np.asarray(ids, dtype=np.int64), np.asarray(products)
