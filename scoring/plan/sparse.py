"""Keys with many codes, of which a user has exceptions for a few: their companies, their titles.

For such a key it is noted which cells hold each code. A kernel then raises the bounds of a user's few cells and takes
the usual row for all others, where it would else have to allow for the exceptions everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.index import SIZE, SUBSET_BITS
from scoring.bundle.program import Program

__all__ = ["holders", "sparse_keys"]


def sparse_keys(program: Program, fixed: dict[str, Any]) -> list[int]:
    """`Index.sparse`, for an index whose bounded keys, widths and lone lookups are in `fixed`."""
    return [int(key) for key in fixed["bounded"] if _is_sparse(program, int(key), fixed)]


def holders(program: Program, fixed: dict[str, Any]) -> dict[str, NDArray[np.int32]]:
    """`Index.sparse`, `holder_start` and `holder`, for an index whose cells and blocks are in `fixed`."""
    sparse = sparse_keys(program, fixed)
    of_block = np.repeat(np.arange(len(fixed["cell"])), np.diff(fixed["cell"][:, :2], axis=1).ravel())
    cell = np.repeat(of_block, fixed["block"][:, SIZE])
    widest = max((int(fixed["width"][key]) for key in sparse), default=0)
    start, found = np.zeros((len(sparse), widest + 1), dtype=np.int32), [np.zeros(0, dtype=np.int32)]
    for place, key in enumerate(sparse):
        pairs = np.unique(fixed["code"][key].astype(np.int64) * len(fixed["cell"]) + cell)
        code, of_code = np.divmod(pairs, max(len(fixed["cell"]), 1))
        start[place] = sum(map(len, found)) + np.searchsorted(code, np.arange(widest + 1))
        found.append(of_code.astype(np.int32))
    return {"sparse": np.array(sparse, dtype=np.int32), "holder_start": start, "holder": np.concatenate(found)}


def _is_sparse(program: Program, key: int, fixed: dict[str, Any]) -> bool:
    slots = np.flatnonzero(program.lookup_key == key)
    has_entries = any(program.entry_start[slot, -1] > program.entry_start[slot, 0] for slot in slots)
    return bool(has_entries and fixed["lone"][slots].all() and fixed["width"][key] > SUBSET_BITS)
