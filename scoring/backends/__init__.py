"""Implementations of scoring and ranking over the arrays of `scoring.bundle`.

- `reference`: the specification (NumPy, float64)
- `numba`: compiled kernels, compared with the reference bit for bit
"""
