"""Implementations of scoring and ranking over a `scoring.bundle.bundle.Bundle`.

- `protocol`: `Backend`, what each of them can do
- `reference`: the specification (NumPy, float64), and `ReferenceBackend`
- `numba`: `NumbaBackend`, compiled kernels, compared with the reference bit for bit
"""
