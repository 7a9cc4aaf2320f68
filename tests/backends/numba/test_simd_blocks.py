"""The vector instructions of `vectors` give the results of the loops in `vector_fallback`."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba import config

from scoring.backends.numba import simd_blocks, simd_blocks_numpy
from scoring.bundle.block_index import BLOCK_JOBS

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled here")


@numba.njit(cache=False)
def _compiled(value, source, rank, has, low, high, gain, no):
    simd_blocks.copy(value, source)
    simd_blocks.add_in_interval(value, rank, low, high, gain)
    simd_blocks.add_where(value, has, gain, no)


def _fallback(value, source, rank, has, low, high, gain, no):
    simd_blocks_numpy.copy(value, source)
    simd_blocks_numpy.add_in_interval(value, rank, low, high, gain)
    simd_blocks_numpy.add_where(value, has, gain, no)


@pytest.mark.parametrize("seed", range(20))
def test_block_operations_equal_fallback(seed: int) -> None:
    random = np.random.default_rng(seed)
    source = random.normal(size=BLOCK_JOBS + 3).astype(np.float32)
    rank = random.integers(-3, 4, BLOCK_JOBS + 3).astype(np.int32)
    has = random.integers(0, 3, BLOCK_JOBS + 3).astype(np.int32)
    low, high = sorted(random.integers(-4, 5, 2).tolist())
    gain, no = (np.float32(number) for number in random.normal(size=2))
    results = []
    for fill in (_compiled, _fallback):
        value = np.full(BLOCK_JOBS + 3, np.float32(7))
        fill(value, source, rank, has, np.int32(low), np.int32(high), gain, no)
        results.append(value)
    np.testing.assert_array_equal(results[0].view(np.uint32), results[1].view(np.uint32))


@numba.njit(cache=False)
def _multiply(value, vectors, by):
    simd_blocks.multiply(value, vectors, by)


@pytest.mark.parametrize("d", [0, 1, 3, 4, 5, 8, 33])
def test_products_equal_fallback(d: int) -> None:
    """Vectors of small integers have products without rounding."""
    random = np.random.default_rng(d)
    vectors, by = (random.integers(-9, 10, shape).astype(np.float32) for shape in ((d, BLOCK_JOBS), d))
    results = []
    for fill in (_multiply, simd_blocks_numpy.multiply):
        value = np.full(BLOCK_JOBS + 3, np.float32(7))
        fill(value, vectors, by)
        results.append(value)
    np.testing.assert_array_equal(results[0], results[1])


@numba.njit(cache=False)
def _mask_of_chunk(values, first, low, high):
    return simd_blocks.mask_of_chunk(values, first, low, high)


@numba.njit(cache=False)
def _mask_of_block(values, first, low, high):
    return simd_blocks.mask_of_block(values, first, low, high)


@numba.njit(cache=False)
def _lowest(bits):
    return simd_blocks.lowest_bit(bits)


@pytest.mark.parametrize("seed", range(20))
def test_masks_equal_fallback(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 0.25, 0.5, 1.0], 100).astype(np.float32)
    first = int(random.integers(0, 37))
    low, high = (np.float32(number) for number in random.choice([-np.inf, 0.0, 0.25, 0.5, np.inf], 2))
    for compiled, fallback in (
        (_mask_of_chunk, simd_blocks_numpy.mask_of_chunk),
        (_mask_of_block, simd_blocks_numpy.mask_of_block),
    ):
        bits = compiled(values, first, low, high)
        assert bits == fallback(values, first, low, high)
        if bits:
            assert _lowest(np.uint64(bits)) == simd_blocks_numpy.lowest_bit(bits)
            assert int(bits) >> _lowest(np.uint64(bits)) & 1
