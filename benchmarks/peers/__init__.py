"""Other implementations of the same lists, one file each; `PEERS` lists them.

- `scoring.profiling.compared_method_inputs`, `vectors` their inputs · `base` the base classes
- the full score: `python_plain`, `python_lookup`, `pandas_merge`, `polars_cross`, `polars_users`, `numpy_blocks`,
  `duckdb_sql`
- the part of it that is an inner product: `implicit_topk`, `faiss_flat`
- lists of all jobs, sorted by NumPy: `sorted_scores`, the baseline of a worst case
"""

from __future__ import annotations

from benchmarks.peers.duckdb_sql import DuckDB
from benchmarks.peers.faiss_flat import FaissFlat
from benchmarks.peers.implicit_topk import ImplicitTopK
from benchmarks.peers.numpy_blocks import NumPyBlocks
from benchmarks.peers.pandas_merge import PandasMerge
from benchmarks.peers.peer import FullPeer, InnerPeer
from benchmarks.peers.polars_cross import PolarsCross
from benchmarks.peers.polars_users import PolarsUsers
from benchmarks.peers.python_lookup import PythonLoop
from benchmarks.peers.python_plain import PythonPlain

__all__ = ["FULL", "INNER", "FullPeer", "InnerPeer"]

FULL: tuple[type[FullPeer], ...] = (PythonPlain, PythonLoop, PandasMerge, PolarsCross, PolarsUsers, NumPyBlocks, DuckDB)
"""Peers that compute the whole score; their lists equal those of the engine exactly."""

INNER: tuple[type[InnerPeer], ...] = (ImplicitTopK, FaissFlat)
"""Peers that find the largest inner products: an easier job."""
