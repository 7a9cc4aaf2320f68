"""Sparse keys: keys with many codes of which a user has exceptions for a few, such as companies and titles.

For such a key, the index records which cells contain each code. A kernel raises the bounds of the cells with a user's
exceptions and uses the shared row for all other cells. Without this record, the bound of every cell would include the
exceptions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Bools, Ints, UInt32s
from scoring.bundle.block_index import SIZE, SUBSET_BITS
from scoring.bundle.program import Program
from scoring.distinct_integers import sort_distinct

__all__ = ["CodeCells", "code_cells", "find_sparse_keys"]


class CodeCells(NamedTuple):
    """Which cells contain each code of the sparse keys. See the fields of `Index`."""

    sparse_keys: Ints
    code_cell_start: Ints
    code_cell: Ints


def find_sparse_keys(program: Program, bounded_keys: Ints, width: Ints, shared_row: Bools) -> list[int]:
    """Return the bounded keys that are sparse. The arrays are fields of `Index`."""
    return [int(key) for key in bounded_keys if _is_sparse(program, int(key), width, shared_row)]


def code_cells(keys: list[int], code: UInt32s, width: Ints, cells: Ints, block: Ints) -> CodeCells:
    """Return the cells that contain each code of the sparse keys; `cells` is `Index.cell`."""
    of_block = np.repeat(np.arange(len(cells)), np.diff(cells[:, :2], axis=1).ravel())
    cell = np.repeat(of_block, block[:, SIZE])
    widest = max((int(width[key]) for key in keys), default=0)
    start, found = np.zeros((len(keys), widest + 1), dtype=np.int32), [np.zeros(0, dtype=np.int32)]
    for place, key in enumerate(keys):
        pairs = sort_distinct(code[key].astype(np.int64) * len(cells) + cell)
        codes, of_code = np.divmod(pairs, max(len(cells), 1))
        start[place] = sum(map(len, found)) + np.searchsorted(codes, np.arange(widest + 1))
        found.append(of_code.astype(np.int32))
    return CodeCells(np.array(keys, dtype=np.int32), start, np.concatenate(found))


def _is_sparse(program: Program, key: int, width: Ints, shared_row: Bools) -> bool:
    slots = np.flatnonzero(program.lookup_key == key)
    has_entries = any(program.entry_start[slot, -1] > program.entry_start[slot, 0] for slot in slots)
    return bool(has_entries and shared_row[slots].all() and width[key] > SUBSET_BITS)
