"""faiss: exhaustive search by inner product."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.peer import InnerPeer
from benchmarks.peers.vectors import Vectors
from benchmarks.results import Bar, at_least
from scoring.array_types import Longs


class FaissFlat(InnerPeer):
    name = "faiss IndexFlatIP"
    how = "one search for all users with OpenMP threads (four times slower with few users at a time)"
    package: ClassVar[str | None] = "faiss-cpu"
    bar: ClassVar[Bar | None] = at_least(10)
    first = 500

    def __init__(self, vectors: Vectors, cpus: int) -> None:
        import faiss

        super().__init__(vectors, cpus)
        faiss.omp_set_num_threads(cpus)
        self.index = faiss.IndexFlatIP(vectors.dimensions)
        self.index.add(vectors.items)

    def rank(self, rows: Longs, k: int) -> tuple[Longs, NDArray[np.float32]]:
        products, ids = self.index.search(self.vectors.users[rows], k)
        return ids, products
